"""The words of `stocksync status`, in French and English.

Spaces are plain here and set by `wording.typeset`. Not here: what is told and in which order, which is `status_view`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from stocksync.reports.spelling import Counted, Language, instant
from stocksync.reports.wording import typeset
from stocksync.sync.health import Condition, GateState
from stocksync.sync.recording import RunKind

_Words = Mapping[Language, Mapping[str, str]]

WORDS: Final[_Words] = {
    "fr": {
        "refused": "FICHIERS DE CORRESPONDANCE NON VALABLES - {detail}",
        "refused_more": "{said} (et {count:autre|autres})",
        "edited": ", modifiés le {at}",
        "goes_on": "ce qui suit est dit d'après la version {version}, celle des dernières exécutions ; un service en "
        "marche continue avec elle, mais ni lui ni stocksync sync ne démarrent avec ces fichiers{edited}",
        "no_room": "PLUS DE PLACE SUR LE DISQUE DE LA BASE - rien ne peut plus être enregistré ni synchronisé",
        "make_room": "ce qui suit est l'état d'avant ; faire de la place : un service en marche reprend de lui-même",
        "mend": "corriger, puis stocksync mapping check : le service reprend les fichiers valables de lui-même",
        "summary": "{count:point de vente|points de vente} le {at} : {states}",
        "at_work": "au travail : {points}",
        "holder": "au travail en ce moment : {holder}, depuis {age}",
        "all": "tous les points de vente",
        "more": "{names} et {count:autre|autres}",
        "never": "jamais synchronisé : stocksync plan, puis stocksync sync",
        "failing": "{count:exécution|exécutions} de suite sans succès, la dernière n° {run}, {state}, {at}",
        "stale": "en retard : aucune exécution réussie depuis plus longtemps que prévu ; stocksync sync, ou vérifier "
        "que le service tourne",
        "paused": "suspendu par {by} le {at} : {reason}",
        "resume": "pour reprendre : stocksync resume{option}",
        "halted": "arrêtée : exécution n° {run}. {why}",
        "release": "pour laisser passer exactement ce plan : stocksync release {run} (arrêtée le {at})",
        "gate": "accès au système {system} {state} depuis le {at} : {reason}",
        "retry": "prochain essai le {at}",
        "denied": "corriger la clé, puis stocksync doctor",
        "last_done": "dernière exécution réussie : n° {run}, {kind}, {at}, il y a {age}",
        "last_complete": "dernière synchronisation complète : n° {run}, {at}, il y a {age}",
        "no_done": "aucune exécution réussie à ce jour",
        "no_complete": "aucune synchronisation complète à ce jour",
        "last": "dernière exécution : n° {run}, {kind}, {state}, {at}",
        "waiting": "lignes de rapport ouvertes : à trancher {conflicts}, bloquées {held}, autres {others}",
        "ages": "ouvertes depuis : {groups}",
        "age_under": "moins de {days} : {number}",
        "age_over": "plus longtemps : {number}",
        "unsent": "écritures sans réponse connue : {unsent}, la plus ancienne de {at} (la prochaine lecture tranche)",
        "marks": "modifications lues jusqu'au : {marks} (à l'horloge de chaque système)",
        "recent": "exécutions récentes",
        "folded": "{count:autre|autres} ({states}) : stocksync status --all",
        "days": "{count} j",
        "hours": "{count} h",
        "minutes": "{count} min",
    },
    "en": {
        "refused": "MAPPING FILES NOT VALID - {detail}",
        "refused_more": "{said} (and {count:other|others})",
        "edited": ", edited on {at}",
        "goes_on": "what follows is told by version {version}, that of the last runs; a service that is running goes "
        "on by it, but neither it nor stocksync sync starts with these files{edited}",
        "no_room": "NO ROOM LEFT ON THE DATABASE'S DISK - nothing can be kept or synchronised any more",
        "make_room": "what follows is how it stood before; make room: a service that is running goes on by itself",
        "mend": "correct them, then stocksync mapping check: the service takes valid files over by itself",
        "summary": "{count:point of sale|points of sale} on {at}: {states}",
        "at_work": "at work: {points}",
        "holder": "at work now: {holder}, for {age}",
        "all": "all points of sale",
        "more": "{names} and {count:other|others}",
        "never": "never synchronised: stocksync plan, then stocksync sync",
        "failing": "{count:run|runs} in a row without success, the last one {run}, {state}, {at}",
        "stale": "late: no good run for longer than its schedule allows; stocksync sync, or see that the service runs",
        "paused": "paused by {by} on {at}: {reason}",
        "resume": "to go on: stocksync resume{option}",
        "halted": "halted: run {run}. {why}",
        "release": "to let exactly this plan pass: stocksync release {run} (halted on {at})",
        "gate": "requests to the system {system} are {state} since {at}: {reason}",
        "retry": "next try on {at}",
        "denied": "correct the key, then stocksync doctor",
        "last_done": "last good run: {run}, {kind}, {at}, {age} ago",
        "last_complete": "last complete synchronisation: {run}, {at}, {age} ago",
        "no_done": "no good run so far",
        "no_complete": "no complete synchronisation so far",
        "last": "last run: {run}, {kind}, {state}, {at}",
        "waiting": "report rows open: to decide {conflicts}, blocked {held}, others {others}",
        "ages": "open for: {groups}",
        "age_under": "less than {days}: {number}",
        "age_over": "longer: {number}",
        "unsent": "writes without a known outcome: {unsent}, the oldest of {at} (the next listing settles them)",
        "marks": "changes seen up to: {marks} (on each system's own clock)",
        "recent": "recent runs",
        "folded": "{count:other|others} ({states}): stocksync status --all",
        "days": "{count} d",
        "hours": "{count} h",
        "minutes": "{count} min",
    },
}
CONDITIONS: Final[_Words] = {
    "fr": {
        Condition.HALTED: "arrêté",
        Condition.PAUSED: "suspendu",
        Condition.FAILING: "en échec",
        Condition.STALE: "en retard",
        Condition.NEVER: "jamais synchronisé",
        Condition.GOOD: "à jour",
    },
    "en": {
        Condition.HALTED: "halted",
        Condition.PAUSED: "paused",
        Condition.FAILING: "failing",
        Condition.STALE: "late",
        Condition.NEVER: "never synchronised",
        Condition.GOOD: "up to date",
    },
}
COUNTED_CONDITIONS: Final[_Words] = {
    "fr": {
        Condition.HALTED: "{count:arrêté|arrêtés}",
        Condition.PAUSED: "{count:suspendu|suspendus}",
        Condition.FAILING: "{count} en échec",
        Condition.STALE: "{count} en retard",
        Condition.NEVER: "{count:jamais synchronisé|jamais synchronisés}",
        Condition.GOOD: "{count} à jour",
    },
    "en": {word: f"{{count}} {said}" for word, said in CONDITIONS["en"].items()},
}
KINDS: Final[_Words] = {
    "fr": {RunKind.COMPLETE: "complète", RunKind.DELTA: "rapide", RunKind.HINTED: "signalée"},
    "en": {RunKind.COMPLETE: "complete", RunKind.DELTA: "quick", RunKind.HINTED: "hinted"},
}
GATES: Final[_Words] = {
    "fr": {
        GateState.OPEN: "ouvert",
        GateState.CLOSED: "fermé",
        GateState.TRYING: "à l'essai",
        GateState.DENIED: "refusé",
    },
    "en": {
        GateState.OPEN: "let through",
        GateState.CLOSED: "held back",
        GateState.TRYING: "being tried again",
        GateState.DENIED: "refused",
    },
}
HEADERS: Final[Mapping[Language, tuple[str, ...]]] = {
    "fr": ("Point de vente", "Dernière réussie", "Nature", "Il y a", "En route", "À trancher", "Bloquées", "État"),
    "en": ("Point of sale", "Last good run", "Kind", "Ago", "On its way", "To decide", "Blocked", "State"),
}


def say(language: Language, key: str, **values: str | Counted) -> str:
    """Fill a sentence in."""
    return typeset(WORDS[language][key], language).format(**values)


def counted(language: Language, conditions: Mapping[Condition, int]) -> str:
    """Say how many points of sale are in each condition, the gravest first."""
    templates = COUNTED_CONDITIONS[language]
    return ", ".join(
        templates[word].format(count=Counted(conditions[word], language)) for word in Condition if conditions.get(word)
    )


def age(language: Language, how_long: timedelta) -> str:
    """Say how long ago something was, in one unit."""
    minutes = max(int(how_long.total_seconds() // 60), 0)
    for unit, length in (("days", 1440), ("hours", 60)):
        if minutes >= 2 * length:
            return say(language, unit, count=Counted(minutes // length, language))
    return say(language, "minutes", count=str(minutes))


def local(at: datetime, time_zone: str) -> str:
    """Spell an instant as the point of sale's clock shows it."""
    return instant(at.astimezone(ZoneInfo(time_zone)))
