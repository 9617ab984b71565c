"""What `stocksync journal` tells, in words and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from stocksync.adapters.store.journal_chain import ERASED, Break, Damage, Walk
from stocksync.adapters.store.journal_rows import CONTENT_ERASED, JournalFact
from stocksync.entrypoints.history_view import HistoryView
from stocksync.mapping.effective import MappingSet, PointOfSaleMapping
from stocksync.reports import wording
from stocksync.reports.spelling import Counted, Language, instant
from stocksync.stock.values import Side
from stocksync.sync.answers import FoundCar

FRENCH_TIME: Final = ZoneInfo("Europe/Paris")
"""For what belongs to no point of sale."""

WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "whole": "journal intact : {rows:ligne|lignes}",
        "broken": "journal altéré ({rows:ligne|lignes} en tout)",
        "span": "du {first} au {last}",
        "last_hash": "dernière empreinte : {hash}",
        "first_bad": "première ligne qui ne va pas : n° {row}, du {at}",
        "expected": "l'empreinte attendue est celle de la ligne n° {row} : rien n'a été coupé avant elle",
        "not_expected": "l'empreinte attendue ne s'y trouve pas : la fin du journal a été coupée, ou le journal refait",
        "erased": "{rows:ligne effacée|lignes effacées} à la demande d'une personne ; stocksync journal show dit par "
        "qui, et quand",
        "untold": "{rows:ligne effacée dont|lignes effacées dont} aucune ligne du journal ne parle",
        "unreadable": "instant illisible",
        "empty": "aucune ligne",
        "run": "exécution n° {run}",
        "no_run": "hors exécution",
        "unknown_car": "{action} (voiture {car})",
        "no_car": "{action}",
        "told_mapping_accepted": "{by} accepte les fichiers de mapping modifiés pour {points} (voitures qui "
        "diffèrent : {cars})",
        "told_erased": "{by} efface une personne de {rows:ligne|lignes} de la table {what}",
        "told_content_erased": "contenu effacé à la demande d'une personne ({was})",
        "told_rechained": "empreintes refaites par une mise à jour ; la dernière d'avant : {hash}",
    },
    "en": {
        "whole": "the journal is whole: {rows:row|rows}",
        "broken": "the journal was tampered with ({rows:row|rows} in all)",
        "span": "from {first} to {last}",
        "last_hash": "last hash: {hash}",
        "first_bad": "first row that does not fit: {row}, of {at}",
        "expected": "the expected hash is that of row {row}: nothing was cut off before it",
        "not_expected": "the expected hash is not there: the end was cut off, or the journal was made anew",
        "erased": "{rows:row was|rows were} erased at a person's request; stocksync journal show tells by whom, and "
        "when",
        "untold": "{rows:erased row|erased rows} that no line of the journal tells of",
        "unreadable": "unreadable instant",
        "empty": "no line",
        "run": "run {run}",
        "no_run": "outside a run",
        "unknown_car": "{action} (car {car})",
        "no_car": "{action}",
        "told_mapping_accepted": "{by} accepts the edited mapping files for {points} (cars that differ: {cars})",
        "told_erased": "{by} erases a person from {rows:row|rows} of the table {what}",
        "told_content_erased": "content erased at a person's request ({was})",
        "told_rechained": "hashes made anew by an update; the last one before: {hash}",
    },
}

DAMAGES: Final[Mapping[Language, Mapping[Damage, str]]] = {
    "fr": {
        Damage.CHANGED: "la ligne n° {row}, ou celle d'avant, ne dit plus ce qui a été écrit.",
        Damage.HASH_CHANGED: "l'empreinte de la ligne n° {row} a été changée ; son texte est celui d'origine.",
        Damage.MISSING: "avant la ligne n° {row}, des lignes manquent : n° {first} à {last}.",
        Damage.INSERTED: "la ligne n° {row} a été ajoutée après coup.",
        Damage.SWAPPED: "la ligne n° {row} et la suivante ont été interverties.",
        Damage.ERASED_UNTOLD: "le contenu de la ligne n° {row} a été effacé à la main : aucune ligne du journal ne dit "
        "par qui.",
    },
    "en": {
        Damage.CHANGED: "row {row}, or the one before it, no longer says what was written.",
        Damage.HASH_CHANGED: "the hash of row {row} was changed; its text is as written.",
        Damage.MISSING: "before row {row}, rows are missing: {first} to {last}.",
        Damage.INSERTED: "row {row} was put in afterwards.",
        Damage.SWAPPED: "row {row} and the next one have changed places.",
        Damage.ERASED_UNTOLD: "what row {row} said was erased by hand: no line of the journal tells by whom.",
    },
}


def reader_s_time(at: datetime) -> datetime:
    """An instant that belongs to no point of sale, as a reader's clock shows it."""
    return at.astimezone(FRENCH_TIME)


def damage(broken: Break, language: Language) -> str:
    """What is wrong with the first row that does not fit."""
    first, last = broken.missing or (0, 0)
    template = wording.typeset(DAMAGES[language][broken.damage], language)
    return template.format(row=broken.row_id, first=first, last=last)


def walk_data(walk: Walk) -> dict[str, Any]:
    """A walk along the chain, for a program."""
    broken = walk.broken
    return {
        "whole": broken is None,
        "rows": walk.rows,
        "first_at": _iso(walk.first_at),
        "last_at": _iso(walk.last_at),
        "last_hash": walk.last_hash or None,
        "erased": walk.erased,
        "erased_untold": walk.untold,
        "broken": {
            "row": broken.row_id,
            "at": _iso(broken.at),
            "damage": broken.damage.value,
            "missing": list(broken.missing) if broken.missing else None,
        }
        if broken is not None
        else None,
    }


@dataclass(frozen=True, slots=True)
class VerifyView:
    """What a walk along the chain found; expected: the hash that was to be in it, None for none."""

    walk: Walk
    expected: str | None
    language: Language

    @property
    def is_whole(self) -> bool:
        """Tell whether every row fits, and the expected hash is there."""
        return self.walk.broken is None and (self.expected is None or self.walk.expected_row is not None)

    def lines(self) -> Iterator[str]:
        """The figures, and the first row that does not fit."""
        walk, broken = self.walk, self.walk.broken
        yield self._say("whole" if broken is None else "broken", rows=Counted(walk.rows, self.language))
        if walk.rows:
            yield f"  {self._say('span', first=self._at(walk.first_at), last=self._at(walk.last_at))}"
            yield f"  {self._say('last_hash', hash=walk.last_hash or '-')}"
        for key, count in (("erased", walk.erased), ("untold", walk.untold)):
            if count:
                yield f"  {self._say(key, rows=Counted(count, self.language))}"
        if broken is not None:
            yield f"  {self._say('first_bad', row=str(broken.row_id), at=self._at(broken.at))}"
            yield f"  {damage(broken, self.language)}"
        if self.expected is not None:
            row = walk.expected_row
            yield f"  {self._say('not_expected') if row is None else self._say('expected', row=str(row))}"

    def as_data(self) -> dict[str, Any]:
        """The same for a program; `whole` says whether the expected hash was there too."""
        asked = {"hash": self.expected, "row": self.walk.expected_row} if self.expected is not None else None
        return {**walk_data(self.walk), "whole": self.is_whole, "expected": asked}

    def _at(self, at: datetime | None) -> str:
        return instant(reader_s_time(at)) if at is not None else self._say("unreadable")

    def _say(self, key: str, **values: str | Counted) -> str:
        return wording.typeset(WORDS[self.language][key], self.language).format(**values)


@dataclass(frozen=True, slots=True)
class ShowView:
    """Lines of the journal; cars: those that are known, by our id. Of another nothing but the action is told."""

    facts: Sequence[JournalFact]
    cars: Mapping[str, FoundCar]
    mappings: MappingSet
    language: Language

    def lines(self) -> Iterator[str]:
        """A line for each thing that happened, in the time of its point of sale."""
        if not self.facts:
            yield self._say("empty")
        for line in self.facts:
            car = self.cars.get(line.car_id or "")
            mapping = self._mapping(car)
            if car is None or mapping is None or line.fact.action in _OURS:
                yield self._bare(line)
                continue
            name = car.vin or car.registration or car.id
            for told in self._history(line, car, mapping).lines():
                yield f"{line.row_id}  {told}  [{name}, {car.point_of_sale}]"

    def as_data(self) -> dict[str, Any]:
        """The same for a program, with the hash of each row."""
        return {"journal": [self._data(line) for line in self.facts]}

    def _data(self, line: JournalFact) -> dict[str, Any]:
        car = self.cars.get(line.car_id or "")
        mapping = self._mapping(car)
        fact: dict[str, Any] = {"at": line.fact.at.isoformat(), "run": line.fact.run_id or None}
        fact["action"] = line.fact.action
        if line.fact.action in _OURS:
            fact |= {"details": line.fact.details, "told": [self._told(line)]}
        elif car is not None and mapping is not None:
            fact = self._history(line, car, mapping).as_data()[0]
        return {"id": line.row_id, "car": line.car_id, "vin": car.vin if car is not None else None, **fact} | {
            "hash": line.hash
        }

    def _history(self, line: JournalFact, car: FoundCar, mapping: PointOfSaleMapping) -> HistoryView:
        return HistoryView((line.fact,), mapping, self.language, Side.DMS not in car.record_ids)

    def _mapping(self, car: FoundCar | None) -> PointOfSaleMapping | None:
        return self.mappings.points_of_sale.get(car.point_of_sale) if car is not None else None

    def _bare(self, line: JournalFact) -> str:
        """What may be told of a car whose point of sale is not known: its values might name people."""
        run = self._say("run", run=str(line.fact.run_id)) if line.fact.run_id else self._say("no_run")
        key = "unknown_car" if line.car_id else "no_car"
        action = self._told(line) if line.fact.action in _OURS else line.fact.action
        told = self._say(key, action=action, car=line.car_id or "")
        return f"{line.row_id}  {instant(reader_s_time(line.fact.at))}  {run}  {told}"

    def _told(self, line: JournalFact) -> str:
        """What the journal tells of itself; of what was erased, only what it was about."""
        told = line.fact.details
        rows = told.get("rows")
        count = Counted(len(rows) if isinstance(rows, list) else 0, self.language)
        said = {name: str(told.get(of, "?")) for name, of in _TOLD.items()}
        said["points"] = ", ".join(told.get("versions", ()))
        return self._say(f"told_{line.fact.action}", rows=count, **said)

    def _say(self, key: str, **values: str | Counted) -> str:
        return wording.typeset(WORDS[self.language][key], self.language).format(**values)


_OURS: Final = frozenset({ERASED, CONTENT_ERASED, "rechained", "mapping_accepted"})
"""Lines about the journal itself or the mapping files, which concern no car's values."""
_TOLD: Final = {"by": "by", "what": "what", "was": "was", "hash": "last_hash", "cars": "differing"}


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
