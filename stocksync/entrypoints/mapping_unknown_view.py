"""What `stocksync mapping unknown` tells of values that no mapping reads: a table, and lines to paste.

How they are collected is `mapping.unknown`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click
import yaml

from stocksync.entrypoints import rendering
from stocksync.entrypoints.mapping_unknown_points import FILE as POINTS_FILE
from stocksync.entrypoints.mapping_unknown_points import point_lines
from stocksync.entrypoints.mapping_unknown_words import HEADERS, say
from stocksync.mapping.unknown import Meaning, Unknown, UnknownValues, other_spelling
from stocksync.mapping.unknown_points import named_by_other_side, nearest_points, new_points
from stocksync.reports.spelling import Counted, Language, count, masked, quoted
from stocksync.reports.words import SIDE_NAMES
from stocksync.stock.values import Side
from stocksync.stock.vehicle import POINT_OF_SALE

_WIDEST: Final = 110
_SHOWN_WORDS: Final = 3
_INDENT: Final = " " * 6


@dataclass(frozen=True, slots=True)
class Line:
    """One unknown value, and what it most likely means; None where nothing tells."""

    unknown: Unknown
    meaning: Meaning | None


@dataclass(frozen=True, slots=True)
class UnknownView:
    """The unknown values of one pair at these points of sale; written: those that were put into their tables."""

    values: UnknownValues
    points_of_sale: Sequence[str]
    lines: Sequence[Line]
    language: Language
    written: Sequence[Line] = ()
    wrote: bool = False

    @property
    def pair(self) -> str:
        """The pair's id."""
        return self.values.mapping.pair

    def file(self, side: Side) -> str:
        """The mapping file of a side."""
        return f"pairs/{self.pair}/{side}.yaml"

    def echo(self) -> None:
        """Print the table, the hints, and the lines to paste."""
        click.secho(self._title(), bold=True)
        if self.lines:
            rendering.echo_rows(HEADERS[self.language], [self._cells(line.unknown) for line in self.lines])
        for line in (*self._more(), *self._hints(), *self._outcome()):
            click.echo(line)
        for file, text in self.texts().items():
            key = "paste_points" if file == POINTS_FILE else "paste"
            click.echo(f"\n{self._say(key, file=file)}\n\n{text}")

    def texts(self) -> dict[str, str]:
        """By file, the lines that are ready to paste; what was written is left out."""
        by_file: dict[str, list[str]] = {}
        for (side, attribute), lines in self._tables().items():
            found = by_file.setdefault(self.file(side), ["fields:"])
            found += [f"  {attribute}:", "    table:", *self._entries(lines)]
        for line in self.lines:
            one = line.unknown
            if (settings := self._settings(one)) is not None:
                found = by_file.setdefault(self.file(one.side), ["fields:"])
                found += [f"  {one.attribute}:", *settings]
        new = new_points([line.unknown for line in self.lines])
        if new:
            by_file[POINTS_FILE] = list(point_lines(new, self.values.mapping, self.language))
        return {file: "\n".join(lines) for file, lines in by_file.items()}

    def as_data(self) -> dict[str, Any]:
        """The same for a program; values of attributes that name people are masked."""
        return {
            "pair": self.pair,
            "points_of_sale": list(self.points_of_sale),
            "unknown": [self._data(line) for line in self.lines],
            "more": [{"side": s.value, "attribute": a, "cars": n} for (s, a), n in self.values.more.items()],
            "yaml": self.texts(),
        }

    def _title(self) -> str:
        values, points = Counted(len(self.lines), self.language), ", ".join(self.points_of_sale)
        return self._say("title" if self.lines else "nothing", pair=self.pair, values=values, points=points)

    # the table

    def _cells(self, one: Unknown) -> list[str]:
        return [
            SIDE_NAMES[self.language][one.side],
            self._label(one),
            self._field(one),
            self._value(one),
            count(one.count, self.language),
            self._others(one),
            ", ".join(self._say("near", word=n.name, percent=str(round(100 * n.score))) for n in self._near(one)),
            ", ".join(self._say("example", record=record, point=point) for record, point in one.examples),
        ]

    def _others(self, one: Unknown) -> str:
        if self._is_personal(one) or (self.values.table(one) is None and one.attribute != POINT_OF_SALE):
            return self._say("silent")
        of = str(sum(one.others.values()))
        said = one.others.most_common(_SHOWN_WORDS)
        return ", ".join(self._say("says", word=w, cars=str(n), of=of) for w, n in said) or self._say("silent")

    def _near(self, one: Unknown) -> list[Any]:
        if self._is_personal(one):
            return []
        return nearest_points(self.values, one) if one.attribute == POINT_OF_SALE else self.values.nearest(one)

    def _label(self, one: Unknown) -> str:
        attribute = self.values.mapping.vocabulary[one.attribute]
        return attribute.label_fr if self.language == "fr" else attribute.label_en

    def _field(self, one: Unknown) -> str:
        return self.values.mapping.translations[one.side].fields[one.attribute].path

    def _value(self, one: Unknown) -> str:
        return masked(one.raw) if self._is_personal(one) else quoted(one.raw, self.language)

    def _is_personal(self, one: Unknown) -> bool:
        return self.values.mapping.vocabulary[one.attribute].personal

    # below it

    def _more(self) -> Iterator[str]:
        for (side, attribute), left_out in self.values.more.items():
            field = self.values.mapping.translations[side].fields[attribute].path
            records = Counted(left_out, self.language)
            yield self._say("more", side=SIDE_NAMES[self.language][side], field=field, records=records)

    def _hints(self) -> Iterator[str]:
        for line in self.lines:
            one, side = line.unknown, SIDE_NAMES[self.language][line.unknown.side]
            if one.attribute == POINT_OF_SALE:
                yield self._point_hint(one, side)
            spelling = other_spelling(one)
            if spelling is None or self._settings(one) is not None or self._is_personal(one):
                continue
            setting, fits, agrees = spelling
            opposite, read = SIDE_NAMES[self.language][one.side.other], self.values.read[one.side, one.attribute]
            yield self._say(
                "read_by",
                side=side,
                field=self._field(one),
                value=self._value(one),
                setting=setting,
                fits=str(fits),
                cars=str(one.count),
                agrees=self._say("agrees", count=str(agrees), side=opposite) if agrees else "",
                others=self._say("others", count=str(read)) if read else "",
            )

    def _point_hint(self, one: Unknown, side: str) -> str:
        named = named_by_other_side(one)
        said = self._say("point", side=side, value=self._value(one))
        if named is None:
            return said
        point, cars, of = named
        other = SIDE_NAMES[self.language][one.side.other]
        return said + self._say(
            "point_named", side=other, point=point, said=str(cars), of=str(of), where=one.side.value
        )

    def _outcome(self) -> Iterator[str]:
        files = dict.fromkeys(self.file(line.unknown.side) for line in self.written)
        for file in files:
            added = sum(self.file(line.unknown.side) == file for line in self.written)
            yield self._say("written", file=file, values=Counted(added, self.language))
        left = len(self.lines) - len(self.written)
        if self.wrote and left:
            yield self._say("not_written", values=Counted(left, self.language))

    # what to paste

    def _tables(self) -> dict[tuple[Side, str], list[Line]]:
        tables: dict[tuple[Side, str], list[Line]] = {}
        for line in self.lines:
            if line.meaning is not None and line not in self.written and not self._is_personal(line.unknown):
                tables.setdefault((line.unknown.side, line.unknown.attribute), []).append(line)
        return tables

    def _entries(self, lines: Sequence[Line]) -> Iterator[str]:
        """The lines of one table: for each word what it had and what is new."""
        by_word: dict[str, list[Line]] = {}
        for line in lines:
            assert line.meaning is not None
            by_word.setdefault(line.meaning.word, []).append(line)
        for word, said in by_word.items():
            for line in said:
                yield f"{_INDENT}# {self._because(line)}"
            table = self.values.table(said[0].unknown) or {}
            spellings = [*table[word], *(line.unknown.raw for line in said)]
            yield from (f"{_INDENT}{text}" for text in _as_yaml(word, spellings))

    def _because(self, line: Line) -> str:
        one, meaning = line.unknown, line.meaning
        assert meaning is not None
        cars = Counted(one.count, self.language)
        if not meaning.of:
            return self._say("alike", value=self._value(one), cars=cars, word=meaning.word)
        return self._say(
            "voted",
            value=self._value(one),
            cars=cars,
            side=SIDE_NAMES[self.language][one.side.other],
            word=meaning.word,
            said=str(meaning.cars),
            of=str(meaning.of),
            unsure="" if meaning.is_sure else self._say("unsure"),
        )

    def _settings(self, one: Unknown) -> list[str] | None:
        """Another setting of the field, where nothing at all is read as it is set, and all that was found would be."""
        spelling = other_spelling(one)
        alike = [line.unknown for line in self.lines if (line.unknown.side, line.unknown.attribute) == _place(one)]
        if spelling is None or self._is_personal(one) or self.values.read[_place(one)] or len(alike) > 1:
            return None
        setting, fits, agrees = spelling
        if fits < one.count:
            return None
        opposite, cars = SIDE_NAMES[self.language][one.side.other], Counted(one.count, self.language)
        told = self._say("settled_all", value=self._value(one), cars=cars, count=str(agrees), side=opposite)
        return [f"    # {told}", *(f"    {part}" for part in _settings_of(setting))]

    # for programs

    def _data(self, line: Line) -> dict[str, Any]:
        one, meaning = line.unknown, line.meaning
        is_personal = self._is_personal(one)
        spelling = other_spelling(one) if not is_personal else None
        return {
            "side": one.side.value,
            "attribute": one.attribute,
            "field": self._field(one),
            "value": masked(one.raw) if is_personal else one.raw,
            "why": one.why,
            "cars": one.count,
            "examples": [{"record": record, "point_of_sale": point} for record, point in one.examples],
            "other_side_says": self._says(one),
            "other_side_codes": dict(one.other_codes.most_common()),
            "nearest": [{"word": near.name, "score": near.score} for near in self._near(one)],
            "meaning": None if meaning is None or is_personal else _meaning_data(meaning),
            "other_spelling": None if spelling is None else dict(zip(_SPELLING_KEYS, spelling, strict=True)),
            "written": line in self.written,
        }

    def _says(self, one: Unknown) -> dict[str, int]:
        is_told = self.values.table(one) is not None or one.attribute == POINT_OF_SALE
        return dict(one.others.most_common()) if is_told and not self._is_personal(one) else {}

    def _say(self, key: str, **values: str | Counted) -> str:
        return say(self.language, key, **values)


_SPELLING_KEYS: Final = ("setting", "reads", "as_other_side")


def _place(one: Unknown) -> tuple[Side, str]:
    return one.side, one.attribute


def _meaning_data(meaning: Meaning) -> Mapping[str, Any]:
    return {"word": meaning.word, "cars": meaning.cars, "of": meaning.of, "sure": meaning.is_sure}


def _as_yaml(word: str, spellings: Sequence[str]) -> list[str]:
    """One entry of a value table, on one line where that is not too long."""
    in_one_line = _dumped({word: list(spellings)}, flow=None)
    if len(in_one_line) == 1 and len(_INDENT) + len(in_one_line[0]) <= _WIDEST:
        return in_one_line
    key, *items = _dumped({word: list(spellings)}, flow=False)
    return [key, *(f"  {item.strip()}" for item in items)]


def _dumped(data: Mapping[str, Any], *, flow: bool | None) -> list[str]:
    text = yaml.safe_dump(dict(data), default_flow_style=flow, allow_unicode=True, sort_keys=False, width=100_000)
    return text.splitlines()


def _settings_of(setting: str) -> list[str]:
    """Settings that stand on one line, each on a line of its own."""
    parts: list[str] = []
    for part in setting.split(", "):
        # A comma within brackets parts nothing.
        if parts and parts[-1].count("[") > parts[-1].count("]"):
            parts[-1] += f", {part}"
        else:
            parts.append(part)
    return parts
