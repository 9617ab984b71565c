"""What `pairs/*/vehicle_module.yaml` and `dms.yaml` may say: a system, its records and its webhook.

Not here: how it is reached (`stocksync.mapping.connection`), and its fields (`fields`).
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from stocksync.mapping.connection import Connection
from stocksync.mapping.models.common import Label, Words, as_pattern
from stocksync.mapping.models.fields import FieldModel
from stocksync.mapping.strict import Strict


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


_HEADER_NAME: Final = "[A-Za-z0-9][A-Za-z0-9-]{0,63}"


def _header_name(name: str) -> str:
    if not re.fullmatch(_HEADER_NAME, name):
        raise ValueError("a header's name is due, such as X-Signature: letters, digits and hyphens")
    return name


HeaderName = Annotated[str, AfterValidator(_header_name), as_pattern(_HEADER_NAME)]


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
