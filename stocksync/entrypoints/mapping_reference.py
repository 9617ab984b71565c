"""`stocksync mapping reference`: the mapping language, key by key, as a Markdown page.

What is on the page is `stocksync.mapping.reference`.
"""

from __future__ import annotations

from pathlib import Path

import click

from stocksync.errors import UsageError
from stocksync.reports.files import write_atomically


@click.command()
@click.option(
    "--write",
    "path",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the page into FILE instead of printing it.",
)
def reference(path: Path | None) -> None:
    """Print every key of every mapping file: its type, what holds where it is left out, its meaning and an example.

    Made from the program itself, so that it is never behind it. Example:

    \b
      stocksync mapping reference --write docs/mapping-reference.md
    """
    from stocksync.mapping.reference import reference as page

    content = page().encode()
    if path is None:
        click.echo(content, nl=False)
        return
    try:
        write_atomically(path, content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}.") from None
    click.echo(f"written: {path}")
