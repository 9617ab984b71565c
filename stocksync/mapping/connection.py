"""How a system is reached, as `vehicle_module.yaml` and `dms.yaml` say it under `connection`.

The closed language of the REST adapter's settings; the adapter holds no vendor's name. Addresses and secrets
are not here: a point of sale names the environment variables that hold them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Strict(BaseModel):
    """A part of a mapping file: unknown keys are refused, values are never coerced into other types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BearerAuth(Strict):
    """`Authorization: Bearer <secret>`."""

    scheme: Literal["bearer"]
    secret: str = Field(description="name of the secret, as the points of sale list it under `secrets`")


class ApiKeyAuth(Strict):
    """A key in a header of the system's own."""

    scheme: Literal["api_key"]
    header: str
    secret: str


class CursorPaging(Strict):
    """Pages chained by an opaque cursor; complete iff the last one names no next."""

    style: Literal["cursor"]
    parameter: str
    next: str = Field(description="path, in the answer, of the next cursor; null ends the listing")


class NumberedPaging(Strict):
    """Numbered pages over a live table; complete iff no page shifted and the totals add up."""

    style: Literal["page"]
    parameter: str
    pages: str = Field(description="path, in the answer, of the number of pages")
    total: str = Field(description="path, in the answer, of the number of records")


def _stamp_format(letters: str) -> str:
    if letters != "rfc3339" and any(letters.count(part) != 1 for part in ("yyyy", "mm", "dd", "hh", "mi", "ss")):
        raise ValueError('rfc3339 is due, or yyyy, mm, dd, hh, mi and ss, each once, such as "dd/mm/yyyy hh:mi:ss"')
    return letters


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError('the name of a time zone is due, such as "Europe/Paris"')
    return name


class ChangesModel(Strict):
    """How a listing is narrowed to what changed since an instant, on the system's own clock.

    `stamp` is where a record says when it was changed, `rfc3339` or in the letters dd, mm, yyyy, hh, mi, ss. Without
    an offset `time_zone` says whose local time it is: an hour that comes twice is then asked for twice.
    `overlap_s` is how much is asked for again each time: what became visible late is found all the same.
    """

    parameter: str
    stamp: str = Field(description="path, in a record, of the instant of its last change")
    format: Annotated[str, AfterValidator(_stamp_format)] = "rfc3339"
    time_zone: Annotated[str, AfterValidator(_time_zone)] | None = None
    overlap_s: int = Field(default=120, ge=0, le=86_400)


class ListOperation(Strict):
    """How every record of a point of sale is listed.

    `query` values may hold `{point_of_sale}`, the system's own code of the point of sale. `changes` is left out where
    a system cannot list what changed: quick runs then list everything.
    """

    path: str
    query: dict[str, str | int] = Field(default_factory=dict)
    items: str = Field(description="path, in the answer, of the list of records")
    paging: Annotated[CursorPaging | NumberedPaging, Field(discriminator="style")]
    changes: ChangesModel | None = None


class ReadOperation(Strict):
    """How one record is read; `{id}` in the path is its id."""

    path: str


class WriteOperation(Strict):
    """How a record is created or changed.

    precondition `etag`: If-Match with the record's version in double quotes; `none`: nothing is checked.
    """

    method: Literal["POST", "PUT", "PATCH"]
    path: str
    content_type: str = "application/json"
    precondition: Literal["etag", "none"] = "none"


class ReserveOperation(Strict):
    """How an unlimited reservation that blocks sale and publication is set; `body` is sent as it is."""

    method: Literal["POST", "PUT", "PATCH"]
    path: str
    body: dict[str, Any]


class Envelope(Strict):
    """Where a system wraps its answers, errors included, in one object sent with HTTP 200.

    Paths in the answer: `ok` a boolean, `code` an HTTP-like status, `message` a text, `errors` a list of
    objects whose `error_field` and `error_message` name a field and what is wrong with it, `item` the record.
    """

    ok: str
    code: str
    message: str
    errors: str
    error_field: str
    error_message: str
    item: str


class RestConnection(Strict):
    """A system with JSON over HTTP."""

    protocol: Literal["rest"]
    auth: Annotated[BearerAuth | ApiKeyAuth, Field(discriminator="scheme")]
    list: ListOperation
    read: ReadOperation
    create: WriteOperation | None = None
    update: WriteOperation
    reserve: ReserveOperation | None = None
    envelope: Envelope | None = None
    idempotency_header: str | None = None
    timeout_s: int = Field(default=30, ge=1, le=600)
    attempts: int = Field(default=3, ge=1, le=10, description="tries of a read that fails for a passing reason")
    concurrency: int = Field(default=4, ge=1, le=64)
    page_size_mb: int = Field(default=20, ge=1, le=200)


class MemoryConnection(Strict):
    """A system held in memory, for tests and rehearsals."""

    protocol: Literal["memory"]


Connection = Annotated[RestConnection | MemoryConnection, Field(discriminator="protocol")]
