"""The words of `stocksync mapping preview`, `diff` and `accept`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stocksync.reports.spelling import Language

WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "against_runs": "Comparé à ce que les derniers passages complets ont appliqué, sur les fiches en mémoire :",
        "against": "Comparé à {place}, sur les fiches en mémoire :",
        "no_edit": "Aucune modification qui puisse changer une décision.",
        "unknown": "{point} : jamais synchronisé ou nouveau, rien à comparer.",
        "edit": "{where}  {path} : {before} → {after}",
        "nothing_said": "(rien)",
        "no_effect": "  ne change rien pour les fiches en mémoire",
        "effect": "  {cars:voiture diffère|voitures diffèrent}",
        "others": "Autres conséquences",
        "step": "    {subject} : {before} → {after}, {count:fois|fois}",
        "example": "      {car} - {label} : {held}",
        "held": "module véhicules {vehicle_module}, DMS {dms}, dernier accord {base}",
        "written": "écrit dans le {side} ({value})",
        "written_only": "écrit dans le {side}",
        "blanked": "vidé dans le {side}",
        "create": "créé dans le {side}",
        "reserve": "réservation posée dans le {side}",
        "nothing": "rien à faire",
        "total": "En tout : {cars:voiture diffère|voitures diffèrent} dans {points:point de vente|points de vente} ; "
        "écritures au prochain passage : {before} → {after}.",
        "halt": "Une sécurité arrêterait le passage de {point} : {why}",
        "ignored": "Attention : {cars:voiture serait écrite|voitures seraient écrites} alors qu'un relecteur a choisi "
        "« ignorer ». Accepter la modification passe outre.",
        "ignored_one": "[« ignorer » par un relecteur]",
        "unread": "Attention, {point} : « {subject} » serait cherché dans le champ {field}, qui n'est dans aucune des "
        "{records:fiche|fiches} du {side} ; jusqu'ici, cette donnée était lue. Tout ce qui en dépend s'arrêterait.",
        "same": "Les décisions sont les mêmes pour toutes les fiches en mémoire.",
        "next": "Pour l'appliquer : stocksync mapping accept",
        "cells": "Cases de la matrice qui changent :",
        "no_cells": "Aucune case de la matrice ne change.",
        "cell": "  {attribute}, {facet} : {before} → {after}  ({where})",
        "everywhere": "partout",
        "at": "{points} : {where}",
        "other_edits": "Autres modifications qui peuvent changer une décision :",
        "accepted": "Accepté pour {points} : le prochain passage l'applique.",
        "already": "Rien à accepter : les passages de {points} appliquent déjà ces fichiers.",
        "confirm": "Accepter cette modification ?",
        "refused": "Rien n'a été accepté.",
        "more": "    et {count:autre|autres}",
    },
    "en": {
        "against_runs": "Compared with what the last complete runs worked by, on the records in memory:",
        "against": "Compared with {place}, on the records in memory:",
        "no_edit": "No edit that could change a decision.",
        "unknown": "{point}: never synchronised or new, nothing to compare.",
        "edit": "{where}  {path}: {before} → {after}",
        "nothing_said": "(nothing)",
        "no_effect": "  changes nothing for the records in memory",
        "effect": "  {cars:car differs|cars differ}",
        "others": "Other consequences",
        "step": "    {subject}: {before} → {after}, {count:time|times}",
        "example": "      {car} - {label}: {held}",
        "held": "vehicle module {vehicle_module}, DMS {dms}, last agreed {base}",
        "written": "written in the {side} ({value})",
        "written_only": "written in the {side}",
        "blanked": "blanked in the {side}",
        "create": "created in the {side}",
        "reserve": "reservation set in the {side}",
        "nothing": "nothing to do",
        "total": "In all: {cars:car differs|cars differ} at {points:point of sale|points of sale}; "
        "writes at the next run: {before} → {after}.",
        "halt": "A guard would halt the run of {point}: {why}",
        "ignored": "Mind: {cars:car|cars} would be written although a reviewer chose “ignore”. To accept the edit "
        "overrides that.",
        "ignored_one": "[“ignore” by a reviewer]",
        "unread": "Mind, {point}: {subject} would be looked for in the field {field}, which is in none of the "
        "{records:record|records} of the {side}; up to now it was found. Whatever hangs on it would end.",
        "same": "Every record in memory is decided as before.",
        "next": "To have it applied: stocksync mapping accept",
        "cells": "Cells of the matrix that change:",
        "no_cells": "No cell of the matrix changes.",
        "cell": "  {attribute}, {facet}: {before} → {after}  ({where})",
        "everywhere": "everywhere",
        "at": "{points}: {where}",
        "other_edits": "Other edits that can change a decision:",
        "accepted": "Accepted for {points}: the next run applies it.",
        "already": "Nothing to accept: the runs of {points} work by these files already.",
        "confirm": "Accept this edit?",
        "refused": "Nothing was accepted.",
        "more": "    and {count:other|others}",
    },
}

FACETS: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "owner": "propriétaire",
        "on_drift": "écart du non-propriétaire",
        "on_both_changed": "modifié des deux côtés",
        "fillable": "côtés dont un vide est rempli",
        "writable": "côtés où l'on écrit",
        "blank_erases": "un vide efface",
        "immutable": "immuable",
        "never_decreases": "ne diminue jamais",
        "max_jump": "plus grand saut",
        "reviewer_may_override": "le réviseur peut passer outre",
    },
    "en": {
        "owner": "owner",
        "on_drift": "drift of the other side",
        "on_both_changed": "changed on both sides",
        "fillable": "sides whose blank is filled",
        "writable": "sides that take writes",
        "blank_erases": "a blank erases",
        "immutable": "immutable",
        "never_decreases": "never decreases",
        "max_jump": "largest jump",
        "reviewer_may_override": "a reviewer may override",
    },
}
