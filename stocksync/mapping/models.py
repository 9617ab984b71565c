"""The language of the mapping files, as closed models: one class per file, unknown keys refused.

What a file may say is here; whether files agree with one another is `checks`; what they mean is `load`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, WithJsonSchema

from stocksync.mapping.connection import Connection, Strict

SideName = Literal["vehicle_module", "dms"]
KindName = Literal["money", "integer", "date", "boolean", "text", "choice", "vin", "registration", "identifier"]
OwnerName = Literal["vehicle_module", "dms", "shared", "none", "lifecycle"]
OuiNon = Literal["OUI", "NON"]
Words = list[str]


class Label(Strict):
    """What people read, in French and English."""

    fr: str = Field(description="in French, as dealers read it", examples=["Kilométrage"])
    en: str = Field(description="in English", examples=["Mileage"])


# vehicle.yaml -----------------------------------------------------------------------------------------------


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


# ownership.yaml ---------------------------------------------------------------------------------------------


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


# lifecycle.yaml ---------------------------------------------------------------------------------------------


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


# vehicle_module.yaml, dms.yaml ------------------------------------------------------------------------------


class RecordModel(Strict):
    """Where a record keeps its id, its version, and the other side's id; paths with dots."""

    id: str = Field(description="path of the record's own id", examples=["dossier"])
    version: str | None = Field(
        default=None,
        description="path of its version, for writes that name the one they know; left out: it has none",
        examples=["version"],
    )
    reference: str | None = Field(
        default=None,
        description=(
            "path of the other side's id; left out: it keeps none, and records are bound by VIN, registration "
            "or police number"
        ),
        examples=["ref_externe"],
    )
    changed_by: str | None = Field(
        default=None,
        description="path of who changed it last, which is shown to reviewers; left out: it does not say",
        examples=["updatedBy"],
    )
    ignored_in_comparison: Words = Field(
        default_factory=list,
        description="paths that move without any meaning for us: a record in which nothing else moved is unchanged",
        examples=[["maj_le"]],
    )


def _spelled(pattern: str) -> WithJsonSchema:
    """Say to editors what a validator holds a text to; JSON Schema searches, so that both ends are named."""
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern})$"})


_HEADER_NAME: Final = "[A-Za-z0-9][A-Za-z0-9-]{0,63}"


def _header_name(name: str) -> str:
    if not re.fullmatch(_HEADER_NAME, name):
        raise ValueError("a header's name is due, such as X-Signature: letters, digits and hyphens")
    return name


HeaderName = Annotated[str, AfterValidator(_header_name), _spelled(_HEADER_NAME)]


class SignatureModel(Strict):
    """Where a webhook carries its signature: HMAC-SHA256 in hexadecimal digits, after `prefix`.

    Signed is `<timestamp>.<body>`, each as it was sent; the timestamp counts seconds since 1970.
    """

    header: HeaderName = Field(description="the header with the signature", examples=["X-Signature"])
    prefix: str = Field(
        default="", description="what stands before the hexadecimal digits; left out: nothing", examples=["sha256="]
    )
    timestamp_header: HeaderName = Field(
        description="the header with the seconds since 1970; at most 5 minutes from our clock", examples=["X-Timestamp"]
    )


class WebhookModel(Strict):
    """How a system tells that one of its records moved."""

    secret: str = Field(
        description=(
            "name of the signing secret; a point of sale that does not list it under `secrets` takes no webhooks"
        ),
        examples=["hook"],
    )
    signature: SignatureModel = Field(
        description="which headers sign the body",
        examples=[{"header": "X-Signature", "prefix": "sha256=", "timestamp_header": "X-Timestamp"}],
    )
    record_id: str = Field(description="path, in the body, of the record's id", examples=["dossier"])
    point_of_sale: str = Field(
        description="path, in the body, of the system's own code of the point of sale", examples=["site"]
    )


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


class SideFile(Strict):
    """`pairs/*/vehicle_module.yaml` and `dms.yaml`: how a system is reached, and where our attributes stand in it."""

    system: str = Field(
        description="the system's name, in messages and in the address of its webhooks; letters, digits, - and _",
        examples=["icar"],
    )
    label: Label = Field(description="what people read", examples=[{"fr": "DMS", "en": "DMS"}])
    connection: Connection = Field(
        description=(
            "how it is reached; addresses and secrets stand in points_of_sale.yaml, by the names of "
            "environment variables"
        ),
        examples=[{"protocol": "memory"}],
    )
    webhook: WebhookModel | None = Field(
        default=None,
        description=(
            "how it tells by itself that a record moved; left out: it does not, and changes are seen at the "
            "next quick run"
        ),
        examples=[
            {
                "secret": "hook",
                "signature": {"header": "X-Signature", "timestamp_header": "X-Timestamp"},
                "record_id": "id",
                "point_of_sale": "site",
            }
        ],
    )
    record: RecordModel = Field(
        description="where a record keeps its id, its version and the other side's id",
        examples=[{"id": "dossier", "reference": "ref_externe"}],
    )
    blank_texts: Words = Field(
        default_factory=list, description="texts that mean empty, besides the empty text", examples=[["-", "???", "NA"]]
    )
    writes_blank_as: Literal["null", "empty_text"] = Field(
        description='what is sent to empty a field: "null" (in quotes: the JSON null) or empty_text',
        examples=["empty_text"],
    )
    read_only_when: dict[str, Words] = Field(
        default_factory=dict,
        description=(
            "attribute and values of it in which the system takes no change of a record at all; left out: it "
            "always takes them"
        ),
        examples=[{"dms_status": ["invoiced"]}],
    )
    fields: dict[str, FieldModel] = Field(
        description="where each of our attributes stands in a record, and how it is spelled",
        examples=[{"vin": {"field": "chassis", "converter": "vin"}}],
    )
    not_carried: Words = Field(
        default_factory=list,
        description="attributes that this system has no field for; each attribute is here or under `fields`",
        examples=[["module_order"]],
    )


# pair.yaml, points_of_sale.yaml -----------------------------------------------------------------------------


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


EnvironmentName = Annotated[str, AfterValidator(_named_variable), _spelled(_VARIABLE)]
TimeOfDay = Annotated[str, AfterValidator(_time_of_day), _spelled(_TIME_OF_DAY)]


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
