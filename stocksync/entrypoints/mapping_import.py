"""`stocksync mapping import-matrix`: hold the table of a vendor's guide against the ownership matrix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stocksync.entrypoints import exit_codes, rendering
from stocksync.errors import ConfigurationError, MappingInvalid, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stocksync.mapping.guide import Known, Proposal
    from stocksync.mapping.models import OwnershipFile

_READ_AT_MOST = 2 * 1024 * 1024


@click.command("import-matrix")
@click.argument("table", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--pair", "wanted", metavar="ID", help="The pair to hold it against; it may be left out where there is one."
)
@click.option("--column", metavar="NAME", help="The column of OUI and NON, by its header or its number from 1.")
@click.option("--write", is_flag=True, help="Write the rows into ownership.yaml; its comments and its order stay.")
@click.option("--similar", is_flag=True, help="With --write: also those that were placed by likeness.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def import_matrix(
    obj: Any, table: Path, wanted: str | None, column: str | None, write: bool, similar: bool, as_json: bool
) -> None:
    """Read TABLE, the guide's table saved as CSV, and propose the rows of ownership.yaml; `-` is standard input.

    \b
    TABLE has a label, OUI or NON (may the DMS modify it?), and a note on each line:
      Kilométrage VO modifiable;OUI;saisi dans le DMS
      TVA récupérable modifiable;OUI;TBD
    The separator, the encoding, a header, other columns and blank lines do not matter.

    A label is placed where vehicle.yaml or the matrix has it; one that is only alike is proposed, with what else it
    could be. OUI: owner dms, NON: owner vehicle_module; for a switch, its position. TBD, "à confirmer" or "?" in any
    cell: provisional. What somebody decided otherwise (a shared owner, exceptions) stays, and the difference is told.

    Without --write nothing is changed: the rows are printed, ready to paste. With it, `stocksync mapping diff` and
    `mapping preview` show what they do to the cars.

    \b
    Exit codes: 0 nothing is left to look at, 1 something is, 2 no such table, or wrong files.
    """
    from stocksync.entrypoints.mapping_import_view import ImportView
    from stocksync.mapping.guide import import_table, known_labels
    from stocksync.mapping.guide_table import read_table
    from stocksync.mapping.nearest import key

    if similar and not write:
        raise UsageError("--similar goes with --write: it says that rows placed by likeness are written too.")
    pair, ownership, known = _known(obj.mappings, wanted)
    labels = known_labels(known)
    read = read_table(_content(table), lambda cell: key(cell) in labels, column)
    imported = import_table(read, known)
    file = f"pairs/{pair}/ownership.yaml"
    chosen = tuple(p for p in imported.changing if p.is_exact or similar) if write else ()
    if chosen:
        _write(obj.mappings / file, chosen, ownership)
    view = ImportView(imported, table.name, pair, file, obj.language, chosen)
    if as_json:
        click.echo(rendering.as_json(view.as_data()))
    else:
        view.echo(wrote=write)
    if not imported.is_quiet_after(chosen):
        raise click.exceptions.Exit(exit_codes.UNFINISHED)


def _write(path: Path, proposals: Sequence[Proposal], ownership: OwnershipFile) -> None:
    """Write proposals into a file. Raises UsageError where nothing was written."""
    from stocksync.mapping.editing import CannotEdit, edited
    from stocksync.mapping.guide_edits import edits_for
    from stocksync.reports.files import write_atomically

    try:
        made = edited(path.read_bytes(), edits_for(proposals, ownership))
        write_atomically(path, made)
    except CannotEdit as error:
        raise UsageError(f"{path} was not written: {error}. Paste the rows that are shown without --write.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}.") from None


def _content(table: Path) -> bytes:
    try:
        with click.open_file(str(table), "rb") as file:
            return bytes(file.read(_READ_AT_MOST))
    except OSError as error:
        raise UsageError(f"{table} cannot be read: {error.strerror or error}.") from None


def _known(directory: Path, wanted: str | None) -> tuple[str, OwnershipFile, Known]:
    """What the files of a pair say; they need not agree with one another yet. Raises MappingInvalid, UsageError."""
    from stocksync.mapping.draft import POINTS_OF_SALE, VEHICLE, Draft
    from stocksync.mapping.guide import Known
    from stocksync.mapping.load import read_files
    from stocksync.mapping.models import OwnershipFile, PointsOfSaleFile, VehicleFile

    if not directory.is_dir():
        raise ConfigurationError(
            f"There is no mapping directory {directory}; name one with --mappings or STOCKSYNC_MAPPINGS."
        )
    files = read_files(directory)
    pair = _pair(sorted({name.split("/")[1] for name in files if name.startswith("pairs/")}), wanted)
    ownership, draft = f"pairs/{pair}/ownership.yaml", Draft()
    draft.read(VEHICLE, VehicleFile, files.get(VEHICLE))
    draft.read(ownership, OwnershipFile, files.get(ownership))
    if problems := draft.problems():
        raise MappingInvalid(problems)
    # What else there is may be wrong, and is of help where it is not.
    draft.read(POINTS_OF_SALE, PointsOfSaleFile, files.get(POINTS_OF_SALE))
    others = [name for name in files if name.endswith("/ownership.yaml") and name != ownership]
    for name in others:
        draft.read(name, OwnershipFile, files[name])
    said: OwnershipFile = draft.files[ownership]
    readable = [draft.files[name] for name in others if draft.files[name] is not None]
    return pair, said, Known.of(pair, draft.files[VEHICLE], said, draft.files[POINTS_OF_SALE], readable)


def _pair(pairs: list[str], wanted: str | None) -> str:
    from stocksync.mapping.problems import nearest_word

    if wanted in pairs:
        return str(wanted)
    if wanted is None and len(pairs) == 1:
        return pairs[0]
    known = ", ".join(pairs) or "none"
    if wanted is None:
        raise UsageError(f"Which pair is the table of? Name it with --pair; there are {known}.")
    nearest = nearest_word(wanted, pairs)
    hint = f" Did you mean {nearest}?" if nearest else ""
    raise UsageError(f"There is no pair {wanted}.{hint} There are {known}.")
