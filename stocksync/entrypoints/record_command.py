"""`stocksync record`: one cycle as `sync` runs it, and a recording of it without secrets and persons.

How it is replayed is `replay_command`; what is left out and how, `adapters.recordings`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stocksync.entrypoints import exit_codes, rendering
from stocksync.entrypoints.sync_commands import (
    How,
    code_of,
    opened_exchange,
    paused_points,
    result_as_data,
    results_of,
    take_in,
)
from stocksync.errors import Busy, ConfigurationError, UsageError

if TYPE_CHECKING:
    from httpx import BaseTransport

    from stocksync.adapters.recordings.files_tape import FilesTape
    from stocksync.adapters.recordings.memory import Taken
    from stocksync.adapters.recordings.outcome import Outcome
    from stocksync.adapters.recordings.recorder import Written
    from stocksync.adapters.recordings.tap import Tape
    from stocksync.adapters.systems.files.transport import Transport
    from stocksync.assembly import FolderOf
    from stocksync.entrypoints.context import Context
    from stocksync.mapping.connection import FilesConnection
    from stocksync.mapping.effective import MappingSet, PointOfSaleMapping, SystemSettings
    from stocksync.stock.values import Side
    from stocksync.sync.cycle import CycleResult


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--point-of-sale", "point_of_sale", metavar="ID", required=True, help="Which one to run.")
@click.option("--quick", is_flag=True, help="Read only what changed since the last run.")
@click.option("--dry-run", is_flag=True, help="Write nothing to either system.")
@click.option(
    "--keep-vins", is_flag=True, help="Leave VINs and number plates as they are. [their last part is replaced]"
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def record(
    ctx: click.Context,
    directory: Path,
    point_of_sale: str,
    quick: bool,
    dry_run: bool,
    keep_vins: bool,
    as_json: bool,
) -> None:
    """Run one cycle as `sync` does, and keep a recording of it in DIR: the way to send us a bug.

    DIR must be new or empty. It then holds the mapping files, what was remembered before the run, and every request
    with its answer, or every file that was read or went out. Secrets and addresses are taken out; names, telephone
    numbers, whatever stands in a field that the mapping files do not name, and the last part of VINs and number plates
    are replaced by other letters and digits. A run that fails is recorded too. Look into DIR before you send it.

    \b
      stocksync record bug --point-of-sale PDV1
      stocksync replay bug
    """
    if dry_run and quick:
        raise UsageError("A dry run reads everything: leave --quick or --dry-run out.")
    how = How(dry_run=dry_run, quick=quick)
    ctx.exit(_Recording(ctx.obj, point_of_sale, how, keep_vins=keep_vins, as_json=as_json).run(directory))


class Tap:
    """Puts a tape beside what both systems' requests go over."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def __call__(self, settings: SystemSettings, own: Callable[[], BaseTransport]) -> BaseTransport:
        from stocksync.adapters.recordings.tap import TappedTransport
        from stocksync.mapping.connection import RestConnection
        from stocksync.mapping.connection_auth import ApiKeyAuth

        connection = settings.connection
        assert isinstance(connection, RestConnection)
        auth = connection.auth
        header, query = ((auth.header or ""), (auth.query or "")) if isinstance(auth, ApiKeyAuth) else ("", "")
        most_bytes = connection.page_size_mb * 1_000_000
        return TappedTransport(own(), self._tape, settings.side, most_bytes=most_bytes, header=header, query=query)


@dataclass
class _Ran:
    """A run that is over: what it came to, and what it ended with."""

    exit_code: int
    results: list[CycleResult]
    error: BaseException | None = None
    released: bool | None = None
    exchange_data: Any = None


class _Recording:
    def __init__(self, obj: Context, point_of_sale: str, how: How, *, keep_vins: bool, as_json: bool) -> None:
        from stocksync.entrypoints.context import chosen_points

        self._obj, self._how, self._keep_vins, self._as_json = obj, how, keep_vins, as_json
        self._mappings: MappingSet = obj.load_mappings()
        [self._point] = chosen_points(self._mappings, [point_of_sale])
        self._mapping: PointOfSaleMapping = self._mappings.points_of_sale[self._point]

    def run(self, directory: Path) -> int:
        """Run and record; the answer is the exit code of the run."""
        from stocksync.adapters.recordings.files_tape import FilesTape
        from stocksync.adapters.recordings.folder import Part
        from stocksync.adapters.recordings.memory import Taken
        from stocksync.adapters.recordings.tap import Tape
        from stocksync.assembly import SystemClock, gate_name

        self._check()
        with Part(directory) as part:
            clock, tape, folders = SystemClock(), Tape(), FilesTape()
            taken = Taken(self._mapping, [gate_name(settings) for settings in self._mapping.systems.values()])
            started_at = clock.now_at()
            ran = self._ran(tape, folders, taken)
            if ran is None:
                return exit_codes.UNFINISHED
            written = None
            something = len(tape) or len(folders)
            if something and taken.is_taken and not any(isinstance(r.error, Busy) for r in ran.results):
                written = self._written(part, tape, folders, taken, ran, started_at)
        self._tell(written, directory, ran)
        if ran.error is not None:
            raise ran.error
        return ran.exit_code

    def _check(self) -> None:
        """Refuse what cannot be recorded before anything is run."""
        from stocksync.entrypoints.known_secrets import spellings_of
        from stocksync.mapping.checks_secrets import check_secrets
        from stocksync.mapping.connection import FilesConnection, RestConnection
        from stocksync.mapping.draft import draft_of

        for settings in self._mapping.systems.values():
            if not isinstance(settings.connection, RestConnection | FilesConnection):
                raise UsageError(f"{settings.system}: the protocol {settings.connection.protocol} cannot be recorded.")
            if isinstance(settings.connection, FilesConnection):
                _check_files(settings.connection, settings.system)
        files = self._mappings.files
        draft = draft_of(files)
        check_secrets(draft)
        if found := [problem for problem in draft.findings() if problem.code.startswith("secret_")]:
            raise UsageError(
                f"{found[0].file}, line {found[0].line}: that may be a secret, and mapping files are part of a "
                "recording; see `stocksync mapping check`."
            )
        for name, raw in files.items():
            for secret in self._secrets():
                if any(text.encode() in raw for text in spellings_of(secret)):
                    environment = self._obj.settings.environment
                    variables = ", ".join(v for v, value in environment.items() if secret in value)
                    raise UsageError(f"The value of {variables} stands in {name}: take it out, and have it changed.")

    def _secrets(self) -> set[str]:
        """Every secret of the environment; a user's name, or a client's id, is none."""
        from stocksync.entrypoints.known_secrets import secrets_of
        from stocksync.mapping.connection import RestConnection
        from stocksync.mapping.connection_auth import BasicAuth, OAuth2Auth

        environment, named, hidden = self._obj.settings.environment, set(), set()
        for settings in self._mapping.systems.values():
            auth = settings.connection.auth if isinstance(settings.connection, RestConnection) else None
            name = auth.user if isinstance(auth, BasicAuth) else auth.client_id if isinstance(auth, OAuth2Auth) else ""
            values = {secret: environment.get(variable, "").strip() for secret, variable in settings.secrets.items()}
            named |= {values[name]} if name in values else set()
            hidden |= {value for secret, value in values.items() if secret != name}
        return set(secrets_of(environment, self._obj.mappings)) - (named - hidden)

    def _ran(self, tape: Tape, folders: FilesTape, taken: Taken) -> _Ran | None:
        """Run one cycle, as `sync` does; None for a point of sale that is paused."""
        from stocksync import assembly
        from stocksync.adapters.recordings.memory import TakenRepository
        from stocksync.entrypoints.progress import Bar
        from stocksync.sync.group import Group

        obj, how, points = self._obj, self._how, [self._point]
        clock, environment, tap = assembly.SystemClock(), obj.settings.environment, Tap(tape)
        taped = _taped_folders(folders, environment)
        with obj.repository(only_reading=how.dry_run) as opened, Bar(obj.language) as bar:
            repository = TakenRepository(opened.engine, taken, dry_run=how.dry_run)
            if not how.dry_run and paused_points(repository, points, self._mappings, obj):
                return None
            gates = assembly.open_gates(repository, clock)
            group = Group(
                self._mappings,
                repository,
                clock,
                lambda point: assembly.open_systems(point, environment, clock, gates, tap, taped),
                bar,
            )
            exchange = None if how.dry_run else opened_exchange(obj, repository, self._mappings, clock)
            if exchange is not None:
                take_in(exchange, points, obj, as_json=self._as_json)
            try:
                results = results_of(group, points, bar, obj, exchange, how, as_json=self._as_json)
            except (Exception, KeyboardInterrupt) as error:
                # What stocksync itself does wrong is just what one wants to send.
                return _Ran(exit_codes.UNFINISHED, [], error, repository.released)
            codes = [*map(code_of, results), exchange.code if exchange is not None else exit_codes.DONE]
            ran = _Ran(max(codes), results, released=repository.released)
            ran.exchange_data = [result_as_data(result, self._mappings, obj, exchange) for result in results]
            return ran

    def _written(self, part: Any, tape: Tape, folders: FilesTape, taken: Taken, ran: _Ran, started_at: Any) -> Written:
        from stocksync.adapters.recordings import recorder
        from stocksync.entrypoints.known_secrets import spellings_of

        if tape.is_full or folders.is_full:
            raise ConfigurationError("The run is over, but it said more than can be recorded: nothing was recorded.")
        environment = self._obj.settings.environment
        secrets = self._secrets() | tape.secrets
        spelled = {text for secret in secrets for text in spellings_of(secret)}
        addresses = {side: environment[s.address] for side, s in self._mapping.systems.items()}
        scrubber = recorder.scrubber_for(self._mapping, addresses, spelled, keep_vins=self._keep_vins)
        how = recorder.Ran(started_at, self._how.quick, self._how.dry_run, ran.released)
        outcome = self._outcome(ran, scrubber.record_id)
        return recorder.write_recording(part, scrubber, self._mappings.files, tape, folders, taken, outcome, how)

    def _outcome(self, ran: _Ran, id_as: Callable[[str, Side], str]) -> Outcome:
        from stocksync.adapters.recordings.outcome import crashed, outcome_of

        if ran.error is not None:
            return crashed(ran.error, "delta" if self._how.quick else "complete", ran.exit_code)
        return outcome_of(ran.results[0], code_of(ran.results[0]), id_as)

    def _tell(self, written: Written | None, directory: Path, ran: _Ran) -> None:
        from stocksync.entrypoints.recording_words import recorded_lines

        if self._as_json and ran.error is None:
            recording = None
            if written is not None:
                recording = {
                    "directory": str(directory),
                    "exchanges": written.exchanges,
                    "files": written.files,
                    "size_bytes": written.size_bytes,
                    "replaced": dict(sorted(written.counts.items())),
                }
            data = {"points_of_sale": ran.exchange_data, "recording": recording, "exit_code": ran.exit_code}
            click.echo(rendering.as_json(data))
            return
        for line in recorded_lines(written, directory, self._obj.language):
            click.echo(line, err=written is None or ran.error is not None)


def _check_files(connection: FilesConnection, system: str) -> None:
    """Refuse files whose ids come to be what no cell of theirs says."""
    from stocksync.mapping.connection_files import FIELD_IN_TEXT

    for files in connection.incoming:
        is_made = any(FIELD_IN_TEXT.search(text) for text in files.adds.values())
        if is_made or files.same_id == "numbered":
            raise UsageError(
                f"{system}: files with fields made of others (`adds` with {{FIELD}}), or with numbered ids (`same_id: "
                "numbered`), cannot be recorded. Send us the mapping files and a sample of its files with made-up cars "
                "instead."
            )


def _taped_folders(tape: FilesTape, environment: Mapping[str, str]) -> FolderOf:
    """Puts a tape beside the folder of a system."""
    from stocksync.adapters.recordings.files_tape import TapedFolder
    from stocksync.adapters.systems.files.transport import open_transport
    from stocksync.mapping.connection import FilesConnection

    def taped(settings: SystemSettings) -> Transport:
        connection = settings.connection
        assert isinstance(connection, FilesConnection)
        secrets = {name: environment[variable] for name, variable in settings.secrets.items()}
        own = open_transport(environment[settings.address], connection, secrets, settings.label.en)
        return TapedFolder(own, tape, settings.side, connection)

    return taped
