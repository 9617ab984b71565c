"""The words of `stocksync mapping verify`, in French and English; spaces are plain here and set by `typeset`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stocksync.reports.spelling import Counted, Language
from stocksync.reports.wording import typeset

_Words = Mapping[Language, Mapping[str, str]]

WORDS: Final[_Words] = {
    "fr": {
        "title": "{pair}, depuis le {since} ({days:jour|jours}) : {points}",
        "quiet_rows": "{rows:ligne du guide|lignes du guide} sans modification ni écriture",
        "nothing": "rien ne contredit le guide",
        "none": "aucune modification, aucune écriture",
        "sentence": "{label} : {guide}{then}",
        "guide_OUI": "le guide dit OUI (le DMS peut modifier)",
        "guide_NON": "le guide dit NON (le DMS ne modifie pas)",
        "guide_": "hors du tableau du guide",
        "refused": ", et le {side} a refusé {count:écriture|écritures}{message}",
        "message": " : « {message} » ({count} fois)",
        "ignored": ", et le {side} a répondu oui {count} fois en gardant autre chose : la valeur n'y tient pas",
        "undone": ", et dans le {side} {count:écriture gardée a été défaite|écritures gardées ont été défaites} : "
        "quelqu'un, ou un programme, y remet autre chose",
        "against": ", pourtant la valeur a été changée {count} fois dans le {side} ; {then}",
        "put_back_all": "elle a été remise à chaque fois",
        "put_back_some": "elle a été remise {count} fois",
        "put_back_none": "elle y est restée",
        "confirmable": ", ligne provisoire : {count:écriture gardée|écritures gardées}, aucune refusée ; elle peut "
        "être confirmée (retirer provisional: true dans {file})",
    },
    "en": {
        "title": "{pair}, since {since} ({days:day|days}): {points}",
        "quiet_rows": "{rows:row of the guide|rows of the guide} without a change or a write",
        "nothing": "nothing contradicts the guide",
        "none": "no change, no write",
        "sentence": "{label}: {guide}{then}",
        "guide_OUI": "the guide says OUI (the DMS may modify)",
        "guide_NON": "the guide says NON (the DMS does not modify)",
        "guide_": "not in the guide's table",
        "refused": ", and the {side} refused {count:write|writes}{message}",
        "message": ": “{message}” ({count} times)",
        "ignored": ", and the {side} answered yes {count} times and kept something else: the value does not stick",
        "undone": ", and in the {side} {count:write it had kept was undone|writes it had kept were undone}: somebody, "
        "or a program, puts something else there",
        "against": ", yet the value was changed {count} times in the {side}; {then}",
        "put_back_all": "it was put back each time",
        "put_back_some": "it was put back {count} times",
        "put_back_none": "it stayed",
        "confirmable": ", provisional row: {count:write kept|writes kept}, none refused; it may be confirmed (take "
        "provisional: true out of {file})",
    },
}
HEADERS: Final[Mapping[Language, tuple[str, ...]]] = {
    "fr": (
        "Ligne du guide",
        "DMS peut modifier",
        "Côté",
        "Modifié là",
        "Remis",
        "Écrit et gardé",
        "Refusé",
        "Ignoré",
        "Défait",
    ),
    "en": (
        "Row of the guide",
        "DMS may modify",
        "Side",
        "Changed there",
        "Put back",
        "Written and kept",
        "Refused",
        "Ignored",
        "Undone",
    ),
}


def say(language: Language, key: str, **values: str | Counted) -> str:
    """Fill a sentence in."""
    return typeset(WORDS[language][key], language).format(**values)
