"""How each point of sale stands, in words and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import click

from stocksync.mapping.effective import MappingSet
from stocksync.reports import wording
from stocksync.reports.spelling import Language, count, instant
from stocksync.reports.words import RUN_STATES
from stocksync.stock.reconcile import Category
from stocksync.sync.answers import PointState, RunFacts

WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "never": "jamais synchronisé : stocksync plan, puis stocksync sync",
        "last_done": "dernière synchronisation complète : {at}, il y a {age}",
        "no_done": "aucune synchronisation complète à ce jour",
        "last": "dernière exécution : n° {run}, {state}, {at}",
        "waiting": "lignes de rapport ouvertes : à trancher {conflicts}, bloquées {held}, autres {others}",
        "unsent": "écritures sans réponse connue : {unsent} (la prochaine lecture tranche)",
        "halted": "arrêtée : exécution n° {run}. {why}",
        "release": "pour laisser passer exactement ce plan : stocksync release {run}",
        "days": "{count} j",
        "hours": "{count} h",
        "minutes": "{count} min",
    },
    "en": {
        "never": "never synchronised: stocksync plan, then stocksync sync",
        "last_done": "last complete synchronisation: {at}, {age} ago",
        "no_done": "no complete synchronisation so far",
        "last": "last run: {run}, {state}, {at}",
        "waiting": "report rows open: to decide {conflicts}, blocked {held}, others {others}",
        "unsent": "writes without a known outcome: {unsent} (the next listing settles them)",
        "halted": "halted: run {run}. {why}",
        "release": "to let exactly this plan pass: stocksync release {run}",
        "days": "{count} d",
        "hours": "{count} h",
        "minutes": "{count} min",
    },
}


@dataclass(frozen=True, slots=True)
class StatusView:
    """Every point of sale at one instant, in one language."""

    states: Sequence[PointState]
    mappings: MappingSet
    now_at: datetime
    language: Language

    def echo(self) -> None:
        """Print a block for each."""
        for state in self.states:
            point = self.mappings.points_of_sale.get(state.point_of_sale)
            title = f"{state.point_of_sale} ({point.name})" if point is not None else state.point_of_sale
            click.echo(click.style(title, bold=True))
            for line in self._lines(state):
                click.echo(f"  {line}")

    def as_data(self) -> dict[str, Any]:
        """The same for a program."""
        return {"points_of_sale": [self._data(state) for state in self.states]}

    def _lines(self, state: PointState) -> Iterator[str]:
        if state.last is None:
            yield self._say("never")
            return
        done = state.last_done
        if done is None:
            yield self._say("no_done")
        else:
            ended_at = done.finished_at or done.started_at
            yield self._say("last_done", at=self._local(state, ended_at), age=self._age(self.now_at - ended_at))
        if done is None or state.last.run_id != done.run_id:
            yield self._last(state, state.last)
        found = state.open_findings
        counted = {"conflicts": found.get(Category.CONFLICT, 0), "held": found.get(Category.HELD, 0)}
        others = sum(found.values()) - sum(counted.values())
        said = {name: count(number, self.language) for name, number in {**counted, "others": others}.items()}
        yield self._say("waiting", **said)
        if state.unsent:
            yield self._say("unsent", unsent=count(state.unsent, self.language))
        if state.halted is not None:
            run = str(state.halted.run_id)
            yield click.style(self._say("halted", run=run, why=self._why(state, state.halted)), fg="red")
            yield self._say("release", run=run)

    def _last(self, state: PointState, run: RunFacts) -> str:
        said = self._say(
            "last",
            run=str(run.run_id),
            state=RUN_STATES[self.language][run.status],
            at=self._local(state, run.finished_at or run.started_at),
        )
        is_told_below = state.halted is not None and state.halted.run_id == run.run_id
        why = "" if is_told_below else self._why(state, run)
        return f"{said} - {why}" if why else said

    def _why(self, state: PointState, run: RunFacts) -> str:
        """Why a run ended as it did: its guards in the reader's language, else its own message."""
        point = self.mappings.points_of_sale.get(state.point_of_sale)
        if not run.halts or point is None:
            return run.message or ""
        return " ".join(
            wording.halt_sentence(h["guard"], h["message"], h.get("values", {}), point.vocabulary, self.language)
            for h in run.halts
        )

    def _local(self, state: PointState, at: datetime) -> str:
        point = self.mappings.points_of_sale.get(state.point_of_sale)
        return instant(at.astimezone(ZoneInfo(point.time_zone if point is not None else "Europe/Paris")))

    def _age(self, age: timedelta) -> str:
        minutes = max(int(age.total_seconds() // 60), 0)
        for unit, length in (("days", 1440), ("hours", 60)):
            if minutes >= 2 * length:
                return self._say(unit, count=count(minutes // length, self.language))
        return self._say("minutes", count=str(minutes))

    def _data(self, state: PointState) -> dict[str, Any]:
        done = state.last_done
        ended_at = (done.finished_at or done.started_at) if done is not None else None
        return {
            "point_of_sale": state.point_of_sale,
            "last_done": _run_data(done),
            "age_s": int((self.now_at - ended_at).total_seconds()) if ended_at is not None else None,
            "last": _run_data(state.last),
            "open": {category.value: number for category, number in sorted(state.open_findings.items())},
            "unsent": state.unsent,
            "halted": {**_run_facts(state.halted), "why": self._why(state, state.halted)} if state.halted else None,
        }

    def _say(self, key: str, **values: str) -> str:
        template = WORDS[self.language][key]
        return wording.typeset(template, self.language).format(**values)


def _run_data(run: RunFacts | None) -> dict[str, Any] | None:
    return _run_facts(run) if run is not None else None


def _run_facts(run: RunFacts) -> dict[str, Any]:
    return {
        "run": run.run_id,
        "status": run.status,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at is not None else None,
        "message": run.message,
    }
