"""What an alert says: one message for all that begins and ends at a time, in both languages, and for programs.

What systems and guards said is quoted as it came, on one line and cut. Not here: how it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from stocksync.reports.spelling import Language, instant
from stocksync.reports.wording import typeset
from stocksync.sync.alerts import AlertKind, OpenAlert, Telling

DEFAULT_ZONE: Final = ZoneInfo("Europe/Paris")
MOST_LINES: Final = 50
LONGEST_QUOTE: Final = 300
LONGEST_SUBJECT: Final = 150
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

_KINDS: Final[Mapping[Language, Mapping[AlertKind, str]]] = {
    "fr": {
        AlertKind.HALTED: "{subject} : une sécurité a arrêté la synchronisation ; rien n'est écrit avant qu'une "
        "personne ne tranche (stocksync status --point-of-sale {subject})",
        AlertKind.STALE: "{subject} : aucune synchronisation n'a abouti depuis trop longtemps",
        AlertKind.FAILING: "{subject} : les synchronisations échouent l'une après l'autre",
        AlertKind.BACKLOG: "{subject} : des écritures attendent depuis trop longtemps",
        AlertKind.GATE_CLOSED: "{subject} : ce système ne répond pas ; il n'est plus interrogé qu'à titre d'essai",
        AlertKind.ACCESS_DENIED: "{subject} : ce système refuse notre clé ; rien n'y est lu ni écrit",
        AlertKind.EDIT_REFUSED: "les fichiers de mapping modifiés ne peuvent pas entrer en vigueur ; ceux d'avant "
        "restent en vigueur (stocksync mapping check, stocksync doctor)",
        AlertKind.STORAGE: "rien ne peut plus être enregistré dans la base ; plus rien n'est synchronisé avant que ce "
        "soit réglé (stocksync doctor)",
    },
    "en": {
        AlertKind.HALTED: "{subject}: a guard halted the synchronisation; nothing is written before a person decides "
        "(stocksync status --point-of-sale {subject})",
        AlertKind.STALE: "{subject}: no synchronisation has come to its end for too long",
        AlertKind.FAILING: "{subject}: one synchronisation after the other fails",
        AlertKind.BACKLOG: "{subject}: writes have been waiting for too long",
        AlertKind.GATE_CLOSED: "{subject}: this system does not answer; it is only tried from time to time",
        AlertKind.ACCESS_DENIED: "{subject}: this system refuses our key; nothing is read or written there",
        AlertKind.EDIT_REFUSED: "the edited mapping files cannot come into force; those before them stay in force "
        "(stocksync mapping check, stocksync doctor)",
        AlertKind.STORAGE: "nothing can be kept in the database any more; nothing is synchronised before that is "
        "settled (stocksync doctor)",
    },
}
_SAID: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "begun": "Commence :",
        "over": "Terminé :",
        "since": "depuis le {at}",
        "recovered": "terminé après {lasted} (du {opened} au {closed})",
        "others": "et {count} autres : stocksync alerts",
        "alert": "1 alerte",
        "alerts": "{count} alertes",
        "end": "1 alerte terminée",
        "ends": "{count} alertes terminées",
        "other": "In English:",
    },
    "en": {
        "begun": "Begins:",
        "over": "Over:",
        "since": "since {at}",
        "recovered": "recovered after {lasted} (from {opened} to {closed})",
        "others": "and {count} others: stocksync alerts",
        "alert": "1 alert",
        "alerts": "{count} alerts",
        "end": "1 alert over",
        "ends": "{count} alerts over",
        "other": "En français :",
    },
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One message; subject: one line. data: the same for programs, ready for JSON."""

    subject: str
    text: str
    data: Mapping[str, Any]
    at: datetime


def notice_of(
    telling: Telling,
    language: Language,
    at: datetime,
    zone: ZoneInfo = DEFAULT_ZONE,
    clean: Callable[[str], str] = str,
) -> Notice:
    """Word what is to be told, in the reader's language first; clean: takes secrets out of what others said."""
    other: Language = "en" if language == "fr" else "fr"
    text = "\n".join(
        [
            *_lines(telling, language, zone, clean),
            "",
            "--",
            _say(language, "other"),
            "",
            *_lines(telling, other, zone, clean),
        ]
    )
    return Notice(_subject(telling, language), f"{text}\n", _data(telling, at, clean), at)


def sentence(alert: OpenAlert, language: Language) -> str:
    """What is wrong, in one sentence."""
    return typeset(_KINDS[language][alert.kind], language).format(subject=_one_line(alert.subject))


def duration(lasted: timedelta) -> str:
    """A length of time as both languages write it, such as 2 h 10 or 5 min."""
    minutes = max(int(lasted.total_seconds() // 60), 0)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d}"


def _lines(telling: Telling, language: Language, zone: ZoneInfo, clean: Callable[[str], str]) -> Iterator[str]:
    for part, alerts in (("begun", telling.begun), ("over", telling.over)):
        if not alerts:
            continue
        yield _say(language, part)
        for alert in alerts[:MOST_LINES]:
            yield f"- {sentence(alert, language)}"
            yield f"  {_when(alert, language, zone)}"
            if alert.message and part == "begun":
                yield f"  {_one_line(clean(alert.message))}"
        if len(alerts) > MOST_LINES:
            yield f"- {_say(language, 'others', count=str(len(alerts) - MOST_LINES))}"
        yield ""


def _when(alert: OpenAlert, language: Language, zone: ZoneInfo) -> str:
    opened = instant(alert.opened_at.astimezone(zone))
    if alert.closed_at is None:
        return _say(language, "since", at=opened)
    lasted = duration(alert.closed_at - alert.opened_at)
    return _say(language, "recovered", lasted=lasted, opened=opened, closed=instant(alert.closed_at.astimezone(zone)))


def _subject(telling: Telling, language: Language) -> str:
    counts = [
        _say(language, one if len(alerts) == 1 else many, count=str(len(alerts)))
        for one, many, alerts in (("alert", "alerts", telling.begun), ("end", "ends", telling.over))
        if alerts
    ]
    about = ", ".join(dict.fromkeys(alert.subject for alert in (*telling.begun, *telling.over)))
    subject = f"stocksync, {', '.join(counts)} ({about}"
    return f"{_one_line(subject)[: LONGEST_SUBJECT - 1]})"


def _data(telling: Telling, at: datetime, clean: Callable[[str], str]) -> dict[str, Any]:
    def shown(alerts: Sequence[OpenAlert]) -> list[dict[str, Any]]:
        return [_alert(alert, clean) for alert in alerts]

    return {
        "version": 1,
        "test": False,
        "sent_at": at.isoformat(),
        "begun": shown(telling.begun),
        "over": shown(telling.over),
    }


def _alert(alert: OpenAlert, clean: Callable[[str], str]) -> dict[str, Any]:
    closed_at = alert.closed_at
    return {
        "alert": alert.alert_id,
        "kind": alert.kind.value,
        "subject": alert.subject,
        "message": _one_line(clean(alert.message)),
        "opened_at": alert.opened_at.isoformat(),
        "closed_at": closed_at.isoformat() if closed_at is not None else None,
        "lasted_s": int((closed_at - alert.opened_at).total_seconds()) if closed_at is not None else None,
        "fr": sentence(alert, "fr"),
        "en": sentence(alert, "en"),
    }


def _one_line(text: str) -> str:
    return _UNSEEN.sub(" ", text)[:LONGEST_QUOTE].strip()


def _say(language: Language, key: str, **values: str) -> str:
    return typeset(_SAID[language][key], language).format(**values)
