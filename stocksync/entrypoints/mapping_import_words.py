"""The words of `stocksync mapping import-matrix`, in French and English; spaces are plain here and set by `typeset`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stocksync.reports.spelling import Counted, Language
from stocksync.reports.wording import typeset

_Words = Mapping[Language, Mapping[str, str]]

WORDS: Final[_Words] = {
    "fr": {
        "summary": "{table} : {placed:ligne placée|lignes placées}, dont {similar} par ressemblance ; {changing} à "
        "changer dans {file}",
        "nothing": "rien à changer, rien de reste : la matrice dit ce que dit le guide",
        "exact": "exact",
        "similar": "ressemblance {percent} %{others}",
        "others": " (sinon {names})",
        "new": "nouvelle ligne",
        "moves": "ligne d'also_carried à mettre sous matrix",
        "same": "",
        "to_confirm": "à confirmer",
        "none": "aucun",
        "true": "oui",
        "false": "non",
        "differs": "Le guide et la matrice ne disent pas la même chose (la matrice reste telle quelle) :",
        "difference": "{name} : le guide dit {answer}, {where} {owner}",
        "where_row": "la matrice",
        "where_exception": "l'exception n° {number} de la matrice",
        "where_point": "le point de vente {point}",
        "owner_dms": "le donne au DMS",
        "owner_vehicle_module": "le donne au module véhicules",
        "owner_shared": "le partage entre les deux",
        "owner_none": "ne le donne à personne",
        "owner_lifecycle": "le laisse à la ligne de vie",
        "proposed": " : proposé, owner: {owner}",
        "follows": "Suivait le guide, et le suivra :",
        "tbd": "À confirmer (TBD) dans le tableau, donc provisional: true : {names}",
        "settled": "Provisoire dans la matrice, plus à confirmer dans le tableau : {names}. Retirer provisional: true, "
        "si c'est confirmé.",
        "unplaced": "Impossible à placer :",
        "unplaced_line": "ligne {number}, {label}{why}",
        "near": " : ressemble à {names} ; si c'est l'un d'eux, l'écrire comme dans vehicle.yaml ou dans la matrice",
        "taken": " : dit la même chose que la ligne {number}, {label}",
        "unknown": " : ne ressemble à rien de connu ; un attribut nouveau se déclare d'abord dans vehicle.yaml",
        "unanswered": "Sans OUI ni NON :",
        "unanswered_line": "ligne {number}, {label} : {said}",
        "empty": "cellule vide",
        "left_over": "Dans la matrice, absent du tableau : {names}",
        "paste": "À coller dans {file} (une ligne à la place de celle qui y est, la nouvelle en plus) :",
        "written": "{file} : {rows:ligne écrite|lignes écrites} ; commentaires et ordre sont restés",
        "not_written": "{rows:ligne par ressemblance n'est pas écrite|lignes par ressemblance ne sont pas écrites} : "
        "ajouter --similar si c'est bien cela",
    },
    "en": {
        "summary": "{table}: {placed:line placed|lines placed}, {similar} of them by likeness; {changing} to change in "
        "{file}",
        "nothing": "nothing to change, nothing left over: the matrix says what the guide says",
        "exact": "exact",
        "similar": "{percent}% alike{others}",
        "others": " (else {names})",
        "new": "new row",
        "moves": "row of also_carried, to stand under matrix",
        "same": "",
        "to_confirm": "to confirm",
        "none": "none",
        "true": "true",
        "false": "false",
        "differs": "The guide and the matrix do not say the same (the matrix stays as it is):",
        "difference": "{name}: the guide says {answer}, {where} {owner}",
        "where_row": "the matrix",
        "where_exception": "exception {number} of the matrix",
        "where_point": "the point of sale {point}",
        "owner_dms": "gives it to the DMS",
        "owner_vehicle_module": "gives it to the vehicle module",
        "owner_shared": "shares it between both",
        "owner_none": "gives it to nobody",
        "owner_lifecycle": "leaves it to the line of life",
        "proposed": ": proposed, owner: {owner}",
        "follows": "Followed the guide, and is to follow it again:",
        "tbd": "To confirm (TBD) in the table, hence provisional: true: {names}",
        "settled": "Provisional in the matrix, not to confirm in the table any more: {names}. Take provisional: true "
        "out once that is confirmed.",
        "unplaced": "Could not place:",
        "unplaced_line": "line {number}, {label}{why}",
        "near": ": is like {names}; if it is one of them, write it as vehicle.yaml or the matrix does",
        "taken": ": says the same as line {number}, {label}",
        "unknown": ": is like nothing known; a new attribute is declared in vehicle.yaml first",
        "unanswered": "Neither OUI nor NON:",
        "unanswered_line": "line {number}, {label}: {said}",
        "empty": "an empty cell",
        "left_over": "In the matrix, not in the table: {names}",
        "paste": "To paste into {file} (a row in the place of the one that is there, a new one besides):",
        "written": "{file}: {rows:row written|rows written}; comments and order stayed",
        "not_written": "{rows:row placed by likeness is not written|rows placed by likeness are not written}: add "
        "--similar if that is right",
    },
}
HEADERS: Final[Mapping[Language, tuple[str, ...]]] = {
    "fr": ("N°", "Libellé", "DMS peut modifier", "Ligne de la matrice", "Placement", "Ce qui change"),
    "en": ("No.", "Label", "DMS may modify", "Row of the matrix", "Placed by", "What changes"),
}


def say(language: Language, key: str, **values: str | Counted) -> str:
    """Fill a sentence in."""
    return typeset(WORDS[language][key], language).format(**values)
