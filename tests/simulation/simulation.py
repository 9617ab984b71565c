"""One seed, from its stock to its rest.

Everything that happens is drawn from one integer: the stock, what people type and when, what goes wrong, when the
process dies and who takes over, what reviewers decide, which cycle comes next. The same seed is the same story, word
for word, and leaves the same database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from stocksync.adapters.store.repository import Repository
from stocksync.adapters.systems.memory import Call
from stocksync.stock.values import SIDES, Side
from stocksync.sync.cycle import Cycle, CycleResult
from stocksync.sync.ports import System
from stocksync.sync.reading import DOUBTED_FOR, OLDER_READINGS_DOUBTED
from stocksync.sync.recording import RunKind, RunStatus
from tests.simulation import laws, previews, spelling, weather, wire
from tests.simulation.killing import Killed, Points
from tests.simulation.ledger import Ledger
from tests.simulation.people import SHIFTING, People
from tests.simulation.reviews import Reviews
from tests.simulation.serial import one_after_the_other
from tests.simulation.town import POINTS, Town
from tests.simulation.watched import UNSEEN, Door, WatchedServer
from tests.simulation.weather import Weather
from tests.worlds import DMS, DMS_HABITS, MODULE, MODULE_HABITS, PARIS, World, shipped_set

LEASE_S: Final = 61
NIGHTS: Final = (
    datetime(2026, 3, 28, 22, 0, tzinfo=UTC),
    datetime(2026, 10, 24, 22, 0, tzinfo=UTC),
    datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
)
"""When a simulation begins: before the clocks go forward, before they go back, or on a working day."""
SIZES: Final = (3, 3, 3, 4, 4, 5, 6, 8, 12, 25)
OVERRIDDEN: Final = "    name: 01 - VW SEAT SKODA\n"
EDITS: Final = (
    "ownership: {mileage: {owner: dms}}",
    "ownership: {sale_price: {owner: dms}}",
    "ownership: {reconditioning_cost: {owner: vehicle_module}}",
    "switches: {dms_has_priority: true}",
    "switches: {dms_creates_vehicles: true}",
    "switches: {exit_from_delivery: false}",
)
"""What somebody may write into the mapping of PDV1."""
MOMENTS: Final = ("edit", "edit there", "same field", "same field", "lost under it", "lost under it", "takeover")
"""What may happen around a call of the program."""
ROUNDS: Final = (2, 2, 3, 4)
SETTLING: Final = 3
"""Complete cycles in which everything comes to rest; older readings are doubted for as many runs more."""
RIGHTLY: Final = ", and rightly so"
SKIPPED: Final = f"cars left alone{RIGHTLY}"
"""What is counted where everything was looked at beside it, and nothing came out otherwise."""
KNOWN_TROUBLES: Final[frozenset[str]] = frozenset()
"""What is left out of every simulation, by name, until the program stands it."""


@dataclass
class Story:
    """What happened: short lines, and how often each kind of thing did."""

    seed: int
    lines: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def tell(self, line: str, kind: str = "steps") -> None:
        """Add a line."""
        self.lines.append(line)
        self.counts[kind] += 1


class SimulatedWorld(World):
    """A world whose systems stand behind doors; `renew` is what a new process begins with."""

    def __init__(self, simulation: Simulation, path: Path) -> None:
        self.simulation, self.path = simulation, path
        super().__init__(Repository(laws.opened(path, simulation.points, simulation.address)), shipped_set())

    def renew(self) -> None:
        """Open the database as a new process."""
        self.repository.engine.dispose()
        self.simulation.points = Points()
        self.repository = Repository(laws.opened(self.path, self.simulation.points, self.simulation.address))
        self.simulation.ledger.engine = self.repository.engine

    def systems(self, point: object) -> dict[Side, System]:
        """Both sides of a point of sale."""
        return {side: self.simulation.door(side, point) for side in SIDES}


class Simulation:
    """One seed at work; `tell` what became of it is in `story`. address: of its database, see `laws.Address`."""

    def __init__(self, seed: int, folder: Path, address: laws.Address = laws.in_file) -> None:
        chance = Random(seed)
        self.address = address
        self.chance, self.story, self.points = chance, Story(seed), Points()
        self.keys = Random(chance.getrandbits(64))
        self.weathers = {side: Weather(Random(chance.getrandbits(64)), {}, Counter()) for side in SIDES}
        # Of its own, so that the other worlds stay as they are.
        self.along = Random(f"along {seed}")
        self.spellings = {side: spelling.drawn(chance, self.along) for side in SIDES}
        self.skews = dict.fromkeys(SIDES, timedelta(0))
        self.moments: dict[tuple[Call, int], str] = {}
        self.calls: Counter[Call] = Counter()
        self.taken_over: dict[str, list[tuple[object, ...]]] = {}
        self.believed: dict[str, dict[Side, int]] = {}
        self.within = 0
        self.looks = 0
        self.went_back = False
        self.passing = False
        self.edit = ""
        self.world = SimulatedWorld(self, folder / f"{seed}.db")
        self.world.clock.at = chance.choice(NIGHTS)
        self.ledger = Ledger(self.world.mappings.points_of_sale["PDV1"], self.world.repository.engine)
        servers = {
            MODULE: WatchedServer(MODULE, MODULE_HABITS, self.ledger),
            DMS: WatchedServer(DMS, DMS_HABITS, self.ledger),
        }
        self.world.servers = dict(servers)
        servers[MODULE].now_at = lambda: (self.world.clock.at + self.skews[MODULE]).replace(tzinfo=None)
        servers[DMS].now_at = lambda: (self.world.clock.at + self.skews[DMS]).astimezone(PARIS).replace(tzinfo=None)
        for side, server in servers.items():
            self._expose(side, server)
        self.places = ["PDV1", "PDV2"] if chance.random() < 0.3 else ["PDV1"]
        self.town = Town(Random(chance.getrandbits(64)), servers, self.places)
        # Of their own, so that the other worlds stay as they are.
        muddled = Random(f"muddled {seed}") if seed % 3 == 0 else None
        self.people = People(Random(chance.getrandbits(64)), self.town, muddled)
        self.reviews = Reviews(Random(chance.getrandbits(64)), self.world, folder)
        self.watch = laws.Watch(self.ledger, self.places)

    def _expose(self, side: Side, server: WatchedServer) -> None:
        """Let a server's writes meet the weather of its side."""
        server.fate_of = lambda write: self.weathers[side].fate(write)
        server.refused = lambda body: self.weathers[side].refused(body)
        server.stored_as = lambda body: self.weathers[side].stored(body)

    def run(self) -> Story:
        """Carry it out until everything is at rest, or a law is broken."""
        few = wire.FEW_RECORDS[self.story.seed % len(wire.FEW_RECORDS)]
        with one_after_the_other(self.keys), wire.counted_runs(self.story.counts, few):
            try:
                for _ in self._steps():
                    self.watch.look(self.world.repository)
                    if self.ledger.broken:
                        break
            finally:
                self.story.broken = list(dict.fromkeys(self.ledger.broken))
                for side in SIDES:
                    self.story.counts.update({f"fault {k}": n for k, n in self.weathers[side].met.items()})
                self.story.counts["writes"] = self.ledger.writes
                self.world.repository.engine.dispose()
        return self.story

    # the story

    def _steps(self) -> Iterator[None]:
        states = list(self.town.settle(self.chance.choice(SIZES)))
        self.story.tell(f"{self.world.clock.at:%d %b %H:%M}, {', '.join(self.places)}: {', '.join(states)}")
        for place in self.places:
            if self.chance.random() < 0.3:
                self._troubled_cycle(place)
            else:
                self._cycle(place, RunKind.COMPLETE)
            yield
        for _ in range(self.chance.choice(ROUNDS)):
            self._between_cycles()
            place = self.chance.choice(self.places)
            self._troubled_cycle(place)
            yield
        yield from self._rest()

    def _between_cycles(self) -> None:
        for _ in range(self.chance.choice((1, 2, 3, 5))):
            self.story.tell(f"  {self.people.act()}", "edits")
        happening = self.chance.random()
        if happening < 0.3:
            self.story.tell(f"  reviewer: {self.reviews.decide()}", "decisions")
            self.watch.learn(self.world.repository)
        elif happening < 0.4:
            self.story.tell(f"  file: {self.reviews.hand_in()}", "files")
            self.watch.learn(self.world.repository)
        elif happening < 0.5:
            self._edit_mapping(self.chance.choice(EDITS) if not self.edit else "")
        elif happening < 0.6:
            jump = timedelta(seconds=self.chance.choice((59, 3_600, 7_200, 86_400, 9 * 86_400)))
            self._tell_clock(jump)
        elif happening < 0.65:
            side = self.chance.choice(SIDES)
            self._skew(side, timedelta(seconds=self.chance.choice((-3_600, -90, 5, 3_600, 86_400))))
        elif happening < 0.7:
            side = self.chance.choice(SIDES)
            self.spellings[side] = spelling.drawn(self.chance, self.along)
            self.story.tell(f"  {side} lists otherwise: {self.spellings[side]}")

    def _tell_clock(self, jump: timedelta) -> None:
        # The DMS tells the time in Paris: its stamps go back in one night of the year, and only then.
        before = self.world.clock.at.astimezone(PARIS).utcoffset()
        self.world.clock.at += jump
        after = self.world.clock.at.astimezone(PARIS).utcoffset()
        self.went_back |= before != after
        self.story.tell(f"  {jump} later")

    def _skew(self, side: Side, by: timedelta) -> None:
        self.skews[side] += by
        self.went_back |= by < timedelta(0)
        self.story.tell(f"  the clock of {side} is off by {by}")

    def _edit_mapping(self, line: str) -> None:
        self.edit = line
        edits = (("points_of_sale.yaml", OVERRIDDEN, f"{OVERRIDDEN}    {line}\n"),) if line else ()
        self.world.mappings = shipped_set(edits)
        self.story.tell(f"  the mapping says {line or 'what it said'}", "mapping edits")

    # cycles

    def door(self, side: Side, point: object) -> Door:
        """What the program gets of a side."""
        server = self.town.servers[side]
        code = point.systems[side].code  # type: ignore[attr-defined]
        how = self.spellings[side]
        return Door(side, server, code, self.points, self.weathers[side], self._moment, self._is_known, how)

    def _is_known(self, record_id: str) -> bool:
        cars = self.watch.cars(self.world.repository)
        return any(record_id in car.record_ids.values() for car in cars)

    def _moment(self, side: Side, call: Call, record_id: str) -> None:
        """Let somebody else act around a call."""
        self.calls[call] += 1
        what = self.moments.pop((call, self.calls[call]), "")
        when = f"    meanwhile, at the {call} of {side} {record_id}".rstrip()
        if what == "edit":
            self.story.tell(f"{when}: {self.people.act(side, record_id)}", "edits")
        elif what == "shift":
            self.story.tell(f"{when}: {self.people.act(side, habits=SHIFTING)}", "edits")
        elif what == "edit there":
            self.story.tell(f"{when}: {self.people.act(side.other)}", "edits")
        elif what == "same field":
            attributes = self.ledger.on_its_way(side, record_id)
            self.story.tell(f"{when}: {self.people.retypes(side, record_id, attributes)}", "edits")
        elif what == "lost under it":
            self.weathers[side].due = self.chance.choice(("lost", "answer_lost"))
            self.moments[call, self.calls[call] + 1] = "same field"
        elif what == "takeover" and self.within == 1:
            self.story.tell(f"{when}: another process takes over", "takeovers")
            self.world.clock.at += timedelta(seconds=LEASE_S)
            # Whoever stood still goes on with what it was shown itself.
            mapping, read_last, shown = self.ledger.mapping, self.ledger.read_last, dict(self.ledger.shown)
            self._cycle(mapping.id, RunKind.COMPLETE)
            self.ledger.mapping, self.ledger.read_last, self.ledger.shown = mapping, read_last, shown
            self.taken_over = laws.rows_of(self.world.repository.engine)

    def _troubled_cycle(self, place: str) -> None:
        for side in SIDES:
            self.weathers[side] = weather.drawn(self.weathers[side].chance, self.weathers[side].met)
        self.moments, self.calls = {}, Counter()
        if self.chance.random() < 0.7:
            for _ in range(self.chance.choice((1, 2, 3, 4))):
                call: Call = self.chance.choice(
                    ("pages", "read", "update", "update", "update", "update", "reserve", "create")
                )
                self.moments[call, self.chance.choice((1, 1, 2, 3, 4, 5))] = self.chance.choice(MOMENTS)
        if any(how.style != "cursor" for how in self.spellings.values()):
            # Such pages shift only where something comes, goes or moves between two of them.
            likely = self.along.choice((0.0, 0.2, 0.4))
            self.moments |= {("pages", n): "shift" for n in range(2, 14) if self.along.random() < likely}
        if self.chance.random() < 0.2:
            self.points.at = len(self.points.names) + self.chance.randint(1, 30)
        kind = self.chance.choice((RunKind.COMPLETE, RunKind.COMPLETE, RunKind.DELTA, RunKind.DELTA, RunKind.HINTED))
        result = self._cycle(place, kind)
        self.points.at, self.moments = None, {}
        for side in SIDES:
            self.weathers[side] = Weather(self.weathers[side].chance, {}, self.weathers[side].met)
        if result is not None and result.summary.status is RunStatus.HALTED and self.chance.random() < 0.6:
            self._go_on(place, result)

    def _go_on(self, place: str, result: CycleResult) -> None:
        """Release a halted plan, and let it pass."""
        self._release(result)
        self.passing = True
        self._cycle(place, result.summary.kind)
        self.passing = False

    def _cycle(self, place: str, kind: RunKind, *, thorough: bool = False) -> CycleResult | None:
        """One cycle, some minutes later; None where the process died in it."""
        self.world.clock.pause(300)
        likely = {side.value: dict(self.weathers[side].likely) for side in SIDES if self.weathers[side].likely}
        self.story.tell(f"{kind} {place} {likely or ''}".rstrip(), "cycles")
        self.ledger.mapping = self.world.mappings.points_of_sale[place]
        hints = {side: frozenset(self._hinted(side)) for side in SIDES} if kind is RunKind.HINTED else None
        if kind is RunKind.COMPLETE and not likely and not thorough:
            self._compare_plans(place)
        cycle: Cycle = self.world.cycle(place)
        cycle.thorough = thorough
        cycle.chance = Random(self.keys.getrandbits(64))
        self.within += 1
        self.ledger.listed = {}
        try:
            result = cycle.run(kind=kind, hints=hints)
        except Killed:
            if self.within > 1:
                raise
            self.story.tell(f"  dies {self.points.names[-1]}", "deaths")
            self.world.renew()
            return None
        finally:
            self.within -= 1
            self._judge_takeover()
        self._judge(result)
        return result

    def _compare_plans(self, place: str) -> None:
        """Every now and then: what a run that looks at what changed plans is what one that looks at all plans.

        And what an edit would change is told alike by the cars that it can reach and by all.
        """
        self.looks += 1
        if self.looks % 2:
            return
        point = self.world.mappings.points_of_sale[place]
        systems: dict[Side, System] = {
            side: wire.ListedSystem(self.town.servers[side], point.systems[side].code, self.spellings[side])
            for side in SIDES
        }
        cycles = [replace(self.world.cycle(place), systems=systems, thorough=thorough) for thorough in (False, True)]
        before = Counter(self.story.counts)
        by_changes = cycles[0].run(dry_run=True)
        unread = {kind: self.story.counts[kind] - before[kind] for kind in wire.RECOGNISED}
        by_all = cycles[1].run(dry_run=True)
        changed, everything = by_changes.plan, by_all.plan
        if changed is None or everything is None:
            return
        broken = laws.planned_otherwise(changed, everything)
        if by_changes.halts != by_all.halts:
            broken.append(f"what changed halts with {by_changes.halts}, everything with {by_all.halts}")
        self.ledger.broken += broken
        if not broken:
            self.story.counts[SKIPPED] += len(everything.cars) - len(changed.cars)
            self.story.counts.update({f"{kind}{RIGHTLY}": count for kind, count in unread.items()})
        for edit in previews.some(1, self.story.seed + self.looks):
            told = previews.told_otherwise(self.world.mappings, place, edit, self.world.repository, self.world.clock)
            self.ledger.broken += told

    def _hinted(self, side: Side) -> list[str]:
        ids = self.town.servers[side].ids()
        return self.chance.sample(ids, min(2, len(ids)))

    def _judge(self, result: CycleResult) -> None:
        summary = result.summary
        writes = {side.value: n for side, n in summary.writes.items() if n}
        why = "; ".join(halt.guard for halt in result.halts) or (summary.message or "")[:60]
        self.story.tell(f"  {summary.kind} {summary.status} {writes or ''} {why}".rstrip(), summary.status.value)
        if summary.status is RunStatus.DONE and summary.kind is RunKind.COMPLETE and not self.passing:
            self._judge_listings(summary.point_of_sale)
        if not summary.as_json()["identity"]["balanced"]:
            self.ledger.broken.append(f"the categories do not add up: {summary.as_json()['identity']} (law 4)")

    def _judge_takeover(self) -> None:
        """I10: whoever was taken over changes nothing any more."""
        if self.within == 0 and self.taken_over:
            now, before = laws.rows_of(self.world.repository.engine), self.taken_over
            self.taken_over = {}
            changed = laws.differing(before, now)
            self.ledger.broken += [f"a run that was taken over changed a row: {row} (I10)" for row in changed]

    def _judge_listings(self, place: str) -> None:
        """I9: nothing follows from a listing that is empty while the side has records, and somebody could tell."""
        before, self.believed[place] = self.believed.get(place, {}), dict(self.ledger.listed)
        for side, listed in self.ledger.listed.items():
            server, code = self.town.servers[side], place if side is MODULE else POINTS[place]
            there = len(server.listing(code))
            if there and not listed and (before.get(side) or self.ledger.listed.get(side.other)):
                self.ledger.broken.append(f"an empty listing of {side} was believed: it has {there} records (I8)")

    def _release(self, result: CycleResult) -> None:
        assert result.summary.run_id is not None
        self.story.tell("  released", "releases")
        self.world.repository.release(result.summary.run_id)

    # the end

    def _rest(self) -> Iterator[None]:
        """Nobody acts and nothing fails any more: within a few cycles nothing moves, and both sides agree."""
        self.people.go_home()
        if self.edit and self.chance.random() < 0.5:
            self._edit_mapping("")
        self.story.tell("everybody goes home")
        # A listing that lagged behind or shifted hid changes for good, and nobody can tell before everything is listed
        # again.
        lagged = any(weather.met["stale"] or weather.met[UNSEEN] for weather in self.weathers.values())
        if not self.went_back and not lagged and self.chance.random() < 0.5:
            yield from self._rest_by_quick_runs()
        for _ in range(SETTLING + (OLDER_READINGS_DOUBTED if self.went_back else 0)):
            before = laws.at_rest(self.world.repository.engine)
            for place in self.places:
                if self.went_back:
                    # What looks older than it was is doubted for some runs, and for some time.
                    self.world.clock.at += DOUBTED_FOR / 2
                self._passed(place, RunKind.COMPLETE)
                yield
            if not self.went_back and laws.at_rest(self.world.repository.engine) == before:
                break
        before = laws.at_rest(self.world.repository.engine)
        for kind, thorough in (
            (RunKind.COMPLETE, True),
            (RunKind.COMPLETE, False),
            (RunKind.DELTA, False),
            (RunKind.HINTED, False),
        ):
            for place in self.places:
                writes = self.ledger.writes
                self._cycle(place, kind, thorough=thorough)
                if self.ledger.writes != writes:
                    self.ledger.broken.append(f"a {kind} run on quiet sides wrote something (law 5)")
        after = laws.at_rest(self.world.repository.engine)
        self.ledger.broken += [f"a quiet run changed a row: {row} (law 5)" for row in laws.differing(before, after)]
        self.ledger.mapping = self.world.mappings.points_of_sale["PDV1"]
        self.watch.look_at_the_end(self.world.repository)
        yield
        self._preview_what_is_near()

    def _preview_what_is_near(self) -> None:
        """What edits would change of a mapping that tolerates differences is told alike, too.

        The laws are not asked any more: they know of no tolerance.
        """
        broken = list(self.ledger.broken)
        self.world.mappings = shipped_set(previews.STANDING)
        chance = Random(self.story.seed)
        previews.brought_near(self.town.servers, chance)
        for _ in range(2):
            self._passed("PDV1", RunKind.COMPLETE)
        self.ledger.broken = [
            *broken,
            *previews.told_on_top("PDV1", chance, self.world.repository, self.world.clock),
        ]

    def _rest_by_quick_runs(self) -> Iterator[None]:
        """Quick runs alone bring everything to rest as well: a complete one finds nothing left to change."""
        for _ in range(SETTLING):
            for place in self.places:
                self._passed(place, RunKind.DELTA)
                yield
        for place in self.places:
            writes = dict(self.ledger.writes_by_call)
            self._cycle(place, RunKind.COMPLETE, thorough=True)
            left = {call: n - writes.get(call, 0) for call, n in self.ledger.writes_by_call.items()}
            # An unanswered creation is only settled by a complete listing, and the reference to it comes after.
            left["update"] = left.get("update", 0) - left.get("create", 0)
            for call in ("update", "reserve"):
                if left.get(call, 0) > 0:
                    self.ledger.broken.append(f"quick runs left {left[call]} {call} at {place} to a complete one")
            yield

    def _passed(self, place: str, kind: RunKind) -> None:
        result = self._cycle(place, kind)
        if result is not None and result.summary.status is RunStatus.HALTED:
            self._go_on(place, result)
