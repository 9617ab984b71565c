"""The vehicle module's state and everything that can happen to it, whoever asks.

Answers what a listing page holds and how a change moves `version` and `updatedAt`. What is acceptable is in
`vehicle_module_rules.py`; HTTP (keys, ETags, cursors, problems) is in `vehicle_module_server.py`.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import orjson

from stocksync.sandbox.breaks import clock_skew_s
from stocksync.sandbox.clock import TICK, Clock, instant_text, read_instant, utc_now
from stocksync.sandbox.lens import View
from stocksync.sandbox.state import VEHICLE_MODULE_FILE, StateFile
from stocksync.sandbox.vehicle_module_rules import (
    Problem,
    checked_reservation,
    checked_vehicle,
    merged,
    require_move,
)

_TABLES = """
CREATE TABLE IF NOT EXISTS points_of_sale (id TEXT PRIMARY KEY, name TEXT NOT NULL, entity TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS vehicles (id TEXT PRIMARY KEY, point_of_sale TEXT NOT NULL,
  updated_at TEXT NOT NULL, version INTEGER NOT NULL, status TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, fingerprint BLOB NOT NULL, answer BLOB NOT NULL);
"""
_INDEXES = {
    "vehicles_listed": "vehicles (point_of_sale, updated_at, id)",
    "vehicles_by_status": "vehicles (status, id)",
}
_LAST_STAMP = "last_updated_at"
_LAST_NUMBER = "last_vehicle_number"
EMPTY_GROUPS: Mapping[str, Mapping[str, None]] = {
    "identification": dict.fromkeys(
        (
            "vin",
            "registration",
            "firstRegistrationDate",
            "registrationCertificateDate",
            "policeNumber",
            "dmsReference",
        )
    ),
    "characteristics": dict.fromkeys(("exteriorColour", "mileage")),
    "purchase": dict.fromkeys(("origin", "source", "tradeInBuyer", "tradeInPrice")),
    "costs": {"reconditioning": None},
    "sale": dict.fromkeys(("price", "invoicedPrice", "vatRecoverable")),
}

Vehicle = dict[str, Any]


class Position(NamedTuple):
    """Where a listing stands: the keys of the last vehicle served."""

    updated_at: str
    id: str


class VehicleModule:
    """An open vehicle module."""

    def __init__(self, directory: Path, clock: Clock = utc_now) -> None:
        self.state = StateFile(directory / VEHICLE_MODULE_FILE, _TABLES)
        self.clock = clock
        self.index()

    def index(self) -> None:
        """Build what listings need; bulk loading is faster without."""
        for name, columns in _INDEXES.items():
            self.state.sql.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {columns}")

    def empty(self) -> None:
        """Forget everything, indexes included, before a bulk load."""
        with self.state.writing():
            for name in _INDEXES:
                self.state.sql.execute(f"DROP INDEX IF EXISTS {name}")
            for table in ("vehicles", "points_of_sale", "answers", "settings"):
                self.state.sql.execute(f"DELETE FROM {table}")

    def writing(self) -> AbstractContextManager[None]:
        """Make several calls one change."""
        return self.state.writing()

    def now(self) -> datetime:
        """Read the module's own clock, which may be off."""
        return self.clock() + timedelta(seconds=clock_skew_s(self.state))

    # -- reading

    def points_of_sale(self) -> list[dict[str, str]]:
        """List the points of sale, by id."""
        rows = self.state.sql.execute("SELECT id, name, entity FROM points_of_sale ORDER BY id")
        return [{"id": id_, "name": name, "entity": entity} for id_, name, entity in rows]

    def knows_point_of_sale(self, point_of_sale: str) -> bool:
        """Say whether a point of sale exists."""
        rows = self.state.sql.execute("SELECT 1 FROM points_of_sale WHERE id = ?", (point_of_sale,))
        return rows.fetchone() is not None

    def page(
        self, point_of_sale: str, after: Position, count: int, view: View | None = None
    ) -> tuple[list[bytes], Position | None]:
        """Return up to `count` vehicles in order (updatedAt, id), and where to go on, or None at the end."""
        read = self._listed if view is None else partial(self._seen, view)
        rows = read(point_of_sale, after, count + 1)
        more = Position(*rows[count - 1][1:]) if len(rows) > count else None
        return [row[0] for row in rows[:count]], more

    def _listed(self, point_of_sale: str, after: Position, count: int) -> list[tuple[bytes, str, str]]:
        return self.state.sql.execute(
            "SELECT body, updated_at, id FROM vehicles WHERE point_of_sale = ? AND (updated_at, id) > (?, ?)"
            " ORDER BY updated_at, id LIMIT ?",
            (point_of_sale, *after, count),
        ).fetchall()

    def _seen(self, view: View, point_of_sale: str, after: Position, count: int) -> list[tuple[bytes, str, str]]:
        query = "SELECT id, body FROM vehicles WHERE point_of_sale = ?"
        seen = []
        for id_, body in view.records(self.state.sql.execute(query, (point_of_sale,))):
            position = Position(orjson.loads(body)["updatedAt"], id_)
            if position > after:
                seen.append((position, body))
        return [(body, *position) for position, body in sorted(seen)[:count]]

    def stored(self, id_: str) -> bytes | None:
        """Read one vehicle as stored, if it exists."""
        row = self.state.sql.execute("SELECT body FROM vehicles WHERE id = ?", (id_,)).fetchone()
        return None if row is None else cast(bytes, row[0])

    def place_of(self, body: bytes) -> str:
        """Return the point of sale of a vehicle as stored."""
        return cast(str, orjson.loads(body)["pointOfSale"])

    def vehicle(self, id_: str) -> Vehicle:
        """Read one vehicle; Problem 404."""
        return cast(Vehicle, orjson.loads(self.vehicle_bytes(id_)))

    def vehicle_bytes(self, id_: str) -> bytes:
        """Read one vehicle as stored, the very bytes that listings carry; Problem 404."""
        body = self.stored(id_)
        if body is None:
            raise unknown_vehicle(id_)
        return body

    def find(self, id_: str) -> Vehicle | None:
        """Read one vehicle if it exists."""
        body = self.stored(id_)
        return None if body is None else cast(Vehicle, orjson.loads(body))

    def ids_from(self, status: str, start: str, count: int) -> list[str]:
        """List ids in a status from `start` on, then from the first one: a pick without reading all."""
        query = "SELECT id FROM vehicles WHERE status = ? AND id {} ? ORDER BY id LIMIT ?"
        found = self.state.sql.execute(query.format(">="), (status, start, count)).fetchall()
        found += self.state.sql.execute(query.format("<"), (status, start, count - len(found))).fetchall()
        return [row[0] for row in found]

    def last_number(self) -> int:
        """Return the number of the youngest vehicle."""
        return cast("int | None", self.state.setting(_LAST_NUMBER)) or 0

    def youngest(self) -> str:
        """Return the id of the last vehicle that was created."""
        return vehicle_id(self.last_number())

    # -- changing

    def create(self, sent: object, by: str) -> Vehicle:
        """Create a vehicle, in PRE_RENTREE whatever was sent; Problem 422."""
        fields = checked_vehicle(sent)
        self._require_point_of_sale(fields.get("pointOfSale"))
        with self.state.writing():
            number = self.last_number() + 1
            self.state.set_setting(_LAST_NUMBER, number)
            vehicle = self._stamped(new_vehicle(vehicle_id(number), fields), by)
            vehicle["createdAt"] = vehicle["updatedAt"]
            self.add([vehicle])
        return vehicle

    def patch(self, id_: str, sent: object, by: str) -> Vehicle:
        """Merge a patch into a vehicle; one that changes nothing moves nothing. Problem 404, 409, 422."""
        fields = checked_vehicle(sent)
        if "pointOfSale" in fields:
            self._require_point_of_sale(fields["pointOfSale"])
        with self.state.writing():
            before = self.vehicle(id_)
            after = merged(before, fields)
            require_move(before, after)
            return before if after == before else self._replace(after, by)

    def reserve(self, id_: str, sent: object, by: str) -> None:
        """Set the reservation, in place of any other; the version moves. Problem 404, 422."""
        with self.state.writing():
            vehicle = self.vehicle(id_)
            self._replace({**vehicle, "reservation": checked_reservation(sent)}, by)

    def unreserve(self, id_: str, by: str) -> None:
        """Take the reservation away; without one, nothing moves. Problem 404."""
        with self.state.writing():
            vehicle = self.vehicle(id_)
            if vehicle["reservation"] is not None:
                self._replace({**vehicle, "reservation": None}, by)

    def set_order(self, id_: str, order: Mapping[str, str] | None, by: str) -> Vehicle:
        """Record an order of the Opportunities module, or its cancellation; Problem 404."""
        with self.state.writing():
            return self._replace({**self.vehicle(id_), "order": order}, by)

    def add_points_of_sale(self, points: Iterable[Mapping[str, str]]) -> None:
        """Add points of sale, or rename them."""
        with self.state.writing():
            self.state.sql.executemany("REPLACE INTO points_of_sale VALUES (:id, :name, :entity)", points)

    def add(self, vehicles: Iterable[Vehicle]) -> None:
        """Store whole vehicles, stamps included."""
        with self.state.writing():
            self.state.sql.executemany("INSERT INTO vehicles VALUES (?, ?, ?, ?, ?, ?)", map(_row, vehicles))

    def loaded(self, last_number: int, at: datetime) -> None:
        """Close a bulk load: later vehicles and stamps follow these."""
        with self.state.writing():
            self.state.set_setting(_LAST_NUMBER, last_number)
            self.state.set_setting(_LAST_STAMP, instant_text(at))
        self.index()

    def _require_point_of_sale(self, point_of_sale: str | None) -> None:
        if point_of_sale is None or not self.knows_point_of_sale(point_of_sale):
            message = "is required" if point_of_sale is None else "is not a known point of sale"
            raise Problem(422, "invalid fields", [{"field": "pointOfSale", "message": message}])

    def _replace(self, vehicle: Vehicle, by: str) -> Vehicle:
        stamped = self._stamped(vehicle, by)
        self.state.sql.execute("REPLACE INTO vehicles VALUES (?, ?, ?, ?, ?, ?)", _row(stamped))
        return stamped

    def _stamped(self, vehicle: Vehicle, by: str) -> Vehicle:
        # each stamp is later than all before it, so that a changed vehicle goes to the end even in one
        # microsecond
        at = self.clock()
        last = cast("str | None", self.state.setting(_LAST_STAMP))
        if last is not None:
            at = max(at, read_instant(last) + TICK)
        self.state.set_setting(_LAST_STAMP, instant_text(at))
        # off by what the clock is off, so that a clock set back gives stamps of the past, as it does
        shown = instant_text(at + timedelta(seconds=clock_skew_s(self.state)))
        return {**vehicle, "version": vehicle["version"] + 1, "updatedAt": shown, "updatedBy": by}


def vehicle_id(number: int) -> str:
    """Write the id of the vehicle with that number."""
    return f"OF-{number:06d}"


def unknown_vehicle(id_: str) -> Problem:
    """Say that a vehicle does not exist."""
    return Problem(404, f"no vehicle {id_}")


def new_vehicle(id_: str, fields: Mapping[str, Any]) -> Vehicle:
    """Lay out a vehicle that never changed yet: version 0, PRE_RENTREE, every nullable field in sight."""
    head = {"id": id_, "pointOfSale": "", "version": 0, "createdAt": "", "updatedAt": "", "updatedBy": ""}
    tail = {"reservation": None, "order": None}
    whole = merged({**head, "type": "VO", "status": "", **EMPTY_GROUPS, **tail}, fields)
    return {**whole, "status": "PRE_RENTREE"}


def _row(vehicle: Vehicle) -> tuple[str, str, str, int, str, bytes]:
    return (
        vehicle["id"],
        vehicle["pointOfSale"],
        vehicle["updatedAt"],
        vehicle["version"],
        vehicle["status"],
        orjson.dumps(vehicle),
    )
