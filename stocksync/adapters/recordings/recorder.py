"""Writing a recording once its run is over: all is looked at first, then written scrubbed, then looked at once more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from stocksync import __version__
from stocksync.adapters.recordings.exchanges import Lines
from stocksync.adapters.recordings.files_lines import FileLines
from stocksync.adapters.recordings.files_tape import FilesTape, encodings_of
from stocksync.adapters.recordings.folder import DECISIONS, EXCHANGES, FILES, MEMORY, Part
from stocksync.adapters.recordings.memory import Memory, Taken
from stocksync.adapters.recordings.outcome import Outcome
from stocksync.adapters.recordings.places import places_of
from stocksync.adapters.recordings.scrubbing import Scrubber
from stocksync.adapters.recordings.substitution import Substitution, new_key
from stocksync.adapters.recordings.tap import Tape
from stocksync.errors import UsageError
from stocksync.mapping.connection import FilesConnection
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.values import SIDES, Side

_SHORTEST_LOOKED_FOR: Final = 6
_CHUNK: Final = 2**20


@dataclass(frozen=True, slots=True)
class Ran:
    """The run that was recorded; released: see `Head`."""

    started_at: datetime
    is_quick: bool
    is_dry: bool
    released: bool | None


@dataclass(frozen=True, slots=True)
class Written:
    """A recording as it was written; counts: how often each kind of thing was replaced."""

    exchanges: int
    files: int
    size_bytes: int
    counts: Mapping[str, int]


def scrubber_for(
    mapping: PointOfSaleMapping, addresses: Mapping[Side, str], secrets: Iterable[str], *, keep_vins: bool
) -> Scrubber:
    """A scrubber under a key of its own, which nobody keeps."""
    places = {side: places_of(mapping, side) for side in SIDES}
    connections = [settings.connection for settings in mapping.systems.values()]
    encodings = {name for one in connections if isinstance(one, FilesConnection) for name in encodings_of(one)}
    substitution = Substitution(new_key(), sorted(encodings))
    return Scrubber(mapping, places, substitution, addresses, keep_vins, set(secrets))


def write_recording(
    part: Part,
    scrubber: Scrubber,
    files: Mapping[str, bytes],
    tape: Tape,
    folders: FilesTape,
    taken: Taken,
    outcome: Outcome,
    ran: Ran,
) -> Written:
    """Write everything; outcome: with ids as the scrubber spells them. Raises UsageError, and nothing is left then."""
    lines, memory, file_lines = Lines(scrubber), Memory(taken, scrubber), FileLines(scrubber, folders)
    for exchange in tape.exchanges():
        lines.see(exchange)
    file_lines.see()
    memory.see()
    part.mappings(files)
    exchanges = part.lines(EXCHANGES, map(lines.line, tape.exchanges()))
    if len(folders):
        part.lines(FILES, file_lines.lines())
    part.lines(DECISIONS, (list(decision) for decision in outcome.decisions))
    memory.write(part.folder / MEMORY)
    part.head(_head(scrubber.mapping, outcome, ran, exchanges, scrubber.counts))
    _look_again(part.folder, scrubber.secrets, memory.versions())
    return Written(exchanges, len(folders.files), part.finish(), dict(scrubber.counts))


def _head(
    mapping: PointOfSaleMapping, outcome: Outcome, ran: Ran, exchanges: int, counts: Mapping[str, int]
) -> dict[str, Any]:
    return {
        "stocksync": __version__,
        "started_at": ran.started_at.isoformat(),
        "point_of_sale": mapping.id,
        "mapping_version": mapping.version,
        "quick": ran.is_quick,
        "dry_run": ran.is_dry,
        "released": ran.released,
        "exchanges": exchanges,
        "replaced": dict(sorted(counts.items())),
        "result": outcome.as_json(),
    }


def _look_again(folder: Path, secrets: Iterable[str], versions: Iterator[Mapping[str, bytes]]) -> None:
    """See that no secret is in any file, whatever was done to keep them out. Raises UsageError."""
    wanted = sorted({secret.encode() for secret in secrets if len(secret) >= _SHORTEST_LOOKED_FOR})
    if any(secret in raw for files in versions for raw in files.values() for secret in wanted):
        raise UsageError("A secret stands in an earlier version of the mapping files: nothing was recorded.")
    longest = max(map(len, wanted), default=0)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and _holds(path, wanted, longest):
            name = path.relative_to(folder).as_posix()
            raise UsageError(f"A secret would stand in {name} of the recording: nothing was recorded.")


def _holds(path: Path, wanted: list[bytes], longest: int) -> bool:
    before = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            looked_at = before + chunk
            if any(secret in looked_at for secret in wanted):
                return True
            before = looked_at[-longest:]
    return False
