"""The version of a mapping: one short text that changes when a decision can change, and only then.

So a comment, a label, a name, the guide's wording, a schedule and how a system is reached are left out; not where in an
item of a listing the record stands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from stocksync.mapping import models
from stocksync.mapping.connection import RestConnection


def version_of(
    vehicle: models.VehicleFile,
    pair: models.PairFile,
    ownership: models.OwnershipFile,
    lifecycle: models.LifecycleFile,
    sides: list[models.SideFile],
    point: models.PointOfSaleModel,
    switches: Mapping[str, bool],
    codes: Mapping[str, tuple[str, str]],
) -> str:
    """Hash what a point of sale's decisions rest on; `codes` are those of every point of sale of its pair."""
    parts: dict[str, Any] = {
        "attributes": {name: _attribute(model) for name, model in vehicle.attributes.items()},
        "rules": [rule.model_dump() for rule in vehicle.rules],
        "pair": pair.model_dump(exclude={"label", "delivery"}),
        "rows": {row.attribute: _row(row) for row in _attribute_rows(ownership)},
        "switches": dict(switches),
        "lifecycle": _lifecycle(lifecycle),
        "sides": [side.model_dump(exclude={"system", "label", "connection", "webhook"}) for side in sides],
        "time_zone": point.time_zone,
        "ownership": {name: policy.model_dump() for name, policy in point.ownership.items()},
        "stages_left_out": point.stages_left_out,
        "codes": dict(codes),
    }
    if any(within := [_within_items(side) for side in sides]):
        parts["within_items"] = within
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _within_items(side: models.SideFile) -> str | None:
    """Where the record stands in each item of a listing: of bytes that come again, what is read is another one."""
    return side.connection.list.each if isinstance(side.connection, RestConnection) else None


def _attribute(model: models.AttributeModel) -> dict[str, Any]:
    return {**model.model_dump(exclude={"label", "personal"}), "choices": sorted(model.choices)}


def _attribute_rows(file: models.OwnershipFile) -> list[models.AttributeRowModel]:
    rows = [*file.matrix, *file.also_carried]
    return [row for row in rows if isinstance(row, models.AttributeRowModel)]


def _row(row: models.AttributeRowModel) -> dict[str, Any]:
    exceptions = [exception.model_dump(exclude={"provisional"}) for exception in row.exceptions]
    return {**row.model_dump(exclude={"guide", "provisional"}), "exceptions": exceptions}


def _lifecycle(file: models.LifecycleFile) -> list[Any]:
    """Lists where the order counts: the first transition that fits is taken."""
    return [
        list(file.stages),
        {name: status.model_dump(exclude={"label"}) for name, status in file.dms_statuses.items()},
        {name: line.model_dump(exclude={"to_confirm"}) for name, line in file.lines_of_life.items()},
        [(name, transition.model_dump()) for name, transition in file.transitions.items()],
        file.meanings,
    ]
