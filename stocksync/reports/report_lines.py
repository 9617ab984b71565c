"""One line of the conflict report: a finding with everything that a person decides by.

Where a line stands in the report is `cost`; which lines are one decision is `lots`; its columns are `conflict_report`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from stocksync.reports.lot_wording import lot_sentence
from stocksync.reports.spelling import ChoiceLabels, Counted, Language, Speller, day
from stocksync.reports.wording import Case, sentence
from stocksync.reports.words import CLOSED
from stocksync.stock.reasons import Reason
from stocksync.stock.values import Side
from stocksync.stock.vehicle import Attribute

MODULE_DECIDES, DMS_DECIDES, VALUE_DECIDED = "module", "dms", "value"

_DECIDED_BY_CHOICE: Final = frozenset(
    {
        Reason.FIRST_CONTACT,
        Reason.BOTH_CHANGED,
        Reason.IMPLAUSIBLE_JUMP,
        Reason.REFUSED_CHANGE,
        Reason.BLANK_NOT_FILLED,
        Reason.INVALID_VALUE,
    }
)
"""Reasons that end with one side's value being taken; the others end in one of the systems."""


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One finding, or one lot of them; values in their neutral spelling.

    fingerprint: names the row and what its reader saw. note: a ready sentence about an earlier decision. cars: for how
    many cars the line stands; more than one makes it the line of a lot. decidable: what may be
    decided, beside ignoring it.
    """

    conflict_id: int
    case: Case
    point_of_sale: str
    vin: str | None
    registration: str | None
    police_number: str | None
    make_and_model: str
    stage: str | None
    opened_on: date
    today_on: date
    vocabulary: Mapping[str, Attribute]
    choice_labels: ChoiceLabels
    fingerprint: str
    closed_on: date | None = None
    closed_because: str | None = None
    note: str = ""
    cars: int = 1
    ignored: bool = False
    decidable: frozenset[str] = frozenset({MODULE_DECIDES, DMS_DECIDES, VALUE_DECIDED})

    def state(self, language: Language) -> str:
        """Say whether the row is open, else since when and why it is closed."""
        if self.ignored:
            return "ignoré par décision" if language == "fr" else "ignored by decision"
        if self.closed_on is None:
            return "ouvert" if language == "fr" else "open"
        why = CLOSED[language].get(self.closed_because or "", self.closed_because or "")
        since = f"clos le {day(self.closed_on)}" if language == "fr" else f"closed on {day(self.closed_on)}"
        return f"{since} ({why})" if why else since

    @property
    def age_days(self) -> int:
        """Whole days since it was first seen."""
        return max((self.today_on - self.opened_on).days, 0)

    @property
    def proposed(self) -> str:
        """The decision that the ownership matrix suggests; blank where no choice of a side settles it."""
        case = self.case
        if (
            self.closed_on is not None
            or case.reason not in _DECIDED_BY_CHOICE
            or case.owner not in (Side.VEHICLE_MODULE, Side.DMS)
        ):
            return ""
        if f"{case.owner}_invalid" in case.details:
            return ""
        proposed = MODULE_DECIDES if case.owner == Side.VEHICLE_MODULE else DMS_DECIDES
        return proposed if proposed in self.decidable else ""

    def car(self, language: Language) -> str:
        """Name the car by its VIN; where the line stands for several, how many the annex lists."""
        if self.cars == 1:
            return self.vin or ""
        cars = Counted(self.cars, language)
        return f"{cars:voiture|voitures} (annexe)" if language == "fr" else f"{cars:car|cars} (annex)"

    def told(self, speller: Speller) -> str:
        """Tell what happened and what to do, and what was decided before."""
        case, is_closed = self.case, self.closed_on is not None
        choices = None if is_closed else self.decidable
        if (case.choices, case.closed) != (choices, is_closed):
            case = replace(case, choices=choices, closed=is_closed)
        if self.cars == 1:
            said = sentence(case, self.vocabulary, speller)
        else:
            said = lot_sentence(case, self.cars, self.vocabulary, speller)
        return f"{said} {self.note}" if self.note else said
