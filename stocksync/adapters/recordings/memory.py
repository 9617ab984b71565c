"""What is remembered of one point of sale before a run: taken while the run holds it, written later, scrubbed.

Taken are the rows that a run may ask about, in memory only: those of the point of sale, and of others what the run
itself looked at, as it was before the run changed it. Left out are the journal, reports and their lots, pauses and
leases. Not here: the file that a recording is replayed from, see `folder`.
"""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from threading import RLock
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, insert, or_, select

from stocksync.adapters.recordings.scrubbing import Scrubber
from stocksync.adapters.store import codec
from stocksync.adapters.store.car_rows import id_column
from stocksync.adapters.store.core import (
    ACCEPTANCE,
    CAR,
    CONFLICT,
    GATE,
    MAPPING,
    OUTBOX,
    RESOLUTION,
    RUN,
    SNAPSHOT,
    WATERMARK,
    chunks,
)
from stocksync.adapters.store.engine import WRITE, open_engine
from stocksync.adapters.store.repository import Repository
from stocksync.adapters.store.resolution_rows import stored_resolution
from stocksync.adapters.store.rows import unpacked
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.values import SIDES, Side
from stocksync.stock.vehicle import Vehicle
from stocksync.sync.binding import Keys, keys_of
from stocksync.sync.cars import Car, circumstances_of
from stocksync.sync.decisions import ResolutionStatus
from stocksync.sync.gather import digest_of
from stocksync.sync.narrow import Alike, CarKeys
from stocksync.sync.ports import NativeRecord
from stocksync.sync.recording import UNDECIDED, EntryStatus, Past, Remembered, RunKind, RunStatus

TABLES: Final = (RUN, MAPPING, CAR, SNAPSHOT, OUTBOX, CONFLICT, RESOLUTION, ACCEPTANCE, WATERMARK, GATE)
"""The tables that a recording has rows of, each after those that it refers to."""
_ON_ITS_WAY: Final = (EntryStatus.PENDING.value, EntryStatus.CLAIMED.value)
_DECISIONS: Final = (ResolutionStatus.PENDING.value, ResolutionStatus.IGNORING.value)
_OF_OURS: Final = frozenset(
    {"row", "refused", "records", "side", "field", "since", "highest", "reservation_due", "held", "decided"}
)
"""Details of a finding that are our own words, or ids."""

Row = dict[str, Any]


class Taken:
    """Rows as they were before a run; each table's by its key, compressed where they are long."""

    def __init__(self, mapping: PointOfSaleMapping, gates: Iterable[str]) -> None:
        self._mapping = mapping
        self._gates = tuple(gates)
        self._rows: dict[str, dict[tuple[Any, ...], Row]] = defaultdict(dict)
        self._lock = RLock()
        self.is_taken = False

    def take(self, engine: Engine) -> None:
        """Take what belongs to the point of sale; what was taken before is forgotten."""
        with self._lock, engine.connect() as connection:
            self._rows.clear()
            self.is_taken = True
            point, pair = self._mapping.id, self._mapping.pair
            self._take_runs(connection)
            self._add(connection, WATERMARK, WATERMARK.c.point_of_sale == point)
            self._add(connection, ACCEPTANCE, ACCEPTANCE.c.point_of_sale == point)
            self._add(connection, GATE, GATE.c.system.in_(self._gates))
            self._add(connection, SNAPSHOT, SNAPSHOT.c.pair == pair, SNAPSHOT.c.point_of_sale == point)
            self._add(connection, CONFLICT, CONFLICT.c.point_of_sale == point, CONFLICT.c.closed_at.is_(None))
            self._add_outbox(connection, OUTBOX.c.point_of_sale == point)
            self._add_cars(connection, CAR.c.pair == pair, CAR.c.point_of_sale == point)

    def take_records(self, engine: Engine, side: Side, record_ids: Iterable[str]) -> None:
        """Take what is remembered of some records besides, wherever they are."""
        pair = self._mapping.pair
        with self._lock:
            known = self._rows[SNAPSHOT.name]
            wanted = [i for i in record_ids if (pair, side.value, i) not in known]
            if not wanted or not self.is_taken:
                return
            with engine.connect() as connection:
                for part in chunks(sorted(wanted)):
                    here = (SNAPSHOT.c.pair == pair, SNAPSHOT.c.side == side.value)
                    self._add(connection, SNAPSHOT, *here, SNAPSHOT.c.record_id.in_(part))
                    self._add_cars(connection, CAR.c.pair == pair, id_column(side).in_(part))

    def rows(self, table: Table) -> Iterator[Row]:
        """The rows of a table, as they were."""
        for row in self._rows[table.name].values():
            yield {name: _unpacked(value) for name, value in row.items()}

    def _take_runs(self, connection: Connection) -> None:
        here = RUN.c.point_of_sale == self._mapping.id
        complete = (RUN.c.status == RunStatus.DONE.value, RUN.c.kind == RunKind.COMPLETE.value)
        last = connection.scalar(select(RUN.c.id).where(here, *complete).order_by(RUN.c.id.desc()).limit(1))
        self._add(connection, RUN, here, RUN.c.id >= (last or 0), RUN.c.status != RunStatus.RUNNING.value)
        versions = {row["mapping_version"] for row in self.rows(RUN)}
        self._add(connection, MAPPING, MAPPING.c.version.in_(versions))

    def _add_cars(self, connection: Connection, *conditions: Any) -> None:
        before = set(self._rows[CAR.name])
        self._add(connection, CAR, *conditions)
        fresh = [key[0] for key in self._rows[CAR.name].keys() - before]
        pair = self._mapping.pair
        for part in chunks(sorted(fresh)):
            cars = [self._rows[CAR.name][car_id,] for car_id in part]
            for side in SIDES:
                ids = [row[f"{side.value}_id"] for row in cars if row[f"{side.value}_id"] is not None]
                here = (SNAPSHOT.c.pair == pair, SNAPSHOT.c.side == side.value)
                self._add(connection, SNAPSHOT, *here, SNAPSHOT.c.record_id.in_(ids))
            self._add_outbox(connection, OUTBOX.c.car_id.in_(part))
            waiting = (RESOLUTION.c.car_id.in_(part), RESOLUTION.c.status.in_(_DECISIONS))
            self._add(connection, RESOLUTION, *waiting)
            rows = [row["conflict_id"] for row in self._rows[RESOLUTION.name].values() if row["car_id"] in set(part)]
            is_open = CONFLICT.c.closed_at.is_(None)
            self._add(connection, CONFLICT, or_(CONFLICT.c.id.in_(rows), CONFLICT.c.car_id.in_(part) & is_open))

    def _add_outbox(self, connection: Connection, condition: Any) -> None:
        self._add(connection, OUTBOX, condition, OUTBOX.c.status.in_(_ON_ITS_WAY))
        runs = {row["run_id"] for row in self._rows[OUTBOX.name].values()}
        self._add(connection, RUN, RUN.c.id.in_(runs - {key[0] for key in self._rows[RUN.name]}))

    def _add(self, connection: Connection, table: Table, *conditions: Any) -> None:
        keys = [column.name for column in table.primary_key]
        for row in connection.execute(select(table).where(*conditions)).mappings():
            kept = {name: _packed(value) for name, value in row.items()}
            self._rows[table.name].setdefault(tuple(row[key] for key in keys), kept)


class TakenRepository(Repository):
    """A store whose rows are taken before a run changes them. Released: what it said of a plan that was let pass."""

    def __init__(self, engine: Engine, before: Taken, *, dry_run: bool) -> None:
        super().__init__(engine)
        self._before = before
        self._dry_run = dry_run
        self.released: bool | None = None

    def begin_run(
        self,
        pair: str,
        point_of_sale: str,
        mapping_version: str,
        files: Mapping[str, bytes],
        at: datetime,
        kind: RunKind,
        fence: int,
    ) -> int:
        """Take everything now: the point of sale is ours, and nothing was changed yet."""
        self._before.take(self.engine)
        return super().begin_run(pair, point_of_sale, mapping_version, files, at, kind, fence)

    def past(self, point_of_sale: str) -> Past:
        """What is known of the runs before; a dry run begins with that question."""
        if self._dry_run and not self._before.is_taken:
            self._before.take(self.engine)
        return super().past(point_of_sale)

    def remembered(self, pair: str, side: Side, record_ids: Iterable[str]) -> dict[str, Remembered]:
        """What is known of some records."""
        ids = list(record_ids)
        self._before.take_records(self.engine, side, ids)
        return super().remembered(pair, side, ids)

    def snapshots(self, pair: str, side: Side, record_ids: Iterable[str]) -> dict[str, NativeRecord]:
        """What a side last said of some records."""
        ids = list(record_ids)
        self._before.take_records(self.engine, side, ids)
        return super().snapshots(pair, side, ids)

    def open_elsewhere(self, pair: str, point_of_sale: str, vins: Iterable[str]) -> dict[Side, set[str]]:
        """The open records of other points of sale with some VINs."""
        found = super().open_elsewhere(pair, point_of_sale, vins)
        for side, ids in found.items():
            self._before.take_records(self.engine, side, ids)
        return found

    def referring_elsewhere(self, pair: str, point_of_sale: str, side: Side, record_ids: Iterable[str]) -> set[str]:
        """The records of other points of sale that refer to some records."""
        found = super().referring_elsewhere(pair, point_of_sale, side, record_ids)
        self._before.take_records(self.engine, side, found)
        return found

    def touched_elsewhere(self, pair: str, point_of_sale: str, since: datetime) -> Alike:
        """What records of other points of sale are alike to that were seen to change since then."""
        found = super().touched_elsewhere(pair, point_of_sale, since)
        for side, ids in found.ids.items():
            self._before.take_records(self.engine, side, ids)
        return found

    def cars_of_records(self, pair: str, side: Side, record_ids: Iterable[str]) -> list[Car]:
        """The cars that own some records."""
        ids = list(record_ids)
        self._before.take_records(self.engine, side, ids)
        return super().cars_of_records(pair, side, ids)

    def owners_of(self, pair: str, side: Side, record_ids: Iterable[str]) -> list[CarKeys]:
        """What leads from the cars that own some records to others."""
        ids = list(record_ids)
        self._before.take_records(self.engine, side, ids)
        return super().owners_of(pair, side, ids)

    def is_released(self, point_of_sale: str, plan_digest: str) -> bool:
        """Tell whether a person let a plan pass; noted, because a scrubbed plan has another digest."""
        self.released = super().is_released(point_of_sale, plan_digest)
        return self.released


class Memory:
    """Writes what was taken."""

    def __init__(self, taken: Taken, scrubber: Scrubber) -> None:
        self._taken, self._scrubber = taken, scrubber
        self._id_of_cars: dict[str, str] = {}
        self._circumstances: dict[str, str] = {}

    def see(self) -> None:
        """Look who is remembered."""
        scrubber = self._scrubber
        for row in self._taken.rows(SNAPSHOT):
            side = Side(row["side"])
            scrubber.see(codec.load(row["body"]), scrubber.places[side].record, side)
        for row in self._taken.rows(CAR):
            for name, value in json.loads(row["base"]).items():
                scrubber.see_value(name, value)
            scrubber.see_value("vin", row["vin"])
            scrubber.see_value("registration", row["registration"])

    def write(self, path: Path) -> None:
        """Write a new database of a single file."""
        self._prepare()
        engine = open_engine(f"sqlite:///{path}")
        try:
            with engine.execution_options(**{WRITE: True}).begin() as connection:
                for table in TABLES:
                    for rows in chunks((self._row(table, row) for row in self._taken.rows(table)), 200):
                        connection.execute(insert(table), rows)
            with engine.connect() as connection:
                raw = connection.connection.driver_connection
                assert raw is not None
                connection.rollback()
                raw.execute("PRAGMA journal_mode=DELETE")
                raw.execute("VACUUM")
        finally:
            engine.dispose()
        path.chmod(0o600)

    def versions(self) -> Iterator[Mapping[str, bytes]]:
        """The mapping files of the runs that were taken."""
        for row in self._taken.rows(MAPPING):
            yield unpacked(row["files"])

    def _prepare(self) -> None:
        """What is derived from records is derived from the scrubbed ones: the circumstances of what was refused."""
        scrubber = self._scrubber
        is_plain = all(scrubber.places[side].id_is.name == "ID" for side in SIDES)
        refused = []
        for row in self._taken.rows(CAR):
            if not is_plain:
                self._id_of_cars[row["id"]] = _other_id(scrubber.substitution.text(row["id"]))
            if row["unkept"] != "{}":
                refused.append({side: row[f"{side.value}_id"] for side in SIDES})
        wanted = {(side.value, record_id) for ids in refused for side, record_id in ids.items()}
        bodies = {
            key: codec.load(row["body"])
            for row in self._taken.rows(SNAPSHOT)
            if (key := (row["side"], row["record_id"])) in wanted
        }
        for ids in refused:
            of_car = {side: bodies.get((side.value, record_id)) for side, record_id in ids.items()}
            before = [self._vehicle(side, ids[side], of_car[side]) for side in SIDES]
            scrubbed = {side: scrubber.record(body, side) for side, body in of_car.items()}
            after = [self._vehicle(side, self._record_id(ids[side], side), scrubbed[side]) for side in SIDES]
            self._circumstances[circumstances_of(*before)] = circumstances_of(*after)

    def _vehicle(self, side: Side, record_id: str | None, body: Any) -> Vehicle | None:
        translation = self._scrubber.mapping.translations[side]
        return translation.vehicle(record_id or "", None, body) if body is not None else None

    def _row(self, table: Table, row: Row) -> Row:
        change = {
            RUN.name: self._run,
            CAR.name: self._car,
            SNAPSHOT.name: self._snapshot,
            OUTBOX.name: self._entry,
            CONFLICT.name: self._conflict,
            RESOLUTION.name: self._resolution,
            GATE.name: self._gate,
        }.get(table.name)
        return row if change is None else change(row)

    def _run(self, row: Row) -> Row:
        summary = codec.load(row["summary"]) if row["summary"] is not None else {}
        message = self._scrubber.said(row["message"]) if row["message"] is not None else None
        return row | {
            "message": message,
            "summary": codec.dump({"identity": summary["identity"]}) if "identity" in summary else None,
        }

    def _car(self, row: Row) -> Row:
        value = self._scrubber.value
        base = {name: self._packed_value(name, packed) for name, packed in json.loads(row["base"]).items()}
        unkept = {
            name: [
                side,
                self._packed_value(name, written),
                self._packed_value(name, stored),
                rounds,
                rejected,
                self._scrubber.said(message),
                self._circumstances.get(circumstances, _other_id(circumstances) if circumstances else ""),
                *rest,
            ]
            for name, (side, written, stored, rounds, rejected, message, circumstances, *rest) in json.loads(
                row["unkept"]
            ).items()
        }
        overwrites = [
            [name, side, self._packed_value(name, written), self._packed_value(name, over), *rest]
            for name, side, written, over, *rest in json.loads(row["overwrites"])
        ]
        ids = {f"{side.value}_id": self._record_id(row[f"{side.value}_id"], side) for side in SIDES}
        return row | {
            **ids,
            "id": self._car_id(row["id"]),
            "base": codec.dump(base),
            "unkept": codec.dump(unkept),
            "overwrites": codec.dump(overwrites),
            "vin": value("vin", row["vin"]),
            "registration": value("registration", row["registration"]),
        }

    def _snapshot(self, row: Row) -> Row:
        side, body = Side(row["side"]), codec.load(row["body"])
        scrubbed = self._scrubber.record(body, side)
        ignored = self._scrubber.mapping.systems[side].record.ignored_in_comparison
        digest = row["digest"]
        if digest != UNDECIDED:
            is_true = digest == digest_of(body, ignored)
            digest = digest_of(scrubbed, ignored) if is_true else _other_id(digest)
        record_id = self._record_id(row["record_id"], side)
        return row | {
            **self._derived(row, self._vehicle(side, record_id, scrubbed)),
            "record_id": record_id,
            "reference": self._record_id(row["reference"], side.other),
            "digest": digest,
            "vin": self._scrubber.value("vin", row["vin"]),
            "body": codec.dump(scrubbed).encode(),
        }

    def _derived(self, row: Row, vehicle: Vehicle | None) -> Row:
        """What is kept besides a record, so that it is found. A digest of its true bytes would tell of them."""
        is_read = row["read_by"] == self._scrubber.mapping.version and vehicle is not None
        keys = keys_of(vehicle) if is_read and vehicle is not None else Keys()
        return {
            "slip": keys.slip,
            "plate": keys.plate,
            "police_number": keys.police_number,
            "read_by": row["read_by"] if is_read else None,
            "listed_digest": None,
        }

    def _entry(self, row: Row) -> Row:
        payload, side = json.loads(row["payload"]), Side(row["side"])
        changes = [
            [name, self._packed_value(name, written), self._packed_value(name, expected), *rest]
            for name, written, expected, *rest in payload["changes"]
        ]
        reference = self._record_id(payload["reference"], side.other)
        return row | {
            "car_id": self._car_id(row["car_id"]),
            "record_id": self._record_id(row["record_id"], side),
            "payload": codec.dump(payload | {"changes": changes, "reference": reference}),
            "message": self._said(row["message"]),
        }

    def _conflict(self, row: Row) -> Row:
        values = {
            name: self._scrubber.value(row["subject"], row[name])
            for name in ("vehicle_module_value", "dms_value", "base_value")
        }
        car_id = self._car_id(row["car_id"])
        return row | {
            **values,
            "car_id": car_id,
            "key": "|".join([car_id, *row["key"].split("|")[1:]]),
            "details": codec.dump(self._details(codec.load(row["details"]))),
            "closed_because": row["closed_because"],
        }

    def _resolution(self, row: Row) -> Row:
        subject, seen = row["subject"], codec.load(row["seen"])
        targets = {side: self._packed_value(subject, packed) for side, packed in json.loads(row["targets"]).items()}
        seen |= {name: self._scrubber.value(subject, seen[name]) for name in ("vehicle_module", "dms", "base")}
        seen |= {
            "details": self._details(seen["details"]),
            "former_base": self._packed_value(subject, seen["former_base"]),
        }
        scrubbed = row | {
            "car_id": self._car_id(row["car_id"]),
            "targets": codec.dump(targets),
            "seen": codec.dump(seen),
            "comment": self._scrubber.said(row["comment"]),
            "decided_by": self._scrubber.said(row["decided_by"]),
            "file": self._scrubber.said(row["file"]),
            "file_digest": "",
            "lot": "",
        }
        return scrubbed | {"seen_digest": stored_resolution(_Named(scrubbed)).seen.seen}

    def _gate(self, row: Row) -> Row:
        return row | {"reason": self._scrubber.said(row["reason"])}

    def _details(self, details: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: self._scrubber.text(text, phones=False)
            if name in _OF_OURS or name.endswith("_invalid") or _is_list_of_ids(text)
            else self._scrubber.said(text)
            for name, text in details.items()
        }

    def _packed_value(self, name: str, packed: Any) -> Any:
        """A value as `codec.pack` keeps it."""
        if isinstance(packed, dict) and "invalid" in packed:
            raw, why = packed["invalid"]
            return {"invalid": [self._scrubber.value(name, raw), why]}
        return self._scrubber.value(name, packed)

    def _said(self, text: str | None) -> str | None:
        return self._scrubber.said(text) if text is not None else None

    def _record_id(self, record_id: str | None, side: Side) -> str | None:
        return self._scrubber.record_id(record_id, side) if record_id is not None else None

    def _car_id(self, car_id: str) -> str:
        return self._id_of_cars.get(car_id, car_id)


class _Named:
    """A row as the database gives it, of one that is still to be written."""

    def __init__(self, row: Row) -> None:
        self.__dict__.update(row)


def _other_id(said: str) -> str:
    """A digest in the place of another one, of the same length, that equals nothing."""
    return blake2b(b"recorded " + said.encode(), digest_size=max(len(said) // 2, 1)).hexdigest()


def _is_list_of_ids(text: str) -> bool:
    parts = text.split(", ")
    return all(part and part.isascii() and " " not in part and any(map(str.isdigit, part)) for part in parts)


def _packed(value: Any) -> Any:
    return zlib.compress(value, 1) if isinstance(value, bytes) and len(value) > 0 else value


def _unpacked(value: Any) -> Any:
    return zlib.decompress(value) if isinstance(value, bytes) and len(value) > 0 else value
