"""The language of the mapping files, as closed models: one class per file, unknown keys refused.

What a file may say is here; whether files agree with one another is `checks`; what they mean is `load`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from stocksync.mapping.connection import Connection, Strict

SideName = Literal["vehicle_module", "dms"]
KindName = Literal["money", "integer", "date", "boolean", "text", "choice", "vin", "registration", "identifier"]
OwnerName = Literal["vehicle_module", "dms", "shared", "none", "lifecycle"]
OuiNon = Literal["OUI", "NON"]
Words = list[str]


class Label(Strict):
    """What people read, in French and English."""

    fr: str
    en: str


# vehicle.yaml -----------------------------------------------------------------------------------------------


class AttributeModel(Strict):
    """One attribute; tolerance, minimum and maximum in its unit (cents for money)."""

    kind: KindName
    label: Label
    tolerance: int = 0
    minimum: int | None = None
    maximum: int | None = None
    choices: dict[str, Label] = Field(default_factory=dict)
    personal: bool = False


class DatesInOrderModel(Strict):
    """Each date on or before the next."""

    rule: Literal["dates_in_order"]
    attributes: Annotated[Words, Field(min_length=2)]


class NotAfterTodayModel(Strict):
    """Dates that cannot lie in the future."""

    rule: Literal["not_after_today"]
    attributes: Words


OneCondition = Annotated[dict[str, Words], Field(min_length=1, max_length=1)]


class ForbiddenWhenModel(Strict):
    """An attribute that must be empty while another has one of some values."""

    rule: Literal["forbidden_when"]
    attribute: str
    when: OneCondition


class RequiredWhenModel(Strict):
    """An attribute that may not be empty while another has one of some values."""

    rule: Literal["required_when"]
    attribute: str
    when: OneCondition


class MoreThanModel(Strict):
    """A number that must exceed a limit, unless a switch is on."""

    rule: Literal["more_than"]
    attribute: str
    limit: int
    unless_switch: str


class ShortVinModel(Strict):
    """A VIN of fewer than 17 characters belongs to a car first registered before a year."""

    rule: Literal["short_vin_only_before"]
    vin: str
    first_registration: str
    year: int


RuleModel = Annotated[
    DatesInOrderModel | NotAfterTodayModel | ForbiddenWhenModel | RequiredWhenModel | MoreThanModel | ShortVinModel,
    Field(discriminator="rule"),
]


class VehicleFile(Strict):
    """`vehicle.yaml`: the vocabulary."""

    attributes: dict[str, AttributeModel]
    rules: list[RuleModel] = Field(default_factory=list)


# ownership.yaml ---------------------------------------------------------------------------------------------


class PolicyModel(Strict):
    """What may be said of an attribute's ownership, in general or in an exception; unsaid means inherited."""

    owner: OwnerName | None = None
    on_drift: Literal["restore", "report"] | None = None
    on_both_changed: Literal["review", "vehicle_module", "dms", "highest", "lowest"] | None = None
    fill_blank: Literal["vehicle_module", "dms"] | bool | None = None
    blank_erases: bool | None = None
    immutable: bool | None = None
    never_decreases: bool | None = None
    max_jump: Annotated[int, Field(ge=1)] | None = None
    provisional: bool | None = None
    reviewer_may_override: bool | None = None


class ConditionModel(Strict):
    """When an exception holds: every condition named must."""

    stage: Words = Field(default_factory=list)
    destination: Words = Field(default_factory=list)
    vehicle_type: Words = Field(default_factory=list)
    point_of_sale: Words = Field(default_factory=list)


class ExceptionModel(PolicyModel):
    """A policy that holds instead of the row's own while its conditions do."""

    when: ConditionModel


class GuideModel(Strict):
    """A row as the vendor's guide prints it."""

    label: str
    dms_may_modify: OuiNon
    note: str = ""


class AttributeRowModel(PolicyModel):
    """One attribute's ownership."""

    attribute: str
    guide: GuideModel | None = None
    exceptions: list[ExceptionModel] = Field(default_factory=list)


class SwitchRowModel(Strict):
    """One switch; its position is the guide's OUI (on) or NON (off)."""

    switch: str
    guide: GuideModel
    provisional: bool = False


def _tag_of_row(row: Any) -> str:
    is_switch = isinstance(row, SwitchRowModel) or (isinstance(row, dict) and "switch" in row)
    return "switch row" if is_switch else "attribute row"


# Told apart by a key, so that a mistake is reported once, against the one that was meant.
RowModel = Annotated[
    Annotated[AttributeRowModel, Tag("attribute row")] | Annotated[SwitchRowModel, Tag("switch row")],
    Discriminator(_tag_of_row),
]


class OwnershipFile(Strict):
    """`ownership.yaml`: the matrix in the guide's order, then what is carried besides."""

    matrix: list[RowModel]
    also_carried: list[AttributeRowModel] = Field(default_factory=list)


# lifecycle.yaml ---------------------------------------------------------------------------------------------


class StageModel(Strict):
    """A stage, as people name it."""

    label: Label


class StatusModel(Strict):
    """A status of the DMS: the stages that it stands for, and the one that it brings a car to."""

    label: Label
    stands_for: Words
    brings: str | None = None


class LineModel(Strict):
    """The line of life of one destination."""

    stages: Words
    optional: Words = Field(default_factory=list)
    reserve_when_sold_outside: bool = True
    to_confirm: bool = False


class TransitionModel(Strict):
    """An arrow of the drawing."""

    sources: Words
    goal: str
    by: SideName
    guards: Words = Field(default_factory=list)
    lines: Words = Field(default_factory=list)


class LifecycleFile(Strict):
    """`lifecycle.yaml`: stages, statuses, lines of life, transitions and what each pair of states means."""

    stages: dict[str, StageModel]
    dms_statuses: dict[str, StatusModel]
    lines_of_life: dict[str, LineModel]
    transitions: dict[str, TransitionModel]
    meanings: dict[str, dict[str, str]]


# vehicle_module.yaml, dms.yaml ------------------------------------------------------------------------------


class RecordModel(Strict):
    """Where a record keeps its id, its version, and the other side's id; paths with dots."""

    id: str
    version: str | None = None
    reference: str | None = None
    changed_by: str | None = None
    ignored_in_comparison: Words = Field(default_factory=list)


def _header_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", name):
        raise ValueError("a header's name is due, such as X-Signature: letters, digits and hyphens")
    return name


HeaderName = Annotated[str, AfterValidator(_header_name)]


class SignatureModel(Strict):
    """Where a webhook carries its signature: HMAC-SHA256 in hexadecimal digits, after `prefix`.

    Signed is `<timestamp>.<body>`, each as it was sent; the timestamp counts seconds since 1970.
    """

    header: HeaderName
    prefix: str = ""
    timestamp_header: HeaderName


class WebhookModel(Strict):
    """How a system tells that one of its records moved.

    secret: name of the signing secret; a point of sale that does not list it under `secrets` takes no webhooks.
    record_id, point_of_sale: paths in the body, the latter of the system's own code.
    """

    secret: str
    signature: SignatureModel
    record_id: str
    point_of_sale: str


class FieldBase(Strict):
    """One field of a system: its path with dots, and whether it takes writes."""

    field: str
    writable: bool = True


class TextField(FieldBase):
    """Free text."""

    converter: Literal["text"]
    max_length: int | None = None


class IdentifierField(FieldBase):
    """A number or code that is compared as it is, but for case and outer spaces."""

    converter: Literal["identifier"]


class VinField(FieldBase):
    """A vehicle identification number."""

    converter: Literal["vin"]


class RegistrationField(FieldBase):
    """A number plate."""

    converter: Literal["registration"]


class MoneyField(FieldBase):
    """Euros, as a JSON number or as text; held as integer cents."""

    converter: Literal["money"]
    spelled: Literal["number", "text"]
    decimal_mark: Literal[",", "."] = "."
    thousands: Words = Field(default_factory=list)
    symbols: Words = Field(default_factory=list)
    zero_is_blank: bool = False


class IntegerField(FieldBase):
    """A whole number, as a JSON number or as text."""

    converter: Literal["integer"]
    spelled: Literal["number", "text"]
    thousands: Words = Field(default_factory=list)
    zero_is_blank: bool = False


class DateField(FieldBase):
    """A calendar date; `format` in the letters dd, mm, yy, yyyy."""

    converter: Literal["date"]
    format: str


class BooleanField(FieldBase):
    """A yes or no; `yes` and `no` are what the system says, a JSON boolean where they are left out."""

    converter: Literal["boolean"]
    yes: str | None = None
    no: str | None = None


class ChoiceField(FieldBase):
    """One of a list: our word, then how the system spells it; the first spelling is the one written."""

    converter: Literal["choice"]
    table: dict[str, Annotated[Words, Field(min_length=1)]]


class PointOfSaleField(FieldBase):
    """A point of sale; the system's codes are those in `points_of_sale.yaml`."""

    converter: Literal["point_of_sale"]


class MatchesField(FieldBase):
    """True iff an object holds all of these values; blank and null are false. Never written as a field."""

    converter: Literal["matches"]
    values: dict[str, str | bool | int]


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


class SideFile(Strict):
    """`vehicle_module.yaml` or `dms.yaml`: one system's connection and fields.

    blank_texts: texts that mean "empty". writes_blank_as: what is sent to empty a field.
    read_only_when: attribute to values in which the system takes no change of a record at all.
    webhook: None iff the system tells nothing by itself.
    """

    system: str
    label: Label
    connection: Connection
    webhook: WebhookModel | None = None
    record: RecordModel
    blank_texts: Words = Field(default_factory=list)
    writes_blank_as: Literal["null", "empty_text"]
    read_only_when: dict[str, Words] = Field(default_factory=dict)
    fields: dict[str, FieldModel]
    not_carried: Words = Field(default_factory=list)


# pair.yaml, points_of_sale.yaml -----------------------------------------------------------------------------


class GuardsModel(Strict):
    """Thresholds above which a whole plan is refused and a person asked; percentages of the point of sale."""

    listing_at_least_percent: int = Field(default=50, ge=0, le=100)
    removals_cars: int = Field(default=5, ge=0)
    removals_percent: int = Field(default=10, ge=0, le=100)
    overwrites_cars: int = Field(default=5, ge=1)
    overwrites_percent: int = Field(default=50, ge=0, le=100)
    unreadable_percent: int = Field(default=5, ge=0, le=100)


class DeliveryModel(Strict):
    """How often a write is tried: so many times in a run, and in so many runs until a person is asked."""

    attempts: int = Field(default=4, ge=1, le=10)
    runs: int = Field(default=3, ge=1, le=100)


class PairFile(Strict):
    """`pair.yaml`: what holds for the pair as a whole."""

    label: Label
    vehicle_types: Words
    guards: GuardsModel = GuardsModel()
    delivery: DeliveryModel = DeliveryModel()


def _named_variable(name: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        raise ValueError("name an environment variable, such as OPENFLEX_TOKEN; never the value itself")
    return name


def _time_of_day(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError('a time of day is due, such as "03:30"')
    return text


EnvironmentName = Annotated[str, AfterValidator(_named_variable)]


class PointOfSaleSide(Strict):
    """One system at one point of sale; `address` and `secrets` are names of environment variables."""

    code: str
    address: EnvironmentName
    secrets: dict[str, EnvironmentName] = Field(default_factory=dict)


class ScheduleModel(Strict):
    """How often the point of sale is synchronised; `complete_at` in its own time zone, hh:mm."""

    quick_every_min: int = Field(default=5, ge=1, le=1440)
    complete_at: Annotated[str, AfterValidator(_time_of_day)] = "03:30"


class ConflictReportModel(Strict):
    """The conflict report that each run puts into the point of sale's exchange folder."""

    format: Literal["csv", "xlsx"] = "csv"
    language: Literal["fr", "en"] = "fr"


class PointOfSaleModel(Strict):
    """One point of sale, and where it differs from its pair."""

    name: str
    pair: str
    time_zone: str = "Europe/Paris"
    schedule: ScheduleModel = ScheduleModel()
    conflict_report: ConflictReportModel = ConflictReportModel()
    vehicle_module: PointOfSaleSide
    dms: PointOfSaleSide
    ownership: dict[str, PolicyModel] = Field(default_factory=dict)
    switches: dict[str, bool] = Field(default_factory=dict)
    stages_left_out: dict[str, Words] = Field(default_factory=dict)


class PointsOfSaleFile(Strict):
    """`points_of_sale.yaml`: every point of sale of the group."""

    points_of_sale: dict[str, PointOfSaleModel]
