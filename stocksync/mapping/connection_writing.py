"""How a record is created and changed, as `connection: create:` and `update:` say it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from stocksync.mapping.strict import Strict

Scalar = str | int | bool
Method = Literal["POST", "PUT", "PATCH"]


class WriteOperation(Strict):
    """How a record is created or changed."""

    method: Method = Field(description="POST, PUT or PATCH")
    path: str = Field(description='path after the address; `{id}` is the record\'s id: "/vehicles/{id}/update"')
    query: dict[str, str | int] = Field(
        default_factory=dict,
        description="parameters sent with it; `{id}` and `{point_of_sale}` in them are filled in",
    )
    content_type: str = Field(default="application/json", description="the body's type; it is JSON whatever its name")
    send: Literal["changes", "top_level", "whole"] = Field(
        default="changes",
        description="changes: only the fields that change, each at its place (a merge patch, a partial PUT). "
        "top_level: the outermost fields that something changes in, each of them whole; the record is read first. "
        "whole: the record is read, changed, and sent back with every field it has, those unknown to us too",
    )
    leave_out: list[str] = Field(
        default_factory=list,
        description="for top_level and whole: paths of fields that are never sent back, as what the system computes",
    )
    wrap: str | None = Field(default=None, description='path under which the body is sent, such as "vehicle"')
    extra: dict[str, Scalar] = Field(
        default_factory=dict,
        description="constant fields of the body, outside `wrap`: path to value; `{id}` and `{point_of_sale}` in them "
        "are filled in",
    )
    precondition: Literal["etag", "etag_as_is", "etag_header", "field", "none"] = Field(
        default="none",
        description="what makes the system refuse a write to a record that has moved. etag: If-Match with the record's "
        "version in double quotes. etag_as_is: with the version as it is, being a whole entity tag. etag_header: with "
        "the header ETag of the answer that the record was last read by, weak or strong. field: the version is sent "
        "back in the body. none: nothing is checked",
    )
    version_field: str | None = Field(
        default=None,
        description="for `precondition: field`: path in the body, under `wrap`; that of record.version unless told",
    )
    version_type: Literal["text", "number"] = Field(
        default="text", description="for `precondition: field`: whether the version is sent as a text or as a number"
    )
    stale_statuses: list[Annotated[int, Field(ge=400, le=499)]] = Field(
        default_factory=lambda: [412, 428],
        description="statuses that say the record has moved; many systems with a version in the body say it by 409",
    )
    answer: Literal["record", "nothing", "id", "location"] = Field(
        default="record",
        description="what is answered: the record; nothing of use, so that it is read again; only its id, at `id_at`; "
        "or its address, in the header Location, whose last step is the id",
    )
    id_at: str | None = Field(
        default=None,
        description="for `answer: id`: path of the id in the answer; left out, the answer is the id itself",
    )
    item: str | None = Field(
        default=None, description="path of the record in the answer; as for reading unless told otherwise"
    )

    @model_validator(mode="after")
    def _settings_that_go_together(self) -> Self:
        if self.version_field is not None and self.precondition != "field":
            raise ValueError("version_field goes with `precondition: field`")
        if self.id_at is not None and self.answer != "id":
            raise ValueError("id_at goes with `answer: id`")
        if self.leave_out and self.send == "changes":
            raise ValueError("leave_out goes with `send: whole` or `send: top_level`")
        return self


class ReserveOperation(Strict):
    """How an unlimited reservation that blocks sale and publication is set; `body` is sent as it is."""

    method: Method = Field(description="POST, PUT or PATCH")
    path: str = Field(description="path after the address; `{id}` is the record's id")
    body: dict[str, Any] = Field(description="what is sent")
