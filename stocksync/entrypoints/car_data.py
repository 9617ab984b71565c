"""One car as programs ask about it: values in their neutral spelling, names of people masked."""

from __future__ import annotations

from typing import Any

from stocksync.entrypoints.car_view import CarView
from stocksync.entrypoints.lookup import Told, records_of
from stocksync.reports.spelling import neutral
from stocksync.stock import vehicle as words
from stocksync.stock.values import SIDES, as_text
from stocksync.sync.answers import AttributeAnswer, LastMove, last_move


def card_data(view: CarView) -> dict[str, Any]:
    """The car's card."""
    told = view.told
    return {
        **_car(told),
        "attributes": [_attribute(one) for one in told.answer.attributes.values()],
        "findings": [
            {"id": row.finding_id, "kind": row.finding.reason.value, "subject": row.finding.subject}
            for row in told.findings
        ],
    }


def attribute_data(view: CarView, name: str) -> dict[str, Any]:
    """One attribute of the car, with its sentence and who moved it last."""
    one = view.told.answer.attributes[name]
    move = last_move(view.told.journal, name)
    return {
        **_car(view.told),
        **_attribute(one),
        "label": view.label(one),
        "sentence": view.sentence(one),
        "last_move": _move(one, move) if move is not None else None,
        "changed_by": {side.value: who for side, who in view.changed_by().items()},
    }


def _car(told: Told) -> dict[str, Any]:
    found = told.found
    return {
        "car": found.id,
        "point_of_sale": found.point_of_sale,
        "vin": found.vin,
        "registration": found.registration,
        "police_number": found.police_number,
        "records": records_of(found),
        "stage": told.answer.text(words.STAGE),
        "dms_status": told.answer.text(words.DMS_STATUS),
        "stock_cycle": "closed" if told.answer.closed else "open",
        "read_at": told.read_at.isoformat() if told.read_at is not None else None,
        "seen_at": {side.value: seen.seen_at.isoformat() for side, seen in told.seen.items()},
    }


def _attribute(one: AttributeAnswer) -> dict[str, Any]:
    verdict = one.verdict
    return {
        "attribute": one.attribute.name,
        **{side.value: neutral(one.attribute, as_text(one.readings[side])) for side in SIDES},
        "base": neutral(one.attribute, as_text(one.base)),
        "owner": one.owner,
        "rule": one.rule or None,
        "category": verdict.category.value if verdict is not None else None,
        "row": verdict.row if verdict is not None else None,
        "reason": verdict.reason.value if verdict is not None and verdict.reason is not None else None,
    }


def _move(one: AttributeAnswer, move: LastMove) -> dict[str, Any]:
    written = None
    if move.written is not None:
        side, before, after = move.written
        written = {"side": side.value, "from": neutral(one.attribute, before), "to": neutral(one.attribute, after)}
    return {
        "at": move.at.isoformat(),
        "run": move.run_id,
        "moved": {side.value: neutral(one.attribute, text) for side, text in move.moved.items()},
        "written": written,
        "agreed": move.agreed,
        "first": move.first,
    }
