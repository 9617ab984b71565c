"""Whether what the matrix promises can flow: who carries an attribute, who takes writes, which operations there are.

A value is written to the side that does not own it, so that is where a field must take writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stocksync.mapping import models
from stocksync.mapping.draft import POINTS_OF_SALE, VEHICLE, Draft
from stocksync.mapping.effective import DMS_CREATES_VEHICLES
from stocksync.mapping.source import Keys, Source
from stocksync.stock import vehicle as core
from stocksync.stock.lifecycle import NOT_THERE, Meaning
from stocksync.stock.values import SIDES, Side

Said = tuple[Source, Keys, models.PolicyModel]


def check_carried(draft: Draft) -> None:
    """Note attributes that nobody carries, and owners whose word reaches nobody."""
    vehicle: models.VehicleFile | None = draft.files[VEHICLE]
    if vehicle is not None:
        _check_carried_nowhere(draft, vehicle)
    for pair in draft.pairs:
        sides = {side: draft.part(pair, f"{side}.yaml") for side in SIDES}
        if all(file is not None for file in sides.values()):
            _Pair(draft, pair, sides).check()


def carries(file: models.SideFile, name: str) -> bool | None:
    """Tell whether a side carries an attribute; None where its file does not say."""
    if name in file.fields:
        return True
    return False if name in file.not_carried else None


def takes_writes(file: models.SideFile, name: str) -> bool:
    """Tell whether a side's field of an attribute can be written."""
    field = file.fields.get(name)
    return field is not None and field.writable and not isinstance(field, models.MatchesField)


def offers(connection: Any, operation: str) -> bool:
    """Tell whether a system can be asked for an operation: create, update or reserve."""
    for part in (operation, "outgoing"):
        if hasattr(connection, part):
            return getattr(connection, part) is not None
    return True


def _check_carried_nowhere(draft: Draft, vehicle: models.VehicleFile) -> None:
    sides = [draft.part(pair, f"{side}.yaml") for pair in draft.pairs for side in SIDES]
    if not sides or None in sides:
        return
    for name in vehicle.attributes:
        # What the core knows by name must be in every vocabulary, carried or not.
        if name not in core.REQUIRED_ATTRIBUTES and all(carries(side, name) is False for side in sides):
            message = f"no side carries the attribute {name}; give it a field, or take it out here"
            draft.sources[VEHICLE].report(("attributes", name), message, code="carried_nowhere")


@dataclass
class _Pair:
    """One pair of systems."""

    draft: Draft
    pair: str
    sides: dict[Side, models.SideFile]

    def check(self) -> None:
        """Note what cannot flow between the two."""
        needed: dict[Side, list[str]] = {side: [] for side in SIDES}
        for name, (source, at, policy) in self._policies():
            if name in core.LIFECYCLE_ATTRIBUTES:
                continue
            if policy.owner is not None:
                self._check_owner(name, policy.owner, source, (*at, "owner"), needed)
            if isinstance(policy.fill_blank, str):
                self._check_fill(name, Side(policy.fill_blank), source, (*at, "fill_blank"))
        for side, names in needed.items():
            self._check_update(side, names)
        lifecycle: models.LifecycleFile | None = self.draft.part(self.pair, "lifecycle.yaml")
        if lifecycle is not None:
            self._check_creation(lifecycle)
            self._check_reservation(lifecycle)
            self._check_stage(lifecycle)
        self._check_creation_in_module()

    def _policies(self) -> Iterator[tuple[str, Said]]:
        """Go through every place that says something of an attribute's ownership."""
        file: models.OwnershipFile | None = self.draft.part(self.pair, "ownership.yaml")
        source = self.draft.source(self.pair, "ownership.yaml")
        for part, rows in (("matrix", file.matrix), ("also_carried", file.also_carried)) if file is not None else ():
            for index, row in enumerate(rows):
                if isinstance(row, models.AttributeRowModel):
                    yield row.attribute, (source, (part, index), row)
                    for place, exception in enumerate(row.exceptions):
                        yield row.attribute, (source, (part, index, "exceptions", place), exception)
        for point, name, policy in self._overrides():
            keys: Keys = ("points_of_sale", point, "ownership", name)
            yield name, (self.draft.sources[POINTS_OF_SALE], keys, policy)

    def _points(self) -> dict[str, models.PointOfSaleModel]:
        file: models.PointsOfSaleFile | None = self.draft.files[POINTS_OF_SALE]
        points = file.points_of_sale if file is not None else {}
        return {name: point for name, point in points.items() if point.pair == self.pair}

    def _overrides(self) -> Iterator[tuple[str, str, models.PolicyModel]]:
        for point, model in self._points().items():
            for name, policy in model.ownership.items():
                yield point, name, policy

    def _check_owner(self, name: str, owner: str, source: Source, at: Keys, needed: dict[Side, list[str]]) -> None:
        carried = {side: carries(file, name) for side, file in self.sides.items()}
        if owner not in (*SIDES, "shared") or None in carried.values() or not any(carried.values()):
            return
        if not all(carried.values()):
            self._report_one_side(name, owner, source, at, next(side for side in SIDES if carried[side]))
            return
        targets = SIDES if owner == "shared" else (Side(owner).other,)
        for target in targets:
            if takes_writes(self.sides[target], name):
                needed[target].append(name)
                continue
            whose = "what the other side changes is" if owner == "shared" else f"what the {_named(owner)} says is"
            message = (
                f"the field of the {_named(target)} takes no write, so that {whose} never written there, only reported;"
                f" make that field writable, or say owner: {target if owner == 'shared' else 'none'}"
            )
            source.report(at, message, owner, code="owner_cannot_write", level="warning")

    def _report_one_side(self, name: str, owner: str, source: Source, at: Keys, only: Side) -> None:
        if owner in (only, "shared"):
            message = (
                f"only the {_named(only)} carries {name}, so that nothing flows; say owner: none,"
                f" or give it a field in {only.other}.yaml"
            )
            source.report(at, message, owner, code="one_side_only", level="warning")
        else:
            message = (
                f"the {_named(owner)} does not carry {name}, so that it cannot own it; give it a field in {owner}.yaml,"
                f" or name another owner"
            )
            source.report(at, message, owner, code="owner_not_carried")

    def _check_fill(self, name: str, side: Side, source: Source, at: Keys) -> None:
        file = self.sides[side]
        if carries(file, name) is True and takes_writes(file, name):
            return
        if carries(file, name) is None or not any(carries(other, name) for other in self.sides.values()):
            return
        why = "its field there takes no write" if carries(file, name) else f"{side}.yaml does not carry it"
        message = f"a blank of {name} cannot be filled in the {_named(side)}: {why}; make it writable, or say false"
        source.report(at, message, str(side), code="fill_blank_cannot_write")

    def _check_update(self, side: Side, names: list[str]) -> None:
        if not names or offers(self.sides[side].connection, "update"):
            return
        some = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        message = (
            f"the matrix has {some} written here, and there is no way to change a record; say how, or change owners"
        )
        self.draft.source(self.pair, f"{side}.yaml").report(("connection",), message, code="update_missing")

    def _check_creation(self, lifecycle: models.LifecycleFile) -> None:
        if offers(self.sides[Side.DMS].connection, "create"):
            return
        for stage, row in lifecycle.meanings.items():
            for status, meaning in row.items():
                if meaning == Meaning.CREATE_IN_DMS and status == NOT_THERE:
                    message = (
                        "dms.yaml does not say how a record is created; add connection: create, or say ignored here"
                    )
                    source = self.draft.source(self.pair, "lifecycle.yaml")
                    source.report(("meanings", stage, status), message, meaning, code="create_missing")

    def _check_creation_in_module(self) -> None:
        if offers(self.sides[Side.VEHICLE_MODULE].connection, "create"):
            return
        message = "vehicle_module.yaml does not say how a record is created; add connection: create, or turn it off"
        file: models.OwnershipFile | None = self.draft.part(self.pair, "ownership.yaml")
        for index, row in enumerate(file.matrix if file is not None else ()):
            on = isinstance(row, models.SwitchRowModel) and row.guide.dms_may_modify == "OUI"
            if on and isinstance(row, models.SwitchRowModel) and row.switch == DMS_CREATES_VEHICLES:
                keys: Keys = ("matrix", index, "guide", "dms_may_modify")
                self.draft.source(self.pair, "ownership.yaml").report(keys, message, "OUI", code="create_missing")
        for name, point in self._points().items():
            if point.switches.get(DMS_CREATES_VEHICLES):
                keys = ("points_of_sale", name, "switches", DMS_CREATES_VEHICLES)
                self.draft.sources[POINTS_OF_SALE].report(keys, message, "true", code="create_missing")

    def _check_reservation(self, lifecycle: models.LifecycleFile) -> None:
        module, dms = self.sides[Side.VEHICLE_MODULE], self.sides[Side.DMS]
        sales_show = any(carries(dms, name) for name in (core.DMS_ORDER, core.INVOICE_NUMBER))
        if offers(module.connection, "reserve") or not sales_show:
            return
        for name, line in lifecycle.lines_of_life.items():
            if line.reserve_when_sold_outside:
                message = (
                    "a car sold in the DMS alone is to be reserved, and vehicle_module.yaml does not say how; add"
                    " connection: reserve, or say reserve_when_sold_outside: false"
                )
                source = self.draft.source(self.pair, "lifecycle.yaml")
                source.report(("lines_of_life", name), message, code="reserve_missing", level="warning")

    def _check_stage(self, lifecycle: models.LifecycleFile) -> None:
        follows = any(Meaning.FOLLOW_DMS in row.values() for row in lifecycle.meanings.values())
        module = self.sides[Side.VEHICLE_MODULE]
        if follows and carries(module, core.STAGE) and not takes_writes(module, core.STAGE):
            message = "lifecycle.yaml has cars follow the DMS, and their stage takes no write; make it writable"
            source = self.draft.source(self.pair, "vehicle_module.yaml")
            source.report(("fields", core.STAGE), message, code="stage_cannot_be_written", level="warning")


def _named(side: str) -> str:
    return "DMS" if side == Side.DMS else "vehicle module"
