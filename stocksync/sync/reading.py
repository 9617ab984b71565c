"""Reading both sides for one run: everything, what changed, or what was named; and the same records again.

What a quick run does not ask for comes from the snapshots: what each side said last. A reading that is older than what
the same side already told is not believed at once: a copy that lags behind would otherwise look like a person who put
the former value back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.values import SIDES, Side
from stocksync.stock.vehicle import POINT_OF_SALE
from stocksync.sync import gather as gathering
from stocksync.sync.familiar import Familiar, Memory
from stocksync.sync.gather import Digests, Gathered, snapshot_of
from stocksync.sync.ports import Clock, NativeRecord, Store, System
from stocksync.sync.recording import Remembered, RunKind
from stocksync.sync.remembering import is_news
from stocksync.sync.stopping import Stop, check, nobody_stops
from stocksync.sync.watching import Phase, Watcher

OLDER_READINGS_DOUBTED: Final = 3
DOUBTED_FOR: Final = timedelta(minutes=30)
"""A side that shows an older state than before is not believed for so many runs in a row, and for so long at least."""

Records = Mapping[Side, Mapping[str, NativeRecord]]


@dataclass
class Reading:
    """What one run reads; it remembers which readings it did not believe.

    marks: see `Past`. known: what the store says of the snapshots of everything read so far. older: see `Recording`.
    digests: those that were taken so far.
    """

    mapping: PointOfSaleMapping
    systems: Mapping[Side, System]
    store: Store
    clock: Clock
    watcher: Watcher
    stop: Stop = nobody_stops
    marks: Mapping[Side, datetime] = field(default_factory=dict)
    known: dict[Side, dict[str, Remembered]] = field(default_factory=lambda: {side: {} for side in SIDES})
    older: dict[tuple[Side, str], tuple[int, datetime]] = field(default_factory=dict)
    digests: Digests = field(init=False)

    def __post_init__(self) -> None:
        self.digests = Digests(self.mapping)

    def gather(self, kind: RunKind, hints: Mapping[Side, Iterable[str]], *, only_changed: bool = False) -> Gathered:
        """Ask both sides for what a run of this kind looks at. Raises what the systems raise.

        only_changed: of a complete listing, what is not just as it is known.
        """
        self.watcher.phase(self.mapping.id, Phase.READING, None)
        if kind is RunKind.COMPLETE and only_changed:
            return self._changed()
        if kind is RunKind.HINTED:
            return self._named(hints)
        since = self.marks if kind is RunKind.DELTA else None
        gathered = self.believed(gathering.list_both(self.systems, self.watcher.advanced, self.clock, since, self.stop))
        if kind is RunKind.COMPLETE:
            return gathered
        unclear = self.store.to_read_again(self.mapping.pair, self.mapping.id)
        wanted = {side: {*hints.get(side, ()), *unclear[side]} for side in SIDES}
        more = self._of_here(self.again(gathering.unlisted(gathered, wanted)))
        return gathered.with_records(more)

    def _changed(self) -> Gathered:
        familiar = {side: self._familiar(side) for side in SIDES}
        listing = gathering.list_both(
            self.systems, self.watcher.advanced, self.clock, stop=self.stop, familiar=familiar
        )
        known = {side: self.store.remembered(self.mapping.pair, side, listing.records[side]) for side in SIDES}
        same = {
            side: {i for i, record in listing.records[side].items() if self._is_same(side, record, known[side].get(i))}
            for side in SIDES
        }
        relisted = {
            (side, i): (listed_digest, known[side][i].digest)
            for side in SIDES
            for i in same[side]
            if (listed_digest := listing.records[side][i].listed_digest) is not None
        }
        changed = {side: _without(listing.records[side], same[side]) for side in SIDES}
        return replace(
            listing,
            records=self._without_older(changed, known),
            listed={side: listing.listed[side] - same[side] for side in SIDES},
            unchanged={side: listing.unchanged[side] + len(same[side]) for side in SIDES},
            vanished={side: self._not_met(side, familiar[side]) - listing.listed[side] for side in SIDES},
            relisted=relisted,
        )

    def _familiar(self, side: Side) -> Familiar:
        pair, here, store = self.mapping.pair, self.mapping.id, self.store
        return Familiar(
            Memory(
                digests=lambda: store.listed_digests(pair, here, side),
                former=lambda ids: store.former_digests(pair, here, side, ids),
                last=lambda: store.last_listing(pair, here, side),
                packed=lambda: store.packed_pages(pair, here, side),
            )
        )

    def _not_met(self, side: Side, familiar: Familiar) -> frozenset[str]:
        return frozenset(self.store.not_met(self.mapping.pair, self.mapping.id, side, familiar.not_met()))

    def _is_same(self, side: Side, record: NativeRecord, known: Remembered | None) -> bool:
        """Tell whether a record came in other bytes with nothing changed that counts, and nothing is open about it."""
        if known is None or known.read_by != self.mapping.version or known.older_readings or record.awaits:
            return False
        if known.stamp is not None and (record.stamp is None or record.stamp < known.stamp):
            return False
        at_home = known.point_of_sale == self.mapping.id
        return at_home and known.digest == self.digests.of(side, record)

    def _named(self, hints: Mapping[Side, Iterable[str]]) -> Gathered:
        records = self._of_here(gathering.read_all(self.systems, {side: hints.get(side, ()) for side in SIDES}))
        listed = {side: frozenset(records[side]) for side in SIDES}
        return self.believed(Gathered(records, listed, dict.fromkeys(SIDES, ())))

    def _of_here(self, records: Records) -> dict[Side, dict[str, NativeRecord]]:
        """Leave out what was named by mistake: records of another point of sale, but for those of cars at home here."""
        kept: dict[Side, dict[str, NativeRecord]] = {}
        for side in SIDES:
            cars = self.store.cars_of_records(self.mapping.pair, side, records[side])
            homes = {car.record_ids[side]: car.point_of_sale for car in cars}
            kept[side] = {i: r for i, r in records[side].items() if self._is_here(side, r, homes.get(i))}
        return kept

    def _is_here(self, side: Side, record: NativeRecord, home: str | None) -> bool:
        """Tell whether a record is one of here; home: the point of sale of its car, None where it is nobody's."""
        if home == self.mapping.id:
            return True
        vehicle = self.mapping.translations[side].vehicle(record.record_id, record.version, record.body)
        if vehicle.unreadable(POINT_OF_SALE):
            return home is None
        return vehicle.text(POINT_OF_SALE) in (None, self.mapping.id)

    def again(self, wanted: Mapping[Side, Iterable[str]]) -> dict[Side, dict[str, NativeRecord]]:
        """Read records by their ids, those that do not exist left out. Raises what the systems raise."""
        check(self.stop)
        return self._as_believed(gathering.read_all(self.systems, wanted))

    def believed(self, gathered: Gathered) -> Gathered:
        """Put what we know in the place of older readings."""
        return replace(gathered, records=self._as_believed(gathered.records))

    def news(self, gathered: Gathered) -> bool:
        """Tell whether anything that was read is to be remembered anew."""
        vehicles = gathering.vehicles_of(self.mapping, gathered.records)
        for side in SIDES:
            for record_id, record in gathered.records[side].items():
                known = self.known[side].get(record_id)
                if known is None or is_news(known, snapshot_of(self.mapping, side, record, vehicles[side][record_id])):
                    return True
        return any(gathered.without_id.values())

    def beside_snapshots(self, gathered: Gathered) -> Gathered:
        """Put what was read beside everything that both sides said before."""
        snapshots = self.store.snapshots_at(self.mapping.pair, self.mapping.id)
        records = {side: {**snapshots[side], **gathered.records[side]} for side in SIDES}
        remembered = {side: frozenset(snapshots[side].keys() - gathered.records[side].keys()) for side in SIDES}
        return replace(gathered, records=records, remembered=remembered)

    def missed(self, gathered: Gathered) -> dict[Side, tuple[datetime, ...]]:
        """The stamps of the changes that a complete listing shows, and that quick runs should have shown before."""
        return {side: self._missed(side, gathered, self.marks.get(side)) for side in SIDES}

    def _missed(self, side: Side, gathered: Gathered, mark: datetime | None) -> tuple[datetime, ...]:
        if mark is None or not self.systems[side].lists_changes:
            return ()
        return tuple(
            record.stamp
            for i in gathered.listed[side]
            if (record := gathered.records[side][i]).stamp is not None
            and record.stamp <= mark
            and self._has_changed(side, record)
        )

    def _has_changed(self, side: Side, record: NativeRecord) -> bool:
        known = self.known[side].get(record.record_id)
        return known is None or known.digest != self.digests.of(side, record)

    def _as_believed(self, records: Records) -> dict[Side, dict[str, NativeRecord]]:
        known = {side: self.store.remembered(self.mapping.pair, side, records[side]) for side in SIDES}
        return self._without_older(records, known)

    def _without_older(
        self, records: Records, known: Mapping[Side, Mapping[str, Remembered]]
    ) -> dict[Side, dict[str, NativeRecord]]:
        believed = {}
        for side in SIDES:
            self.known[side] |= {i: known[side][i] for i in records[side] if i in known[side]}
            doubted = {i for i, record in records[side].items() if self._is_doubted(side, record, known[side].get(i))}
            kept = self.store.snapshots(self.mapping.pair, side, doubted) if doubted else {}
            believed[side] = {**records[side], **kept}
        return believed

    def _is_doubted(self, side: Side, record: NativeRecord, known: Remembered | None) -> bool:
        key = (side, record.record_id)
        if known is None or known.stamp is None or record.stamp is None or record.stamp >= known.stamp:
            self.older.pop(key, None)
            return False
        now_at = self.clock.now_at()
        since_at = known.older_since if known.older_since is not None else now_at
        for_long = known.older_readings >= OLDER_READINGS_DOUBTED and now_at - since_at >= DOUBTED_FOR
        if key not in self.older and for_long:
            return False
        self.older[key] = known.older_readings + 1, since_at
        return True


def _without(records: Mapping[str, NativeRecord], left_out: set[str]) -> dict[str, NativeRecord]:
    return {record_id: record for record_id, record in records.items() if record_id not in left_out}
