"""What `stocksync mapping verify` finds: where both systems behave otherwise than the guide says, in words and as data.

What happened is counted by the store (`adapters.store.experience`); from how many times on it is worth a sentence is
said here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import click

from stocksync.adapters.store.experience import Tallies, Tally
from stocksync.entrypoints import logs, rendering
from stocksync.entrypoints.mapping_verify_words import HEADERS, say
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.reports.spelling import Counted, Language, count, day
from stocksync.reports.words import SIDE_NAMES
from stocksync.stock.ownership import Owner
from stocksync.stock.values import SIDES, Side


class Finding(StrEnum):
    """In which way a system does not behave as the guide says."""

    REFUSED = "refused"
    IGNORED = "ignored"
    UNDONE = "undone"
    AGAINST = "against"
    CONFIRMABLE = "confirmable"


@dataclass(frozen=True, slots=True)
class Limits:
    """From how many times on something is worth a sentence."""

    refused: int
    changes: int
    kept: int


@dataclass(frozen=True, slots=True)
class Row:
    """One attribute as the guide prints it, "" where it does not, with what happened on each side."""

    attribute: str
    label: str
    dms_may_modify: str
    owner: str
    is_provisional: bool
    is_personal: bool
    tallies: Mapping[Side, Tally]


@dataclass(frozen=True, slots=True)
class Found:
    """One thing to look at; count: how often."""

    kind: Finding
    row: Row
    side: Side | None
    count: int


def rows_of(point: PointOfSaleMapping, counted: Tallies, language: Language) -> list[Row]:
    """The guide's attributes in its order, then whatever else was written or changed."""
    guides = {row.attribute: row for row in point.guide_rows if row.attribute is not None}
    names = [*guides, *(name for name in point.vocabulary if name not in guides)]
    found = []
    for name in names:
        tallies = {side: counted.get((name, side), Tally()) for side in SIDES}
        if name not in guides and tallies == dict.fromkeys(SIDES, Tally()):
            continue
        guide, owned, attribute = guides.get(name), point.matrix.rows.get(name), point.vocabulary[name]
        label = attribute.label_fr if language == "fr" else attribute.label_en
        found.append(
            Row(
                name,
                guide.guide.label if guide is not None else label,
                guide.guide.dms_may_modify if guide is not None else "",
                owned.policy.owner.value if owned is not None else "lifecycle",
                guide.provisional if guide is not None else bool(owned is not None and owned.policy.provisional),
                attribute.personal,
                tallies,
            )
        )
    return found


def find(rows: Sequence[Row], limits: Limits) -> list[Found]:
    """Everything that is worth a sentence, row by row."""
    return [found for row in rows for found in _of_row(row, limits)]


def _of_row(row: Row, limits: Limits) -> Iterator[Found]:
    for side in SIDES:
        tally = row.tallies[side]
        if tally.refused >= limits.refused:
            yield Found(Finding.REFUSED, row, side, tally.refused)
        if tally.ignored >= limits.refused:
            yield Found(Finding.IGNORED, row, side, tally.ignored)
        if tally.changed >= limits.changes and side is _may_not_modify(row):
            yield Found(Finding.AGAINST, row, side, tally.changed)
        elif tally.undone >= limits.refused:
            yield Found(Finding.UNDONE, row, side, tally.undone)
    written = [row.tallies[side] for side in SIDES]
    kept = sum(tally.kept for tally in written)
    if row.is_provisional and kept >= limits.kept and kept == sum(tally.written for tally in written):
        yield Found(Finding.CONFIRMABLE, row, None, kept)


def _may_not_modify(row: Row) -> Side | None:
    """The side whose changes contradict the guide."""
    if row.dms_may_modify == "NON":
        return Side.DMS
    return Side.VEHICLE_MODULE if row.dms_may_modify == "OUI" and row.owner == Owner.DMS else None


@dataclass(frozen=True, slots=True)
class VerifyView:
    """What happened in one pair since an instant, at these points of sale."""

    pair: str
    points_of_sale: Sequence[str]
    since_at: datetime
    days: int
    rows: Sequence[Row]
    found: Sequence[Found]
    language: Language

    def echo(self) -> None:
        """Print the table, and under it what contradicts the guide."""
        click.secho(self._title(), bold=True)
        cells = [self._cells(row, side) for row in self.rows for side in SIDES if row.tallies[side] != Tally()]
        if not cells:
            click.echo(f"  {self._say('none')}")
            return
        rendering.echo_rows(HEADERS[self.language], cells)
        quiet = sum(all(tally == Tally() for tally in row.tallies.values()) for row in self.rows)
        if quiet:
            click.echo(self._say("quiet_rows", rows=Counted(quiet, self.language)))
        click.echo()
        for found in self.found:
            click.echo(self._sentence(found))
        if not self.found:
            click.echo(self._say("nothing"))

    def as_data(self) -> dict[str, Any]:
        """The same for a program."""
        return {
            "pair": self.pair,
            "points_of_sale": list(self.points_of_sale),
            "since": self.since_at.isoformat(),
            "rows": [self._row_data(row) for row in self.rows],
            "findings": [self._found_data(found) for found in self.found],
        }

    def _title(self) -> str:
        return self._say(
            "title",
            pair=self.pair,
            since=day(self.since_at.astimezone(ZoneInfo("Europe/Paris")).date()),
            days=Counted(self.days, self.language),
            points=", ".join(self.points_of_sale),
        )

    def _cells(self, row: Row, side: Side) -> list[str]:
        tally = row.tallies[side]
        numbers = (tally.changed, tally.put_back, tally.kept, tally.refused, tally.ignored, tally.undone)
        shown = [count(number, self.language) if number else "" for number in numbers]
        return [row.label, row.dms_may_modify or "-", SIDE_NAMES[self.language][side], *shown]

    def _sentence(self, found: Found) -> str:
        guide = self._say(f"guide_{found.row.dms_may_modify}")
        return self._say("sentence", label=found.row.label, guide=guide, then=self._then(found))

    def _then(self, found: Found) -> str:
        number = Counted(found.count, self.language)
        if found.side is None:
            return self._say(found.kind.value, count=number, file=f"pairs/{self.pair}/ownership.yaml")
        side = SIDE_NAMES[self.language][found.side]
        if found.kind is Finding.AGAINST:
            return self._say("against", count=number, side=side, then=self._put_back(found, found.side))
        if found.kind is Finding.REFUSED:
            return self._say("refused", count=number, side=side, message=self._message(found.row, found.side))
        return self._say(found.kind.value, count=number, side=side)

    def _put_back(self, found: Found, side: Side) -> str:
        times = found.row.tallies[side].put_back
        if times == 0:
            return self._say("put_back_none")
        how = "put_back_all" if times >= found.count else "put_back_some"
        return self._say(how, count=Counted(times, self.language))

    def _message(self, row: Row, side: Side) -> str:
        said = _said(row, side)
        if said is None:
            return ""
        return self._say("message", message=said[0].rstrip("."), count=Counted(said[1], self.language))

    def _row_data(self, row: Row) -> dict[str, Any]:
        return {
            "attribute": row.attribute,
            "label": row.label,
            "dms_may_modify": row.dms_may_modify or None,
            "owner": row.owner,
            "provisional": row.is_provisional,
            **{side.value: _tally_data(row, side) for side in SIDES},
        }

    def _found_data(self, found: Found) -> dict[str, Any]:
        return {
            "kind": found.kind.value,
            "attribute": found.row.attribute,
            "side": found.side.value if found.side is not None else None,
            "count": found.count,
            "sentence": self._sentence(found),
        }

    def _say(self, key: str, **values: str | Counted) -> str:
        return say(self.language, key, **values)


def _tally_data(row: Row, side: Side) -> dict[str, Any]:
    tally, said = row.tallies[side], _said(row, side)
    return {
        "changed": tally.changed,
        "put_back": tally.put_back,
        "kept": tally.kept,
        "refused": tally.refused,
        "ignored": tally.ignored,
        "undone": tally.undone,
        "message": said[0] if said is not None else None,
        "message_count": said[1] if said is not None else 0,
    }


def _said(row: Row, side: Side) -> tuple[str, int] | None:
    """What a side says when it refuses; not of an attribute that names people, as its words may."""
    said = row.tallies[side].message
    return (logs.cleaned(said[0]), said[1]) if said is not None and not row.is_personal else None
