"""What `pairs/*/pair.yaml` may say: what holds for two systems as a whole."""

from __future__ import annotations

from pydantic import Field

from stocksync.mapping.models.common import Label, Words
from stocksync.mapping.strict import Strict


class GuardsModel(Strict):
    """Thresholds above which a whole plan is refused and a person asked; percentages of the point of sale."""

    listing_at_least_percent: int = Field(
        default=50,
        ge=0,
        le=100,
        description=(
            "a listing with fewer records, in percent of what the side listed at its last complete run, is not believed"
        ),
        examples=[50],
    )
    removals_cars: int = Field(
        default=5,
        ge=0,
        description=(
            "exits, reservations and blanks in one plan, as a number of cars; the larger of this and "
            "removals_percent is the threshold"
        ),
        examples=[5],
    )
    removals_percent: int = Field(
        default=10, ge=0, le=100, description="the same in percent of the bound cars", examples=[10]
    )
    overwrites_cars: int = Field(
        default=5,
        ge=1,
        description=(
            "the same attribute overwritten on so many cars or more, and on more than overwrites_percent of them"
        ),
        examples=[5],
    )
    overwrites_percent: int = Field(
        default=50, ge=0, le=100, description="the same in percent of the bound cars", examples=[50]
    )
    unreadable_percent: int = Field(
        default=5,
        ge=0,
        le=100,
        description="records without a readable id, stage or key, in percent of the listing",
        examples=[5],
    )


class DeliveryModel(Strict):
    """How often a write is tried: so many times in a run, and in so many runs until a person is asked."""

    attempts: int = Field(
        default=4,
        ge=1,
        le=10,
        description=(
            "tries of a write in one run, with pauses that grow; whether it was carried out is looked up "
            "before each new one"
        ),
        examples=[4],
    )
    runs: int = Field(
        default=3,
        ge=1,
        le=100,
        description="runs in a row without success, until it stands in the conflict report and is left alone",
        examples=[3],
    )


class PairFile(Strict):
    """`pairs/*/pair.yaml`: what holds for a pair of systems as a whole."""

    label: Label = Field(
        description="what people read", examples=[{"fr": "OpenFlex et ICAR", "en": "OpenFlex and ICAR"}]
    )
    vehicle_types: Words = Field(
        description="the vehicle types that are synchronised; others are read and left alone", examples=[["used"]]
    )
    guards: GuardsModel = Field(
        default=GuardsModel(),
        description="thresholds above which a whole plan is refused; each may be left out",
        examples=[{"removals_cars": 5, "removals_percent": 10}],
    )
    delivery: DeliveryModel = Field(
        default=DeliveryModel(),
        description="how often a write that gets no answer is tried; each may be left out",
        examples=[{"attempts": 4, "runs": 3}],
    )
