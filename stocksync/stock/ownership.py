"""Who may modify which attribute, when: the ownership matrix, resolved for one car's context.

The rows come from the mapping (`ownership.yaml`); this module only answers "which policy holds here".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Final

from stocksync.stock.values import SIDES, Side


class Owner(StrEnum):
    """Who decides an attribute. NONE: carried for information, never written."""

    VEHICLE_MODULE = "vehicle_module"
    DMS = "dms"
    SHARED = "shared"
    NONE = "none"

    @property
    def side(self) -> Side | None:
        """The owning side, iff exactly one side owns."""
        return _OWNING.get(self)


_OWNING = {Owner.VEHICLE_MODULE: Side.VEHICLE_MODULE, Owner.DMS: Side.DMS}


class OnDrift(StrEnum):
    """What a non-owner's edit meets: the owner's value back, or only a report."""

    RESTORE = "restore"
    REPORT = "report"


class OnBothChanged(StrEnum):
    """Who wins where both sides of a shared attribute moved differently."""

    REVIEW = "review"
    VEHICLE_MODULE = "vehicle_module"
    DMS = "dms"
    HIGHEST = "highest"
    LOWEST = "lowest"


BOTH_SIDES: frozenset[Side] = frozenset(SIDES)


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that the decision table asks of one attribute in one context.

    fillable: the sides whose blank a value may fill (row 7).
    writable: the sides whose field takes a write at all (row 10).
    max_jump: in the attribute's unit; a larger step above the base is shown to a person.
    reviewer_may_override: a reviewer may decide for the non-owner's value, for another one, or for a smaller one.
    rule: where the mapping says so, as `file:line`.
    """

    owner: Owner
    on_drift: OnDrift = OnDrift.RESTORE
    on_both_changed: OnBothChanged = OnBothChanged.REVIEW
    fillable: frozenset[Side] = BOTH_SIDES
    writable: frozenset[Side] = BOTH_SIDES
    blank_erases: bool = False
    immutable: bool = False
    never_decreases: bool = False
    max_jump: int | None = None
    provisional: bool = False
    reviewer_may_override: bool = False
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """What an ownership may depend on; None where it cannot be read."""

    stage: str | None
    destination: str | None
    vehicle_type: str | None
    point_of_sale: str | None


CONDITION_KEYS = tuple(f.name for f in fields(Context))


@dataclass(frozen=True, slots=True)
class Exceptional:
    """A policy that holds instead of the row's own iff every condition named in `when` does."""

    when: Mapping[str, frozenset[str]]
    policy: Policy


@dataclass(frozen=True, slots=True)
class OwnershipRow:
    """One attribute's ownership: the policy in general, then exceptions, the first match winning."""

    attribute: str
    policy: Policy
    exceptions: tuple[Exceptional, ...] = ()

    def policy_in(self, context: Context) -> Policy | None:
        """Find the policy that holds in a context; None iff that hangs on something unreadable."""
        for exception in self.exceptions:
            answer = _holds(exception.when, context)
            if answer is None:
                return None
            if answer:
                return exception.policy
        return self.policy


def _holds(when: Mapping[str, frozenset[str]], context: Context) -> bool | None:
    answer: bool | None = True
    for key, allowed in when.items():
        actual = getattr(context, key)
        if actual is None:
            answer = None
        elif actual not in allowed:
            return False
    return answer


_REMEMBERED: Final = 1024
_Key = tuple[str | None, str | None, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Resolved:
    """All policies in one context, in the mapping's order; owners: the side of each attribute that one side owns.

    spelled_by: of each policy the attribute, and the side whose spelling counts where both hold the same.
    """

    context: Context
    policies: Mapping[str, Policy | None]
    owners: Mapping[str, Side]
    spelled_by: tuple[tuple[str, Policy | None, Side | None], ...]
    _rules: dict[tuple[str, ...], Mapping[str, str]] = field(default_factory=dict, repr=False, compare=False)

    def rules_of(self, names: tuple[str, ...]) -> Mapping[str, str]:
        """Where the mapping says who decides each of these (one answer for all cars that differ in the same ones)."""
        known = self._rules.get(names)
        if known is None:
            if len(self._rules) >= _REMEMBERED:
                self._rules.clear()
            known = {name: policy.rule for name in names if (policy := self.policies.get(name)) is not None}
            self._rules[names] = known
        return known


@dataclass(frozen=True, slots=True)
class OwnershipMatrix:
    """All rows of one pair at one point of sale, in the mapping's order."""

    rows: Mapping[str, OwnershipRow]
    _resolved: dict[_Key, Resolved] = field(default_factory=dict, repr=False, compare=False)

    def policies_in(self, context: Context) -> Mapping[str, Policy | None]:
        """Resolve every attribute's policy in a context."""
        return self.resolved(context.stage, context.destination, context.vehicle_type, context.point_of_sale).policies

    def resolved(
        self, stage: str | None, destination: str | None, vehicle_type: str | None, point_of_sale: str | None
    ) -> Resolved:
        """Resolve every row in a context (remembered: contexts are few, cars are many)."""
        key = (stage, destination, vehicle_type, point_of_sale)
        known = self._resolved.get(key)
        if known is None:
            context = Context(stage, destination, vehicle_type, point_of_sale)
            policies = {name: row.policy_in(context) for name, row in self.rows.items()}
            owners = {name: p.owner.side for name, p in policies.items() if p is not None and p.owner.side is not None}
            spelled_by = tuple((name, p, None if p is None else _spelled_by(p)) for name, p in policies.items())
            known = self._resolved[key] = Resolved(context, policies, owners, spelled_by)
        return known


def _spelled_by(policy: Policy) -> Side:
    return policy.owner.side or Side.VEHICLE_MODULE


def may_write(policy: Policy, side: Side, *, fills_blank: bool, reviewed: bool = False) -> bool:
    """Tell whether a side may receive this attribute (law 3 of the decision table).

    A side may receive a write iff
    - its field takes writes, and
    - the write fills a blank that may be filled, or the other side owns the attribute, or it is shared.
    With `reviewed`, a person decided the write. It may then also go to the owner iff the policy lets a reviewer; it
    never overwrites what is immutable, and may fill a blank that nothing else fills, iff it may write at all.
    """
    if side not in policy.writable:
        return False
    if fills_blank and (side in policy.fillable or not reviewed):
        return side in policy.fillable
    if reviewed and (policy.immutable or policy.owner is Owner.NONE):
        return False
    if reviewed and policy.reviewer_may_override:
        return True
    return policy.owner is Owner.SHARED or policy.owner.side is side.other
