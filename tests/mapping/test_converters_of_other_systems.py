"""Spellings of systems other than the shipped pair: other units, other epochs, other truths; both ways, exactly."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from stocksync.mapping import models
from stocksync.mapping.converters import Boolean, Choice, Identifier, Instant, is_date_format
from stocksync.mapping.numbers import Integer, Money
from stocksync.mapping.spelling import CannotSpell
from stocksync.stock.values import Invalid

DAY = date(2026, 11, 20)
MIDNIGHT_S = 1_795_129_200
"""The beginning of that day in Paris."""


@pytest.mark.parametrize(
    ("converter", "said", "value", "written"),
    [
        (Money("number", factor=Decimal(1000)), Decimal("12.5"), 1_250_000, Decimal("12.5")),
        (Money("text", ",", factor=Decimal(1000)), "12,5", 1_250_000, "12,5"),
        (Money("number", factor=Decimal("0.01")), 1_250_050, 1_250_050, 1_250_050),
        (Integer("number", factor=Decimal("1.609344"), rounded=True), 100, 161, 100),
        (Integer("text", decimal_mark=","), "84000,00", 84_000, "84000"),
        (Integer("number", factor=Decimal(1000)), 84, 84_000, 84),
        (Boolean(1, 0), 1, True, 1),
        (Boolean(1, 0), 0, False, 0),
        (Boolean("true", "false"), "TRUE", True, "true"),
        (Choice({"used": ("3",)}, "number"), 3, "used", 3),
        (Identifier("number"), 7, "7", 7),
        (Instant("epoch_s", "Europe/Paris"), MIDNIGHT_S, DAY, MIDNIGHT_S),
        (Instant("epoch_ms", "Europe/Paris"), MIDNIGHT_S * 1000, DAY, MIDNIGHT_S * 1000),
        (Instant("epoch_ms"), 1_795_132_800_000, DAY, 1_795_132_800_000),
        (Instant("datetime", "Europe/Paris"), "2026-11-19T23:00:00Z", DAY, "2026-11-20T00:00:00+01:00"),
        (Instant("datetime"), "2026-11-20T00:00:00", DAY, "2026-11-20T00:00:00"),
        (Instant("datetime", "UTC"), "2026-11-20T10:00:00Z", DAY, "2026-11-20T00:00:00Z"),
    ],
)
def test_a_value_is_read_and_written_in_the_spelling_of_its_system(
    converter: Any, said: object, value: object, written: object
) -> None:
    read = converter.read(said)
    assert (read, type(read)) == (value, type(value))
    spelled = converter.write(value)
    assert (spelled, type(spelled)) == (written, type(written))


@pytest.mark.parametrize(
    ("converter", "said"),
    [
        (Integer("number", factor=Decimal("1.609344")), 100),
        (Boolean(1, 0), True),
        (Boolean(1, 0), 2),
        (Instant("epoch_s", "Europe/Paris"), 10**18),
        (Instant("epoch_s", "Europe/Paris"), "soon"),
        (Boolean(1, 0), ""),
        (Instant("datetime"), "2026-11-20"),
        (Instant("datetime"), "2026-13-20T00:00:00"),
        (Integer("text", decimal_mark=","), "84000,50"),
        (Integer("number", factor=Decimal("1.6"), rounded=True), Decimal("1e30")),
        (Money("number", factor=Decimal(1000)), Decimal("0.0000001")),
    ],
)
def test_what_a_system_cannot_mean_is_invalid_and_never_a_guess(converter: Any, said: object) -> None:
    assert isinstance(converter.read(said), Invalid)


@pytest.mark.parametrize(
    ("converter", "value"),
    [
        (Integer("number", factor=Decimal(1000)), 84_001),
        (Money("number", factor=Decimal(3)), 100),
        (Choice({"used": ("V3",)}, "number"), "used"),
    ],
)
def test_what_a_system_cannot_hold_exactly_is_not_written(converter: Any, value: object) -> None:
    with pytest.raises(CannotSpell):
        converter.write(value)


def test_only_dates_that_are_known_are_formats() -> None:
    assert is_date_format("epoch_ms")
    assert not is_date_format("epoch")


def test_a_factor_of_nothing_is_refused() -> None:
    field = {"field": "km", "converter": "integer", "spelled": "number", "factor": "1.609344", "rounded": True}
    assert models.IntegerField.model_validate(field).rounded
    with pytest.raises(ValidationError, match="factor"):
        models.MoneyField.model_validate({"field": "p", "converter": "money", "spelled": "number", "factor": "0"})
