"""`stocksync mapping unknown`: every value that no mapping reads, and what it most likely means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from stocksync.entrypoints import exit_codes
from stocksync.entrypoints.mapping_by_pair import (
    echo_pairs,
    json_option,
    number_option,
    point_of_sale_option,
    points_by_pair,
)
from stocksync.errors import UsageError

if TYPE_CHECKING:
    from stocksync.adapters.store.questions import Questions
    from stocksync.entrypoints.context import Context
    from stocksync.entrypoints.mapping_unknown_view import Line
    from stocksync.mapping.effective import MappingSet
    from stocksync.mapping.unknown import UnknownValues


@click.command()
@point_of_sale_option
@number_option("--at-least", 1, "In so many cars or more.")
@number_option("--cars", 3, "A meaning is sure once so many cars of the other side say it.")
@number_option(
    "--share", 80, "And such a share of those whose other side says anything.", least=51, most=100, unit="PERCENT"
)
@click.option("--write", is_flag=True, help="Put what is sure into the value tables; comments and order stay.")
@json_option
@click.pass_obj
def unknown(
    obj: Context, wanted: tuple[str, ...], at_least: int, cars: int, share: int, write: bool, as_json: bool
) -> None:
    """List every value that no mapping reads, with its count, example cars, and what it most likely means.

    Looked at is what both systems said last, and what open report rows say; no request is sent. Codes that a value
    table does not have, points of sale that points_of_sale.yaml does not have, and dates, numbers and yes-or-no in a
    spelling that their field is not set to.

    \b
    Where the same cars have a value on the other side, that tells what a code means ("grey 37 of 40"); else how it is
    spelled. Such codes are offered as lines of the field's value table, ready to paste:
      grey: [GRIS, ANTHRACITE]
    --write puts in what is sure (--cars, --share) and nothing else. Nothing is ever guessed while cars are
    synchronised: a value stays as it is, and reported, until it is in a table.

    \b
    Exit codes: 0 every value is read, 1 something is left to look at, 2 wrong use or wrong files.
    """
    from stocksync.entrypoints.mapping_unknown_view import Line, UnknownView

    mappings = obj.load_mappings()
    views = []
    with obj.questions() as questions:
        for pair, names in points_by_pair(mappings, wanted).items():
            values = _collected(questions, mappings, pair, names)
            lines = [
                Line(one, values.meaning(one, share_percent=share, cars=cars)) for one in values.in_order(at_least)
            ]
            written = _write(obj, values, lines) if write else []
            views.append(UnknownView(values, names, lines, obj.language, written, write))
    echo_pairs(views, as_json=as_json)
    if any(len(view.written) < len(view.lines) or view.values.more for view in views):
        raise click.exceptions.Exit(exit_codes.UNFINISHED)


def _collected(questions: Questions, mappings: MappingSet, pair: str, names: Sequence[str]) -> UnknownValues:
    """Go through what the database holds of a pair, record by record."""
    from stocksync.adapters.store.experience import held_records, reported_values
    from stocksync.mapping.unknown import UnknownValues
    from stocksync.stock.values import Invalid

    called = {point.id: point.name for point in mappings.points_of_sale.values() if point.pair == pair}
    values = UnknownValues(mappings.points_of_sale[names[0]], called)
    for record in held_records(questions.engine, pair, names):
        values.take(record.side, record.record_id, record.point_of_sale, record.body, record.other)
    for told in reported_values(questions.engine, pair, names):
        invalid = Invalid(told.raw, told.why)
        values.take_reported(told.side, told.attribute, invalid, told.record_id or "-", told.point_of_sale)
    return values


def _write(obj: Context, values: UnknownValues, lines: Sequence[Line]) -> list[Line]:
    """Put what is sure into the value tables; the answer is what was put. Raises UsageError."""
    from stocksync.mapping.editing import Append, CannotEdit, edited
    from stocksync.reports.files import write_atomically
    from stocksync.stock.values import SIDES

    vocabulary, sure = values.mapping.vocabulary, []
    for side in SIDES:
        changes = []
        path = obj.mappings / f"pairs/{values.mapping.pair}/{side}.yaml"
        for line in lines:
            one, meaning = line.unknown, line.meaning
            if one.side is side and meaning is not None and meaning.is_sure and not vocabulary[one.attribute].personal:
                changes.append(Append(("fields", one.attribute, "table", meaning.word), one.raw))
                sure.append(line)
        try:
            if changes:
                write_atomically(path, edited(path.read_bytes(), changes))
        except CannotEdit as error:
            raise UsageError(f"{path} was not written: {error}. Paste the lines shown without --write.") from None
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror or error}.") from None
    return sure
