"""What `pairs/*/ownership.yaml` may say: who may modify which attribute, with exceptions, and the switches."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from stocksync.mapping.models.common import OuiNon, OwnerName, Words
from stocksync.mapping.strict import Strict


class PolicyModel(Strict):
    """What may be said of an attribute's ownership, in general or in an exception; unsaid means inherited."""

    owner: OwnerName | None = Field(
        default=None,
        description=(
            "who decides: vehicle_module, dms, shared (either side may change it), none (shown, never "
            "written), lifecycle (lifecycle.yaml decides; for its own attributes only); due in every row of "
            "ownership.yaml"
        ),
        examples=["dms"],
    )
    on_drift: Literal["restore", "report"] | None = Field(
        default=None,
        description=(
            "when the side that does not own it changes it: restore (as if left out) undoes and reports that; "
            "report only reports it"
        ),
        examples=["report"],
    )
    on_both_changed: Literal["review", "vehicle_module", "dms", "highest", "lowest"] | None = Field(
        default=None,
        description=(
            "for a shared attribute that both sides changed: review (as if left out: a person decides), "
            "vehicle_module, dms, highest, lowest (these two for what has an order)"
        ),
        examples=["highest"],
    )
    fill_blank: Literal["vehicle_module", "dms"] | bool | None = Field(
        default=None,
        description=(
            "true (as if left out): a value fills the other side's blank; false: never; or the one side that "
            "may be filled"
        ),
        examples=["vehicle_module"],
    )
    blank_erases: bool | None = Field(
        default=None,
        description="true: a blank is a value like any other; false (as if left out): a blank never erases",
        examples=[True],
    )
    immutable: bool | None = Field(
        default=None,
        description="true: never overwritten once set, and every difference is shown to a person; left out: false",
        examples=[True],
    )
    never_decreases: bool | None = Field(
        default=None,
        description="for numbers. true: a smaller one than the last agreed is invalid; left out: false",
        examples=[True],
    )
    max_jump: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description=(
            "for numbers: a larger step above the last agreed value is shown to a person; in the kind's unit "
            "(cents for money); left out: no limit"
        ),
        examples=[50000],
    )
    provisional: bool | None = Field(
        default=None,
        description=(
            "true: works as written, and is announced as provisional wherever the matrix is printed; left out: false"
        ),
        examples=[True],
    )
    reviewer_may_override: bool | None = Field(
        default=None,
        description=(
            "true: who decides in the conflict report may choose another value than the owner's, or a smaller "
            "one where it never decreases; left out: false"
        ),
        examples=[True],
    )


class ConditionModel(Strict):
    """When an exception holds: every condition named must."""

    stage: Words = Field(
        default_factory=list,
        description="stages of lifecycle.yaml; empty or left out: any",
        examples=[["delivery", "exit"]],
    )
    destination: Words = Field(
        default_factory=list, description="destinations; empty or left out: any", examples=[["trade"]]
    )
    vehicle_type: Words = Field(
        default_factory=list, description="vehicle types; empty or left out: any", examples=[["used"]]
    )
    point_of_sale: Words = Field(
        default_factory=list,
        description="points of sale, as the keys of points_of_sale.yaml; empty or left out: any",
        examples=[["PDV1"]],
    )


class ExceptionModel(PolicyModel):
    """A policy that holds instead of the row's own while its conditions do."""

    when: ConditionModel = Field(
        description="every condition named must hold, by one of its values; one at least is due",
        examples=[{"stage": ["delivery"]}],
    )


class GuideModel(Strict):
    """A row as the vendor's guide prints it."""

    label: str = Field(description="the row's text, as the guide prints it", examples=["Kilométrage VO modifiable"])
    dms_may_modify: OuiNon = Field(
        description=(
            "what the guide prints: OUI or NON. Only shown beside an attribute; the position of a switch: OUI "
            "on, NON off"
        ),
        examples=["OUI"],
    )
    note: str = Field(default="", description="the guide's note", examples=["entered in ICAR, may be updated there"])


class AttributeRowModel(PolicyModel):
    """One attribute's ownership."""

    attribute: str = Field(description="an attribute of vehicle.yaml; one row each", examples=["mileage"])
    guide: GuideModel | None = Field(
        default=None,
        description=(
            "the row as the vendor's guide prints it; left out: the guide has none, and the matrix does not print it"
        ),
        examples=[{"label": "Kilométrage VO modifiable", "dms_may_modify": "OUI"}],
    )
    exceptions: list[ExceptionModel] = Field(
        default_factory=list,
        description=(
            "what differs under conditions; the first one that holds wins, and what it leaves out is as in the row"
        ),
        examples=[[{"when": {"stage": ["delivery"]}, "owner": "dms"}]],
    )


class SwitchRowModel(Strict):
    """One switch; its position is the guide's OUI (on) or NON (off)."""

    switch: str = Field(
        description=(
            "one of the program's switches: dms_has_priority, allow_sale_price_at_most_1, exit_from_delivery, "
            "dms_creates_vehicles; one row each"
        ),
        examples=["exit_from_delivery"],
    )
    guide: GuideModel = Field(
        description="the row as the vendor's guide prints it; its OUI or NON is the switch's position",
        examples=[{"label": "Sortie des véhicules en statut livraison", "dms_may_modify": "OUI"}],
    )
    provisional: bool = Field(
        default=False,
        description="true: works as written, and is announced as provisional wherever the matrix is printed",
        examples=[True],
    )


def _tag_of_row(row: Any) -> str:
    is_switch = isinstance(row, SwitchRowModel) or (isinstance(row, dict) and "switch" in row)
    return "switch row" if is_switch else "attribute row"


# Told apart by a key, so that a mistake is reported once, against the one that was meant.
RowModel = Annotated[
    Annotated[AttributeRowModel, Tag("attribute row")] | Annotated[SwitchRowModel, Tag("switch row")],
    Discriminator(_tag_of_row),
]


class OwnershipFile(Strict):
    """`pairs/*/ownership.yaml`, the matrix: who may modify which attribute, and when it is otherwise."""

    matrix: list[RowModel] = Field(
        description="the rows of the vendor's guide, in its order: attributes and switches",
        examples=[[{"attribute": "destination", "owner": "vehicle_module"}]],
    )
    also_carried: list[AttributeRowModel] = Field(
        default_factory=list,
        description="rows of the attributes that are not in the guide's table",
        examples=[[{"attribute": "make", "owner": "vehicle_module"}]],
    )
