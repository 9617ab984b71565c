"""Tables on a terminal, in a pipe and for a spreadsheet: the shapes that several commands print.

What stands in a table is each command's own.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from collections.abc import Sequence
from typing import Any

import click

Row = Sequence[str]


def on_narrow_terminal(headers: Row, rows: Sequence[Row]) -> bool:
    """Tell whether a table would have to be squeezed; never in a pipe, where lines may be of any length."""
    if not sys.stdout.isatty():
        return False
    # Two spaces and a line around each cell.
    natural = sum(width + 3 for width in _widths([headers, *rows])) + 1
    return natural > shutil.get_terminal_size().columns


def echo_table(headers: Row, rows: Sequence[Row], title: str = "") -> None:
    """Print a table: drawn on a terminal, plain and aligned in a pipe, where every row is one line."""
    if sys.stdout.isatty():
        _echo_drawn(headers, rows, title)
        return
    if title:
        click.echo(title)
    for line in aligned([headers, *rows]):
        click.echo(line)


def echo_rows(headers: Row, rows: Sequence[Row]) -> None:
    """Print a table; on a terminal too narrow for it a block for each row, so that nothing is cut."""
    if not on_narrow_terminal(headers, rows):
        echo_table(headers, rows)
        return
    width = max(map(len, headers))
    for row in rows:
        click.secho(f"{headers[0]} {row[0]}", bold=True)
        for header, cell in zip(headers[1:], row[1:], strict=True):
            if cell:
                click.echo(f"  {header:<{width}}  {cell}")


def aligned(rows: Sequence[Row]) -> list[str]:
    """Lay rows out in columns two spaces apart, without spaces at the end of a line."""
    widths = _widths(rows)
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def as_json(data: Any) -> str:
    """Write data for programs, accents as they are."""
    return json.dumps(data, ensure_ascii=False, indent=2)


def as_csv(headers: Row, rows: Sequence[Row]) -> str:
    """Write rows as a French Excel opens them: semicolons, CRLF, a byte order mark, no cell a formula."""
    text = io.StringIO()
    from stocksync.reports.escaping import escaped

    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(headers)
    writer.writerows([[escaped(cell) for cell in row] for row in rows])
    return f"\ufeff{text.getvalue()}"


def _widths(rows: Sequence[Row]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _echo_drawn(headers: Row, rows: Sequence[Row], title: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headers, title=Text(title) if title else None, title_justify="left")
    for row in rows:
        # Text, because a name with brackets is no markup.
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
