"""`stocksync mapping` and `stocksync init`: check the mapping files, print the matrix, write shipped files.

Only the command line is here; what the files mean is `stocksync.mapping`, imported when a command needs it.
Problems and checks are said in English, as the files are; the matrix in French, as dealers read it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from stocksync.entrypoints import rendering
from stocksync.errors import ConfigurationError, MappingInvalid, UsageError

if TYPE_CHECKING:
    from stocksync.entrypoints.matrix_table import MatrixTable
    from stocksync.mapping.effective import PointOfSaleMapping
    from stocksync.mapping.problems import Problem

WRONG_FILES: Final = 2
INSTALLED_AT: Final = "share/stocksync/mappings/vehicle.yaml"
EXAMPLES: Final = "examples"

_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def mapping() -> None:
    """Check the mapping files, and see what they say."""


@mapping.command()
@_JSON
@click.pass_obj
def check(obj: Any, as_json: bool) -> None:
    """Check every mapping file: all problems at once, each with its file, its line and, in brackets, its code.

    Looked for is what breaks the language and what the files say against one another: names that are none, attributes
    that no side carries, stages that nobody reaches, guards and exceptions that never hold, values that do not survive
    being written, ambiguous value tables, owners who cannot write, mismatched units, secrets in clear.

    Ends with 2 if there is any. A warning works as written, and is probably not what was meant; it ends with 0.
    """
    warnings = _warnings(obj)
    points = _loaded(obj, as_json, warnings)
    if as_json:
        checked = [_checked(point) for point in points]
        warned = [asdict(warning) for warning in warnings]
        click.echo(rendering.as_json({"ok": True, "problems": [], "warnings": warned, "points_of_sale": checked}))
        return
    for point in points:
        click.echo(_checked_line(point))
    for warning in warnings:
        click.echo(warning.as_line())
    for line in dict.fromkeys(line for point in points for line in _announcements(point)):
        click.echo(line)


@mapping.command()
@click.option("--point-of-sale", "wanted", metavar="ID", help="Only this one; else every one of them.")
@click.option("--lang", type=click.Choice(["fr", "en"]), help="French, unless the program is set otherwise.")
@_JSON
@click.option("--csv", "as_csv", is_flag=True, help="For Excel: semicolons, UTF-8 with a byte order mark.")
@click.pass_obj
def matrix(obj: Any, wanted: str | None, lang: str | None, as_json: bool, as_csv: bool) -> None:
    """Print the ownership matrix as the guide prints it, with the owner in each stage beside it."""
    from stocksync.entrypoints.matrix_table import MatrixTable, matrices_in_rows

    if as_json and as_csv:
        raise UsageError("--json and --csv cannot be combined; take one of them.")
    points = _only(wanted, _loaded(obj, as_json))
    language = lang or str(getattr(obj, "language", "fr"))
    tables = [MatrixTable.of(point, language) for point in points]
    if as_json:
        click.echo(rendering.as_json({"points_of_sale": [table.as_data() for table in tables]}))
    elif as_csv:
        click.echo(rendering.as_csv(*matrices_in_rows(tables)), nl=False)
    else:
        _echo_matrices(tables)


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--example", metavar="NAME", help="A worked example instead: csv-folder, json-server or us-listings.")
@click.option("--force", is_flag=True, help="Overwrite files that are there and differ.")
def init(directory: Path, example: str | None, force: bool) -> None:
    """Write the shipped mapping files into DIRECTORY, to be edited there.

    Where a file is there already and differs, nothing at all is written without --force.

    An example is a whole set of files for another kind of system, such as a DMS that exchanges CSV files through a
    folder. The comments at the head of its files say what the systems look like.
    """
    shipped = _example(shipped_mappings(), example) if example is not None else _shipped(shipped_mappings())
    differing = [name for name, content in shipped.items() if _differs(directory / name, content)]
    if differing and not force:
        raise UsageError(
            f"{directory} holds other versions of {', '.join(differing)}; nothing was written."
            " Name another directory, or overwrite them with --force."
        )
    try:
        for name, content in shipped.items():
            target = directory / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{error.filename or directory} cannot be written: {error.strerror or error}.") from None
    click.echo(
        f"{len(shipped)} files, mappings and their schemas, are in {directory}.\n{_NEXT.format(directory=directory)}"
    )


def _shipped(root: Path) -> dict[str, bytes]:
    """The shipped files by their names; examples stand apart."""
    names = {path.relative_to(root): path for path in sorted(root.rglob("*")) if path.suffix in (".yaml", ".json")}
    return {name.as_posix(): path.read_bytes() for name, path in names.items() if name.parts[0] != EXAMPLES}


def _example(root: Path, name: str) -> dict[str, bytes]:
    """An example's files and the schemas, each mapping file naming its own where it will stand. Raises UsageError."""
    from stocksync.mapping.problems import nearest_word
    from stocksync.mapping.schema import kind_of, modeline, with_modeline

    examples = {path.name: path for path in sorted(root.glob(f"{EXAMPLES}/*")) if (path / "vehicle.yaml").is_file()}
    if name not in examples:
        nearest = nearest_word(name, examples)
        hint = f" Did you mean {nearest}?" if nearest else ""
        raise UsageError(f"There is no example {name}.{hint} There are {', '.join(examples)}.")
    found = [(root, path) for path in root.glob("schema/*.json")]
    found += [(examples[name], path) for path in examples[name].rglob("*") if path.is_file()]
    files = {path.relative_to(under).as_posix(): path.read_bytes() for under, path in sorted(found)}
    for file, raw in files.items():
        if (kind := kind_of(file)) is not None:
            files[file] = with_modeline(raw, modeline(file, kind))
    return files


_NEXT: Final = """Next:
  1. Edit {directory}/points_of_sale.yaml: your points of sale, and their codes in both systems.
  2. Set the environment variables that it names: addresses, token and key.
  3. Run `stocksync --mappings {directory} mapping check`, then the same with `mapping matrix`."""


def shipped_mappings() -> Path:
    """Find the mapping files that came with the program: in its checkout, else where the installer put them.

    Raises ConfigurationError where neither holds them.
    """
    from importlib.metadata import files

    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file() and (checkout / "mappings" / "vehicle.yaml").is_file():
        return checkout / "mappings"
    for file in files("stocksync") or ():
        if file.as_posix().endswith(INSTALLED_AT):
            return Path(str(file.locate())).resolve().parent
    raise ConfigurationError("This installation came without the mapping files; install stocksync again.")


def _differs(target: Path, content: bytes) -> bool:
    return target.exists() and (not target.is_file() or target.read_bytes() != content)


def _warnings(obj: Any) -> list[Problem]:
    """List what works as written and is suspicious; nothing where there is no folder, which loading says."""
    from stocksync.mapping.checks_all import warnings_in
    from stocksync.mapping.load import read_files

    return warnings_in(read_files(obj.mappings)) if obj.mappings.is_dir() else []


def _loaded(obj: Any, as_json: bool, warnings: Sequence[Problem] = ()) -> list[PointOfSaleMapping]:
    """Load every point of sale; where the files have problems, print them all and end with 2."""
    from stocksync.mapping.load import load_mappings

    try:
        return list(load_mappings(obj.mappings).points_of_sale.values())
    except MappingInvalid as error:
        _echo_problems(error, as_json, warnings)
        raise click.exceptions.Exit(WRONG_FILES) from None


def _only(wanted: str | None, points: list[PointOfSaleMapping]) -> list[PointOfSaleMapping]:
    chosen = [point for point in points if wanted in (None, point.id)]
    if not chosen:
        known = ", ".join(point.id for point in points)
        raise UsageError(f"There is no point of sale {wanted}; there are {known}.")
    return chosen


def _echo_problems(error: MappingInvalid, as_json: bool, warnings: Sequence[Problem]) -> None:
    if as_json:
        problems, warned = ([asdict(problem) for problem in found] for found in (error.problems, warnings))
        click.echo(rendering.as_json({"ok": False, "problems": problems, "warnings": warned, "points_of_sale": []}))
        return
    for problem in sorted([*error.problems, *warnings]):
        click.echo(problem.as_line())
    click.echo(f"{error}.")


def _checked(point: PointOfSaleMapping) -> dict[str, Any]:
    return {
        "id": point.id,
        "name": point.name,
        "pair": point.pair,
        "version": point.version,
        "attributes": len(point.vocabulary),
        "fields": {side.value: len(translation.fields) for side, translation in point.translations.items()},
        "matrix_rows": len(point.guide_rows),
        "lines_of_life": list(point.lifecycle.lines),
        "rules": len(point.rules),
        "provisional": _provisional(point),
        "lines_to_confirm": list(point.lines_to_confirm),
    }


def _checked_line(point: PointOfSaleMapping) -> str:
    facts = _checked(point)
    fields = " and ".join(f"{count} in the {side}" for side, count in facts["fields"].items())
    return (
        f"{point.id} ({point.name}): no problem in {point.pair}: {facts['attributes']} attributes,"
        f" {fields.replace('_', ' ')}; {facts['matrix_rows']} matrix rows;"
        f" {len(facts['lines_of_life'])} lines of life; {facts['rules']} rules; version {point.version}"
    )


def _announcements(point: PointOfSaleMapping) -> list[str]:
    """Say what works as written but waits for somebody's word."""
    said = [f"provisional in {point.pair}: {name} works as written" for name in _provisional(point)]
    if point.lines_to_confirm:
        said.append(f"to confirm in {point.pair}: the lines of life {', '.join(point.lines_to_confirm)}")
    return said


def _provisional(point: PointOfSaleMapping) -> list[str]:
    rows = [row.attribute or row.switch or "" for row in point.guide_rows if row.provisional]
    owned = [name for name, row in point.matrix.rows.items() if row.policy.provisional and name not in rows]
    return [*rows, *owned]


def _echo_matrices(tables: Sequence[MatrixTable]) -> None:
    """Print each matrix once, under the points of sale that share it."""
    shared: dict[str, list[MatrixTable]] = {}
    for table in tables:
        shared.setdefault(json.dumps([table.headers, table.rows]), []).append(table)
    for group in shared.values():
        title = ", ".join(f"{table.point.id} ({table.point.name})" for table in group)
        table = group[0]
        if rendering.on_narrow_terminal(table.headers, table.rows):
            rendering.echo_table(table.narrow_headers, table.narrow_rows, title)
        else:
            rendering.echo_table(table.headers, table.rows, title)
        click.echo(table.closing)
