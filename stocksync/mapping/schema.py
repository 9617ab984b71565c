"""JSON Schema for every kind of mapping file, so that an editor completes and checks while one types.

Made from `models`, hence never looser or stricter than the loader's grammar, but for what a schema cannot say: names
of time zones, formats of instants, and whatever `checks` finds between files; and where the loader takes a key with
nothing behind it as left out, an editor says that something is due. Writing files is `mapping_schema`.
"""

from __future__ import annotations

import json
import os.path
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from stocksync.mapping.draft import PAIR_FILES, POINTS_OF_SALE, VEHICLE
from stocksync.mapping.models import (
    LifecycleFile,
    OwnershipFile,
    PairFile,
    PointsOfSaleFile,
    SideFile,
    VehicleFile,
)

Kind = Literal["vehicle", "points_of_sale", "pair", "ownership", "lifecycle", "side"]

MODELS: Final[Mapping[Kind, type[BaseModel]]] = {
    "vehicle": VehicleFile,
    "points_of_sale": PointsOfSaleFile,
    "pair": PairFile,
    "ownership": OwnershipFile,
    "lifecycle": LifecycleFile,
    "side": SideFile,
}
_KIND_OF: Final = {model: kind for kind, model in MODELS.items()}

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
FOLDER: Final = "schema"
"""Beside vehicle.yaml: the folder that the mapping files' first lines point into."""

_MODELINE: Final = re.compile(r"# yaml-language-server: \$schema=[^\r\n]*")
_BOM: Final = b"\xef\xbb\xbf"
_NAMES: Final = ("properties", "$defs")
"""What holds schemas by names that are anybody's, such as a property called `title`."""


def schema_of(kind: Kind) -> dict[str, Any]:
    """Make the schema of one kind of file."""
    made = MODELS[kind].model_json_schema(schema_generator=_InOrder)
    return {"$schema": DRAFT, **_for_editors(made)}


def as_file(schema: Mapping[str, Any]) -> bytes:
    """Spell a schema as its file holds it: the same models give the same bytes."""
    text = json.dumps(schema, indent=2, ensure_ascii=False)
    # These spaces look like the common one.
    return (text.replace("\u00a0", "\\u00a0").replace("\u202f", "\\u202f") + "\n").encode()


def file_name(kind: Kind) -> str:
    """Name a schema's file, relative to the folder that holds vehicle.yaml."""
    return f"{FOLDER}/{kind}.schema.json"


def kind_of(name: str) -> Kind | None:
    """Tell which kind a mapping file is, by its name relative to that folder; None for any other file."""
    path = PurePosixPath(name)
    if name in (VEHICLE, POINTS_OF_SALE):
        return "vehicle" if name == VEHICLE else "points_of_sale"
    if len(path.parts) == 3 and path.parts[0] == "pairs" and path.name in PAIR_FILES:
        return _KIND_OF[PAIR_FILES[path.name]]
    return None


def modeline(name: str, kind: Kind, schemas_in: str = ".") -> str:
    """Spell the comment that tells editors where a mapping file's schema is, relative to the file."""
    target = os.path.relpath(f"{schemas_in}/{file_name(kind)}", PurePosixPath(name).parent)
    return f"# yaml-language-server: $schema={PurePosixPath(target.replace(os.sep, '/'))}"


def with_modeline(raw: bytes, line: str) -> bytes:
    """Make that comment a file's first line; a first line that is such a comment gives way, all else stays."""
    bom, text = (_BOM, raw[len(_BOM) :]) if raw.startswith(_BOM) else (b"", raw)
    first, newline, rest = text.partition(b"\n")
    ending = b"\r\n" if first.endswith(b"\r") and newline else b"\n"
    if _MODELINE.fullmatch(first.removesuffix(b"\r").decode("utf-8", "replace")):
        return bom + line.encode() + (ending if newline else b"") + rest
    return bom + line.encode() + ending + text


class _InOrder(GenerateJsonSchema):
    """Everything in the order of the models, which is the one that people read."""

    def sort(self, value: Any, parent_key: str | None = None) -> Any:
        """Sort nothing."""
        return value


def _for_editors(node: Any) -> Any:
    """Leave out what only says a name again, and say alternatives as editors explain them best.

    `null` would be offered as something to write where it only stands for a key that is left out, and `oneOf` blames a
    half-typed entry for matching several members of a union, which a keyword of its own tells apart anyway.
    """
    if isinstance(node, list):
        return [_for_editors(item) for item in node]
    if not isinstance(node, dict):
        return node
    made: dict[str, Any] = {}
    for key, value in _without_null(node).items():
        if key in ("title", "discriminator"):
            continue
        if key in _NAMES:
            made[key] = {name: _for_editors(inner) for name, inner in value.items()}
        elif key in ("default", "examples", "const", "enum"):
            made[key] = value
        elif key == "description":
            made[key] = re.sub(r"(?<!\n)\n(?!\n)", " ", value)
        else:
            made["anyOf" if key == "oneOf" else key] = _for_editors(value)
    return made


def _without_null(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A key that may be left out, without the null that its model holds then; other nulls are words."""
    if "default" not in node or node["default"] is not None:
        return node
    rest = {key: value for key, value in node.items() if key not in ("anyOf", "default")}
    members = [member for member in node.get("anyOf", ()) if member != {"type": "null"}]
    if len(members) == 1:
        return {**members[0], **rest}
    return {"anyOf": members, **rest} if members else rest
