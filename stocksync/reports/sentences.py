"""What each reason is called and how it is told, in French and English: a table, nothing else.

A template says what happened; what to do about it, where a decision can settle it, is in `offers`. What is said of many
cars with one cause is in `lot_wording`. Fields that may stand in one: attribute, module, dms, base (the last value both
sides held), owner, loser and winner (a refused change), loser_value, winner_value, side, records, evidence, sale,
highest, why, whose (value cannot be used), where_blank, absence, message; with a space before them, and each blank
where there is nothing to say: advice, reservation, then, offer (what to do).
Ordinary spaces are written here; `wording` sets them as French prints them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stocksync.stock.reasons import Reason


@dataclass(frozen=True, slots=True)
class Told:
    """A reason's short label and its sentence, per language."""

    label_fr: str
    label_en: str
    fr: str
    en: str


SENTENCES: Final[Mapping[Reason, Told]] = {
    Reason.BLANK_FILLED: Told(
        "case vide remplie",
        "blank filled",
        "« {attribute} » était vide d'un côté : la valeur de l'autre y est recopiée. Rien à faire.",
        "“{attribute}” was blank on one side: the other side's value is copied there. Nothing to do.",
    ),
    Reason.FIRST_CONTACT: Told(
        "premier contact",
        "first contact",
        "« {attribute} » différait déjà avant la première synchronisation : {module} dans le module véhicules, {dms} "
        "dans le DMS.{then}",
        "“{attribute}” differed before the first synchronisation: {module} in the vehicle module, {dms} in the DMS."
        "{then}",
    ),
    Reason.REFUSED_CHANGE: Told(
        "modification refusée",
        "refused change",
        "« {attribute} » a été modifié dans le {loser} ({loser_value}), mais la valeur du {winner} ({winner_value}) "
        "fait foi.{advice}",
        "“{attribute}” was changed in the {loser} ({loser_value}), but the value of the {winner} ({winner_value}) "
        "holds.{advice}",
    ),
    Reason.BOTH_CHANGED: Told(
        "modifié des deux côtés",
        "changed on both sides",
        "« {attribute} » a été modifié des deux côtés depuis la dernière valeur commune ({base}) : {module} dans le "
        "module véhicules, {dms} dans le DMS.{offer}",
        "“{attribute}” was changed on both sides since the last common value ({base}): {module} in the vehicle module, "
        "{dms} in the DMS.{offer}",
    ),
    Reason.IMPLAUSIBLE_JUMP: Told(
        "écart trop grand",
        "implausible jump",
        "« {attribute} » fait un bond improbable depuis la dernière valeur commune ({base}) : {module} dans le module "
        "véhicules, {dms} dans le DMS.{offer}",
        "“{attribute}” takes an implausible step from the last common value ({base}): {module} in the vehicle module, "
        "{dms} in the DMS.{offer}",
    ),
    Reason.IMMUTABLE_CHANGED: Told(
        "valeur définitive modifiée",
        "immutable value changed",
        "« {attribute} » ne change plus une fois saisi, or il diffère : {module} dans le module véhicules, {dms} dans "
        "le DMS. Corriger le côté qui se trompe.",
        "“{attribute}” never changes once it is set, yet it differs: {module} in the vehicle module, {dms} in the DMS. "
        "Correct the side that is wrong.",
    ),
    Reason.POLICE_NUMBER_CHANGED: Told(
        "n° de police différent",
        "police number differs",
        "Le n° de police diffère : {module} dans le module véhicules, {dms} dans le DMS. Un n° de police ne change "
        "jamais : vérifier le livre de police et corriger le côté qui se trompe.",
        "The police number differs: {module} in the vehicle module, {dms} in the DMS. A police number never changes: "
        "check the register and correct the side that is wrong.",
    ),
    Reason.INVALID_VALUE: Told(
        "valeur illisible ou impossible",
        "unreadable or impossible value",
        "{whose} pour « {attribute} » ne peut pas être reprise : {why}. Module véhicules : {module} ; DMS : {dms}."
        "{offer}",
        "{whose} of “{attribute}” cannot be used: {why}. Vehicle module: {module}; DMS: {dms}.{offer}",
    ),
    Reason.BLANKED: Told(
        "valeur effacée",
        "value blanked",
        "« {attribute} » a été vidé {where_blank} (dernière valeur commune : {base}). Module véhicules : {module} ; "
        "DMS : {dms}.{offer}",
        "“{attribute}” was blanked {where_blank} (last common value: {base}). Vehicle module: {module}; DMS: "
        "{dms}.{offer}",
    ),
    Reason.BLANK_NOT_FILLED: Told(
        "case vide laissée vide",
        "blank left blank",
        "« {attribute} » n'est rempli que d'un côté (module véhicules : {module} ; DMS : {dms}) et ne se recopie pas "
        "dans l'autre.{offer}",
        "“{attribute}” is set on one side only (vehicle module: {module}; DMS: {dms}) and is not copied to the other."
        "{offer}",
    ),
    Reason.CANNOT_WRITE: Told(
        "écriture impossible",
        "cannot be written",
        "« {attribute} » diffère (module véhicules : {module} ; DMS : {dms}), mais le côté à corriger n'accepte pas "
        "cette écriture.{offer}",
        "“{attribute}” differs (vehicle module: {module}; DMS: {dms}), but the side to correct does not take this "
        "write.{offer}",
    ),
    Reason.NOT_SYNCHRONISED: Told(
        "non synchronisé",
        "not synchronised",
        "« {attribute} » diffère, mais n'est tenu que pour information. Rien à faire.",
        "“{attribute}” differs, but is carried for information only. Nothing to do.",
    ),
    Reason.DECIDED_BY_REVIEWER: Told(
        "décidé par un relecteur",
        "decided by a reviewer",
        "« {attribute} » (module véhicules : {module} ; DMS : {dms}) sera écrit comme décidé dans le rapport : "
        "stocksync conflicts show dit par qui et quand.",
        "“{attribute}” (vehicle module: {module}; DMS: {dms}) will be written as decided in the report: stocksync "
        "conflicts show tells by whom, and when.",
    ),
    Reason.NOT_KEPT_AS_WRITTEN: Told(
        "valeur non conservée",
        "not kept as written",
        "« {attribute} » a été écrit deux fois sans être conservé tel quel (module véhicules : {module} ; DMS : "
        "{dms}). Le saisir à la main ou prévenir l'intégrateur.",
        "“{attribute}” was written twice and not kept as written (vehicle module: {module}; DMS: {dms}). Enter it by "
        "hand, or tell the integrator.",
    ),
    Reason.WRITE_REJECTED: Told(
        "écriture rejetée",
        "write rejected",
        "L'écriture de « {attribute} » a été rejetée{message}. Module véhicules : {module} ; DMS : {dms}.{offer}",
        "The write of “{attribute}” was rejected{message}. Vehicle module: {module}; DMS: {dms}.{offer}",
    ),
    Reason.NOT_DELIVERED: Told(
        "écriture non aboutie",
        "not delivered",
        "L'écriture de « {attribute} » n'a pas abouti, plusieurs fois de suite{message}. Module véhicules : {module} ; "
        "DMS : {dms}.{offer}",
        "The write of “{attribute}” did not get through, several times in a row{message}. Vehicle module: {module}; "
        "DMS: {dms}.{offer}",
    ),
    Reason.KEEPS_COMING_BACK: Told(
        "valeur sans cesse rétablie",
        "keeps coming back",
        "« {attribute} » a été écrit plusieurs fois en un jour, et chaque fois l'ancienne valeur est revenue (module "
        "véhicules : {module} ; DMS : {dms}).{offer}",
        "“{attribute}” was written several times within a day, and each time the former value came back (vehicle "
        "module: {module}; DMS: {dms}).{offer}",
    ),
    Reason.OWNERSHIP_UNKNOWN: Told(
        "propriétaire indéterminé",
        "owner unknown",
        "Qui décide de « {attribute} » dépend d'une donnée illisible (statut, destination ou type). Corriger d'abord "
        "cette donnée.",
        "Who decides “{attribute}” hangs on something unreadable (stage, destination or type). Correct that first.",
    ),
    Reason.POLICE_NUMBER_DUPLICATE: Told(
        "n° de police en double",
        "duplicate police number",
        "Le n° de police {dms} figure sur plusieurs dossiers du DMS ({records}). Vérifier le livre de police et "
        "corriger le dossier qui se trompe.",
        "Police number {dms} stands on several files of the DMS ({records}). Check the register and correct the file "
        "that is wrong.",
    ),
    Reason.POLICE_NUMBER_OUT_OF_ORDER: Told(
        "n° de police hors séquence",
        "police number out of order",
        "Le n° de police {dms} est inférieur au plus haut déjà attribué ({highest}). Vérifier la séquence du livre de "
        "police.",
        "Police number {dms} is lower than the highest one already given ({highest}). Check the register's sequence.",
    ),
    Reason.AMBIGUOUS_MATCH: Told(
        "rapprochement douteux",
        "ambiguous match",
        "Impossible de dire quelle fiche correspond à quel dossier ({evidence}). Rien n'est écrit : corriger les "
        "fiches ou compléter la référence croisée.",
        "It cannot be told which record is which ({evidence}). Nothing is written: correct the records, or fill in the "
        "cross reference.",
    ),
    Reason.DUPLICATE: Told(
        "doublon",
        "duplicate",
        "Le même châssis figure plusieurs fois en stock dans le {side} ({records}). Rien n'est écrit : supprimer ou "
        "corriger le doublon.",
        "The same VIN stands several times in stock in the {side} ({records}). Nothing is written: remove or correct "
        "the duplicate.",
    ),
    Reason.UNREADABLE_RECORD: Told(
        "fiche illisible",
        "unreadable record",
        "Une fiche du {side} n'a pas d'identifiant lisible et ne peut être rattachée à rien. La corriger dans ce "
        "système.",
        "A record of the {side} has no readable id and cannot belong to anything. Correct it in that system.",
    ),
    Reason.FIELD_GONE: Told(
        "champ absent",
        "field not there",
        "Le {side} ne transmet pas le champ « {field} » ({attribute}) : aucune des fiches lues ne l'a. Rien n'est fait "
        "de cette donnée, pour aucune voiture. Corriger le nom du champ dans les fichiers de correspondance, "
        "ou l'en retirer, puis choisir « ignorer ».",
        "The {side} does not carry the field “{field}” ({attribute}): none of the records read has it. Nothing is done "
        "about it, for any car. Correct the field's name in the mapping files, or take it out there, then "
        "choose “ignore”.",
    ),
    Reason.IDENTITY_MISSING: Told(
        "châssis et immatriculation absents",
        "no VIN and no registration",
        "La voiture n'a ni châssis valable ni immatriculation : le dossier DMS n'est pas ouvert. Compléter l'un des "
        "deux dans le module véhicules.",
        "The car has neither a valid VIN nor a registration: no DMS file is opened. Fill in one of them in the vehicle "
        "module.",
    ),
    Reason.UNKNOWN_IN_VEHICLE_MODULE: Told(
        "inconnue du module",
        "unknown in the vehicle module",
        "Le dossier est dans le DMS ({dms}), mais la voiture n'est pas dans le module véhicules. Toute voiture se crée "
        "dans le module : l'y créer.",
        "The file is in the DMS ({dms}), but the car is not in the vehicle module. Every car is created in the module: "
        "create it there.",
    ),
    Reason.MISSING_IN_DMS: Told(
        "absente du DMS",
        "missing in the DMS",
        "La voiture est dans le module véhicules ({module}), mais son dossier {absence} dans le DMS, d'après deux "
        "lectures complètes. Retrouver le dossier ou l'ouvrir, ou sortir la voiture du module.",
        "The car is in the vehicle module ({module}), but its file {absence} in the DMS, by two complete listings. "
        "Find the file or open it, or take the car out of the module.",
    ),
    Reason.MISSING_IN_VEHICLE_MODULE: Told(
        "absente du module",
        "missing in the vehicle module",
        "La voiture n'est plus dans le module véhicules depuis deux lectures complètes (DMS : {dms}). Rien n'est "
        "supprimé : la retrouver, ou clore le dossier DMS.",
        "The car has not been in the vehicle module for two complete listings (DMS: {dms}). Nothing is deleted: find "
        "it, or close the DMS file.",
    ),
    Reason.POLICE_NUMBER_MISSING: Told(
        "n° de police manquant",
        "police number missing",
        "Le DMS a fait entrer la voiture ({dms}) sans n° de police : elle reste en {module}. Saisir le n° de police "
        "dans le DMS.",
        "The DMS entered the car ({dms}) without a police number: it stays in {module}. Enter the police number in the "
        "DMS.",
    ),
    Reason.INVOICE_INCOMPLETE: Told(
        "facture incomplète",
        "invoice incomplete",
        "Le DMS a facturé la voiture, mais il manque le numéro, la date ou le prix de la facture : elle reste en "
        "{module}. Compléter la facture dans le DMS.",
        "The DMS invoiced the car, but the invoice's number, date or price is missing: it stays in {module}. Complete "
        "the invoice in the DMS.",
    ),
    Reason.INVOICED_BEFORE_DELIVERY: Told(
        "facturée avant livraison",
        "invoiced before delivery",
        "Le DMS a facturé la voiture, mais sa commande dans le module n'est pas encore en livraison ({module}). La "
        "passer en livraison dans le module : la sortie suivra.",
        "The DMS invoiced the car, but its order in the module is not in delivery yet ({module}). Move it to delivery "
        "in the module: the exit will follow.",
    ),
    Reason.EXIT_NOT_ALLOWED: Told(
        "sortie non autorisée",
        "exit not allowed",
        "Le DMS a facturé la voiture, mais ce point de vente ne laisse pas le DMS sortir une voiture en livraison. La "
        "sortir dans le module véhicules.",
        "The DMS invoiced the car, but this point of sale does not let the DMS take a car out of delivery. Take it out "
        "in the vehicle module.",
    ),
    Reason.STAGE_REGRESSION: Told(
        "retour en arrière",
        "stage regression",
        "Le DMS est revenu à « {dms} », alors que la voiture est déjà en {module} dans le module véhicules. Rien ne "
        "recule : vérifier l'entrée dans le DMS.",
        "The DMS went back to “{dms}”, while the car is already in {module} in the vehicle module. Nothing moves "
        "backwards: check the entry in the DMS.",
    ),
    Reason.REOPENED_IN_DMS: Told(
        "rouverte dans le DMS",
        "reopened in the DMS",
        "La voiture est sortie du module véhicules, mais le DMS l'a rouverte ({dms}). Vérifier l'annulation de la "
        "facture et décider à la main.",
        "The car has left the vehicle module, but the DMS reopened it ({dms}). Check the cancelled invoice and decide "
        "by hand.",
    ),
    Reason.STAGE_NOT_IN_LIFE: Told(
        "statut hors ligne de vie",
        "stage not in its line of life",
        "La voiture est en {module}, un statut que sa destination ne prévoit pas. Corriger la destination ou le "
        "statut dans le module véhicules.",
        "The car is in {module}, a stage that its destination does not have. Correct the destination or the stage in "
        "the vehicle module.",
    ),
    Reason.ILLEGAL_TRANSITION: Told(
        "passage impossible",
        "illegal transition",
        "Les statuts ne vont pas ensemble : {module} dans le module véhicules, {dms} dans le DMS. Corriger l'un des "
        "deux.",
        "The stages do not go together: {module} in the vehicle module, {dms} in the DMS. Correct one of them.",
    ),
    Reason.SOLD_OUTSIDE_OPPORTUNITES: Told(
        "vendue hors Opportunités",
        "sold outside Opportunités",
        "La voiture est vendue dans le DMS ({sale}) sans commande dans le module véhicules : risque de double vente."
        "{reservation} Prévenir les vendeurs et retirer les annonces.",
        "The car is sold in the DMS ({sale}) without an order in the vehicle module: it could be sold twice."
        "{reservation} Tell the salespeople and take the advertisements down.",
    ),
    Reason.ORDER_CANCELLED_RESERVATION_STAYS: Told(
        "commande annulée, réservation maintenue",
        "order cancelled, reservation stays",
        "La vente a été annulée dans le DMS, mais la réservation posée par stocksync bloque toujours la voiture. "
        "Lever la réservation dans le module véhicules.",
        "The sale was cancelled in the DMS, but the reservation that stocksync set still blocks the car. Lift the "
        "reservation in the vehicle module.",
    ),
    Reason.SYSTEM_UNAVAILABLE: Told(
        "système indisponible",
        "system unavailable",
        "Le système ne répondait pas : l'écriture de « {attribute} » est reportée au prochain passage. Rien à faire.",
        "The system did not answer: the write of “{attribute}” is left to the next run. Nothing to do.",
    ),
}
