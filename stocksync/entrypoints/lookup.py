"""From what a person typed to one car, one attribute or one reason; what is not found is told with the nearest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from stocksync.entrypoints.context import mapping_of
from stocksync.errors import UsageError
from stocksync.mapping.problems import nearest_word
from stocksync.reports.spelling import NARROW, NO_BREAK, Language
from stocksync.stock.values import SIDES, folded
from stocksync.sync.answers import CarAnswer, Fact, FoundCar, Seen, StoredFinding, answer
from stocksync.sync.decisions import decidable
from stocksync.sync.ports import today_on

if TYPE_CHECKING:
    from stocksync.adapters.store.questions import Questions
    from stocksync.mapping.effective import MappingSet, PointOfSaleMapping
    from stocksync.stock.reasons import Reason
    from stocksync.stock.values import Side
    from stocksync.stock.vehicle import Attribute
    from stocksync.sync.cars import Finding
    from stocksync.sync.decisions import StoredResolution


_SAID: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "several": f"{{wanted}} désigne {{cars}} voitures{NARROW}; donner l'identifiant en tête de ligne{NO_BREAK}:",
        "none": f"Aucune voiture n'est connue sous {{wanted}}{NO_BREAK}: ni châssis, ni immatriculation, ni n° de "
        "police, ni identifiant de l'un des systèmes. Une voiture est connue dès son premier `stocksync sync`.",
        "open": "ouverte",
        "closed": "close",
    },
    "en": {
        "several": "{wanted} names {cars} cars; give the id at the start of a line:",
        "none": "No car is known by {wanted}: neither as VIN, registration, police number nor as an id of either "
        "system. Cars are known from their first `stocksync sync` on.",
        "open": "open",
        "closed": "closed",
    },
}


class SeveralCars(UsageError):
    """What was typed names several cars."""

    def __init__(self, wanted: str, cars: list[FoundCar], language: Language) -> None:
        lines = "\n".join(f"  {line_of(car, language)}" for car in cars)
        head = _SAID[language]["several"].format(wanted=wanted, cars=len(cars))
        super().__init__(f"{head}\n{lines}")
        self.cars = cars


@dataclass(frozen=True, slots=True)
class Told:
    """One car with everything that answers need.

    read_at: the run that the snapshots stand for. ignored: by subject, the decision to leave its open row as it is.
    today_on: the day that it is decided for.
    """

    found: FoundCar
    mapping: PointOfSaleMapping
    answer: CarAnswer
    seen: Mapping[Side, Seen]
    findings: tuple[StoredFinding, ...]
    journal: tuple[Fact, ...]
    read_at: datetime | None
    ignored: Mapping[str, StoredResolution]
    today_on: date

    def choices(self, finding: Finding) -> frozenset[str] | None:
        """What may be decided about a finding; None where no row of the report has it."""
        row = next((row for row in self.findings if row.finding.key == finding.key), None)
        if row is None:
            return None
        return frozenset(choice.value for choice in decidable(row, self.answer, self.mapping, self.today_on))

    def local(self, at: datetime) -> datetime:
        """An instant in the time of the point of sale."""
        return at.astimezone(ZoneInfo(self.mapping.time_zone))


def find_car(questions: Questions, wanted: str, language: Language) -> FoundCar:
    """Find the one car that was named. Raises UsageError where there is none, or several."""
    found = questions.find_cars(wanted)
    if not found:
        raise UsageError(_SAID[language]["none"].format(wanted=wanted))
    if len(found) > 1:
        raise SeveralCars(wanted, found, language)
    return found[0]


def tell(questions: Questions, found: FoundCar, mappings: MappingSet) -> Told:
    """Gather everything about one car, and decide it again on what was last seen."""
    from stocksync.assembly import SystemClock

    mapping = mapping_of(mappings, found.point_of_sale)
    seen = {side: held for (_, side), held in questions.snapshots([found]).items()}
    still_open = [row for row in questions.findings(car_id=found.id, everything=True) if row.closed_at is None]
    findings = tuple(row for row in still_open if row.ignored_by is None)
    done, today = questions.last_done(found.point_of_sale), today_on(SystemClock(), mapping.time_zone)
    decided = answer(
        questions.remembered([found])[found.id],
        {side: held.snapshot for side, held in seen.items()},
        [row.finding for row in findings],
        mapping,
        today,
    )
    return Told(
        found,
        mapping,
        decided,
        seen,
        findings,
        tuple(questions.journal(found.id)),
        done.started_at if done else None,
        _ignored(questions, still_open),
        today,
    )


def _ignored(questions: Questions, rows: Iterable[StoredFinding]) -> dict[str, StoredResolution]:
    ignored = {row.ignored_by: row for row in rows if row.ignored_by is not None}
    decisions = questions.decisions(ignored.values())
    return {ignored[d.number].finding.subject: d for d in decisions if d.number in ignored}


def find_attribute(said: str, vocabulary: Mapping[str, Attribute]) -> Attribute:
    """Find an attribute by our name or by either label. Raises UsageError with the nearest word."""
    names: dict[str, Attribute] = {}
    for name, attribute in vocabulary.items():
        for word in (name, name.replace("_", " "), attribute.label_fr, attribute.label_en):
            names.setdefault(folded(word), attribute)
    found = names.get(folded(said))
    if found is not None:
        return found
    nearest = nearest_word(folded(said), names)
    hint = f" Did you mean {names[nearest].name} ({names[nearest].label_fr})?" if nearest else ""
    raise UsageError(f"There is no attribute {said}.{hint} There are {', '.join(vocabulary)}.")


def find_reason(said: str | None) -> Reason | None:
    """Find a kind of conflict. Raises UsageError with the nearest word."""
    from stocksync.stock.reasons import Reason

    if said is None:
        return None
    known = [reason.value for reason in Reason]
    if said in known:
        return Reason(said)
    nearest = nearest_word(said, known)
    hint = f" Did you mean {nearest}?" if nearest else ""
    raise UsageError(f"There is no kind of conflict {said}.{hint} There are {', '.join(known)}.")


def line_of(car: FoundCar, language: Language) -> str:
    """One car of several, with what tells it from the others."""
    named: list[Any] = [car.id, car.vin, car.registration, car.police_number, *car.record_ids.values()]
    state = _SAID[language]["closed" if car.closed else "open"]
    return "  ".join([*(str(name) for name in named if name), f"{car.point_of_sale}, {state}"])


def records_of(car: FoundCar) -> dict[str, str | None]:
    """A car's records by side, for a program."""
    return {side.value: car.record_ids.get(side) for side in SIDES}
