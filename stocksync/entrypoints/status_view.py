"""How the group stands, on one screen: who needs somebody first, then one line for each point of sale.

Three hundred points of sale fit as well as two: those with one and the same trouble share its sentence, and quiet ones
are counted. What one named point of sale is asked for is told in full. For programs: `status_data`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

import click

from stocksync.entrypoints import rendering
from stocksync.entrypoints.status_in_force import InForce
from stocksync.entrypoints.status_points import ShownPoint
from stocksync.entrypoints.status_words import CONDITIONS, GATES, HEADERS, KINDS, age, counted, local, say
from stocksync.reports.spelling import Counted, Language, count
from stocksync.reports.wording import halt_sentence, joined
from stocksync.reports.words import RUN_STATES, SIDE_NAMES
from stocksync.stock.reconcile import Category
from stocksync.sync.health import (
    CONFLICT_AGES,
    Condition,
    GateHealth,
    GateState,
    Health,
    PointHealth,
    RunShown,
    allowed_age,
    condition,
)
from stocksync.sync.recording import RunStatus

MANY = 20
"""More points of sale than this are folded, unless all of them are asked for."""
_NAMED = 5
_HOME = "Europe/Paris"
_SCHEDULE_MIN = 5
_URGENT = (Condition.HALTED, Condition.FAILING, Condition.STALE, Condition.NEVER, Condition.PAUSED)
_COLOURS = {Condition.HALTED: "red", Condition.FAILING: "red", Condition.STALE: "yellow", Condition.PAUSED: "yellow"}


def echo_refused(files: InForce, language: Language) -> None:
    """Say above everything that the mapping files are not valid, by which ones runs go on, and what to do."""
    first, *others = files.problems
    said = say(language, "refused", detail=str(first).rstrip("."))
    if others:
        said = say(language, "refused_more", said=said, count=Counted(len(others), language))
    click.secho(said, fg="red", bold=True)
    versions = ", ".join(dict.fromkeys(files.versions.values()))
    edited = say(language, "edited", at=local(files.edited_at, _HOME)) if files.edited_at is not None else ""
    for key in ("goes_on", "mend"):
        click.echo(f"  {say(language, key, version=versions, edited=edited)}")
    click.echo()


def echo_no_room(language: Language) -> None:
    """Say above everything that nothing can be kept any more, so that what follows is old."""
    click.secho(say(language, "no_room"), fg="red", bold=True)
    click.echo(f"  {say(language, 'make_room')}\n")


@dataclass(frozen=True, slots=True)
class StatusView:
    """The group at one instant, in one language.

    recent: the newest runs of the points of sale that were named, by name; those are told in full.
    """

    health: Health
    mappings: Mapping[str, ShownPoint]
    now_at: datetime
    language: Language
    recent: Mapping[str, Sequence[RunShown]] = field(default_factory=dict)

    def echo(self, *, everything: bool = False) -> None:
        """Print the screen; everything: a line for each point of sale, however many."""
        if self.recent:
            for point in self.health.points:
                self._echo_in_full(point)
            return
        click.echo(self._summary())
        for system in self.health.gates:
            if system.state is not GateState.OPEN:
                click.echo()
                click.secho(self._gate(system), fg="red" if system.state is GateState.DENIED else "yellow")
        for names, lines in self._troubles():
            click.echo()
            click.secho(names, bold=True)
            for line in lines:
                click.echo(f"  {line}")
        self._echo_lines(everything=everything)

    def condition(self, point: PointHealth) -> Condition:
        """A point of sale in one word, by its own schedule."""
        mapping = self.mappings.get(point.point_of_sale)
        return condition(point, self.now_at, allowed_age(mapping.quick_every_min if mapping else _SCHEDULE_MIN))

    def conditions(self, points: Sequence[PointHealth]) -> dict[Condition, int]:
        """How many points of sale are in each condition."""
        return dict(Counter(map(self.condition, points)))

    def why(self, point: PointHealth, run: RunShown) -> str:
        """Why a run ended as it did: its guards in the reader's language, else its own message."""
        mapping = self.mappings.get(point.point_of_sale)
        if not run.halts or mapping is None:
            return run.message or ""
        return " ".join(
            halt_sentence(h["guard"], h["message"], h.get("values", {}), mapping.vocabulary(), self.language)
            for h in run.halts
        )

    # the summary, and who needs somebody

    def _summary(self) -> str:
        points = self.health.points
        said = self._say(
            "summary",
            count=Counted(len(points), self.language),
            at=local(self.now_at, self._zone(points[0].point_of_sale) if points else _HOME),
            states=counted(self.language, self.conditions(points)) or "-",
        )
        busy = [point.point_of_sale for point in points if point.at_work is not None]
        return f"{said}\n{self._say('at_work', points=self._names(busy))}" if busy else said

    def _gate(self, gate: GateHealth) -> str:
        since = local(gate.since, _HOME) if gate.since is not None else "?"
        state = GATES[self.language][gate.state]
        said = [self._say("gate", system=gate.system, state=state, at=since, reason=gate.reason or "-")]
        if gate.state is GateState.DENIED:
            said.append(self._say("denied"))
        elif gate.retry_at is not None:
            said.append(self._say("retry", at=local(gate.retry_at, _HOME)))
        return joined(said, self.language)

    def _troubles(self) -> Iterator[tuple[str, list[str]]]:
        """Give who needs somebody and what for, the gravest first; those with one trouble share its sentences."""
        for word in _URGENT:
            sharing: dict[tuple[str, ...], list[PointHealth]] = {}
            for point in self.health.points:
                if self.condition(point) is word:
                    sharing.setdefault(self._shared(point, word), []).append(point)
            for points in sharing.values():
                yield self._titles(points), self._trouble(points[0], word)

    def _shared(self, point: PointHealth, word: Condition) -> tuple[str, ...]:
        """What has to be the same for two points of sale to be told of in one sentence."""
        if word is Condition.FAILING and point.last is not None:
            return (self._failure(point).message or "", self._failure(point).status)
        if word is Condition.PAUSED and point.paused is not None:
            paused = point.paused
            return (paused.paused_by, paused.reason, "" if paused.point_of_sale == "" else point.point_of_sale)
        return () if word in (Condition.STALE, Condition.NEVER) else (point.point_of_sale,)

    def _trouble(self, point: PointHealth, word: Condition) -> list[str]:
        if word is Condition.HALTED:
            return self._halted(point)
        if word is Condition.PAUSED:
            return self._paused(point)
        if word is Condition.FAILING:
            return [click.style(self._failing(point), fg="red")]
        return [self._say("never" if word is Condition.NEVER else "stale")]

    def _halted(self, point: PointHealth) -> list[str]:
        if point.halted is None:
            return []
        run = str(point.halted.run_id)
        at = self._local(point, point.halted.started_at)
        return [
            click.style(self._say("halted", run=run, why=self.why(point, point.halted)), fg="red"),
            self._say("release", run=run, at=at),
        ]

    def _paused(self, point: PointHealth) -> list[str]:
        if point.paused is None:
            return []
        at, everywhere = self._local(point, point.paused.paused_at), point.paused.point_of_sale == ""
        return [
            self._say("paused", by=point.paused.paused_by, at=at, reason=point.paused.reason or "-"),
            self._say("resume", option="" if everywhere else f" --point-of-sale {point.point_of_sale}"),
        ]

    def _failing(self, point: PointHealth) -> str:
        run = self._failure(point)
        said = self._say(
            "failing",
            count=Counted(point.failed_in_a_row, self.language),
            run=str(run.run_id),
            state=RUN_STATES[self.language][run.status],
            at=self._local(point, run.finished_at or run.started_at),
        )
        return f"{said} - {self.why(point, run)}" if self.why(point, run) else said

    def _failure(self, point: PointHealth) -> RunShown:
        """The newest run that failed: a run at work is not it."""
        found = point.last_failed or point.last
        assert found is not None
        return found

    def _titles(self, points: Sequence[PointHealth]) -> str:
        if len(points) == 1:
            return self._title(points[0])
        return self._names([point.point_of_sale for point in points])

    def _title(self, point: PointHealth) -> str:
        mapping = self.mappings.get(point.point_of_sale)
        return f"{point.point_of_sale} ({mapping.name})" if mapping is not None else point.point_of_sale

    def _names(self, names: Sequence[str]) -> str:
        if len(names) == len(self.health.points) > _NAMED:
            return self._say("all")
        if len(names) <= _NAMED + 1:
            return ", ".join(names)
        left = Counted(len(names) - _NAMED, self.language)
        return self._say("more", names=", ".join(islice(names, _NAMED)), count=left)

    # a line for each

    def _echo_lines(self, *, everything: bool) -> None:
        points = list(self.health.points)
        shown, folded = points, []
        if len(points) > MANY and not everything:
            by_need = sorted(
                (p for p in points if self.condition(p) is not Condition.GOOD),
                key=lambda p: _URGENT.index(self.condition(p)),
            )
            shown = by_need[:MANY]
            named = {point.point_of_sale for point in shown}
            folded = [point for point in points if point.point_of_sale not in named]
        click.echo()
        if shown:
            rendering.echo_rows(HEADERS[self.language], [self._line(point) for point in shown])
        if folded:
            states = counted(self.language, self.conditions(folded))
            click.echo(self._say("folded", count=Counted(len(folded), self.language), states=states))

    def _line(self, point: PointHealth) -> tuple[str, ...]:
        good = point.last_good
        ended_at = (good.finished_at or good.started_at) if good is not None else None
        number = point.open_by_category.get
        return (
            point.point_of_sale,
            self._local(point, ended_at) if ended_at is not None else "-",
            KINDS[self.language][good.kind] if good is not None else "-",
            age(self.language, self.now_at - good.started_at) if good is not None else "-",
            count(point.backlog, self.language),
            count(number(Category.CONFLICT, 0), self.language),
            count(number(Category.HELD, 0), self.language),
            self._state(point),
        )

    def _state(self, point: PointHealth) -> str:
        word = self.condition(point)
        said = [CONDITIONS[self.language][word]]
        status = point.last.status if point.last is not None else None
        if point.at_work is not None:
            said.append(RUN_STATES[self.language][RunStatus.RUNNING])
        elif status is RunStatus.RELEASED:
            said.append(RUN_STATES[self.language][RunStatus.RELEASED])
        return ", ".join(said)

    # one in full

    def _echo_in_full(self, point: PointHealth) -> None:
        word = self.condition(point)
        state = click.style(CONDITIONS[self.language][word], fg=_COLOURS.get(word, "green"))
        click.echo(f"{click.style(self._title(point), bold=True)} - {state}")
        for line in self._full(point):
            click.echo(f"  {line}")
        runs = self.recent.get(point.point_of_sale, ())
        if runs:
            click.echo(f"  {self._say('recent')}")
            for row in rendering.aligned([self._run_row(point, run) for run in runs]):
                click.echo(f"    {row}")

    def _full(self, point: PointHealth) -> Iterator[str]:
        if point.last is None:
            yield self._say("never")
        yield from self._halted(point)
        yield from self._paused(point)
        if point.failed_in_a_row and point.last is not None:
            yield click.style(self._failing(point), fg="red")
        if point.at_work is not None:
            since = point.at_work_since or self.now_at
            yield self._say("holder", holder=point.at_work, age=age(self.language, self.now_at - since))
        if point.last is not None:
            yield self._done(point, "last_done", "no_done", point.last_good)
            yield self._done(point, "last_complete", "no_complete", point.last_complete)
            yield self._last(point, point.last)
        yield self._waiting(point)
        if any(point.conflicts_by_age):
            yield self._say("ages", groups=", ".join(self._ages(point)))
        if point.backlog:
            at = self._local(point, point.backlog_since) if point.backlog_since is not None else "?"
            yield self._say("unsent", unsent=count(point.backlog, self.language), at=at)
        if point.marks:
            sides = SIDE_NAMES[self.language]
            marks = ", ".join(f"{sides[side]} {mark.replace('T', ' ')}" for side, mark in sorted(point.marks.items()))
            yield self._say("marks", marks=marks)

    def _done(self, point: PointHealth, key: str, none_key: str, run: RunShown | None) -> str:
        if run is None:
            return self._say(none_key)
        ended_at = run.finished_at or run.started_at
        ago = age(self.language, self.now_at - ended_at)
        kind = KINDS[self.language][run.kind]
        return self._say(key, run=str(run.run_id), kind=kind, at=self._local(point, ended_at), age=ago)

    def _last(self, point: PointHealth, run: RunShown) -> str:
        return self._say(
            "last",
            run=str(run.run_id),
            kind=KINDS[self.language][run.kind],
            state=RUN_STATES[self.language][run.status],
            at=self._local(point, run.finished_at or run.started_at),
        )

    def _waiting(self, point: PointHealth) -> str:
        found = point.open_by_category
        numbers = {"conflicts": found.get(Category.CONFLICT, 0), "held": found.get(Category.HELD, 0)}
        others = sum(found.values()) - sum(numbers.values())
        said = {name: count(number, self.language) for name, number in {**numbers, "others": others}.items()}
        return self._say("waiting", **said)

    def _ages(self, point: PointHealth) -> Iterator[str]:
        *within, longer = point.conflicts_by_age
        for end, number in zip(CONFLICT_AGES, within, strict=True):
            days = self._say("days", count=str(end.days))
            yield self._say("age_under", days=days, number=count(number, self.language))
        yield self._say("age_over", number=count(longer, self.language))

    def _run_row(self, point: PointHealth, run: RunShown) -> tuple[str, ...]:
        return (
            str(run.run_id),
            self._local(point, run.started_at),
            KINDS[self.language][run.kind],
            RUN_STATES[self.language][run.status],
            run.message or "",
        )

    def _zone(self, name: str) -> str:
        mapping = self.mappings.get(name)
        return mapping.time_zone if mapping is not None else _HOME

    def _local(self, point: PointHealth, at: datetime) -> str:
        return local(at, self._zone(point.point_of_sale))

    def _say(self, key: str, **values: str | Counted) -> str:
        return say(self.language, key, **values)
