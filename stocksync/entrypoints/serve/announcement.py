"""What the service says: at its start one line for each point of sale, and what becomes of it when it is to end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import click

from stocksync.entrypoints.pause_commands import pause_of
from stocksync.reports.spelling import Counted, Language, instant
from stocksync.reports.wording import typeset

if TYPE_CHECKING:
    from stocksync.entrypoints.serve.service import Upcoming
    from stocksync.sync.health import Pause
    from stocksync.sync.timetable import Schedule

_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "point": "{point} : passage rapide toutes les {every}, le prochain à {quick} ; complet le {complete}{paused}",
        "paused": " ; suspendu par {by} depuis le {at} ({reason})",
        "ready": "stocksync tourne : {points:point de vente|points de vente}, {workers:passage à la fois|passages à la "
        "fois}. Pour l'arrêter : Ctrl-C ou SIGTERM.",
        "http": "Écoute sur {url}",
        "stopping": "Arrêt demandé : ce qui tourne se termine, {seconds} s au plus ; un second signal n'attend pas.",
        "stopped": "stocksync est arrêté.",
        "at_once": "stocksync s'arrête sans attendre : rien n'est perdu, le prochain démarrage reprend.",
        "too_long": "Ce qui tourne ne s'est pas terminé à temps, stocksync s'arrête quand même : rien n'est perdu, le "
        "prochain démarrage reprend.",
    },
    "en": {
        "point": "{point}: a quick run every {every}, the next at {quick}; a complete one on {complete}{paused}",
        "paused": "; paused by {by} since {at} ({reason})",
        "ready": "stocksync is running: {points:point of sale|points of sale}, {workers:run at a time|runs at a time}. "
        "To stop it: Ctrl-C or SIGTERM.",
        "http": "Listening on {url}",
        "stopping": "Told to stop: what runs comes to its end, within {seconds} s; a second signal does not wait.",
        "stopped": "stocksync has stopped.",
        "at_once": "stocksync stops without waiting: nothing is lost, the next start goes on.",
        "too_long": "What runs did not come to its end in time, stocksync stops anyhow: nothing is lost, the next "
        "start goes on.",
    },
}


class Announcement:
    """Prints the service's sentences on standard output, in one language."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def points(
        self, upcoming: Sequence[Upcoming], schedules: Mapping[str, Schedule], in_force: Mapping[str, Pause]
    ) -> None:
        """Say when each point of sale is due next, in its own time, and which are paused."""
        for times in upcoming:
            schedule, paused = schedules[times.point_of_sale], pause_of(times.point_of_sale, in_force)

            def local(at: datetime, schedule: Schedule = schedule) -> str:
                return instant(at.astimezone(schedule.zone))

            self._print(
                "point",
                point=times.point_of_sale,
                every=_interval(schedule.quick_every_s),
                quick=f"{times.quick_at.astimezone(schedule.zone):%H:%M:%S}",
                complete=local(times.complete_at),
                paused=""
                if paused is None
                else self._said("paused").format(by=paused.paused_by, at=local(paused.paused_at), reason=paused.reason),
            )

    def ready(self, points: int, workers: int) -> None:
        """Say that the service works."""
        self._print("ready", points=Counted(points, self._language), workers=Counted(workers, self._language))

    def http(self, url: str) -> None:
        """Say where it listens."""
        self._print("http", url=url)

    def stopping(self, seconds_s: float) -> None:
        """Say that it was told to stop."""
        self._print("stopping", seconds=f"{seconds_s:g}")

    def say(self, key: str) -> None:
        """Print the sentence of a name."""
        self._print(key)

    def _print(self, key: str, **values: object) -> None:
        click.echo(self._said(key).format(**values))

    def _said(self, key: str) -> str:
        return typeset(_WORDS[self._language][key], self._language)


def _interval(seconds_s: float) -> str:
    return f"{seconds_s / 60:g} min" if seconds_s >= 60 and seconds_s % 60 == 0 else f"{seconds_s:g} s"
