"""What the files of the mapping say alike: names of sides and owners, labels, spellings that editors are told of."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, WithJsonSchema

from stocksync.mapping.strict import Strict

SideName = Literal["vehicle_module", "dms"]
KindName = Literal["money", "integer", "date", "boolean", "text", "choice", "vin", "registration", "identifier"]
OwnerName = Literal["vehicle_module", "dms", "shared", "none", "lifecycle"]
OuiNon = Literal["OUI", "NON"]
Words = list[str]


class Label(Strict):
    """What people read, in French and English."""

    fr: str = Field(description="in French, as dealers read it", examples=["Kilométrage"])
    en: str = Field(description="in English", examples=["Mileage"])


def as_pattern(pattern: str) -> WithJsonSchema:
    """Say to editors what a validator holds a text to; JSON Schema searches, so that both ends are named."""
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern})$"})
