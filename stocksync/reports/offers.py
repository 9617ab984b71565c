"""What a reader of a disagreement can do about it: a table, nothing else.

The first text of each stands where a decision about its row can be taken, the second where none can: then the systems
are the place to correct. Fields beside those of `sentences`: choose and Choose (which decisions are possible, and
where), where (what is to be corrected in which system).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from stocksync.reports.spelling import Language
from stocksync.stock.reasons import Reason


class Offer(NamedTuple):
    """What to do, where a decision can be taken and where none can."""

    decide: str
    correct: str


_NONE_FR: Final = "Aucune valeur ne peut être décidée ici : corriger {where}, ou mettre « ignorer »."
_NONE_EN: Final = "No value can be decided here: correct {where}, or put “ignore”."
OFFERS: Final[Mapping[Reason, Mapping[Language, Offer]]] = {
    Reason.FIRST_CONTACT: {"fr": Offer("{Choose}.", _NONE_FR), "en": Offer("{Choose}.", _NONE_EN)},
    Reason.BOTH_CHANGED: {"fr": Offer("{Choose}.", _NONE_FR), "en": Offer("{Choose}.", _NONE_EN)},
    Reason.IMPLAUSIBLE_JUMP: {
        "fr": Offer("Vérifier, puis {choose}.", _NONE_FR),
        "en": Offer("Check, then {choose}.", _NONE_EN),
    },
    Reason.INVALID_VALUE: {
        "fr": Offer("Corriger la saisie, ou {choose} ; rien n'est écrit d'ici là.", f"Rien n'est écrit. {_NONE_FR}"),
        "en": Offer(
            "Correct what was typed, or {choose}; nothing is written until then.", f"Nothing is written. {_NONE_EN}"
        ),
    },
    Reason.BLANKED: {
        "fr": Offer(
            "Rien n'est effacé de l'autre côté : remettre la valeur ou la vider là aussi, à la main, ou {choose}.",
            "Rien n'est effacé de l'autre côté : remettre la valeur ou la vider là aussi, à la main ; aucune valeur ne "
            "peut être décidée ici.",
        ),
        "en": Offer(
            "Nothing is erased on the other side: put the value back or blank it there too, by hand, or {choose}.",
            "Nothing is erased on the other side: put the value back or blank it there too, by hand; no value can be "
            "decided here.",
        ),
    },
    Reason.BLANK_NOT_FILLED: {
        "fr": Offer(
            "Le saisir là où il manque, ou {choose}.",
            "Le saisir là où il manque ; aucune valeur ne peut être décidée ici.",
        ),
        "en": Offer(
            "Enter it where it is missing, or {choose}.",
            "Enter it where it is missing; no value can be decided here.",
        ),
    },
    Reason.CANNOT_WRITE: {
        "fr": Offer("Le corriger à la main, ou {choose}.", _NONE_FR),
        "en": Offer("Correct it by hand, or {choose}.", _NONE_EN),
    },
    Reason.NOT_DELIVERED: {
        "fr": Offer(
            "Regarder la fiche dans le système, saisir la valeur à la main, ou {choose} pour réessayer.",
            "Regarder la fiche dans le système et saisir la valeur à la main ; aucune valeur ne peut être décidée ici.",
        ),
        "en": Offer(
            "Look at the record in its system, enter the value by hand, or {choose} to have it tried again.",
            "Look at the record in its system and enter the value by hand; no value can be decided here.",
        ),
    },
    Reason.WRITE_REJECTED: {
        "fr": Offer(
            "Corriger la valeur, la saisir à la main, ou {choose}.",
            "Corriger la valeur, ou la saisir à la main ; aucune valeur ne peut être décidée ici.",
        ),
        "en": Offer(
            "Correct the value, enter it by hand, or {choose}.",
            "Correct the value, or enter it by hand; no value can be decided here.",
        ),
    },
    Reason.KEEPS_COMING_BACK: {
        "fr": Offer(
            "Un automatisme la rétablit sans doute : l'arrêter, ou {choose}.",
            "Un automatisme la rétablit sans doute : l'arrêter ; aucune valeur ne peut être décidée ici.",
        ),
        "en": Offer(
            "Some automation probably puts it back: stop it, or {choose}.",
            "Some automation probably puts it back: stop it; no value can be decided here.",
        ),
    },
}
CHOOSE: Final[Mapping[Language, str]] = {
    "fr": "choisir {words} dans la colonne Décision du rapport",
    "en": "choose {words} in the report's Decision column",
}
DECIDE: Final[Mapping[Language, str]] = {
    "fr": "décider dans la colonne Décision du rapport",
    "en": "decide in the report's Decision column",
}
"""Where it is not known which decisions are possible."""
CHOICE_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {"module": "module", "dms": "dms", "value": "valeur"},
    "en": {"module": "module", "dms": "dms", "value": "value"},
}
WHERE: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "typed": "la saisie dans le {side}",
        "typed_both": "la saisie dans les deux systèmes",
        "by_hand": "la valeur à la main dans le {side}",
        "owner": "la valeur dans le {side}",
        "": "la valeur dans les systèmes eux-mêmes",
    },
    "en": {
        "typed": "what was typed in the {side}",
        "typed_both": "what was typed in both systems",
        "by_hand": "the value by hand in the {side}",
        "owner": "the value in the {side}",
        "": "the value in the systems themselves",
    },
}
RESERVATION_NOT_SET: Final[Mapping[Language, Mapping[bool, str]]] = {
    "fr": {
        False: "La réservation illimitée qui doit bloquer la voiture, vendue dans le DMS, n'est pas posée dans le "
        "module véhicules{message}. stocksync réessaie à chaque passage : d'ici là, ne pas vendre la voiture et l'y "
        "réserver à la main.",
        True: "La réservation illimitée qui doit bloquer la voiture, vendue dans le DMS, n'avait pas pu être posée"
        "{message}. Le module véhicules la montre maintenant : rien à faire.",
    },
    "en": {
        False: "The unlimited reservation that is to block the car, sold in the DMS, is not set in the vehicle "
        "module{message}. stocksync tries again in every run: until then, do not sell the car, and reserve it there by "
        "hand.",
        True: "The unlimited reservation that is to block the car, sold in the DMS, could not be set{message}. The "
        "vehicle module shows it now: nothing to do.",
    },
}
"""What is said of a write that did not get through where it was a reservation, by whether it is there by now."""
