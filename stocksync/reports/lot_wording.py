"""What is said of many cars with one cause, in French and English: what happened to how many, and what deciding does.

Only reasons that make lots have a sentence here; the sentence of one car is in `sentences`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stocksync.reports.spelling import Counted, Language, Speller, masked, quoted
from stocksync.reports.wording import Case, Fields, joined, typeset
from stocksync.reports.words import SIDE_NAMES
from stocksync.stock.reasons import Reason
from stocksync.stock.values import SIDES, Side
from stocksync.stock.vehicle import Attribute

LOT_SENTENCES: Final[Mapping[Reason, Mapping[Language, str]]] = {
    Reason.INVALID_VALUE: {
        "fr": "{whose} pour « {attribute} » ({codes}) est un code absent de la table de correspondance, sur "
        "{cars:voiture|voitures}. Faire compléter la table{or_choose}.",
        "en": "{whose} of “{attribute}” ({codes}) is a code that the value table does not have, on {cars:car|cars}. "
        "Have the table completed{or_choose}.",
    },
    Reason.CANNOT_WRITE: {
        "fr": "« {attribute} » diffère sur {cars:voiture|voitures}, mais {unwritable}. Le corriger à la main"
        "{or_choose}.",
        "en": "“{attribute}” differs on {cars:car|cars}, but {unwritable}. Correct it by hand{or_choose}.",
    },
    Reason.WRITE_REJECTED: {
        "fr": "L'écriture de « {attribute} » a été rejetée sur {cars:voiture|voitures}{message}. Corriger la valeur, "
        "ou la saisir à la main.",
        "en": "The write of “{attribute}” was rejected on {cars:car|cars}{message}. Correct the value, or enter it by "
        "hand.",
    },
    Reason.NOT_DELIVERED: {
        "fr": "L'écriture de « {attribute} » n'a pas abouti sur {cars:voiture|voitures}, plusieurs fois de "
        "suite{message}. Regarder les fiches dans leur système, ou saisir la valeur à la main.",
        "en": "The write of “{attribute}” did not get through on {cars:car|cars}, several times in a row{message}. "
        "Look at the records in their system, or enter the value by hand.",
    },
    Reason.OWNERSHIP_UNKNOWN: {
        "fr": "Qui décide de « {attribute} » dépend, sur {cars:voiture|voitures}, d'une donnée illisible (statut, "
        "destination ou type). Corriger d'abord cette donnée.",
        "en": "On {cars:car|cars}, who decides “{attribute}” hangs on something unreadable (stage, destination or "
        "type). Correct that first.",
    },
}
HOLDS_FOR_ALL: Final[Mapping[Language, str]] = {
    "fr": "Une décision ici vaut pour toutes ; l'annexe les liste, pour décider plutôt ligne par ligne.",
    "en": "A decision here holds for all of them; the annex lists them, to decide row by row instead.",
}
ANNEXED: Final[Mapping[Language, str]] = {"fr": "L'annexe les liste.", "en": "The annex lists them."}
"""Where there is nothing to decide here but to ignore them."""
_OR: Final[Mapping[Language, str]] = {"fr": "ou", "en": "or"}
_UNWRITABLE: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "owned": "le {other} n'accepte pas la valeur du {owner_name} ({owner_value})",
        "": "le côté à corriger n'accepte pas cette écriture (module véhicules : {module} ; DMS : {dms})",
    },
    "en": {
        "owned": "the {other} does not take the value of the {owner_name} ({owner_value})",
        "": "the side to correct does not take this write (vehicle module: {module}; DMS: {dms})",
    },
}


def lot_sentence(case: Case, cars: int, vocabulary: Mapping[str, Attribute], speller: Speller) -> str:
    """Tell what happened to how many cars, and that one decision holds for all of them.

    case: what the cars have in common; a value that they do not share is None.
    """
    language = speller.language
    holds = (ANNEXED if case.reason is Reason.OWNERSHIP_UNKNOWN else HOLDS_FOR_ALL)[language]
    template = f"{LOT_SENTENCES[case.reason][language]} {holds}"
    said = Fields(case, vocabulary, speller)
    said["cars"] = Counted(cars, language)
    said["codes"] = _codes(case, vocabulary, speller)
    said["unwritable"] = _unwritable(case, said, language)
    said["or_choose"] = f", {_OR[language]} {said['choose']}" if case.choices is None or case.choices else ""
    return typeset(template, language).format_map(said)


def _codes(case: Case, vocabulary: Mapping[str, Attribute], speller: Speller) -> str:
    texts = {Side.VEHICLE_MODULE: case.vehicle_module, Side.DMS: case.dms}
    attribute = vocabulary.get(case.subject)
    hides = attribute is not None and attribute.personal and not speller.clear
    wrong = [text for side in SIDES if f"{side}_invalid" in case.details and (text := texts[side]) is not None]
    return joined((quoted(masked(text) if hides else text, speller.language) for text in wrong), speller.language)


def _unwritable(case: Case, said: Mapping[str, object], language: Language) -> str:
    if case.owner not in (Side.VEHICLE_MODULE, Side.DMS):
        return typeset(_UNWRITABLE[language][""], language).format_map(said)
    owner = Side(case.owner)
    named = {
        "other": SIDE_NAMES[language][owner.other],
        "owner_name": SIDE_NAMES[language][owner],
        "owner_value": said["module" if owner is Side.VEHICLE_MODULE else "dms"],
    }
    return typeset(_UNWRITABLE[language]["owned"], language).format_map(named)
