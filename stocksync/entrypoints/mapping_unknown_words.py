"""The words of `stocksync mapping unknown`, in French and English; spaces are plain here and set by `typeset`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stocksync.reports.spelling import Counted, Language
from stocksync.reports.wording import typeset

_Words = Mapping[Language, Mapping[str, str]]

WORDS: Final[_Words] = {
    "fr": {
        "title": "{pair} : {values:valeur inconnue|valeurs inconnues} ({points})",
        "nothing": "{pair} : aucune valeur inconnue ({points})",
        "more": "{side}, {field} : {records:voiture|voitures} de plus, trop de valeurs différentes pour les montrer",
        "says": "{word} {cars} sur {of}",
        "silent": "-",
        "near": "{word} {percent} %",
        "example": "{record} ({point})",
        "paste": "À coller dans {file}, à la place de la ligne du même mot s'il y en a une :",
        "voted": "{value} : {cars:voiture|voitures} ; le {side} dit {word} pour {said} sur {of}{unsure}",
        "alike": "{value} : {cars:voiture|voitures} ; s'écrit presque comme {word}, rien d'autre ne le dit : à "
        "vérifier",
        "unsure": " : à vérifier",
        "read_by": "{side}, {field}, {value} : {setting} lirait {fits} sur {cars}{agrees}{others}",
        "agrees": ", dont {count} comme le {side}",
        "others": " ; mais {count} autres se lisent comme le champ est réglé : au système d'écrire d'une seule façon",
        "settled_all": "{value} : {cars:voiture|voitures}, dont {count} comme le {side}",
        "point": "{side}, {value} : un point de vente qui n'est pas dans points_of_sale.yaml",
        "point_named": " ; le {side} dit {point} pour {said} sur {of} : à corriger dans le système, ou, si son code a "
        "changé, dans points_of_sale.yaml : {point}, {where}, code",
        "paste_points": "À coller dans {file}, sous points_of_sale, si ces points de vente sont à synchroniser ; "
        "mettre un identifiant et un nom à vous :",
        "new_point": "{value} ({side}) : {cars:voiture|voitures}, dont {examples}",
        "code_missing": "le code de ce point de vente dans le {side}",
        "written": "{file} : {values:valeur ajoutée|valeurs ajoutées} ; commentaires et ordre sont restés",
        "not_written": "{values:valeur n'est pas ajoutée|valeurs ne sont pas ajoutées} : l'autre côté ne suffit pas à "
        "le dire (--cars, --share)",
    },
    "en": {
        "title": "{pair}: {values:unknown value|unknown values} ({points})",
        "nothing": "{pair}: no unknown value ({points})",
        "more": "{side}, {field}: {records:car|cars} more, with too many different values to show",
        "says": "{word} {cars} of {of}",
        "silent": "-",
        "near": "{word} {percent}%",
        "example": "{record} ({point})",
        "paste": "To paste into {file}, in the place of the line of the same word if there is one:",
        "voted": "{value}: {cars:car|cars}; the {side} says {word} for {said} of {of}{unsure}",
        "alike": "{value}: {cars:car|cars}; is spelled almost as {word}, nothing else says so: to check",
        "unsure": ": to check",
        "read_by": "{side}, {field}, {value}: {setting} would read {fits} of {cars}{agrees}{others}",
        "agrees": ", {count} of them as the {side}",
        "others": "; but {count} others are read as the field is set: the system has to write in one way only",
        "settled_all": "{value}: {cars:car|cars}, {count} of them as the {side}",
        "point": "{side}, {value}: a point of sale that is not in points_of_sale.yaml",
        "point_named": "; the {side} says {point} for {said} of {of}: to correct in the system, or, if its code "
        "changed, in points_of_sale.yaml: {point}, {where}, code",
        "paste_points": "To paste into {file}, under points_of_sale, if these points of sale are to be synchronised; "
        "give them an id and a name of yours:",
        "new_point": "{value} ({side}): {cars:car|cars}, such as {examples}",
        "code_missing": "this point of sale's code in the {side}",
        "written": "{file}: {values:value added|values added}; comments and order stayed",
        "not_written": "{values:value is not added|values are not added}: the other side does not say so clearly "
        "enough (--cars, --share)",
    },
}
HEADERS: Final[Mapping[Language, tuple[str, ...]]] = {
    "fr": ("Côté", "Donnée", "Champ", "Valeur", "Voitures", "Ce que dit l'autre côté", "Proche de", "Exemples"),
    "en": ("Side", "Attribute", "Field", "Value", "Cars", "What the other side says", "Near", "Examples"),
}


def say(language: Language, key: str, **values: str | Counted) -> str:
    """Fill a sentence in."""
    return typeset(WORDS[language][key], language).format(**values)
