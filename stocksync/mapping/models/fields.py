"""What `fields` of `pairs/*/vehicle_module.yaml` and `dms.yaml` may say: where an attribute stands, how it is spelled.

One class for each converter; what they do is `stocksync.mapping.converters`.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from stocksync.mapping.models.common import Words
from stocksync.mapping.strict import Strict


class FieldBase(Strict):
    """One field of a system: its path with dots, and whether it takes writes."""

    field: str = Field(
        description="path of the field in the record, its steps joined by dots", examples=["identification.vin"]
    )
    writable: bool = Field(default=True, description="false: stocksync never writes it there", examples=[False])


class TextField(FieldBase):
    """Free text."""

    converter: Literal["text"] = Field(description="how it is spelled there", examples=["text"])
    max_length: int | None = Field(
        default=None,
        description="characters that it takes; a longer text is not sent, and reported; left out: no limit",
        examples=[40],
    )


class IdentifierField(FieldBase):
    """A number or code that is compared as it is, but for case and outer spaces."""

    converter: Literal["identifier"] = Field(description="how it is spelled there", examples=["identifier"])
    spelled: Literal["text", "number"] = Field(
        default="text", description="what is written: a text, or a JSON number", examples=["number"]
    )


class VinField(FieldBase):
    """A vehicle identification number."""

    converter: Literal["vin"] = Field(description="how it is spelled there", examples=["vin"])


class RegistrationField(FieldBase):
    """A number plate."""

    converter: Literal["registration"] = Field(description="how it is spelled there", examples=["registration"])


def _factor(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not float(text):
        raise ValueError('a number in quotes is due, such as "1000" or "1.609344"')
    return text


Factor = Annotated[str, AfterValidator(_factor)]


class MoneyField(FieldBase):
    """Euros, as a JSON number or as text; held as integer cents."""

    converter: Literal["money"] = Field(description="how it is spelled there", examples=["money"])
    spelled: Literal["number", "text"] = Field(
        description="number: a JSON number of euros; text: as people type it", examples=["text"]
    )
    decimal_mark: Literal[",", "."] = Field(
        default=".", description="for text: what stands before the cents", examples=[","]
    )
    thousands: Words = Field(
        default_factory=list,
        description="for text: what may stand between thousands; none by default; written without",
        examples=[[" ", "\u00a0", "\u202f"]],
    )
    symbols: Words = Field(
        default_factory=list,
        description="for text: what may stand around the number and means nothing; written without",
        examples=[["€", "EUR"]],
    )
    zero_is_blank: bool = Field(default=False, description="true: 0 says that there is no price", examples=[True])
    factor: Factor = Field(
        default="1",
        description='how many euros one of the units there is, in quotes: "1000" for thousands, "0.01" for cents',
        examples=["1000"],
    )


class IntegerField(FieldBase):
    """A whole number, as a JSON number or as text."""

    converter: Literal["integer"] = Field(description="how it is spelled there", examples=["integer"])
    spelled: Literal["number", "text"] = Field(
        description="number: a JSON number; text: as people type it", examples=["text"]
    )
    thousands: Words = Field(
        default_factory=list,
        description="for text: what may stand between thousands; none by default; written without",
        examples=[[" ", "\u00a0", "\u202f"]],
    )
    zero_is_blank: bool = Field(default=False, description="true: 0 says that there is no value", examples=[True])
    decimal_mark: Literal[",", "."] | None = Field(
        default=None, description="for text that has decimals all the same, which must be zeros", examples=[","]
    )
    factor: Factor = Field(
        default="1",
        description='what one of the units there is in ours, in quotes: "1.609344" for miles where we hold kilometres',
        examples=["1.609344"],
    )
    rounded: bool = Field(
        default=False,
        description=(
            "true: what the factor gives is rounded to a whole number, both ways; give the attribute a tolerance "
            "of one or two then"
        ),
        examples=[True],
    )


class DateField(FieldBase):
    """A calendar date."""

    converter: Literal["date"] = Field(description="how it is spelled there", examples=["date"])
    format: str = Field(
        description=(
            "its spelling in the letters dd, mm, yy, yyyy; or datetime (ISO 8601), epoch_s or epoch_ms (since 1970) "
            "where a system gives an instant, of which the day counts"
        ),
        examples=["dd/mm/yyyy"],
    )
    time_zone: str | None = Field(
        default=None,
        description="for an instant: in which zone its day is; UTC unless told; midnight there is written",
        examples=["Europe/Paris"],
    )


class BooleanField(FieldBase):
    """A yes or no, as a JSON boolean or as two texts."""

    converter: Literal["boolean"] = Field(description="how it is spelled there", examples=["boolean"])
    yes: str | int | None = Field(
        default=None,
        description="the text or whole number for yes, together with `no`; left out: JSON true",
        examples=["O"],
    )
    no: str | int | None = Field(
        default=None,
        description="the text or whole number for no, together with `yes`; left out: JSON false",
        examples=["N"],
    )


class ChoiceField(FieldBase):
    """One of a list."""

    converter: Literal["choice"] = Field(description="how it is spelled there", examples=["choice"])
    spelled: Literal["text", "number"] = Field(
        default="text", description="what is written: a text, or a JSON number", examples=["number"]
    )
    table: dict[str, Annotated[Words, Field(min_length=1)]] = Field(
        description=(
            "every word of ours, and how the system spells it; case and accents are no difference, the first "
            "spelling is the one written, and a text that is not here is unreadable: held and reported, never "
            "guessed"
        ),
        examples=[{"trade_in": ["REP"], "rental": ["LOC", "LOCATION"]}],
    )


class PointOfSaleField(FieldBase):
    """A point of sale; the system's codes are those in `points_of_sale.yaml`."""

    converter: Literal["point_of_sale"] = Field(description="how it is spelled there", examples=["point_of_sale"])


class MatchesField(FieldBase):
    """True iff an object holds all of these values; blank and null are false. Never written as a field."""

    converter: Literal["matches"] = Field(description="how it is spelled there", examples=["matches"])
    values: dict[str, str | bool | int] = Field(
        description="the keys of the object and the value that each must have",
        examples=[{"kind": "UNLIMITED", "blocksSale": True}],
    )


FieldModel = Annotated[
    TextField
    | IdentifierField
    | VinField
    | RegistrationField
    | MoneyField
    | IntegerField
    | DateField
    | BooleanField
    | ChoiceField
    | PointOfSaleField
    | MatchesField,
    Field(discriminator="converter"),
]
