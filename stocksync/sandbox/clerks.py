"""What clerks of the back office do to files, on the DMS's own screens, which take any text.

Each public method of `Clerks` is a step of a script (`play.py`): it does one thing and tells what happened. A
parameter left out is chosen by chance; where no file suits, nothing happened.
"""

import re

from stocksync.sandbox.dms import File
from stocksync.sandbox.dms_rules import FIELDS, IN_STOCK, INVOICED, PRE_ENTRY, DmsError, is_amount
from stocksync.sandbox.records import amount_text, day_text
from stocksync.sandbox.sentences import DMS, Event
from stocksync.sandbox.workplace import Workplace


class Clerks:
    """Users of the DMS at work."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._dms = place.dms
        self._random = place.random

    def enter_register(self, file: str | None = None) -> list[Event]:
        """Enter a file in Pré-rentrée in the police register: the site's next number, statut Stock."""
        found = self._place.file(file, PRE_ENTRY)
        if found is None:
            return []
        with self._dms.writing():
            number = found["no_police"] or self._dms.next_police_number(found["site"])
            self._dms.type_in(found["dossier"], {"no_police": number, "statut": IN_STOCK})
        return [Event(DMS, found["dossier"], "entered", {"number": number})]

    def dms_order(self, file: str | None = None) -> list[Event]:
        """Take an order in the DMS, outside Opportunités; by chance, for a car that nobody sold yet."""
        found = self._place.file(file, IN_STOCK, self._place.is_unsold)
        if found is None:
            return []
        order = f"BC{found['dossier'][2:]}"
        self._dms.type_in(found["dossier"], {"no_bdc": order, "date_bdc": day_text(self._place.today())})
        return [Event(DMS, found["dossier"], "dms_order", {"order": order})]

    def cancel_dms_order(self, file: str | None = None) -> list[Event]:
        """Cancel an order of the DMS."""
        found = self._place.file(file, IN_STOCK, lambda file: file["no_bdc"])
        if found is None:
            return []
        self._dms.type_in(found["dossier"], {"no_bdc": "", "date_bdc": ""})
        return [Event(DMS, found["dossier"], "dms_order_cancelled", {"order": found["no_bdc"]})]

    def invoice(self, file: str | None = None, price: str | None = None) -> list[Event]:
        """Invoice a file: number, date, price (French text), statut Facturé; by chance, one that is sold."""
        found = self._place.file(file, IN_STOCK, lambda file: file["no_police"] and self._place.is_sold(file))
        if found is None:
            return []
        today = self._place.today()
        price = price or (found["prix_vente"] if is_amount(found["prix_vente"]) else "250,00")
        invoice = f"FA{today.year}-{found['dossier'][2:]}"
        fields = {"no_facture": invoice, "date_facture": day_text(today), "prix_facture": price}
        self._dms.type_in(found["dossier"], {**fields, "statut": INVOICED})
        return [Event(DMS, found["dossier"], "invoiced", {"price": price, "invoice": invoice})]

    def cancel_invoice(self, file: str | None = None) -> list[Event]:
        """Cancel an invoice: the file is in Stock again."""
        found = self._place.file(file, INVOICED)
        if found is None:
            return []
        blank = dict.fromkeys(("no_facture", "date_facture", "prix_facture"), "")
        self._dms.type_in(found["dossier"], {**blank, "statut": IN_STOCK})
        return [Event(DMS, found["dossier"], "invoice_cancelled", {"invoice": found["no_facture"]})]

    def dms_mileage(self, file: str | None = None, km: int | None = None) -> list[Event]:
        """Update the kilometres of a file."""
        found = self._place.file(file, IN_STOCK)
        if found is None:
            return []
        before_km = int(re.sub(r"\D", "", found["km"]) or 0)
        after = str(km if km is not None else before_km + self._random.randrange(3, 400))
        return [self._typed(found, "km", after, "mileage")]

    def dms_blank(self, file: str | None = None, field: str = "couleur") -> list[Event]:
        """Clear a field of a file."""
        found = self._place.file(file, IN_STOCK, lambda file: file.get(field))
        return [] if found is None else [self._typed(found, field, "", "blanked")]

    def dms_edit(self, file: str | None = None, field: str | None = None, value: str | None = None) -> list[Event]:
        """Type a text into a file; by chance, a price or a colour, which are the module's to say."""
        found = self._place.file(file, IN_STOCK)
        if found is None:
            return []
        field = field or self._random.choice(("prix_vente", "couleur"))
        return [self._typed(found, field, self._slip(field) if value is None else str(value), "edited")]

    def remove_file(self, file: str | None = None) -> list[Event]:
        """Delete a file; by chance, one in Pré-rentrée."""
        found = self._place.file(file, PRE_ENTRY)
        if found is None:
            return []
        self._dms.remove(found["dossier"])
        return [Event(DMS, found["dossier"], "removed")]

    def _slip(self, field: str) -> str:
        if field == "prix_vente":
            return amount_text(self._random.randrange(500_000, 2_500_000, 10_000))
        return self._random.choice(("VERT", "BEIGE", "JAUNE"))

    def _typed(self, file: File, field: str, text: str, kind: str) -> Event:
        if field not in FIELDS:
            raise DmsError(422, f"champ {field} inconnu")
        self._dms.type_in(file["dossier"], {field: text})
        return Event(DMS, file["dossier"], kind, {"field": field, "before": file[field], "after": text})
