"""The oracle: what people, systems and reviewers produced, what every record held and showed, and what was written.

It looks at the records as they are and at every write as it arrives, and knows nothing of plans. `broken` says which
laws were broken so far, in one sentence each; it is never raised from within a call, where a program could swallow it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Engine, text

from stocksync.adapters.store import codec
from stocksync.adapters.systems.memory import Write
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.ownership import Owner
from stocksync.stock.values import ABSENT, BLANK, Invalid, Known, Reading, Side, is_value, same
from stocksync.stock.vehicle import LIFECYCLE_ATTRIBUTES, MODULE_ORDER, POLICE_NUMBER, RESERVED, STAGE, Vehicle
from stocksync.sync.plan import Action, Operation
from tests.worlds import DMS, MODULE

STAGES = ("pre_entry", "physical_entry", "post_prep_check", "sales_stock", "delivery", "exit")
BROUGHT_BY = {"physical_entry": ("in_stock", "invoiced"), "exit": ("invoiced",)}


class Ledger:
    """Everything that happened to the records of a world; `mapping` is the one that the run at work uses."""

    def __init__(self, mapping: PointOfSaleMapping, engine: Engine) -> None:
        self.mapping, self.engine = mapping, engine
        self.broken: list[str] = []
        self.car_of: dict[tuple[Side, str], int] = {}
        self.now: dict[tuple[Side, str], Vehicle] = {}
        self.shown: dict[tuple[Side, str], Vehicle] = {}
        self.lagged: set[tuple[Side, str]] = set()
        self.read_last: tuple[Side, str] | None = None
        self.held: dict[tuple[int, Side, str], list[Reading]] = defaultdict(list)
        self.decided: dict[tuple[int, str], list[Known]] = defaultdict(list)
        self.overridden: set[tuple[int, str]] = set()
        self.effects: Counter[str] = Counter()
        self.before_effect: dict[str, Any] = {}
        self.last_entry: dict[tuple[int, str, Side], int] = {}
        self.writes = 0
        self.writes_by_call: Counter[str] = Counter()
        self.written_by_run: Counter[int] = Counter()
        self.created: Counter[tuple[int, Side]] = Counter()
        self.overwritten: dict[tuple[int, str], set[int]] = defaultdict(set)
        self.removed: dict[int, set[int]] = defaultdict(set)
        self.listed: dict[Side, int] = {}

    # what is told

    def vehicle(self, side: Side, record_id: str, body: Mapping[str, Any]) -> Vehicle:
        """A record as both sides would understand it."""
        return self.mapping.translations[side].vehicle(record_id, None, body)

    def note(self, side: Side, record_id: str, body: Mapping[str, Any], car: int | None = None) -> None:
        """A record holds this from now on; car: whose it is, where it is new."""
        key = (side, record_id)
        if car is not None:
            self.car_of[key] = car
        self.now[key] = vehicle = self.vehicle(side, record_id, body)
        self._remember(self.car_of[key], side, vehicle)

    def gone(self, side: Side, record_id: str) -> None:
        """A record is not there any more."""
        self.now.pop((side, record_id), None)

    def show(self, side: Side, record_id: str, body: Mapping[str, Any]) -> None:
        """A record was shown to the program, in whatever state."""
        if (side, record_id) in self.car_of:
            self.shown[side, record_id] = self.vehicle(side, record_id, body)

    def decide(self, car: int, attribute: str, values: Iterable[Known]) -> None:
        """A reviewer decided that these are to hold."""
        self.decided[car, attribute] += values
        self.overridden.add((car, attribute))

    def on_its_way(self, side: Side, record_id: str) -> list[str]:
        """The attributes that are about to be written to a record."""
        claimed = "SELECT payload, side, action, record_id FROM outbox WHERE status = 'claimed' AND record_id = :record"
        with self.engine.connect() as connection:
            rows = connection.execute(text(claimed), {"record": record_id}).all()
        operations = [codec.load_operation(r.payload, r.side, r.action, r.record_id)[0] for r in rows if r.side == side]
        return [change.attribute for operation in operations for change in operation.changes]

    def _remember(self, car: int, side: Side, vehicle: Vehicle) -> None:
        for attribute in self.mapping.vocabulary:
            reading, held = vehicle.reading(attribute), self.held[car, side, attribute]
            if reading is not ABSENT and (not held or held[-1] != reading):
                held.append(reading)

    # what is written

    def receive(self, side: Side, write: Write, before: Mapping[str, Any] | None) -> list[str]:
        """Judge a write as it arrives; what is wrong with it counts only once it is carried out."""
        self.writes += 1
        self.writes_by_call[write.call] += 1
        entry = self._entry(write.key)
        if entry is None:
            self.broken.append(f"a {write.call} of {side} {write.record_id} was sent that is nowhere recorded")
            return []
        entry_id, run_id, status, car_id, operation = entry
        self.written_by_run[run_id] += 1
        if status == "pending":
            self.broken.append(f"a {write.call} of {side} {write.record_id} was sent before it was claimed")
        last = self.last_entry.get((run_id, car_id, side), 0)
        if entry_id < last:
            self.broken.append(f"entry {entry_id} of {side} was sent after entry {last} of the same car (I7)")
        self.last_entry[run_id, car_id, side] = max(entry_id, last)
        held = self.vehicle(side, write.record_id, before) if before is not None else None
        car = self._car(side, write, operation)
        self._count(run_id, side, car, write, held)
        wrong = [*self._foreign(side, car, write), *self._not_allowed(side, car, write, operation, held)]
        if held is not None:
            wrong += self._moved(side, write, operation, held)
        return [f"{side} {write.record_id or 'new'}: {what}" for what in wrong]

    def carried_out(
        self, side: Side, write: Write, record_id: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]
    ) -> None:
        """A write did something."""
        root = write.key.split("-")[0]
        part = write.key if "-" in write.key else root
        self.effects[part] += 1
        # Where somebody put the former values back, or a copy that lags shows them, a write without an answer looks
        # as if it had not been carried out, so that it is sent again under its key: more nobody can know.
        held = _held(before, write.body)
        was_put_back = write.call == "update" and self.before_effect.setdefault(part, held) == held
        if self.effects[part] > 1 and not was_put_back and (side, record_id) not in self.lagged:
            self.broken.append(f"the write under key {part} of {side} {record_id} took effect twice (I6)")
        car = self.car_of.get((side, record_id))
        if car is None:
            entry = self._entry(write.key)
            car = self._car(side, write, entry[-1] if entry is not None else None)
            self.created[car, side] += 1
        self.note(side, record_id, after, car)

    def _entry(self, key: str) -> tuple[int, int, str, str, Operation] | None:
        with self.engine.connect() as connection:
            row = connection.execute(
                text(
                    "SELECT id, run_id, status, car_id, payload, side, action, record_id FROM outbox WHERE key = :key"
                ),
                {"key": key.split("-")[0]},
            ).first()
        if row is None:
            return None
        return (
            row.id,
            row.run_id,
            row.status,
            row.car_id,
            codec.load_operation(row.payload, row.side, row.action, row.record_id)[0],
        )

    def _car(self, side: Side, write: Write, operation: Operation | None) -> int:
        if write.record_id:
            return self.car_of.get((side, write.record_id), -1)
        reference = operation.reference if operation is not None else None
        return self.car_of.get((side.other, reference or ""), -1)

    def _count(self, run_id: int, side: Side, car: int, write: Write, held: Vehicle | None) -> None:
        """Count what the guards count: what a run overwrites, and which cars it takes out, reserves or blanks."""
        for attribute, value in self._written(side, write):
            if write.call == "reserve" or value is BLANK or (attribute, value) == (STAGE, "exit"):
                self.removed[run_id].add(car)
            elif held is not None and held.has(attribute) and attribute not in LIFECYCLE_ATTRIBUTES:
                self.overwritten[run_id, attribute].add(car)

    # the laws

    def _foreign(self, side: Side, car: int, write: Write) -> Iterable[str]:
        """Law 6: never a third value."""
        for attribute, value in self._written(side, write):
            if attribute in (STAGE, RESERVED):
                continue
            produced = [*self.held[car, side, attribute], *self.held[car, side.other, attribute]]
            if not self._is_one_of(attribute, value, [*produced, *self.decided[car, attribute]]):
                yield f"{attribute} is {value!r}, which nobody produced (law 6)"

    def _not_allowed(
        self, side: Side, car: int, write: Write, operation: Operation, held: Vehicle | None
    ) -> Iterable[str]:
        """Law 3: the matrix, and what the lifecycle lets happen."""
        # Nobody can see what is typed into the DMS between the last look and the write.
        held = self.shown.get((side, write.record_id), held) if side is DMS else held
        for attribute, value in self._written(side, write):
            if attribute in LIFECYCLE_ATTRIBUTES:
                yield from self._out_of_line(side, car, write, attribute, value, held)
                continue
            policy = self.mapping.matrix.rows[attribute].policy
            was_blank = held is None or (not held.has(attribute) and not held.unreadable(attribute))
            overridden = (car, attribute) in self.overridden
            if policy.owner is Owner.NONE or side not in policy.writable:
                yield f"{attribute} is never written there (law 3)"
            elif was_blank and side in policy.fillable:
                continue
            elif policy.immutable or (attribute == POLICE_NUMBER and side is DMS):
                yield f"{attribute} is immutable and was overwritten (law 3)"
            elif policy.owner.side is side and not overridden:
                yield f"{attribute} is its own to decide (law 3)"

    def _out_of_line(
        self, side: Side, car: int, write: Write, attribute: str, value: Reading, held: Vehicle | None
    ) -> Iterable[str]:
        if write.call == "create":
            return
        if attribute == RESERVED:
            if write.call != "reserve" or side is DMS:
                yield "a reservation came by another way (law 3)"
            elif (shown := self.shown.get((side, write.record_id))) is not None and shown.has(MODULE_ORDER):
                yield "a car with an order in the module was reserved (law 3)"
            return
        statuses = self.held[car, DMS, "dms_status"]
        stage = held.text(STAGE) if held is not None else None
        if side is DMS or attribute != STAGE or value not in BROUGHT_BY:
            yield f"{attribute} became {value!r} (law 3)"
        elif not any(status in BROUGHT_BY[str(value)] for status in statuses):
            yield f"the stage became {value} while the DMS never said so: {statuses} (law 3)"
        elif stage in STAGES and value != stage and STAGES.index(stage) > STAGES.index(str(value)):
            yield f"the stage went back from {stage} to {value} (law 3)"

    def _moved(self, side: Side, write: Write, operation: Operation, held: Vehicle) -> Iterable[str]:
        """Law 2: what is overwritten is what the write was planned against."""
        if operation.action is not Action.UPDATE:
            return
        known = held
        if side is DMS:
            if self.read_last != (side, write.record_id):
                yield "it was not read before it was written (law 2)"
            known = self.shown.get((side, write.record_id), held)
        written = {name for name, _ in self._written(side, write)}
        for change in operation.changes:
            reading = known.reading(change.attribute)
            if change.attribute in written and not self._same(change.attribute, reading, change.expected):
                yield (
                    f"{change.attribute} held {reading!r}, not {change.expected!r} as planned, "
                    f"when {change.value!r} was written (law 2)"
                )

    def check_base(self, side: Side, record_id: str, attribute: str, base: Known) -> None:
        """Law 1: a base is something that both sides held, or showed."""
        car = self.car_of.get((side, record_id))
        if car is not None and not self._is_one_of(attribute, base, self.held[car, side, attribute]):
            self.broken.append(f"the base of {attribute} of {side} {record_id} is {base!r}, never held there (law 1)")

    # words

    def _written(self, side: Side, write: Write) -> list[tuple[str, Reading]]:
        vehicle = self.vehicle(side, write.record_id, write.body)
        names = [
            *self.mapping.matrix.rows,
            *(n for n in sorted(LIFECYCLE_ATTRIBUTES) if n not in self.mapping.matrix.rows),
        ]
        readings = [(name, vehicle.reading(name)) for name in names]
        if write.call == "create":
            # What a new record leaves blank is not written.
            return [(name, reading) for name, reading in readings if is_value(reading)]
        return [(name, reading) for name, reading in readings if reading is not ABSENT]

    def _is_one_of(self, attribute: str, value: Reading, known: Iterable[Reading]) -> bool:
        return value is ABSENT or any(self._same(attribute, value, other) for other in known)

    def _same(self, attribute: str, left: Reading, right: Reading) -> bool:
        if isinstance(left, Invalid) or isinstance(right, Invalid):
            return isinstance(left, Invalid) and isinstance(right, Invalid) and left.raw == right.raw
        if left is right:
            return True
        return same(self.mapping.vocabulary[attribute].kind, left, right)


def unblocked(ledger: Ledger, pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Bound cars, by module and DMS id, that are sold in the DMS alone and that somebody else could still buy."""
    open_to_sale = []
    for module_id, dms_id in pairs:
        module, dms = ledger.now.get((MODULE, module_id)), ledger.now.get((DMS, dms_id))
        if module is None or dms is None or module.text(STAGE) in ("exit", None) or module.has(MODULE_ORDER):
            continue
        line = ledger.mapping.lifecycle.lines.get(module.text("destination") or "")
        sold = dms.has("dms_order") or dms.has("invoice_number") or dms.text("dms_status") == "invoiced"
        if sold and (line is None or line.reserves) and module.reading(RESERVED) is not True:
            open_to_sale.append(module_id)
    return open_to_sale


def _held(body: Any, written: Any) -> Any:
    """What a record holds where something is written, in its shape."""
    if not isinstance(written, Mapping):
        return body
    return {name: _held(body.get(name) if isinstance(body, Mapping) else None, part) for name, part in written.items()}
