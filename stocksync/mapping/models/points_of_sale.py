"""What `points_of_sale.yaml` may say: every point of sale, and where it differs from its pair."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from stocksync.mapping.models.common import Words, as_pattern
from stocksync.mapping.models.ownership import PolicyModel
from stocksync.mapping.strict import Strict

_VARIABLE: Final = "[A-Z][A-Z0-9_]*"
_TIME_OF_DAY: Final = "([01][0-9]|2[0-3]):[0-5][0-9]"


def _named_variable(name: str) -> str:
    if not re.fullmatch(_VARIABLE, name):
        raise ValueError("name an environment variable, such as OPENFLEX_TOKEN; never the value itself")
    return name


def _time_of_day(text: str) -> str:
    if not re.fullmatch(_TIME_OF_DAY, text):
        raise ValueError('a time of day is due, such as "03:30"')
    return text


EnvironmentName = Annotated[str, AfterValidator(_named_variable), as_pattern(_VARIABLE)]
TimeOfDay = Annotated[str, AfterValidator(_time_of_day), as_pattern(_TIME_OF_DAY)]


class PointOfSaleSide(Strict):
    """One system at one point of sale; addresses and secrets stand in environment variables."""

    code: str = Field(
        description="the system's own code of the point of sale; one point of sale each", examples=["S01"]
    )
    address: EnvironmentName = Field(
        description="name of the environment variable with the system's address, never the address itself",
        examples=["ICAR_URL"],
    )
    secrets: dict[str, EnvironmentName] = Field(
        default_factory=dict,
        description=(
            "for each secret that the connection (or webhook) names, the environment variable that holds it; "
            "never the secret itself"
        ),
        examples=[{"key": "ICAR_KEY"}],
    )


class ScheduleModel(Strict):
    """How often the point of sale is synchronised."""

    quick_every_min: int = Field(
        default=5, ge=1, le=1440, description="minutes between two quick runs, give or take a tenth", examples=[5]
    )
    complete_at: TimeOfDay = Field(
        default="03:30",
        description=(
            "when the run that reads everything starts, once each calendar day: hh:mm in the point of sale's "
            "time zone, in quotes"
        ),
        examples=["03:30"],
    )


class ConflictReportModel(Strict):
    """The conflict report that each run puts into the point of sale's exchange folder."""

    format: Literal["csv", "xlsx"] = Field(default="csv", description="csv or xlsx", examples=["xlsx"])
    language: Literal["fr", "en"] = Field(default="fr", description="fr or en", examples=["fr"])


class PointOfSaleModel(Strict):
    """One point of sale, and where it differs from its pair."""

    name: str = Field(description="what people read", examples=["01 - VW SEAT SKODA"])
    pair: str = Field(
        description="the pair of systems that it works with: a folder under pairs/", examples=["openflex-icar"]
    )
    time_zone: str = Field(
        default="Europe/Paris", description="its time zone, by the name in the IANA database", examples=["Europe/Paris"]
    )
    schedule: ScheduleModel = Field(
        default=ScheduleModel(),
        description="when `stocksync serve` synchronises it",
        examples=[{"quick_every_min": 5, "complete_at": "03:30"}],
    )
    conflict_report: ConflictReportModel = Field(
        default=ConflictReportModel(),
        description="the report that each run puts into its folder, where STOCKSYNC_EXCHANGE names one",
        examples=[{"format": "xlsx", "language": "fr"}],
    )
    vehicle_module: PointOfSaleSide = Field(
        description="its code, address and secrets in the vehicle module",
        examples=[{"code": "PDV1", "address": "OPENFLEX_URL", "secrets": {"token": "OPENFLEX_TOKEN"}}],
    )
    dms: PointOfSaleSide = Field(
        description="its code, address and secrets in the DMS",
        examples=[{"code": "S01", "address": "ICAR_URL", "secrets": {"key": "ICAR_KEY"}}],
    )
    ownership: dict[str, PolicyModel] = Field(
        default_factory=dict,
        description=(
            "where it differs from its pair: attributes and what is said of them, as in ownership.yaml; what "
            "is not said is inherited"
        ),
        examples=[{"mileage": {"owner": "dms"}}],
    )
    switches: dict[str, bool] = Field(
        default_factory=dict,
        description="where it differs from the guide's positions: switches, true for on",
        examples=[{"allow_sale_price_at_most_1": False}],
    )
    stages_left_out: dict[str, Words] = Field(
        default_factory=dict,
        description="optional stages that it does without, by destination",
        examples=[{"private": ["post_prep_check"]}],
    )


class PointsOfSaleFile(Strict):
    """`points_of_sale.yaml`: every point of sale of the group, and where it differs from its pair."""

    points_of_sale: dict[str, PointOfSaleModel] = Field(
        description="every point of sale, by an id of yours that stays",
        examples=[
            {
                "PDV1": {
                    "name": "01 - VW SEAT SKODA",
                    "pair": "openflex-icar",
                    "vehicle_module": {"code": "PDV1", "address": "OPENFLEX_URL"},
                    "dms": {"code": "S01", "address": "ICAR_URL"},
                }
            }
        ],
    )
