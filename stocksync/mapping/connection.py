"""How a system is reached, as `vehicle_module.yaml` and `dms.yaml` say it under `connection`.

The closed language of the adapters' settings; no adapter holds a vendor's name. Addresses and secrets are not here: a
point of sale names the environment variables that hold them. What opens a system is `connection_auth`, pages are
`connection_paging`, writes `connection_writing`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, model_validator

from stocksync.mapping.connection_auth import Auth
from stocksync.mapping.connection_files import FilesConnection
from stocksync.mapping.connection_paging import Paging
from stocksync.mapping.connection_writing import ReserveOperation, WriteOperation
from stocksync.mapping.strict import Header, Parameter, Strict

__all__ = [
    "ChangesModel",
    "Connection",
    "Envelope",
    "ErrorsModel",
    "FilesConnection",
    "LimitsModel",
    "ListOperation",
    "MemoryConnection",
    "ReadOperation",
    "ReserveOperation",
    "RestConnection",
    "Strict",
    "WriteOperation",
]

NAMED_FORMATS = ("rfc3339", "epoch_s", "epoch_ms")


def _stamp_format(letters: str) -> str:
    if letters not in NAMED_FORMATS and any(
        letters.count(part) != 1 for part in ("yyyy", "mm", "dd", "hh", "mi", "ss")
    ):
        raise ValueError(
            "rfc3339, epoch_s or epoch_ms is due, or yyyy, mm, dd, hh, mi and ss, each once, such as "
            '"dd/mm/yyyy hh:mi:ss"'
        )
    return letters


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError('the name of a time zone is due, such as "Europe/Paris"')
    return name


def _since_template(text: str) -> str:
    if text.count("{since}") != 1:
        raise ValueError('{since} is due in it, once, such as "updatedAt ge {since}"')
    return text


StampFormat = Annotated[str, AfterValidator(_stamp_format)]


class ChangesModel(Strict):
    """How a listing is narrowed to what changed since an instant, on the system's own clock.

    Formats are `rfc3339`, `epoch_s`, `epoch_ms`, or the letters dd, mm, yyyy, hh, mi, ss. Without an offset
    `time_zone` says whose local time it is: an hour that comes twice is then asked for twice.
    """

    parameter: Parameter = Field(description="parameter that carries the instant")
    stamp: str = Field(description="path, in a record, of the instant of its last change")
    format: StampFormat = Field(default="rfc3339", description="how the parameter spells the instant")
    stamp_format: StampFormat | None = Field(
        default=None, description="how records spell it; as the parameter unless told otherwise"
    )
    template: Annotated[str, AfterValidator(_since_template)] = Field(
        default="{since}", description='what the parameter says, such as "updatedAt ge {since}"'
    )
    inclusive: bool = Field(
        default=True,
        description="whether a record that changed at that very instant is listed; if not, one unit earlier is asked",
    )
    time_zone: Annotated[str, AfterValidator(_time_zone)] | None = Field(
        default=None, description="whose local time it is, such as Europe/Paris; for letters, which carry no offset"
    )
    overlap_s: int = Field(
        default=120, ge=0, le=86_400, description="so much is asked for again each time: what became visible late"
    )
    path: str | None = Field(default=None, description="path of this listing, where it is not that of the whole one")


class ListOperation(Strict):
    """How every record of a point of sale is listed.

    `changes` is left out where a system cannot list what changed: quick runs then list everything.
    """

    path: str = Field(description="path after the address; `{point_of_sale}` in it is filled in")
    query: dict[str, str | int] = Field(
        default_factory=dict,
        description="parameters; `{point_of_sale}` in them is the system's own code of the point of sale",
    )
    form: Literal["list", "keyed", "lines"] = Field(
        default="list",
        description="list: a list of records. keyed: an object of records, whose keys are their ids. lines: one record "
        "a line (newline-delimited JSON)",
    )
    items: str | None = Field(
        default=None, description="path, in the answer, of the records; left out, the answer is nothing else"
    )
    each: str | None = Field(
        default=None, description='path of the record inside each item, such as "vehicle" for {"vehicle": {...}}'
    )
    paging: Paging = Field(description="how a long listing comes in pages")
    changes: ChangesModel | None = Field(default=None, description="how only what changed is listed")

    @model_validator(mode="after")
    def _lines_hold_records_only(self) -> Self:
        if self.form != "lines":
            return self
        if self.items is not None:
            raise ValueError("lines are records themselves: leave out items; `each` says where in a line the record is")
        paging = self.paging
        inside = (getattr(paging, name, None) for name in ("total", "pages", "next"))
        if any(path is not None for path in inside):
            raise ValueError(
                "lines hold nothing but records: use total_header, link_header, complete_when or style none"
            )
        return self


class ReadOperation(Strict):
    """How one record is read; `{id}` in the path, or in the query, is its id."""

    path: str = Field(description="path after the address; `{id}` is the record's id")
    query: dict[str, str | int] = Field(
        default_factory=dict, description="parameters; `{id}` and `{point_of_sale}` in them are filled in"
    )
    item: str | None = Field(
        default=None, description="path of the record in the answer; left out, the answer is the record"
    )


class Envelope(Strict):
    """Where a system wraps its answers, errors included, in one object sent with HTTP 200."""

    ok: str = Field(description="path of a boolean: whether all went well")
    code: str = Field(description="path of a status like HTTP's, where it did not")
    message: str = Field(description="path of a text")
    errors: str = Field(description="path of a list of what is wrong with single fields")
    error_field: str = Field(description="path, in one of them, of the field's name")
    error_message: str = Field(description="path, in one of them, of what is wrong with it")
    item: str = Field(description="path of the record")


class ErrorsModel(Strict):
    """Where the body of an error says what is wrong.

    Unless told: RFC 9457 (`detail` or `title`, and `errors` with `field` and `message`). Errors may be a list of
    objects or of texts, or an object of field names; a body that is text is quoted as it is.
    """

    message: str = Field(default="detail", description="path of the text that says what is wrong")
    fields: str | None = Field(
        default="errors", description="path of what is wrong with single fields; null where the body itself is the list"
    )
    field: str = Field(
        default="field",
        description='path, in one of them, of the field\'s name, or of a JSON pointer to it, such as "source.pointer"',
    )
    field_message: str = Field(default="message", description="path, in one of them, of what is wrong with it")


class LimitsModel(Strict):
    """How often a system may be asked, at most, by all points of sale of this process that use the same address."""

    per_second: float | None = Field(default=None, gt=0, le=1000, description="requests in a second, such as 5 or 0.5")
    burst: int = Field(default=1, ge=1, le=1000, description="so many may go at once after a rest")
    per_day: int | None = Field(
        default=None,
        ge=1,
        description="requests in any 24 hours; after that no more are made until the oldest are past",
    )

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.per_second is None and self.per_day is None:
            raise ValueError("per_second or per_day is due")
        return self


class RestConnection(Strict):
    """A system with JSON over HTTP."""

    protocol: Literal["rest"] = Field(description="JSON over HTTP")
    auth: Auth = Field(description="what opens the system")
    list: ListOperation = Field(description="how every record of a point of sale is listed")
    read: ReadOperation = Field(description="how one record is read")
    create: WriteOperation | None = Field(
        default=None, description="how a record is created; left out where it cannot be"
    )
    update: WriteOperation = Field(description="how a record is changed")
    reserve: ReserveOperation | None = Field(default=None, description="how a reservation is set, where there are any")
    envelope: Envelope | None = Field(default=None, description="where answers are wrapped, errors included")
    errors: ErrorsModel | None = Field(default=None, description="where errors say what is wrong, without an envelope")
    limits: LimitsModel | None = Field(default=None, description="how often the system may be asked")
    idempotency_header: Header | None = Field(
        default=None, description="header that carries the key of a write, so that a repeat of it has no effect"
    )
    timeout_s: int = Field(default=30, ge=1, le=600, description="how long one whole answer may take")
    attempts: int = Field(default=3, ge=1, le=10, description="tries of a read that fails for a passing reason")
    concurrency: int = Field(default=4, ge=1, le=64, description="writes that are under way at once")
    page_size_mb: int = Field(default=20, ge=1, le=200, description="an answer larger than this is refused")

    @model_validator(mode="after")
    def _parts_that_go_together(self) -> Self:
        if self.envelope is not None and self.list.form == "lines":
            raise ValueError("lines have no envelope")
        if self.envelope is not None and self.errors is not None:
            raise ValueError("an envelope says where errors are: leave out errors")
        return self


class MemoryConnection(Strict):
    """A system held in memory, for tests and rehearsals."""

    protocol: Literal["memory"]


Connection = Annotated[RestConnection | FilesConnection | MemoryConnection, Field(discriminator="protocol")]
