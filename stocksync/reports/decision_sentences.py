"""How the answers to reviewers' decisions are told, in French and English: a table, nothing else.

Fields that may stand in a template are filled in by `decision_answers`; ordinary spaces are written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stocksync.reports.spelling import Language
from stocksync.stock.resolution import Why

ANSWERS: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "accepted": "Décision enregistrée : {effect}.",
        "accepted_ignore": "Décision enregistrée : la ligne n'est plus montrée tant que rien ne change.",
        "accepted_ignore_due": "Décision enregistrée, mais la ligne reste montrée tant que la voiture n'est pas "
        "bloquée dans le module véhicules : elle pourrait être vendue deux fois.",
        "already": "Rien à faire : les deux côtés ont déjà cette valeur.",
        "already_decided": "Déjà enregistrée : {by} l'a décidé le {at}.",
        "contradicted": "Une autre décision a été prise d'abord : « {choice} » par {by} le {at}. Celle-ci n'est pas "
        "retenue ; pour en changer : stocksync conflicts undo {conflict}, puis exporter de nouveau.",
        "undone": "Cette décision a été annulée depuis par {because} : ce fichier ne la rétablit pas. Exporter de "
        "nouveau pour décider.",
        "stale": "Les valeurs ont changé depuis l'export : module véhicules {old_module} → {new_module}, DMS {old_dms} "
        "→ {new_dms}. Rien n'est décidé ; exporter de nouveau.",
        "stale_closed": "Cette ligne est close : module véhicules {new_module}, DMS {new_dms}. Rien n'est décidé ; "
        "pour une autre valeur, la saisir dans le système qui en décide.",
        "unreadable_blank": "La colonne « {column} » est vide ; attendu : {allowed}.",
        "unknown": "Ligne inconnue : ce numéro et cette empreinte ne vont pas ensemble dans cette base. Exporter de "
        "nouveau et ne modifier que décision, valeur et commentaire.",
        "unreadable": "Colonne « {column} » : {found} ne peut pas être lu ; attendu : {allowed}.",
    },
    "en": {
        "accepted": "Decision taken: {effect}.",
        "accepted_ignore": "Decision taken: the row is not shown any more while nothing changes.",
        "accepted_ignore_due": "Decision taken, but the row stays in sight until the car is blocked in the vehicle "
        "module: it could be sold twice.",
        "already": "Nothing to do: both sides hold this value already.",
        "already_decided": "Taken already: {by} decided it on {at}.",
        "contradicted": "Another decision came first: “{choice}” by {by} on {at}. This one is not taken; to change it: "
        "stocksync conflicts undo {conflict}, then export again.",
        "undone": "This decision was taken back since by {because}: this file does not bring it back. Export again to "
        "decide.",
        "stale": "The values moved since the export: vehicle module {old_module} → {new_module}, DMS {old_dms} → "
        "{new_dms}. Nothing is decided; export again.",
        "stale_closed": "This row is closed: vehicle module {new_module}, DMS {new_dms}. Nothing is decided; for "
        "another value, enter it in the system that decides.",
        "unreadable_blank": "Column “{column}” is blank; allowed: {allowed}.",
        "unknown": "Unknown row: this number and this fingerprint do not belong together in this database. Export "
        "again, and change only decision, value and comment.",
        "unreadable": "Column “{column}”: {found} cannot be read; allowed: {allowed}.",
    },
}
INSTEAD: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {"choose": "choisir {words}, ou la corriger dans le {side}", "": "la corriger dans le {side}"},
    "en": {"choose": "choose {words}, or correct it in the {side}", "": "correct it in the {side}"},
}
"""What to do where the chosen side's value cannot be used, by whether anything else can be decided."""
COMPARED: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {"base": "la dernière valeur commune ({value})", "held": "la valeur du {side} ({value})"},
    "en": {"base": "the last common value ({value})", "held": "the {side}'s value ({value})"},
}
"""What a typed value was held against: the last common value, or where there is none the nearest that a side holds."""
EFFECTS: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "one": "la prochaine synchronisation écrira {value} dans le {side}",
        "both": "la prochaine synchronisation écrira {value} des deux côtés",
    },
    "en": {
        "one": "the next synchronisation will write {value} to the {side}",
        "both": "the next synchronisation will write {value} to both sides",
    },
}
WHY_NOT: Final[Mapping[Language, Mapping[Why, str]]] = {
    "fr": {
        Why.ONLY_IGNORE: "Cela se règle dans les systèmes eux-mêmes : ici, seul « ignorer » est possible.",
        Why.OWNERSHIP_UNKNOWN: "Qui décide dépend d'une donnée illisible : la corriger d'abord.",
        Why.NOT_SYNCHRONISED: "Cette donnée n'est pas synchronisée pour cette voiture : il n'y a rien à écrire.",
        Why.SIDE_UNREADABLE: "La valeur du côté choisi est illisible ou impossible : {instead}.",
        Why.NOT_THE_OWNER: "Le {owner} décide de cette donnée, et rien ne permet à un relecteur de décider autrement "
        "({rule}) : la saisir dans le {owner}.",
        Why.IMMUTABLE: "Cette donnée ne change plus une fois saisie ({rule}) : corriger le système qui se trompe.",
        Why.DECREASES: "Cette donnée ne peut pas diminuer : la dernière valeur commune est {base} ({rule}). Corriger "
        "des deux côtés si elle est fausse.",
        Why.JUMPS: "L'écart avec {compared} dépasse {max_jump} ({rule}) : vérifier la "
        "valeur ; si elle est juste, la saisir dans un des systèmes, puis choisir ce côté.",
        Why.OUT_OF_BOUNDS: "Valeur hors des limites ({limits}).",
        Why.BREAKS_RULE: "Cette valeur ne peut pas être reprise : {broken}.",
        Why.CANNOT_WRITE: "Le {side} n'accepte pas d'écriture de cette donnée : la corriger là à la main.",
        Why.RECORD_CLOSED: "Dans le {side}, la fiche n'accepte plus de modification.",
        Why.NO_SPELLING: "Le {side} n'a pas de code pour cette valeur : compléter la table de correspondance.",
        Why.OTHER_POINT_OF_SALE: "Cette ligne est du point de vente {point}, pas de celui-ci : la rendre là-bas.",
    },
    "en": {
        Why.ONLY_IGNORE: "This is settled in the systems themselves: here, only “ignore” is possible.",
        Why.OWNERSHIP_UNKNOWN: "Who decides hangs on something unreadable: correct that first.",
        Why.NOT_SYNCHRONISED: "This attribute is not synchronised for this car: there is nothing to write.",
        Why.SIDE_UNREADABLE: "The chosen side's value is unreadable or impossible: {instead}.",
        Why.NOT_THE_OWNER: "The {owner} decides this attribute, and nothing lets a reviewer decide otherwise ({rule}): "
        "enter it in the {owner}.",
        Why.IMMUTABLE: "This attribute never changes once it is set ({rule}): correct the system that is wrong.",
        Why.DECREASES: "This attribute never decreases: the last common value is {base} ({rule}). Correct it on both "
        "sides if that is wrong.",
        Why.JUMPS: "The step from {compared} is more than {max_jump} ({rule}): check the value; if "
        "it is right, enter it in one of the systems, then choose that side.",
        Why.OUT_OF_BOUNDS: "Out of bounds ({limits}).",
        Why.BREAKS_RULE: "This value cannot be used: {broken}.",
        Why.CANNOT_WRITE: "The {side} takes no writes of this attribute: correct it there by hand.",
        Why.RECORD_CLOSED: "In the {side}, the record takes no changes any more.",
        Why.NO_SPELLING: "The {side} has no code for this value: complete the value table.",
        Why.OTHER_POINT_OF_SALE: "This row is of point of sale {point}, not of this one: hand it in there.",
    },
}

TAKEN_BACK: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "void": "La décision « {choice} » de {by} du {at} (conflit n° {conflict}) est annulée ; elle n'avait encore "
        "rien écrit.",
        "ignored": "Le conflit n° {conflict} n'est plus ignoré : la ligne revient dans le rapport.",
        "counter": "La décision « {choice} » de {by} du {at} (conflit n° {conflict}) est annulée : la prochaine "
        "synchronisation remet {module} dans le module véhicules et {dms} dans le DMS, si rien ne change d'ici là. Le "
        "désaccord sera ensuite traité par la matrice, comme au premier jour.",
        "none": "Aucune décision n'est en vigueur pour le conflit n° {conflict} : il n'y a rien à annuler.",
        "ended": "La décision sur le conflit n° {conflict} n'est plus en vigueur : il n'y a rien à annuler.",
        "car_left": "La voiture est sortie ou n'est plus synchronisée : la décision ne peut plus être annulée.",
        "moved": "Les valeurs ont changé depuis la décision : elle ne peut plus être annulée. Saisir la bonne valeur "
        "dans les systèmes.",
        "was_unreadable": "L'ancienne valeur était illisible et ne peut pas être réécrite : la décision ne peut pas "
        "être annulée. Saisir la bonne valeur dans les systèmes.",
        "not_permitted": "La matrice ne permet pas de réécrire l'ancienne valeur : la décision ne peut pas être "
        "annulée. Saisir la bonne valeur dans le système qui en décide.",
    },
    "en": {
        "void": "The decision “{choice}” by {by} of {at} (conflict {conflict}) is taken back; it had written nothing "
        "yet.",
        "ignored": "Conflict {conflict} is not ignored any more: the row is back in the report.",
        "counter": "The decision “{choice}” by {by} of {at} (conflict {conflict}) is taken back: the next "
        "synchronisation puts {module} back into the vehicle module and {dms} into the DMS, if nothing moves until "
        "then. The disagreement is then up to the matrix, as on the first day.",
        "none": "No decision about conflict {conflict} is in force: there is nothing to take back.",
        "ended": "The decision about conflict {conflict} is not in force any more: there is nothing to take back.",
        "car_left": "The car has left, or is not synchronised any more: the decision can no longer be taken back.",
        "moved": "The values moved since the decision: it can no longer be taken back. Enter the right value in the "
        "systems.",
        "was_unreadable": "The former value could not be read and cannot be written again: the decision cannot be "
        "taken back. Enter the right value in the systems.",
        "not_permitted": "The matrix does not let the former value be written again: the decision cannot be taken "
        "back. Enter the right value in the system that decides.",
    },
}
"""What follows when a decision is taken back, or why it cannot be."""

NOTES: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "pending": "Déjà décidé par {by} le {at} ({choice}) : sera appliqué à la prochaine synchronisation.",
        "stale": "La décision de {by} du {at} ({choice}) n'a pas été appliquée : les valeurs ont changé entre-temps.",
        "refused": "La décision de {by} du {at} ({choice}) n'a pas été appliquée : un système l'a rejetée.",
        "forbidden": "La décision de {by} du {at} ({choice}) n'a pas été appliquée : la matrice ne la permet plus.",
        "applied": "Décision de {by} du {at} : {choice}.",
    },
    "en": {
        "pending": "Decided already by {by} on {at} ({choice}): carried out by the next synchronisation.",
        "stale": "The decision of {by} of {at} ({choice}) was not carried out: the values moved meanwhile.",
        "refused": "The decision of {by} of {at} ({choice}) was not carried out: a system refused it.",
        "forbidden": "The decision of {by} of {at} ({choice}) was not carried out: the matrix does not allow it any "
        "more.",
        "applied": "Decision by {by} of {at}: {choice}.",
    },
}
"""What a report row says of the last decision about it."""
