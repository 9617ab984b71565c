"""What `vehicle.yaml` may say: every attribute, what its values are, and what they say together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stocksync.mapping.models.common import KindName, Label, Words
from stocksync.mapping.strict import Strict


class AttributeModel(Strict):
    """One attribute."""

    kind: KindName = Field(
        description=(
            "what its values are: money (held in cents), integer, date, boolean, text, choice (one of a "
            "list), vin, registration, identifier (a number or code, compared as it is)"
        ),
        examples=["integer"],
    )
    label: Label = Field(description="what people read in reports", examples=[{"fr": "Kilométrage", "en": "Mileage"}])
    tolerance: int = Field(
        default=0,
        description=(
            "two values that differ by this much or less are the same, in the kind's unit: cents, days, or "
            "the number's own, such as kilometres; 0: only equal ones are"
        ),
        examples=[100],
    )
    minimum: int | None = Field(
        default=None,
        description=(
            "a smaller value is invalid: reported, written nowhere; in the kind's unit (cents for money); "
            "left out: no limit"
        ),
        examples=[0],
    )
    maximum: int | None = Field(
        default=None,
        description=(
            "a larger value is invalid: reported, written nowhere; in the kind's unit (cents for money); left "
            "out: no limit"
        ),
        examples=[2000000],
    )
    choices: dict[str, Label] = Field(
        default_factory=dict,
        description=(
            "for the kind choice: each word of ours and what people read for it; none for stage, dms_status "
            "and point_of_sale, whose words stand in lifecycle.yaml and points_of_sale.yaml"
        ),
        examples=[{"private": {"fr": "particulier", "en": "private"}}],
    )
    personal: bool = Field(
        default=False, description="true where the value names a person: it is erased with that person", examples=[True]
    )


class DatesInOrderModel(Strict):
    """Each date on or before the next."""

    rule: Literal["dates_in_order"] = Field(description="which rule this is", examples=["dates_in_order"])
    attributes: Annotated[Words, Field(min_length=2)] = Field(
        description="two dates or more, the earliest first",
        examples=[["first_registration_date", "registration_certificate_date"]],
    )


class NotAfterTodayModel(Strict):
    """Dates that cannot lie in the future."""

    rule: Literal["not_after_today"] = Field(description="which rule this is", examples=["not_after_today"])
    attributes: Words = Field(description="the dates that it holds for", examples=[["first_registration_date"]])


OneCondition = Annotated[dict[str, Words], Field(min_length=1, max_length=1)]


class ForbiddenWhenModel(Strict):
    """An attribute that must be empty while another has one of some values."""

    rule: Literal["forbidden_when"] = Field(description="which rule this is", examples=["forbidden_when"])
    attribute: str = Field(description="the attribute that must be empty", examples=["trade_in_price"])
    when: OneCondition = Field(
        description="one attribute, and the values of it that forbid", examples=[{"origin": ["direct_purchase"]}]
    )


class RequiredWhenModel(Strict):
    """An attribute that may not be empty while another has one of some values."""

    rule: Literal["required_when"] = Field(description="which rule this is", examples=["required_when"])
    attribute: str = Field(description="the attribute that may not be empty", examples=["purchase_source"])
    when: OneCondition = Field(
        description="one attribute, and the values of it that require", examples=[{"origin": ["direct_purchase"]}]
    )


class MoreThanModel(Strict):
    """A number that must exceed a limit, unless a switch is on."""

    rule: Literal["more_than"] = Field(description="which rule this is", examples=["more_than"])
    attribute: str = Field(description="the number in question", examples=["sale_price"])
    limit: int = Field(description="what it must exceed, in the kind's unit (cents for money)", examples=[100])
    unless_switch: str = Field(
        description="the switch of ownership.yaml that, while on, lets this rule sleep",
        examples=["allow_sale_price_at_most_1"],
    )


class ShortVinModel(Strict):
    """A VIN of fewer than 17 characters belongs to a car first registered before a year."""

    rule: Literal["short_vin_only_before"] = Field(description="which rule this is", examples=["short_vin_only_before"])
    vin: str = Field(description="the attribute that holds the VIN", examples=["vin"])
    first_registration: str = Field(
        description="the attribute that holds the date of first registration", examples=["first_registration_date"]
    )
    year: int = Field(
        description="first registered in this year or later, a car has 17 characters in its VIN", examples=[1981]
    )


RuleModel = Annotated[
    DatesInOrderModel | NotAfterTodayModel | ForbiddenWhenModel | RequiredWhenModel | MoreThanModel | ShortVinModel,
    Field(discriminator="rule"),
]


class VehicleFile(Strict):
    """`vehicle.yaml`, the vocabulary: every attribute that is kept in agreement, and what its values may be."""

    attributes: dict[str, AttributeModel] = Field(
        description=(
            "every attribute that is kept in agreement, by our name for it; each needs an owner in "
            "ownership.yaml and, on each side, a field or a place in not_carried"
        ),
        examples=[{"mileage": {"kind": "integer", "label": {"fr": "Kilométrage", "en": "Mileage"}, "minimum": 0}}],
    )
    rules: list[RuleModel] = Field(
        default_factory=list,
        description=(
            "what values say together; a value that breaks one is reported as invalid_value and written nowhere"
        ),
        examples=[[{"rule": "not_after_today", "attributes": ["first_registration_date"]}]],
    )
