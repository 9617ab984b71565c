"""Deciding where one car is to go: its situation put to the lifecycle, and the answer put into the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from stocksync.mapping.effective import DMS_CREATES_VEHICLES, EXIT_FROM_DELIVERY
from stocksync.stock import vehicle as words
from stocksync.stock.lifecycle import INVOICED, NOT_THERE, Facts, Meaning, Situation, StageVerdict
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category, Verdict
from stocksync.stock.values import ABSENT, BLANK, Side, is_value
from stocksync.stock.vehicle import Vehicle
from stocksync.sync.cars import HELD, RECORD, RESERVATION, RESERVATION_DUE, Sighting
from stocksync.sync.draft import CarDraft

MISSING: Final = (Meaning.MISSING_IN_DMS, Meaning.MISSING_IN_VEHICLE_MODULE)
_SUBJECTS: Final = {
    Reason.SOLD_OUTSIDE_OPPORTUNITES: RESERVATION,
    Reason.ORDER_CANCELLED_RESERVATION_STAYS: RESERVATION,
    Reason.UNKNOWN_IN_VEHICLE_MODULE: RECORD,
    Reason.MISSING_IN_DMS: RECORD,
    Reason.MISSING_IN_VEHICLE_MODULE: RECORD,
}
_INVOICE: Final = (words.INVOICE_NUMBER, words.INVOICE_DATE, words.INVOICED_SALE_PRICE)
_TOLD: Final = (words.DMS_ORDER, words.INVOICE_NUMBER, words.POLICE_NUMBER)


def is_closed(draft: CarDraft) -> bool:
    """Tell whether the car's stock cycle is over: then nothing is decided any more, bases stay."""
    sighting = draft.sighting
    stage, status = _stage_of(sighting.vehicle_module, words.STAGE), _stage_of(sighting.dms, words.DMS_STATUS)
    return draft.mapping.lifecycle.is_closed(stage, status, was_bound=sighting.was_bound)


def decide_stage(draft: CarDraft) -> StageVerdict:
    """Decide the stage, once the attributes are: the police number's verdict is one of its guards."""
    due = draft.mapping.lifecycle.decide(_situation(draft))
    if due.says_nothing and due.meaning not in MISSING:
        return due
    stage, details = _without_futile(draft, due), _details(draft.sighting.dms)
    for reason in stage.findings:
        _report(draft, reason, details, is_due=stage.reserve)
    subject = RECORD if stage.meaning is Meaning.CREATE_IN_DMS else words.STAGE
    for reason in stage.held:
        draft.find(subject, reason, Category.HELD, details)
    _note_verdicts(draft, stage, subject)
    return stage


def report_sale(draft: CarDraft) -> None:
    """Report what is to be said of the reservation of a car for which nothing is written, and nothing else."""
    due = draft.mapping.lifecycle.decide(_situation(draft))
    for reason in due.findings:
        if _SUBJECTS.get(reason) == RESERVATION:
            _report(draft, reason, _details(draft.sighting.dms) | {HELD: "yes"}, is_due=due.reserve)


def _report(draft: CarDraft, reason: Reason, details: Mapping[str, str], *, is_due: bool) -> None:
    """Report something about a stage; is_due: a reservation is, which is not there."""
    subject = _SUBJECTS.get(reason, words.STAGE)
    blocks = {RESERVATION_DUE: "yes"} if subject == RESERVATION and is_due else {}
    draft.find(subject, reason, Category.CONFLICT, {**details, **blocks})


def creates_in_module(draft: CarDraft, stage: StageVerdict) -> bool:
    """Tell whether the car is to be created in the module: only where the guide's last switch is on."""
    unknown = stage.meaning is Meaning.UNKNOWN_IN_VEHICLE_MODULE
    return unknown and draft.mapping.switches[DMS_CREATES_VEHICLES] and draft.unkept(RECORD, BLANK, BLANK) is None


def _note_verdicts(draft: CarDraft, stage: StageVerdict, subject: str) -> None:
    """Put the stage among the differences; exactly one category for the stage or record, one for a reservation."""
    standing = [r for r in stage.findings if _SUBJECTS.get(r) is not RESERVATION]
    if stage.moves:
        draft.verdicts[words.STAGE] = Verdict(Category.WRITTEN, row=0)
    elif stage.create_in_dms or creates_in_module(draft, stage):
        draft.verdicts[RECORD] = Verdict(Category.WRITTEN, row=0)
    elif stage.held:
        draft.verdicts[subject] = Verdict(Category.HELD, row=0, reason=stage.held[0])
    elif standing:
        where = _SUBJECTS.get(standing[0], words.STAGE)
        draft.verdicts[where] = Verdict(Category.CONFLICT, row=0, reason=standing[0])
    elif stage.meaning in MISSING:
        draft.verdicts[RECORD] = Verdict(Category.DEFERRED, row=0, reason=_missing(draft.sighting))
    if stage.reserve:
        draft.verdicts[RESERVATION] = Verdict(Category.WRITTEN, row=0)


def _situation(draft: CarDraft) -> Situation:
    sighting, module, dms = draft.sighting, draft.sighting.vehicle_module, draft.sighting.dms
    missing = draft.car.missing
    return Situation(
        module_stage=_stage_of(module, words.STAGE),
        dms_status=_stage_of(dms, words.DMS_STATUS),
        destination=draft.context.destination,
        facts=Facts(
            police_number_set=_has_police_number(draft),
            invoice_complete=dms is not None and _is_invoiced(dms),
            order_in_module=module is not None and module.has(words.MODULE_ORDER),
            exit_from_delivery=draft.mapping.switches[EXIT_FROM_DELIVERY],
        ),
        was_bound=sighting.was_bound,
        has_identity=_has_identity(draft),
        missing_in_module=missing.get(Side.VEHICLE_MODULE, 0) if missing else 0,
        missing_in_dms=missing.get(Side.DMS, 0) if missing else 0,
        sold_in_dms=is_sold(dms),
        reserved=module is not None and module.reading(words.RESERVED) is True,
        reserved_by_us=draft.car.reserved_by_us,
    )


def _is_invoiced(dms: Vehicle) -> bool:
    return all(map(dms.has, _INVOICE))


def _has_police_number(draft: CarDraft) -> bool:
    """Tell whether the DMS holds a police number that is not in dispute."""
    dms = draft.sighting.dms
    if dms is None or not dms.has(words.POLICE_NUMBER):
        return False
    verdict = draft.verdicts.get(words.POLICE_NUMBER)
    return verdict is None or verdict.category in (Category.AGREED, Category.WRITTEN)


def _has_identity(draft: CarDraft) -> bool:
    readings = draft.readings[Side.VEHICLE_MODULE]
    return is_value(readings.get(words.VIN, ABSENT)) or is_value(readings.get(words.REGISTRATION, ABSENT))


def _without_futile(draft: CarDraft, stage: StageVerdict) -> StageVerdict:
    """Leave out what a side refused, or answered and did not keep, for as long as nothing moved."""
    if stage.moves and (why := draft.unkept(words.STAGE, stage.moves[0].goal, stage.moves[0].source)):
        stage = replace(stage, moves=(), held=(*stage.held, why))
    if stage.reserve and (why := draft.unkept(RESERVATION, True, False)):
        # Tried again all the same, every cycle: while it is not there, the car can be sold a second time.
        draft.find(RESERVATION, why, Category.CONFLICT, {RESERVATION_DUE: "yes"})
    if stage.create_in_dms and (why := draft.unkept(RECORD, BLANK, BLANK)):
        stage = replace(stage, create_in_dms=False, held=(*stage.held, why))
    return stage


def _details(dms: Vehicle | None) -> dict[str, str]:
    return {name: text for name in _TOLD if dms is not None and (text := dms.text(name)) is not None}


def _stage_of(vehicle: Vehicle | None, attribute: str) -> str | None:
    return NOT_THERE if vehicle is None else vehicle.text(attribute)


def is_sold(dms: Vehicle | None) -> bool | None:
    """Tell whether the DMS shows an order or an invoice; None where it leaves them out: that is no cancellation."""
    if dms is None:
        return None
    order, invoice = dms.reading(words.DMS_ORDER), dms.reading(words.INVOICE_NUMBER)
    blank = order is BLANK and invoice is BLANK
    if dms.text(words.DMS_STATUS) == INVOICED or (not blank and (is_value(order) or is_value(invoice))):
        return True
    return False if blank and not dms.unreadable(words.DMS_STATUS) else None


def _missing(sighting: Sighting) -> Reason:
    return Reason.MISSING_IN_VEHICLE_MODULE if sighting.vehicle_module is None else Reason.MISSING_IN_DMS
