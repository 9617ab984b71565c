"""What the DMS accepts: its fields, all text, and how each is written.

Pure: no state, no clock. The fields follow `contracts/dms.openapi.yaml`; storage is in `dms.py`. Messages
are in French, as the DMS speaks to its users.

Decided: a readOnly or unknown field in a request is refused (code 422), so that a wrong mapping shows.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

INVOICED = "Facturé"
IN_STOCK = "Stock"
PRE_ENTRY = "Pré-rentrée"
READ_ONLY = ("dossier", "maj_le")

FieldErrors = list[dict[str, str]]


class DmsError(Exception):
    """An answer that is not a success: a code inside an HTTP 200, a reason, and the fields at fault."""

    def __init__(self, code: int, reason: str, fields: FieldErrors | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.fields = fields or []


def is_date(text: str) -> bool:
    """Say whether a text is a date of the calendar, dd/mm/yyyy."""
    if not re.fullmatch(r"[0-9]{2}/[0-9]{2}/[0-9]{4}", text):
        return False
    try:
        datetime.strptime(text, "%d/%m/%Y")
    except ValueError:
        return False
    return True


def _like(pattern: str) -> Callable[[str], bool]:
    return lambda text: re.fullmatch(pattern, text) is not None


def _one_of(*codes: str) -> Callable[[str], bool]:
    return lambda text: text in codes


def _anything(text: str) -> bool:
    return True


_GROUPED = r"(\d+|\d{1,3}([ \u00a0\u202f]\d{3})+)"
is_amount = _like(rf"-?{_GROUPED}(,\d{{1,2}})?")

# field -> (test of a text that is not blank, what was expected, may it be blank)
FIELDS: Mapping[str, tuple[Callable[[str], bool], str, bool]] = {
    "site": (_anything, "un site", False),
    "ref_externe": (_anything, "un texte", True),
    "type": (_one_of("VN", "VD", "VO"), "VN, VD ou VO", False),
    "statut": (_one_of(PRE_ENTRY, IN_STOCK, INVOICED), "Pré-rentrée, Stock ou Facturé", False),
    "destination": (_one_of("P", "M", "C"), "P, M ou C", False),
    "no_police": (_anything, "un texte", True),
    "chassis": (_anything, "un texte", True),
    "immat": (_anything, "un texte", True),
    "date_mec": (is_date, "une date jj/mm/aaaa", True),
    "date_cg": (is_date, "une date jj/mm/aaaa", True),
    "marque": (_anything, "un texte", True),
    "modele": (_anything, "un texte", True),
    "version": (_anything, "un texte", True),
    "km": (_like(_GROUPED), "des kilomètres entiers", True),
    "couleur": (_like(r"[A-ZÀ-ÖØ-Þ]{1,10}"), "un code d'au plus 10 capitales", True),
    "origine": (_anything, "un texte", True),
    "source_achat": (_anything, "un texte", True),
    "repreneur": (_anything, "un texte", True),
    "prix_reprise": (is_amount, "un montant, virgule décimale", True),
    "frevo": (is_amount, "un montant, virgule décimale", True),
    "prix_vente": (is_amount, "un montant, virgule décimale", True),
    "prix_facture": (is_amount, "un montant, virgule décimale", True),
    "tva_recup": (_one_of("O", "N"), "O, N ou vide", True),
    "no_bdc": (_anything, "un texte", True),
    "date_bdc": (is_date, "une date jj/mm/aaaa", True),
    "no_facture": (_anything, "un texte", True),
    "date_facture": (is_date, "une date jj/mm/aaaa", True),
}


def checked_file(sent: object) -> dict[str, str]:
    """Return the named fields of a creation or a change; DmsError 422 with every field at fault."""
    if not isinstance(sent, dict):
        raise DmsError(422, "corps invalide : un objet JSON est attendu")
    faults = [{"champ": name, "message": fault} for name, text in sent.items() if (fault := _fault(name, text))]
    if faults:
        raise DmsError(422, "champs invalides", faults)
    return sent


def _fault(name: str, text: object) -> str | None:
    if name in READ_ONLY:
        return "champ en lecture seule"
    if name not in FIELDS:
        return "champ inconnu"
    if not isinstance(text, str):
        return "un texte est attendu"
    accepts, expected, may_be_blank = FIELDS[name]
    if may_be_blank if text == "" else accepts(text):
        return None
    return f"{expected} est attendu"


def require_change_allowed(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Raise DmsError 409 for a change of an invoiced file, or of a police number once set."""
    if before["statut"] == INVOICED:
        raise DmsError(409, f"le dossier {before['dossier']} est facturé : aucune modification")
    if before["no_police"] not in ("", after["no_police"]):
        fault = {"champ": "no_police", "message": "ne peut plus être modifié"}
        raise DmsError(409, "le n° de police est déjà attribué", [fault])
