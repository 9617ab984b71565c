"""The mapping as the rest of the program uses it: frozen, resolved for each point of sale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stocksync.mapping.connection import Connection
from stocksync.mapping.models import (
    ConflictReportModel,
    DeliveryModel,
    GuardsModel,
    GuideModel,
    Label,
    RecordModel,
    ScheduleModel,
    WebhookModel,
)
from stocksync.mapping.translate import SideTranslation
from stocksync.stock.lifecycle import Lifecycle
from stocksync.stock.ownership import OwnershipMatrix
from stocksync.stock.rules import Rule
from stocksync.stock.values import Side
from stocksync.stock.vehicle import Attribute

DMS_HAS_PRIORITY: Final = "dms_has_priority"
EXIT_FROM_DELIVERY: Final = "exit_from_delivery"
DMS_CREATES_VEHICLES: Final = "dms_creates_vehicles"
ALLOW_SALE_PRICE_AT_MOST_1: Final = "allow_sale_price_at_most_1"
SWITCHES: Final = (
    DMS_HAS_PRIORITY,
    ALLOW_SALE_PRICE_AT_MOST_1,
    EXIT_FROM_DELIVERY,
    DMS_CREATES_VEHICLES,
)


@dataclass(frozen=True, slots=True)
class SystemSettings:
    """How one system is reached for one point of sale; `address` and `secrets` name environment variables."""

    side: Side
    system: str
    label: Label
    connection: Connection
    record: RecordModel
    code: str
    address: str
    secrets: Mapping[str, str]
    webhook: WebhookModel | None = None


@dataclass(frozen=True, slots=True)
class GuideRow:
    """One row of the matrix as the guide prints it; `attribute` is None for a switch."""

    guide: GuideModel
    attribute: str | None
    switch: str | None
    provisional: bool
    rule: str


@dataclass(frozen=True, slots=True)
class PointOfSaleMapping:
    """Everything that holds at one point of sale.

    version: a hash of all that can change a decision here. choice_labels: by attribute and word, with stages and
    DMS statuses. lines_to_confirm: lines of life that wait for somebody's word.
    """

    id: str
    name: str
    pair: str
    time_zone: str
    schedule: ScheduleModel
    conflict_report: ConflictReportModel
    vocabulary: Mapping[str, Attribute]
    rules: tuple[Rule, ...]
    matrix: OwnershipMatrix
    guide_rows: tuple[GuideRow, ...]
    lifecycle: Lifecycle
    translations: Mapping[Side, SideTranslation]
    systems: Mapping[Side, SystemSettings]
    vehicle_types: frozenset[str]
    guards: GuardsModel
    delivery: DeliveryModel
    switches: Mapping[str, bool]
    choice_labels: Mapping[str, Mapping[str, Label]]
    version: str
    lines_to_confirm: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MappingSet:
    """All mapping files together; `files` are their bytes, so that a run's mapping can be kept."""

    points_of_sale: Mapping[str, PointOfSaleMapping]
    files: Mapping[str, bytes]
