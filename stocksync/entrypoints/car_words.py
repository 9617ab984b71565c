"""What a car's card and its attributes are told with, in French and English: a table, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stocksync.reports.spelling import Language

WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "car": "Voiture {id}, {point_of_sale} ({name}), cycle de stock {state}",
        "open": "ouvert depuis le {since}",
        "closed": "clos (ouvert le {since})",
        "record": "fiche dans le {side} : {id}",
        "no_record": "pas de fiche dans le {side}",
        "gone": "fiche dans le {side} : {id}, absente de la dernière lecture complète",
        "read": "D'après la lecture du {at} ; aucune demande n'a été envoyée.",
        "never_read": "Aucune synchronisation complète n'a encore eu lieu à ce point de vente.",
        "headers": "Donnée|Module véhicules|DMS|Dernière valeur commune|Qui décide|Verdict",
        "findings": "À vérifier :",
        "since": "n° {id}, depuis le {at} : {sentence}",
        "base": "Dernière valeur commune : {base}",
        "owner": "Qui décide : {owner}",
        "verdict": "Verdict : {category}, règle {row}",
        "verdict_without_row": "Verdict : {category}",
        "no_verdict": "Verdict : aucun",
        "moved": "Dernier mouvement le {at} (exécution n° {run}) : {what}",
        "moved_on": "changé dans le {side} ({value})",
        "found": "trouvé dans le {side} ({value})",
        "copied": "écrit par stocksync dans le {side} ({before} → {after})",
        "agreed": "les deux côtés avaient la même valeur",
        "changed_by": "Dernière modification de la fiche dans le {side} : par {who}",
        "never_moved": "Le journal n'en connaît pas de mouvement.",
        "ignored": "{by} a mis « ignorer » sur la ligne n° {id} le {at} : le rapport ne la montre plus, et cela ne "
        "lève pas la réservation.",
    },
    "en": {
        "car": "Car {id}, {point_of_sale} ({name}), stock cycle {state}",
        "open": "open since {since}",
        "closed": "closed (opened at {since})",
        "record": "record in the {side}: {id}",
        "no_record": "no record in the {side}",
        "gone": "record in the {side}: {id}, absent from the last complete listing",
        "read": "As of the listing of {at}; no request was sent.",
        "never_read": "No synchronisation has come to its end at this point of sale yet.",
        "headers": "Attribute|Vehicle module|DMS|Last common value|Owner|Verdict",
        "findings": "To check:",
        "since": "no. {id}, since {at}: {sentence}",
        "base": "Last common value: {base}",
        "owner": "Owner: {owner}",
        "verdict": "Verdict: {category}, row {row}",
        "verdict_without_row": "Verdict: {category}",
        "no_verdict": "Verdict: none",
        "moved": "Last moved at {at} (run {run}): {what}",
        "moved_on": "changed in the {side} ({value})",
        "found": "found in the {side} ({value})",
        "copied": "written by stocksync in the {side} ({before} → {after})",
        "agreed": "both sides held the same value",
        "changed_by": "The record in the {side} was last changed by {who}",
        "never_moved": "The journal knows of no move of it.",
        "ignored": "{by} put “ignore” on row no. {id} on {at}: the report does not show it any more, and that does not "
        "lift the reservation.",
    },
}
