"""What `pairs/*/lifecycle.yaml` may say: stages, the DMS's statuses, and who moves a car."""

from __future__ import annotations

from pydantic import Field

from stocksync.mapping.models.common import Label, SideName, Words
from stocksync.mapping.strict import Strict


class StageModel(Strict):
    """A stage, as people name it."""

    label: Label = Field(description="what people read", examples=[{"fr": "livraison", "en": "delivery"}])


class StatusModel(Strict):
    """A status of the DMS: the stages that it stands for, and the one that it brings a car to."""

    label: Label = Field(description="what people read", examples=[{"fr": "Facturé", "en": "invoiced"}])
    stands_for: Words = Field(description="the stages that agree with it", examples=[["exit"]])
    brings: str | None = Field(
        default=None,
        description="the stage that it brings a car to; left out: it brings no car anywhere",
        examples=["exit"],
    )


class LineModel(Strict):
    """The line of life of one destination."""

    stages: Words = Field(description="its stages, in order", examples=[["pre_entry", "physical_entry", "exit"]])
    optional: Words = Field(
        default_factory=list,
        description="those of them that a point of sale may do without: stages_left_out in points_of_sale.yaml",
        examples=[["post_prep_check"]],
    )
    reserve_when_sold_outside: bool = Field(
        default=True,
        description=(
            "true: a car that the DMS sold outside the module is reserved there, which blocks its sale and "
            "publication; false: left as it is"
        ),
        examples=[False],
    )
    to_confirm: bool = Field(
        default=False,
        description="true: works as written, and `mapping check` says that it waits for somebody's word",
        examples=[True],
    )


class TransitionModel(Strict):
    """An arrow of the drawing."""

    sources: Words = Field(description="the stages that it leaves", examples=[["delivery"]])
    goal: str = Field(description="the stage that it reaches", examples=["exit"])
    by: SideName = Field(
        description=(
            "who brings it about: dms, carried out by stocksync in the module; vehicle_module, observed and never made"
        ),
        examples=["dms"],
    )
    guards: Words = Field(
        default_factory=list,
        description=(
            "conditions that must all hold: police_number_set, invoice_complete, no_order_in_module, "
            "exit_from_delivery; where one fails nothing moves, and its reason is reported"
        ),
        examples=[["invoice_complete"]],
    )
    lines: Words = Field(
        default_factory=list,
        description="the destinations whose line of life has it; empty or left out: all",
        examples=[["private", "trade"]],
    )


class LifecycleFile(Strict):
    """`pairs/*/lifecycle.yaml`: a car's stages, what the DMS's statuses mean for them, and who moves what."""

    stages: dict[str, StageModel] = Field(
        description="the vehicle module's stages, in order; delivery and exit must be there",
        examples=[{"delivery": {"label": {"fr": "livraison", "en": "delivery"}}}],
    )
    dms_statuses: dict[str, StatusModel] = Field(
        description="the DMS's statuses, by our words; invoiced must be there",
        examples=[
            {"invoiced": {"label": {"fr": "Facturé", "en": "invoiced"}, "stands_for": ["exit"], "brings": "exit"}}
        ],
    )
    lines_of_life: dict[str, LineModel] = Field(
        description="one for each destination of vehicle.yaml: the stages that such a car goes through",
        examples=[{"scrap": {"stages": ["pre_entry", "physical_entry", "exit"]}}],
    )
    transitions: dict[str, TransitionModel] = Field(
        description="the steps between stages, by a name of yours; the first one that fits is taken",
        examples=[
            {
                "enter": {
                    "sources": ["pre_entry"],
                    "goal": "physical_entry",
                    "by": "dms",
                    "guards": ["police_number_set"],
                }
            }
        ],
    )
    meanings: dict[str, dict[str, str]] = Field(
        description=(
            "what each pair of stage (outside) and DMS status (inside) means, not_there among both: agreed, "
            "closed, ignored, create_in_dms, follow_dms, missing_in_dms, missing_in_vehicle_module, "
            "unknown_in_vehicle_module, stage_regression, reopened_in_dms"
        ),
        examples=[{"delivery": {"in_stock": "agreed", "invoiced": "follow_dms"}}],
    )
