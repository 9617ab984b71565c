"""`stocksync mapping schema`: print the JSON Schemas of the mapping files, or put them where editors find them.

What is in a schema is `stocksync.mapping.schema`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, cast

import click

from stocksync.errors import UsageError
from stocksync.reports.files import write_atomically

KINDS: Final = ("vehicle", "points_of_sale", "pair", "ownership", "lifecycle", "side")


@dataclass(frozen=True, slots=True)
class Put:
    """A file that is now as it should be; `changed` iff it was not before."""

    file: str
    changed: bool


@click.command()
@click.argument("kind", type=click.Choice(KINDS), required=False)
@click.option(
    "--write",
    "directory",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Write every schema under DIR/schema, and name it in the first line of each mapping file in DIR.",
)
@click.option("--json", "as_json", is_flag=True, help="With --write: what was written, for programs.")
def schema(kind: str | None, directory: Path | None, as_json: bool) -> None:
    """Print the JSON Schema of one KIND of mapping file, or of all of them as one JSON object.

    `side` is that of vehicle_module.yaml and of dms.yaml; every other kind is named after its file.

    With --write, editors complete and check while you type: in Visual Studio Code, install the extension YAML (Red
    Hat) and open a mapping file. Only the first line of a mapping file is touched. Example:

    \b
      stocksync mapping schema --write mappings
    """
    from stocksync.mapping.schema import MODELS, as_file, schema_of

    if directory is not None:
        if kind is not None:
            raise UsageError("--write writes every schema; leave the kind out.")
        _echo(written(directory), directory, as_json)
        return
    wanted: Any = schema_of(cast(Any, kind)) if kind else {name: schema_of(name) for name in MODELS}
    click.echo(as_file(wanted), nl=False)


def written(directory: Path) -> list[Put]:
    """Write the schemas and the first lines of the mapping files; files that are right already stay untouched.

    Raises UsageError where that cannot be done.
    """
    try:
        return [_put(directory, name, content) for name, content in _due(directory)]
    except OSError as error:
        raise UsageError(f"{error.filename or directory} cannot be written: {error.strerror or error}.") from None


def _due(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Give the content due of every file; worked examples below share the schemas of their folder."""
    from stocksync.mapping.load import read_files
    from stocksync.mapping.schema import MODELS, as_file, file_name, kind_of, modeline, schema_of, with_modeline

    for kind in MODELS:
        yield file_name(kind), as_file(schema_of(kind))
    for root in (directory, *sorted(path for path in directory.glob("examples/*") if path.is_dir())):
        below = root.relative_to(directory)
        up = "/".join(".." for _ in below.parts) or "."
        for name, raw in read_files(root).items():
            found = kind_of(name)
            if found is not None:
                yield (below / name).as_posix(), with_modeline(raw, modeline(name, found, up))


def _put(directory: Path, name: str, content: bytes) -> Put:
    # A link stays one; what it leads to is written.
    path = (directory / name).resolve()
    is_there = path.is_file()
    if is_there and path.read_bytes() == content:
        return Put(name, changed=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode if is_there else None
    write_atomically(path, content)
    if mode is not None:
        path.chmod(mode)
    return Put(name, changed=True)


def _echo(files: list[Put], directory: Path, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"directory": str(directory), "files": [asdict(file) for file in files]}, indent=2))
        return
    changed = [file.file for file in files if file.changed]
    for name in changed:
        click.echo(f"written: {name}")
    same = len(files) - len(changed)
    click.echo(f"{len(files)} files in {directory}: {len(changed)} written, {same} were up to date.")
