"""The command line: `stocksync`. Global options, the commands, and how faults end: a sentence and an exit code.

A command's own work is in the `*_commands` modules. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

import click

from stocksync import __version__
from stocksync.entrypoints import exit_codes, logs, process
from stocksync.entrypoints.alert_commands import alerts
from stocksync.entrypoints.answer_commands import explain, history
from stocksync.entrypoints.conflict_commands import conflicts
from stocksync.entrypoints.db_commands import db
from stocksync.entrypoints.decision_commands import import_, undo
from stocksync.entrypoints.doctor_command import doctor
from stocksync.entrypoints.journal_commands import journal
from stocksync.entrypoints.mapping_commands import init, mapping
from stocksync.entrypoints.mapping_import import import_matrix
from stocksync.entrypoints.mapping_preview import accept, diff, preview
from stocksync.entrypoints.mapping_reference import reference
from stocksync.entrypoints.mapping_schema import schema
from stocksync.entrypoints.mapping_unknown import unknown
from stocksync.entrypoints.mapping_verify import verify
from stocksync.entrypoints.pause_commands import pause, resume
from stocksync.entrypoints.record_command import record
from stocksync.entrypoints.replay_command import replay
from stocksync.entrypoints.sandbox_commands import sandbox
from stocksync.entrypoints.serve_command import serve
from stocksync.entrypoints.status_command import status
from stocksync.entrypoints.sync_commands import plan, release, sync
from stocksync.errors import MappingInvalid, StocksyncError


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
            reason = getattr(error, "orig", None) or error
            said = f"The database does not answer: {reason}. Run the command again once it does."
            click.echo(logs.without_secrets(said), err=True)
            raise click.exceptions.Exit(exit_codes.UNFINISHED) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
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


for command in (import_, undo):
    conflicts.add_command(command)
for command in (diff, preview, accept, import_matrix, verify, unknown, schema, reference):
    mapping.add_command(command)
for command in (
    plan,
    sync,
    serve,
    pause,
    resume,
    release,
    status,
    explain,
    history,
    conflicts,
    alerts,
    mapping,
    init,
    doctor,
    record,
    replay,
    db,
    journal,
    sandbox,
):
    cli.add_command(command)


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


def _is_storage_fault(error: Exception) -> bool:
    if "sqlalchemy" not in sys.modules:
        return False
    from sqlalchemy.exc import DatabaseError, IntegrityError, ProgrammingError

    return isinstance(error, DatabaseError) and not isinstance(error, IntegrityError | ProgrammingError)


if __name__ == "__main__":
    main()
