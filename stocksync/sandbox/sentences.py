"""What people did, in plain words, in French and in English.

One entry per kind of event; `salespeople.py`, `clerks.py` and `play.py` say which happened and with which
values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

_SENTENCES: Mapping[str, tuple[str, str]] = {
    "arrived": (
        "nouvelle reprise saisie en pré-rentrée : {make} {model}, {registration}",
        "new trade-in entered as a pre-entry: {make} {model}, {registration}",
    ),
    "bought_back": (
        "déjà vendu sous {former}, repris à nouveau : châssis {vin}",
        "sold before as {former}, bought back: VIN {vin}",
    ),
    "entered": (
        "inscrit au livre de police sous {number}",
        "entered in the police register as {number}",
    ),
    "stage": ("passe de {before} à {after}", "moves from {before} to {after}"),
    "order_taken": ("commande {order} prise dans Opportunités", "order {order} taken in Opportunités"),
    "price": (
        "prix de vente : {before} -> {after} (campagne {percent} %)",
        "sale price: {before} -> {after} (campaign {percent} %)",
    ),
    "mileage": ("kilométrage : {before} -> {after}", "mileage: {before} -> {after}"),
    "dms_order": (
        "bon de commande {order} pris hors Opportunités",
        "order {order} taken outside Opportunités",
    ),
    "dms_order_cancelled": ("bon de commande {order} annulé", "order {order} cancelled"),
    "invoiced": ("facturé {price} sous {invoice}", "invoiced {price} as {invoice}"),
    "invoice_cancelled": (
        "facture {invoice} annulée, dossier remis en Stock",
        "invoice {invoice} cancelled, file back in Stock",
    ),
    "transferred": ("transféré de {before} à {after}", "transferred from {before} to {after}"),
    "edited": ("{field} : {before} -> {after}", "{field}: {before} -> {after}"),
    "vin": ("châssis corrigé : {before} -> {after}", "VIN corrected: {before} -> {after}"),
    "blanked": ("{field} effacé (était {before})", "{field} cleared (was {before})"),
    "removed": ("dossier supprimé", "file deleted"),
    "unreserved": ("réservation levée", "reservation lifted"),
    "closed": ("fermé pour le traitement de nuit", "closed for the nightly batch"),
    "opened": ("de nouveau ouvert", "open again"),
    "refusing": (
        "refusera les {requests} prochaines requêtes (429)",
        "will refuse the next {requests} requests (429)",
    ),
    "waited": ("{seconds} s plus tard", "{seconds} s later"),
    "idle": ("rien à faire : {step}", "nothing to do: {step}"),
}
MODULE, DMS, NOBODY = "MODULE", "DMS", "-"


@dataclass(frozen=True)
class Event:
    """One thing that a person did, on which side, to which record."""

    side: str
    record: str
    kind: str
    values: Mapping[str, object] = field(default_factory=dict)

    def told(self, language: str) -> str:
        """Tell it on one line, in `fr` or `en`."""
        french, english = _SENTENCES[self.kind]
        sentence = (english if language == "en" else french).format(**self.values)
        return f"{self.side:<6}  {self.record or '-':<9}  {sentence}"
