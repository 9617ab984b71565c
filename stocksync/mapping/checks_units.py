"""Whether the two sides' fields of one attribute can be in the same unit, and spell the same values.

Money is euros, tax included, with two decimals on the wire; mileage is kilometres. A field whose own name says another
unit (cents, miles, before tax, thousands) is suspected.
"""

from __future__ import annotations

import re
from typing import Final

from stocksync.mapping import models
from stocksync.mapping.draft import VEHICLE, Draft
from stocksync.mapping.source import Keys, Source
from stocksync.stock.values import SIDES, Side

_OTHER_UNITS: Final = {
    "money": {
        **dict.fromkeys(("cents", "cent", "centimes", "centime", "cts"), "cents; amounts are euros"),
        **dict.fromkeys(("ht", "horstaxe", "net", "excl", "exvat"), "an amount before tax; amounts are tax included"),
        **dict.fromkeys(("keur", "ke", "milliers", "thousands"), "thousands of euros; amounts are euros"),
        **dict.fromkeys(("usd", "dollars", "chf", "gbp"), "another currency; amounts are euros"),
    },
    "integer": {
        **dict.fromkeys(("miles", "mile", "mi"), "miles; mileage is kilometres"),
        **dict.fromkeys(("milliers", "thousands", "kkm"), "thousands; a whole number is taken as it is"),
    },
}
_DECLARED: Final = frozenset({"factor", "unit", "scale"})
"""Settings of a field that say its unit: what is declared is not suspected."""


def check_units(draft: Draft) -> None:
    """Note fields that are most likely in another unit than their attribute, and settings without any effect."""
    vehicle: models.VehicleFile | None = draft.files[VEHICLE]
    for pair in draft.pairs:
        files: dict[Side, models.SideFile | None] = {side: draft.part(pair, f"{side}.yaml") for side in SIDES}
        for side, file in files.items():
            if file is None:
                continue
            source, other = draft.source(pair, f"{side}.yaml"), files[side.other]
            for name, model in file.fields.items():
                _check_name(model, source, ("fields", name, "field"))
                _check_settings(model, source, ("fields", name))
                if other is not None and name in other.fields:
                    _check_zero(model, other.fields[name], side, source, ("fields", name))
                    kind = vehicle.attributes[name].kind if vehicle is not None and name in vehicle.attributes else ""
                    _check_case(kind, model, other.fields[name], side, source, ("fields", name))


def _check_name(model: models.FieldModel, source: Source, at: Keys) -> None:
    units = _OTHER_UNITS.get(model.converter, {})
    if model.model_fields_set & _DECLARED:
        return
    for word in _words(model.field.rsplit(".", 1)[-1]):
        if word in units:
            message = f"by its name this field holds {units[word]}; check it, and map a field in that unit"
            source.report(at, message, model.field, code="unit_suspect", level="warning")
            return


def _words(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def _check_settings(model: models.FieldModel, source: Source, at: Keys) -> None:
    if getattr(model, "spelled", None) != "number":
        return
    for key in ("decimal_mark", "thousands", "symbols"):
        if key in model.model_fields_set:
            message = "it has no effect: a JSON number has no marks; take it out, or say spelled: text"
            source.report((*at, key), message, code="setting_without_effect", level="warning")


def _check_zero(model: models.FieldModel, other: models.FieldModel, side: Side, source: Source, at: Keys) -> None:
    here, there = (getattr(field, "zero_is_blank", None) for field in (model, other))
    if here is True and there is False and model.writable:
        message = (
            f"0 is empty here and an amount in {side.other}.yaml, so that the two never agree on it;"
            " say the same of both fields"
        )
        source.report((*at, "zero_is_blank"), message, code="zero_differs", level="warning")


def _check_case(
    kind: str, model: models.FieldModel, other: models.FieldModel, side: Side, source: Source, at: Keys
) -> None:
    if (model.converter, other.converter) != ("identifier", "text"):
        return
    keys: Keys = (*at, "converter")
    if kind == "text":
        message = f"texts are read in capitals here and written so to {side.other}.yaml; use the converter text"
        source.report(keys, message, model.converter, code="upper_cased", level="warning")
    if kind == "identifier":
        message = (
            f"codes are read in capitals here and as they stand in {side.other}.yaml; use the same converter for both"
        )
        source.report(keys, message, model.converter, code="upper_cased", level="warning")
