"""One car's plan in the making: what is seen and remembered of it, and what has been decided so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock import rules
from stocksync.stock import vehicle as words
from stocksync.stock.ownership import Context, Policy, Resolved
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category, Verdict
from stocksync.stock.resolution import Resolution, Standing
from stocksync.stock.values import ABSENT, SIDES, Known, Reading, Side, as_text
from stocksync.sync.cars import RECORD, RESERVATION, RESERVATION_DUE, Car, Finding, Sighting, circumstances_of
from stocksync.sync.register import Register


@dataclass(slots=True)
class CarDraft:
    """What the steps of a decision share; each adds its verdicts and findings.

    readings: what both sides hold, what breaks a rule replaced by `Invalid`. agreed: by attribute, the new base of each
    that both sides agree about anew; its verdict says no more than that. rules: by subject, the mapping line that
    decided. ruled: by attribute, what the table alone would say where a reviewer's decision is carried out.
    """

    car: Car
    sighting: Sighting
    mapping: PointOfSaleMapping
    register: Register
    readings: Mapping[Side, rules.Readings]
    resolved: Resolved
    today_on: date
    circumstances: str
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    agreed: dict[str, Known] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    ruled: dict[str, Verdict] = field(default_factory=dict)
    standings: dict[int, Standing] = field(default_factory=dict)
    _takes_writes: dict[Side, bool] = field(default_factory=dict)

    @property
    def context(self) -> Context:
        """What an ownership depends on."""
        return self.resolved.context

    @property
    def policies(self) -> Mapping[str, Policy | None]:
        """Who owns what, None where that hangs on something unreadable."""
        return self.resolved.policies

    @property
    def only_agrees(self) -> bool:
        """True iff nothing is due but new bases."""
        return len(self.verdicts) == len(self.agreed)

    def reading(self, side: Side, name: str) -> Reading:
        """What a side holds of an attribute."""
        return self.readings[side].get(name, ABSENT)

    def said(self, name: str) -> dict[Side, Reading]:
        """What both sides say of an attribute themselves, before any rule between values."""
        return self.sighting.readings(name)

    def resolution(self, name: str) -> Resolution | None:
        """The reviewer's decision about an attribute that has still to be carried out."""
        return next((resolution for resolution in self.car.resolutions if resolution.subject == name), None)

    def base(self, name: str) -> Known:
        """The last value that both sides were known to hold."""
        return self.car.base.get(name, ABSENT)

    def takes_writes(self, side: Side) -> bool:
        """Tell whether a side has a record that takes changes in its present state."""
        if side not in self._takes_writes:
            vehicle = self.sighting.on(side)
            takes = vehicle is not None and self.mapping.translations[side].takes_writes(vehicle)
            self._takes_writes[side] = takes
        return self._takes_writes[side]

    def unkept(self, subject: str, written: Known, stored: Known) -> Reason | None:
        """Why a write is not tried again: the side refused it, or did not keep it twice, and nothing moved since."""
        unkept = self.car.unkept.get(subject)
        if unkept is None or unkept.written != written or unkept.stored != stored:
            return None
        return unkept.reason(self.circumstances)

    def find(self, subject: str, reason: Reason, category: Category, details: Mapping[str, str]) -> None:
        """Report something to a person."""
        if reason in (Reason.WRITE_REJECTED, Reason.NOT_DELIVERED):
            unkept = self.car.unkept.get(subject)
            message = unkept.message if unkept is not None else ""
            due = {name: text for name, text in details.items() if name == RESERVATION_DUE}
            category = Category.HELD if reason is Reason.WRITE_REJECTED else Category.CONFLICT
            details = due | ({"message": message} if message else {})
        shown = {side: self._shown(side, subject) for side in SIDES}
        self.findings.append(
            Finding(
                self.car.id,
                subject,
                reason,
                category,
                vehicle_module=shown[Side.VEHICLE_MODULE],
                dms=shown[Side.DMS],
                base=as_text(self.base(subject)),
                details=dict(details),
            )
        )

    def _shown(self, side: Side, subject: str) -> str | None:
        vehicle = self.sighting.on(side)
        if vehicle is None:
            return None
        if subject in (words.STAGE, RECORD, RESERVATION):
            by_side = {Side.VEHICLE_MODULE: words.STAGE, Side.DMS: words.DMS_STATUS}
            return as_text(vehicle.reading(by_side[side]))
        return as_text(self.reading(side, subject))


def draft_of(sighting: Sighting, mapping: PointOfSaleMapping, register: Register, today_on: date, car: Car) -> CarDraft:
    """Begin a car's plan: its context, who owns what in it, and both sides' readings held against the rules."""
    module, dms = sighting.vehicle_module, sighting.dms
    resolved = mapping.matrix.resolved(
        module.text(words.STAGE) if module is not None else None,
        sighting.effective_text(words.DESTINATION),
        sighting.effective_text(words.VEHICLE_TYPE),
        mapping.id,
    )
    held = rules.Car(
        module.readings if module is not None else {},
        dms.readings if dms is not None else {},
        resolved.owners,
        today_on,
    )
    here, there = rules.apply_rules(mapping.rules, held)
    readings = {Side.VEHICLE_MODULE: here, Side.DMS: there}
    # Asked only of cars with a refusal: few, and worth a hash.
    now = circumstances_of(module, dms) if car.unkept else ""
    return CarDraft(car, sighting, mapping, register, readings, resolved, today_on, now)
