"""What people read about recordings, in French and in English."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stocksync.reports.spelling import Counted, Language
from stocksync.reports.wording import typeset

if TYPE_CHECKING:
    from stocksync.adapters.recordings.outcome import Moved
    from stocksync.adapters.recordings.recorder import Written

_MOST_TOLD: Final = 20

_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "recorded": "Enregistré dans {place} : {exchanges:échange|échanges}{files}, {size} Kio.",
        "files": ", {count:fichier|fichiers}",
        "look_files": "Et {place}/files.ndjson, les fichiers lus et écrits.",
        "replaced": "Remplacés : {counts}.",
        "nothing_replaced": "Rien n'a dû être remplacé.",
        "look": "Regardez-le avant de l'envoyer : {place}/exchanges.ndjson, et les commentaires de {place}/mappings.",
        "try": "Pour le rejouer hors ligne : stocksync replay {place}",
        "none": "Rien n'a été enregistré : aucun échange n'a eu lieu, aucun fichier n'a été lu.",
        "same": "Identique à l'enregistrement (version {version}, {at}).",
        "differs": "Diffère de l'enregistrement (version {version}, {at}) :",
        "figure": "  {name} : {before} -> {now}",
        "moved": "  {car}, {subject} : {before} -> {now}",
        "more": "  ... et {count:autre|autres}",
        "asked_besides": "Demandes que l'enregistrement n'a pas, restées sans réponse :",
        "not_asked": "Demandes enregistrées qui n'ont pas été faites :",
        "times": "  {count} x {request}",
        "nothing": "rien",
        "crashed": "Interrompu par une erreur de stocksync : {error}",
    },
    "en": {
        "recorded": "Recorded in {place}: {exchanges:exchange|exchanges}{files}, {size} KiB.",
        "files": ", {count:file|files}",
        "look_files": "And {place}/files.ndjson, the files that were read and written.",
        "replaced": "Replaced: {counts}.",
        "nothing_replaced": "Nothing had to be replaced.",
        "look": "Look into it before you send it: {place}/exchanges.ndjson, and the comments of {place}/mappings.",
        "try": "To replay it offline: stocksync replay {place}",
        "none": "Nothing was recorded: no request was made, and no file was read.",
        "same": "The same as recorded (version {version}, {at}).",
        "differs": "Differs from what was recorded (version {version}, {at}):",
        "figure": "  {name}: {before} -> {now}",
        "moved": "  {car}, {subject}: {before} -> {now}",
        "more": "  ... and {count} more",
        "asked_besides": "Now also asks, which the recording does not hold and nobody answered:",
        "not_asked": "Was recorded, and is not asked now:",
        "times": "  {count} x {request}",
        "nothing": "nothing",
        "crashed": "Broken off by a fault of stocksync: {error}",
    },
}
_KINDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "personal values": "valeurs personnelles",
        "unknown fields": "valeurs de champs inconnus",
        "texts": "textes de messages",
        "found again": "noms retrouvés dans d'autres textes",
        "addresses": "adresses et téléphones",
        "vins": "châssis",
        "plates": "immatriculations",
        "secrets": "secrets",
    },
    "en": {
        "personal values": "personal values",
        "unknown fields": "values of unknown fields",
        "texts": "texts of messages",
        "found again": "names found again in other texts",
        "addresses": "addresses and telephone numbers",
        "vins": "VINs",
        "plates": "number plates",
        "secrets": "secrets",
    },
}


def said(language: Language, key: str, **values: Any) -> str:
    """One sentence."""
    return typeset(_WORDS[language][key], language).format(**values)


def recorded_lines(written: Written | None, place: Path, language: Language) -> Iterator[str]:
    """Tell what was recorded; None for nothing."""
    if written is None:
        yield said(language, "none")
        return
    exchanges, size = Counted(written.exchanges, language), Counted(written.size_bytes // 1024, language)
    files = said(language, "files", count=Counted(written.files, language)) if written.files else ""
    yield said(language, "recorded", place=place, exchanges=exchanges, files=files, size=size)
    kinds = _KINDS[language]
    counts = [f"{kinds[name]} {Counted(written.counts[name], language)}" for name in kinds if written.counts.get(name)]
    yield said(language, "replaced", counts=", ".join(counts)) if counts else said(language, "nothing_replaced")
    yield said(language, "look", place=place)
    if written.files:
        yield said(language, "look_files", place=place)
    yield said(language, "try", place=place)


def figure_line(name: str, before: Any, now: Any, language: Language) -> str:
    """Tell that a figure is another one."""
    return said(language, "figure", name=name, before=_shown(before, language), now=_shown(now, language))


def moved_lines(moved: tuple[Moved, ...], language: Language) -> Iterator[str]:
    """Tell which differences ended otherwise, the first of them."""
    for one in moved[:_MOST_TOLD]:
        car = "/".join(filter(None, (one.vehicle_module_id, one.dms_id)))
        before, now = (_shown(" ".join(filter(None, end)) if end else None, language) for end in (one.before, one.now))
        yield said(language, "moved", car=car, subject=one.subject, before=before, now=now)
    if len(moved) > _MOST_TOLD:
        yield said(language, "more", count=Counted(len(moved) - _MOST_TOLD, language))


def request_lines(key: str, requests: Mapping[str, int], language: Language) -> Iterator[str]:
    """Tell of requests, the first of them; nothing where there are none."""
    if requests:
        yield said(language, key)
    for request, count in list(requests.items())[:_MOST_TOLD]:
        yield said(language, "times", count=count, request=request)
    if len(requests) > _MOST_TOLD:
        yield said(language, "more", count=Counted(len(requests) - _MOST_TOLD, language))


def _shown(value: Any, language: Language) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or said(language, "nothing")
    return said(language, "nothing") if value in (None, "") else str(value)
