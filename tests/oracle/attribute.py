"""What the text on reconciling decides for one attribute: every row of its table, in the order it gives.

Not here: values (money, dates, tolerance, spelling). A value is an int and equality is `==`: under test is
which row decides, not how a value is read. Row numbers and quotations are those of the table.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

Side = Literal["vehicle_module", "dms"]
Owner = Literal["vehicle_module", "dms", "shared", "none"]
Base = Literal["absent", "blank"] | int
"""The last value both sides were known to hold; "absent" is an unknown base."""
Reading = Literal["absent", "blank", "invalid"] | int
Rule = Literal["review", "vehicle_module", "dms", "highest", "lowest"]
Category = Literal["nothing", "unchanged", "agreed", "written", "refused", "conflict", "held"]

SIDES: tuple[Side, Side] = ("vehicle_module", "dms")
OWNERS: tuple[Owner, ...] = ("vehicle_module", "dms", "shared", "none")
RULES: tuple[Rule, ...] = ("review", "vehicle_module", "dms", "highest", "lowest")
BOTH: frozenset[Side] = frozenset(SIDES)
BESIDE_THE_TABLE = 0
"""The row of a verdict that a sentence gives, not a row: an immutable attribute, the owner `none`."""


@dataclass(frozen=True)
class Policy:
    """Say what a mapping declares of one attribute; the defaults are those of the text."""

    on_drift: Literal["restore", "report"] = "restore"
    on_both_changed: Rule = "review"
    dms_has_priority: bool = False
    fill_blank: frozenset[Side] = BOTH
    blank_erases: bool = False
    immutable: bool = False
    never_decreases: bool = False
    max_jump: int | None = None
    writable: frozenset[Side] = BOTH


@dataclass(frozen=True)
class Expected:
    """Hold the verdict that the text asks for.

    `reason` is a word of the report, or "" where the text names none. `write` is (side written, value or
    "blank"). `base_after` is set by row 1 alone, and only where the base moves.
    """

    category: Category
    row: int
    reason: str = ""
    write: tuple[Side, Base] | None = None
    base_after: Base | None = None


@dataclass(frozen=True)
class Case:
    """Gather the inputs of one decision."""

    base: Base
    vehicle_module: Reading
    dms: Reading
    owner: Owner
    policy: Policy

    def on(self, side: Side) -> Reading:
        """Return what this side holds now."""
        return self.vehicle_module if side == "vehicle_module" else self.dms

    def value_on(self, side: Side) -> Base:
        """Return what this side holds, where rows 2 and 9 left only a blank or a value."""
        held = self.on(side)
        assert held == "blank" or isinstance(held, int), held
        return held

    @property
    def blank_side(self) -> Side | None:
        """Return the only blank side, if one and only one is blank."""
        blank = [side for side in SIDES if self.on(side) == "blank"]
        return blank[0] if len(blank) == 1 else None

    @property
    def moved(self) -> tuple[Side, ...]:
        """Return the sides that no longer hold the base."""
        return tuple(side for side in SIDES if self.on(side) != self.base)


def other(side: Side) -> Side:
    """Return the side across."""
    return "dms" if side == "vehicle_module" else "vehicle_module"


def owning_side(owner: Owner) -> Side | None:
    """Return the side that owns, iff the owner is one side."""
    return owner if owner in ("vehicle_module", "dms") else None


def row_2(case: Case) -> Expected | None:
    """2: "one side is absent" -> "nothing known: no verdict, no write"."""
    if "absent" in (case.vehicle_module, case.dms):
        return Expected("nothing", 2)
    return None


def row_9_unreadable(case: Case) -> Expected | None:
    """9: "a side's value fails validation or cannot be read" -> "held: neither side is written"."""
    if "invalid" in (case.vehicle_module, case.dms):
        return Expected("held", 9, "invalid_value")
    return None


def row_1(case: Case) -> Expected | None:
    """1: "the two sides hold the same value" -> "agreed: base := value"."""
    if case.vehicle_module != case.dms:
        return None
    if not case.moved:
        return Expected("unchanged", 1)
    return Expected("agreed", 1, base_after=case.value_on("dms"))


def row_9_decrease(case: Case) -> Expected | None:
    """9, "a decrease is `invalid_value`": after row 1, since a value "equal on both sides is agreed"."""
    base = case.base
    if not case.policy.never_decreases or not isinstance(base, int):
        return None
    held = (case.vehicle_module, case.dms)
    if any(isinstance(value, int) and value < base for value in held):
        return Expected("held", 9, "invalid_value")
    return None


def owner_none(case: Case) -> Expected | None:
    """`none`: "carried for information, never written"."""
    if case.owner == "none":
        return Expected("held", BESIDE_THE_TABLE, "not_synchronised")
    return None


def immutable(case: Case) -> Expected | None:
    """Immutable: "never overwritten on either side: every difference is the conflict".

    A fill of row 7 overwrites nothing, and stands.
    """
    if not case.policy.immutable:
        return None
    filled = row_7(case)
    if filled is not None and filled.category == "written":
        return filled
    return Expected("conflict", BESIDE_THE_TABLE, "police_number_changed")


def row_7(case: Case) -> Expected | None:
    """7: "no base yet, or base blank, one side blank" -> "the value fills the blank", whoever owns."""
    blank = case.blank_side
    if blank is None or isinstance(case.base, int):
        return None
    if blank in case.policy.fill_blank:
        return Expected("written", 7, write=(blank, case.value_on(other(blank))))
    if case.base == "absent":
        return Expected("held", 7, "blank_not_filled")
    return None  # base blank: the later rows decide who moved


def row_8(case: Case) -> Expected | None:
    """8: "a value became blank on one side": non-owner: "as row 4"; owner or shared: `blanked`."""
    blank = case.blank_side
    if blank is None or not isinstance(case.base, int) or case.policy.blank_erases:
        return None
    if owning_side(case.owner) == other(blank):
        return refused_change(case, 8, by=blank)
    return Expected("held", 8, "blanked")


def row_6(case: Case) -> Expected | None:
    """6: "no base yet, both set and different" -> "the owner's value, [...] first contact"; shared: asks."""
    if case.base != "absent":
        return None
    owner = owning_side(case.owner)
    if owner is None:
        return Expected("conflict", 6, "first_contact")
    return Expected("written", 6, "first_contact", write=(other(owner), case.value_on(owner)))


def row_3(case: Case) -> Expected | None:
    """3: "only the owner (or, shared, only one side)" -> "propagate to the other"."""
    if len(case.moved) != 1:
        return None
    mover = case.moved[0]
    if owning_side(case.owner) == other(mover):
        return None
    return unless_implausible(case, Expected("written", 3, write=(other(mover), case.value_on(mover))))


def row_4(case: Case) -> Expected | None:
    """4: "only the non-owner" -> "the owner's value is written back [...] or only reported"."""
    owner = owning_side(case.owner)
    if owner is None or case.moved != (other(owner),):
        return None
    return refused_change(case, 4, by=other(owner))


def row_5(case: Case) -> Expected | None:
    """5: "both, differently" -> "the owner's value, and the other is reported"; shared: a rule or asks."""
    winner = owning_side(case.owner) or winner_by_rule(case)
    if winner is None:
        return Expected("conflict", 5, "both_changed")
    return unless_implausible(case, Expected("refused", 5, write=(other(winner), case.value_on(winner))))


def row_10(case: Case, due: Expected) -> Expected:
    """10: "a write is due but that side cannot take it" -> "reported `cannot_write`, nothing else"."""
    if due.write is None or due.write[0] in case.policy.writable:
        return due
    return Expected("held", 10, "cannot_write")


def refused_change(case: Case, row: int, by: Side) -> Expected:
    """Return row 4's answer to the non-owner's change: the owner's current value back, or only the report.

    Decided: a blank goes over a set value only where `blank_erases` says so; otherwise the change is only
    reported.
    """
    owners_value = case.value_on(other(by))
    if case.policy.on_drift == "report" or (owners_value == "blank" and not case.policy.blank_erases):
        return Expected("refused", row)
    return Expected("refused", row, write=(by, owners_value))


def unless_implausible(case: Case, due: Expected) -> Expected:
    """Return what is due, or the conflict where a write is "more than `max_jump` [...] above base"."""
    value = due.write[1] if due.write else "blank"
    limit = case.policy.max_jump
    known = limit is not None and isinstance(case.base, int) and isinstance(value, int)
    if known and value > case.base + limit:  # type: ignore[operator]
        return Expected("conflict", due.row, "implausible_jump")
    return due


def winner_by_rule(case: Case) -> Side | None:
    """Return the side that `on_both_changed` prefers; None is `review`.

    Decided: `highest` and `lowest` cannot rank a blank, so a person is asked; "`dms_has_priority: true` turns
    `review` into `dms`" speaks of the rule that the mapping names.
    """
    rule = case.policy.on_both_changed
    if rule in ("highest", "lowest") and case.blank_side is not None:
        return None
    if rule == "review" and case.policy.dms_has_priority:
        rule = "dms"
    if rule == "vehicle_module" or rule == "dms":
        return rule
    if rule == "review":
        return None
    module_is_higher = case.vehicle_module > case.dms  # type: ignore[operator]
    return "vehicle_module" if module_is_higher == (rule == "highest") else "dms"


IN_THE_ORDER_OF_THE_TEXT: tuple[Callable[[Case], Expected | None], ...] = (
    row_2, row_9_unreadable, row_1, row_9_decrease, owner_none, immutable,
    row_7, row_8, row_6, row_3, row_4, row_5,
)  # fmt: skip
""" "The rows are read in the order 2, 9, 1, 7, 8, 6, 3, 4, 5, and 10 last"."""


def decide(base: Base, vehicle_module: Reading, dms: Reading, owner: Owner, policy: Policy) -> Expected:
    """Return what the text asks for."""
    case = Case(base, vehicle_module, dms, owner, policy)
    due = next(expected for row in IN_THE_ORDER_OF_THE_TEXT if (expected := row(case)) is not None)
    return row_10(case, due)


def every_reading(values: tuple[int, ...]) -> Iterator[tuple[Base, Reading, Reading]]:
    """Yield every (base, vehicle module, DMS) over these values and the readings that are none."""
    bases: tuple[Base, ...] = ("absent", "blank", *values)
    readings: tuple[Reading, ...] = ("absent", "blank", "invalid", *values)
    yield from product(bases, readings, readings)


def every_policy(max_jump: int) -> Iterator[Policy]:
    """Yield every policy, with and without this jump: 5,120 of them."""
    sides = [frozenset(some) for some in (SIDES, SIDES[:1], SIDES[1:], ())]
    for rule, fill, writable, jump in product(RULES, sides, sides, (None, max_jump)):
        known = Policy(on_both_changed=rule, fill_blank=fill, writable=writable, max_jump=jump)
        for report, priority, erases, fixed, rises in product((False, True), repeat=5):
            yield replace(
                known,
                on_drift="report" if report else "restore",
                dms_has_priority=priority,
                blank_erases=erases,
                immutable=fixed,
                never_decreases=rises,
            )
