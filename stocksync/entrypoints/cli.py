"""The command line: `stocksync`. Global options, the commands, and how faults end: a sentence and an exit code.

A command's own work is in the `*_commands` modules. Each is imported when somebody asks for it, and nothing heavy
before it is needed: every command is waited for.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from stocksync import __version__
from stocksync.entrypoints import exit_codes, logs, process
from stocksync.errors import MappingInvalid, StocksyncError

_COMMANDS: Final = {
    "plan": "sync_commands:plan",
    "sync": "sync_commands:sync",
    "serve": "serve_command:serve",
    "pause": "pause_commands:pause",
    "resume": "pause_commands:resume",
    "release": "sync_commands:release",
    "status": "status_command:status",
    "explain": "answer_commands:explain",
    "history": "answer_commands:history",
    "conflicts": "conflict_commands:conflicts",
    "alerts": "alert_commands:alerts",
    "mapping": "mapping_commands:mapping",
    "init": "mapping_commands:init",
    "doctor": "doctor_command:doctor",
    "record": "record_command:record",
    "replay": "replay_command:replay",
    "db": "db_commands:db",
    "journal": "journal_commands:journal",
    "sandbox": "sandbox_commands:sandbox",
}
"""Where each command is, in the order in which people meet them."""

_BELOW: Final = {
    "conflicts": ("decision_commands:import_", "decision_commands:undo"),
    "mapping": (
        "mapping_preview:diff",
        "mapping_preview:preview",
        "mapping_preview:accept",
        "mapping_import:import_matrix",
        "mapping_verify:verify",
        "mapping_unknown:unknown",
        "mapping_schema:schema",
        "mapping_reference:reference",
    ),
}
"""What is added to a command that is a group itself, from other modules."""


class Shelf(MutableMapping[str, click.Command]):
    """Commands by name, each imported when it is taken: whoever asks for one does not wait for the others."""

    def __init__(self, places: Mapping[str, str], below: Mapping[str, Sequence[str]]) -> None:
        self._places: dict[str, str | click.Command] = dict(places)
        self._below = below

    def __getitem__(self, name: str) -> click.Command:
        """Import a command, with all that is below it."""
        found = self._places[name]
        if isinstance(found, str):
            found = _imported(found)
            if isinstance(found, click.Group):
                for place in self._below.get(name, ()):
                    found.add_command(_imported(place))
            self._places[name] = found
        return found

    def __setitem__(self, name: str, command: click.Command) -> None:
        """Add a command that is there already."""
        self._places[name] = command

    def __delitem__(self, name: str) -> None:
        """Take one away."""
        del self._places[name]

    def __contains__(self, name: object) -> bool:
        """Tell whether there is such a command, without importing it."""
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        """The names, in their order."""
        return iter(self._places)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._places)


def _imported(place: str) -> click.Command:
    module, _, name = place.partition(":")
    command = getattr(import_module(f"stocksync.entrypoints.{module}"), name)
    assert isinstance(command, click.Command)
    return command


class Commands(click.Group):
    """A group whose faults end in a sentence; a bug keeps its traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which people meet them."""
        return list(self.commands)

    def main(self, *arguments: Any, **named: Any) -> Any:
        """Parse the command line, carry the command out, and end the process."""
        try:
            return super().main(*arguments, **named)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            process.let_go_of_output()
            click.echo(
                f"Nothing more can be written: {error.strerror}. Make room, then run the command again.", err=True
            )
            sys.exit(exit_codes.UNFINISHED)

    def invoke(self, ctx: click.Context) -> Any:
        """Carry a command out."""
        try:
            return super().invoke(ctx)
        except StocksyncError as error:
            _tell(error)
            raise click.exceptions.Exit(exit_codes.of_error(error)) from None
        except KeyboardInterrupt:
            said = "Interrupted; nothing is lost, the next run goes on from here."
            click.echo(f"\n{said}", err=True)
            raise click.exceptions.Exit(exit_codes.INTERRUPTED) from None
        except BrokenPipeError:
            process.let_go_of_output()
            raise click.exceptions.Exit(exit_codes.PIPE_CLOSED) from None
        except Exception as error:
            if not _is_storage_fault(error):
                raise
            raise click.exceptions.Exit(_tell_storage_fault(ctx, error)) from None


@click.group(
    cls=Commands,
    commands=Shelf(_COMMANDS, _BELOW),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option("--mappings", type=click.Path(path_type=Path), help="Folder of the mapping files. [mappings]")
@click.option("--database", metavar="URL", help="Where stocksync remembers. [sqlite:///stocksync.db]")
@click.option("--exchange", metavar="DIR", type=click.Path(path_type=Path), help="Where `sync` exchanges files. [none]")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="[warning]")
@click.option("--log-format", type=click.Choice(["console", "json"]), help="[console; json for `serve` in a pipe]")
@click.option("--lang", type=click.Choice(["fr", "en"]), help="What people are spoken to in. [fr]")
@click.version_option(__version__, prog_name="stocksync", message="%(prog)s %(version)s")
@click.pass_context
def cli(
    ctx: click.Context,
    mappings: Path | None,
    database: str | None,
    exchange: Path | None,
    log_level: str | None,
    log_format: str | None,
    lang: str | None,
) -> None:
    """Keep a vehicle module and a DMS in agreement, attribute by attribute.

    \b
    Exit codes: 0 done, 1 could not finish (run it again), 2 wrong use or configuration,
    3 halted by a guard (a person decides).
    """
    from stocksync.entrypoints.context import Context
    from stocksync.settings import read_settings

    serving = ctx.invoked_subcommand == "serve"
    settings = read_settings(mappings, database, log_level, lang, exchange, log_format=log_format, serving=serving)
    if os.environ.get("NO_COLOR"):
        ctx.color = False
    logs.set_up(settings, serving=serving)
    ctx.obj = Context(settings)


def main() -> None:
    """Run the command line."""
    process.prepare()
    logs.guard_tracebacks()
    cli(prog_name="stocksync")


def _tell(error: StocksyncError) -> None:
    if isinstance(error, MappingInvalid):
        for problem in error.problems:
            click.echo(logs.without_secrets(str(problem)), err=True)
        click.echo(f"{error}.", err=True)
        return
    click.echo(logs.without_secrets(str(error)), err=True)


def _tell_storage_fault(ctx: click.Context, error: Exception) -> int:
    """Say what keeps the database from being used, and give the exit code."""
    from stocksync.adapters.store.database_file import file_of, shown
    from stocksync.adapters.store.faults import fault_of

    url = ctx.obj.settings.database_url
    fault = fault_of(error, shown(url), file_of(url))
    if fault is None:
        reason = getattr(error, "orig", None) or error
        said, passes = f"The database does not answer: {reason}.", True
    else:
        said, passes = str(fault), fault.passes
    click.echo(logs.without_secrets(f"{said} Then run the command again." if passes else said), err=True)
    return exit_codes.UNFINISHED if passes else exit_codes.WRONG_USE


def _is_storage_fault(error: Exception) -> bool:
    if "sqlalchemy" not in sys.modules:
        return False
    from sqlalchemy.exc import DatabaseError, IntegrityError, ProgrammingError

    return isinstance(error, DatabaseError) and not isinstance(error, IntegrityError | ProgrammingError)


if __name__ == "__main__":
    main()
