"""`stocksync replay`: the cycle of a recording once more, offline, and whether it comes to the same.

How a recording is made is `record_command`; how its files are read, `adapters.recordings.folder`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import click

from stocksync.entrypoints import exit_codes, logs, rendering
from stocksync.entrypoints.recording_words import figure_line, moved_lines, request_lines, said
from stocksync.entrypoints.sync_commands import How, code_of, result_as_data, results_of
from stocksync.errors import UsageError

if TYPE_CHECKING:
    from httpx import BaseTransport

    from stocksync.adapters.recordings.answering import Answers, RecordedClock
    from stocksync.adapters.recordings.files_lines import SaidFile
    from stocksync.adapters.recordings.files_replay import WrittenFiles
    from stocksync.adapters.recordings.folder import Recorded
    from stocksync.adapters.recordings.outcome import Compared, Outcome
    from stocksync.adapters.store.repository import Repository
    from stocksync.adapters.systems.files.transport import Transport
    from stocksync.assembly import FolderOf
    from stocksync.entrypoints.context import Context
    from stocksync.mapping.effective import MappingSet, PointOfSaleMapping, SystemSettings
    from stocksync.stock.values import Side

SAME: Final = exit_codes.DONE
DIFFERS: Final = exit_codes.HALTED
"""A person is needed, as after a halt."""
_MADE_UP: Final = "made-up-for-a-replay"


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--mappings", "edited", metavar="DIR2", type=click.Path(path_type=Path), help="Other mapping files.")
@click.option("--edited", "is_edited", is_flag=True, help="Files of the recording were changed on purpose.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def replay(ctx: click.Context, directory: Path, edited: Path | None, is_edited: bool, as_json: bool) -> None:
    """Run the cycle of the recording in DIR once more, offline.

    Requests are answered by the recording: the same one by the same answer, in the order of before. The clock is that
    of the recording, and nothing is waited for but what goes on at the same time. Shown is what `sync` shows, and then
    whether it came to the same. With --mappings the same answers are looked at by other mapping files, as if a person
    had accepted the edit.

    \b
    Exit codes: 0 the same as recorded, 2 the recording or the mapping files cannot be read, 3 it differs.
    """
    ctx.exit(_replayed(ctx.obj, directory, edited, is_edited=is_edited, as_json=as_json))


def _replayed(obj: Context, directory: Path, edited: Path | None, *, is_edited: bool, as_json: bool) -> int:
    from stocksync.adapters.recordings.answering import Answers, RecordedClock
    from stocksync.adapters.recordings.files_replay import WrittenFiles
    from stocksync.adapters.recordings.folder import Recorded
    from stocksync.adapters.recordings.outcome import compared

    recorded = Recorded(directory, is_edited=is_edited)
    mappings = _mappings(recorded, edited)
    folders = WrittenFiles()
    clock = RecordedClock(recorded.head.started_at, folders.await_others)
    answers = Answers(recorded, clock)
    with TemporaryDirectory(prefix="stocksync-replay-") as folder:
        memory = Path(folder) / "memory.db"
        recorded.restore_memory(memory)
        settings = replace(
            obj.settings,
            database_url=f"sqlite:///{memory}",
            environment=_made_up(mappings.points_of_sale[recorded.head.point_of_sale]),
            exchange=None,
        )
        context = replace(obj, settings=settings)
        folder_of = _ReplayedFolders(recorded.files(), Path(folder), clock, folders)
        is_new = edited is not None
        outcome, data = _run(context, recorded, mappings, clock, answers, folder_of, is_new=is_new, as_json=as_json)
    found = compared(recorded.outcome, outcome)
    written_alike = not (answers.written_besides or answers.writes_left or folders.asked_besides or folders.left)
    is_same = found.is_same and written_alike
    besides, left = answers.asked_besides | folders.asked_besides, answers.left | folders.left
    if as_json:
        click.echo(rendering.as_json(_data(recorded, found, besides, left, data, is_same=is_same)))
    else:
        _echo(recorded, found, besides, left, obj, is_same=is_same)
    return SAME if is_same else DIFFERS


def _mappings(recorded: Recorded, edited: Path | None) -> MappingSet:
    from stocksync.mapping.connection import FilesConnection, RestConnection
    from stocksync.mapping.load import load_files, load_mappings

    mappings = load_mappings(edited) if edited is not None else load_files(recorded.mapping_files())
    point = mappings.points_of_sale.get(recorded.head.point_of_sale)
    if point is None:
        raise UsageError(
            f"The mapping files have no point of sale {recorded.head.point_of_sale!r}, which was recorded."
        )
    for settings in point.systems.values():
        if not isinstance(settings.connection, RestConnection | FilesConnection):
            raise UsageError(f"{settings.system}: a recording has no answers of a {settings.connection.protocol}.")
    return mappings


def _made_up(point: PointOfSaleMapping) -> dict[str, str]:
    """An environment of addresses and secrets that nobody has."""
    from stocksync.adapters.recordings.scrubbing import fake_address

    secrets = {name: _MADE_UP for settings in point.systems.values() for name in settings.secrets.values()}
    return secrets | {settings.address: fake_address(side) for side, settings in point.systems.items()}


class _Answering:
    """Puts the recording in the place of what both systems' requests go over."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def __call__(self, settings: SystemSettings, own: Callable[[], BaseTransport]) -> BaseTransport:
        from stocksync.adapters.recordings.answering import AnsweringTransport
        from stocksync.mapping.connection import RestConnection
        from stocksync.mapping.connection_auth import ApiKeyAuth

        assert isinstance(settings.connection, RestConnection)
        auth = settings.connection.auth
        key_parameter = (auth.query or "") if isinstance(auth, ApiKeyAuth) else ""
        return AnsweringTransport(self._answers, settings.side, key_parameter=key_parameter)


class _ReplayedFolders:
    """Makes a folder of the recording for a system that exchanges files, the same however often it is opened."""

    def __init__(self, said: list[SaidFile], root: Path, clock: RecordedClock, files: WrittenFiles) -> None:
        self._said, self._root, self._clock, self._files = said, root, clock, files
        self._opened: dict[Side, Transport] = {}

    def __call__(self, settings: SystemSettings) -> Transport:
        from stocksync.adapters.recordings.files_replay import ReplayedFolder
        from stocksync.mapping.connection import FilesConnection

        side, connection = settings.side, settings.connection
        assert isinstance(connection, FilesConnection)
        if side not in self._opened:
            root = self._root / side.value
            root.mkdir()
            said = [file for file in self._said if file.side is side]
            self._opened[side] = ReplayedFolder(root, said, connection, side, self._clock, self._files)
        return self._opened[side]


def _with_standing_keys(point: PointOfSaleMapping) -> PointOfSaleMapping:
    """A point of sale none of whose systems wants a token fetched: a recording holds no tokens."""
    from stocksync.mapping.connection import RestConnection
    from stocksync.mapping.connection_auth import BearerAuth, OAuth2Auth

    systems = {}
    for side, settings in point.systems.items():
        connection = settings.connection
        if isinstance(connection, RestConnection) and isinstance(connection.auth, OAuth2Auth):
            bearer = BearerAuth(scheme="bearer", secret=connection.auth.secret)
            settings = replace(settings, connection=connection.model_copy(update={"auth": bearer}))
        systems[side] = settings
    return replace(point, systems=systems)


def _run(
    obj: Context,
    recorded: Recorded,
    mappings: MappingSet,
    clock: RecordedClock,
    answers: Answers,
    folder_of: FolderOf,
    *,
    is_new: bool,
    as_json: bool,
) -> tuple[Outcome, Any]:
    """Run the cycle; what it came to, and the same for programs."""
    from stocksync import assembly
    from stocksync.adapters.recordings.outcome import crashed, outcome_of
    from stocksync.entrypoints.progress import Bar
    from stocksync.sync.group import Group

    head, environment, wire = recorded.head, obj.settings.environment, _Answering(answers)
    how = How(dry_run=head.is_dry, quick=head.is_quick)
    with obj.repository(only_reading=head.is_dry) as opened, Bar(obj.language) as bar:
        repository = _replaying(opened, head.released, is_new=is_new)
        gates = assembly.open_gates(repository, clock)

        def open_systems(point: PointOfSaleMapping) -> Any:
            return assembly.open_systems(_with_standing_keys(point), environment, clock, gates, wire, folder_of)

        group = Group(mappings, repository, clock, open_systems, bar)
        try:
            [result] = results_of(group, [head.point_of_sale], bar, obj, None, how, as_json=as_json)
        except Exception as error:
            told = said(obj.language, "crashed", error=f"{type(error).__name__}: {error}")
            click.echo(logs.without_secrets(told), err=True)
            return crashed(error, "delta" if head.is_quick else "complete", exit_codes.UNFINISHED), None
        return outcome_of(result, code_of(result)), result_as_data(result, mappings, obj, None)


def _replaying(opened: Repository, released: bool | None, *, is_new: bool) -> Repository:
    """The store of a replay; released: what a person had said of the plan. is_new: the mapping files are other ones."""
    from stocksync.adapters.store.repository import Repository

    class Replaying(Repository):
        def is_released(self, point_of_sale: str, plan_digest: str) -> bool:
            # A scrubbed plan has another digest than the one that was let pass.
            return bool(released)

        def is_accepted(self, point_of_sale: str, mapping_version: str) -> bool:
            return is_new or super().is_accepted(point_of_sale, mapping_version)

    return Replaying(opened.engine)


def _echo(
    recorded: Recorded,
    found: Compared,
    besides: Mapping[str, int],
    left: Mapping[str, int],
    obj: Context,
    *,
    is_same: bool,
) -> None:
    head, language = recorded.head, obj.language
    click.echo(
        said(
            language, "same" if is_same else "differs", version=head.version, at=f"{head.started_at:%Y-%m-%d %H:%M} UTC"
        )
    )
    for name, (before, now) in found.figures.items():
        click.echo(figure_line(name, before, now, language))
    for line in moved_lines(found.moved, language):
        click.echo(line)
    for line in (
        *request_lines("asked_besides", besides, language),
        *request_lines("not_asked", left, language),
    ):
        click.echo(line)


def _data(
    recorded: Recorded,
    found: Compared,
    besides: Mapping[str, int],
    left: Mapping[str, int],
    run: Any,
    *,
    is_same: bool,
) -> Mapping[str, Any]:
    return {
        "same": is_same,
        "recorded": {
            "stocksync": recorded.head.version,
            "started_at": recorded.head.started_at.isoformat(),
            "point_of_sale": recorded.head.point_of_sale,
            "result": recorded.outcome.as_json(),
        },
        "run": run,
        "differs": {
            "figures": {name: {"recorded": before, "now": now} for name, (before, now) in found.figures.items()},
            "decisions": [
                {
                    "vehicle_module": one.vehicle_module_id,
                    "dms": one.dms_id,
                    "subject": one.subject,
                    "recorded": one.before,
                    "now": one.now,
                }
                for one in found.moved
            ],
        },
        "asked_besides": dict(besides),
        "not_asked": dict(left),
    }
