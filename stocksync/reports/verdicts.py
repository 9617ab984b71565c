"""What a verdict means where no reason has to be told: who decides, and what follows, in one sentence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from stocksync.reports.spelling import Language
from stocksync.reports.wording import typeset
from stocksync.reports.words import SIDE_NAMES
from stocksync.stock.reconcile import Category, Verdict
from stocksync.stock.values import Side

SENTENCES: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "closed": "La voiture est sortie : son cycle de stock est clos, plus rien n'est comparé ni écrit.",
        "not_synchronised": "Cette voiture n'est pas synchronisée à ce point de vente (type, ou autre point de vente) "
        ": rien n'est comparé ni écrit.",
        "known_nowhere": "Aucun des deux systèmes ne transmet « {attribute} » : il n'y a rien à comparer.",
        "known_in": "Seul le {winner} transmet « {attribute} » ({winner_value}) : il n'y a rien à comparer.",
        "unchanged": "Les deux côtés ont la même valeur ({module}) : il n'y a rien à écrire.",
        "agreed": "Les deux côtés ont la même valeur ({module}) : elle devient la dernière valeur commune.",
        "written_by_owner": "Le {winner}, qui en décide, l'a changé ({base} → {winner_value}) : la valeur sera "
        "recopiée dans le {loser}.",
        "written_by_one": "Seul le {winner} l'a changé depuis la dernière valeur commune ({base} → {winner_value}) : "
        "la valeur sera recopiée dans le {loser}.",
        "stages_agree": "Les statuts vont ensemble ({module} dans le module véhicules, {dms} dans le DMS) : rien à "
        "faire.",
        "stage_moves": "Le DMS est à « {dms} » : la voiture passera de {path} dans le module véhicules.",
        "creation_due": "La voiture n'a pas encore de dossier dans le DMS : il y sera ouvert.",
        "record_missing": "Une fiche manque depuis une lecture complète : à la prochaine, elle sera signalée si elle "
        "manque encore.",
        "stage_waits": "Le statut attend : {module} dans le module véhicules, {dms} dans le DMS.",
        "reservation_due": "La voiture est vendue dans le DMS sans commande dans le module véhicules : une réservation "
        "illimitée y sera posée.",
        "reservation_not_due": "Aucune vente hors Opportunités n'est connue : il n'y a pas de réservation à poser.",
        "reservation_not_ours": "Aucune vente hors Opportunités n'est connue : la réservation illimitée du module "
        "véhicules n'y a pas été posée par stocksync.",
        "sale_in_module": "La vente a sa commande dans le module véhicules : il n'y a pas de réservation à poser.",
        "sold_off_sale": "La voiture est vendue dans le DMS, mais n'est pas à vendre dans le module véhicules "
        "(destination ou statut) : il n'y a pas de réservation à poser.",
        "sale_unknown": "Le DMS ne dit pas si la voiture est vendue : aucune réservation n'est posée tant qu'il ne le "
        "dit pas.",
        "sale_unknown_blocked": "Le DMS ne dit pas si la voiture est vendue : la réservation illimitée du module "
        "véhicules reste en place.",
    },
    "en": {
        "closed": "The car has left: its stock cycle is closed, nothing is compared or written any more.",
        "not_synchronised": "This car is not synchronised at this point of sale (its type, or another point of sale): "
        "nothing is compared or written.",
        "known_nowhere": "Neither system carries “{attribute}”: there is nothing to compare.",
        "known_in": "Only the {winner} carries “{attribute}” ({winner_value}): there is nothing to compare.",
        "unchanged": "Both sides hold the same value ({module}): there is nothing to write.",
        "agreed": "Both sides hold the same value ({module}): it becomes the last common value.",
        "written_by_owner": "The {winner}, which decides it, changed it ({base} → {winner_value}): the value will be "
        "copied to the {loser}.",
        "written_by_one": "Only the {winner} changed it since the last common value ({base} → {winner_value}): the "
        "value will be copied to the {loser}.",
        "stages_agree": "The stages go together ({module} in the vehicle module, {dms} in the DMS): nothing to do.",
        "stage_moves": "The DMS is at “{dms}”: the car will move from {path} in the vehicle module.",
        "creation_due": "The car has no file in the DMS yet: one will be opened there.",
        "record_missing": "A record is missing since one complete listing: the next will report it if it still is.",
        "stage_waits": "The stage waits: {module} in the vehicle module, {dms} in the DMS.",
        "reservation_due": "The car is sold in the DMS without an order in the vehicle module: an unlimited "
        "reservation will be set there.",
        "reservation_not_due": "No sale outside Opportunités is known: there is no reservation to set.",
        "reservation_not_ours": "No sale outside Opportunités is known: the unlimited reservation in the vehicle "
        "module was not set by stocksync.",
        "sale_in_module": "The sale has its order in the vehicle module: there is no reservation to set.",
        "sold_off_sale": "The car is sold in the DMS, but is not for sale in the vehicle module (destination or "
        "stage): there is no reservation to set.",
        "sale_unknown": "The DMS does not say whether the car is sold: no reservation is set until it does.",
        "sale_unknown_blocked": "The DMS does not say whether the car is sold: the unlimited reservation in the "
        "vehicle module stays.",
    },
}


def say(key: str, language: Language, **values: str) -> str:
    """Fill in one of the sentences."""
    template = SENTENCES[language][key]
    return typeset(template, language).format(**values)


def without_reason(
    verdict: Verdict,
    attribute: str,
    owner: str | None,
    values: Mapping[Side, str],
    base: str,
    carried: Collection[Side],
    language: Language,
) -> str:
    """Tell a verdict of the decision table that carries no reason: rows 1, 2 and 3.

    attribute: its label. values, base: spelled for people. carried: the sides that say anything of it at all.
    """
    said = {"attribute": attribute, "base": base, "module": values[Side.VEHICLE_MODULE], "dms": values[Side.DMS]}
    if verdict.category is Category.WRITTEN and verdict.write is not None:
        loser = verdict.write.side
        sides = SIDE_NAMES[language]
        said |= {"loser": sides[loser], "winner": sides[loser.other], "winner_value": values[loser.other]}
        return say("written_by_owner" if owner == loser.other else "written_by_one", language, **said)
    key = {Category.UNCHANGED: "unchanged", Category.AGREED: "agreed"}.get(verdict.category, "known_nowhere")
    if key == "known_nowhere" and carried:
        winner = next(iter(carried))
        key, said = "known_in", said | {"winner": SIDE_NAMES[language][winner], "winner_value": values[winner]}
    return say(key, language, **said)
