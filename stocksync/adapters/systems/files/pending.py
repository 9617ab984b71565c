"""What was written into outgoing files and is not seen in a listing yet, and what follows from that.

A file that goes out is no answer: the system takes it later, or never. So a write is *pending* from the moment its
file is there until a listing shows it, an acknowledgement answers it, or it has become too old:

- While it is pending, the same write is not made a second time, whatever its key: every run plans anew what it does
  not see yet. What is the same is told by the fields, and of a creation by the reference that it carries.
- Records are shown as they were last listed. A write that was only handed over changes nothing of what is shown: were
  it shown as done and then never carried out, the former value would come back as if a person had typed it.
- A write that was acknowledged is a fact, and is laid over the listings until one comes that is later than the answer.

The memory is one small file beside the outgoing folder, since the system takes its files away. A write is noted there
before its file appears (`writing`) and once it stands (`written`). After a crash between the two the write is made
again, if it is still wanted, under its former name and key. Whoever deletes the memory has writes made twice, no worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from stocksync.adapters.exchange import folder_name
from stocksync.adapters.systems import strict_json
from stocksync.adapters.systems.files.listings import Newest, text_of
from stocksync.adapters.systems.files.rows import NotWritable, Row, as_cell
from stocksync.adapters.systems.files.transport import Transport
from stocksync.errors import SystemUnavailable
from stocksync.mapping.paths import merged, put_at, value_at
from stocksync.stock.values import ABSENT

Verb = Literal["create", "update", "reserve"]
Fields = dict[str, Any]
LARGEST_MEMORY: Final = 20_000_000


class Write(BaseModel):
    """One write on its way; fields by dotted path.

    before: what the listing showed of them, those left out that it did not have. file: the name of its outgoing file.
    answered_s: when its acknowledgement was dated, by the drive's clock.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    verb: Verb
    record_id: str
    reference: str | None
    changes: Fields
    before: Fields
    key: str
    file: str
    at: datetime
    status: Literal["writing", "written", "accepted", "refused"] = "writing"
    message: str = ""
    refused_field: str | None = None
    new_id: str | None = None
    answered_s: float = 0.0

    @property
    def is_under_way(self) -> bool:
        """Whether it was handed over and may still be, or was, carried out."""
        return self.status in ("written", "accepted")

    def wants_as(self, other: Write) -> bool:
        """Tell whether another write asks for the same."""
        if (self.verb, self.record_id) != (other.verb, other.record_id):
            return False
        if self.verb == "create" and self.reference is not None:
            return self.reference == other.reference
        return self.changes == other.changes

    def body(self) -> Row:
        """Its fields as a nested body."""
        body: Row = {}
        for path, value in self.changes.items():
            put_at(body, path, value)
        return body


class _File(BaseModel):
    """The memory as it stands on the drive; last: the stamp of the last name that was given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    last: datetime
    writes: tuple[Write, ...] = ()


class Memory:
    """What is pending at one point of sale; one thread at a time. Raises what the transport raises."""

    def __init__(self, transport: Transport, folder: str, code: str, name: str) -> None:
        self._transport, self._folder, self._name = transport, folder, name
        self._file = f"stocksync-{folder_name(code)}.pending.json"
        self._held: _File | None = None

    @property
    def writes(self) -> tuple[Write, ...]:
        """Every pending write, in the order of their files."""
        return self._loaded().writes

    def forget_reading(self) -> None:
        """Read the file again at the next call: another process may have been at work."""
        self._held = None

    def next_at(self, now_at: datetime) -> datetime:
        """An instant later than all that names were made of, whatever the clock says."""
        return max(now_at, self._loaded().last + timedelta(microseconds=1))

    def keep(self, writes: Iterable[Write], last: datetime | None = None) -> None:
        """Remember these writes and no others; nothing is written where nothing changed."""
        before = self._loaded()
        held = _File(last=last if last is not None else before.last, writes=tuple(writes))
        if held != before:
            content = strict_json.written(held.model_dump() | {"last": held.last.isoformat(), "writes": _dumped(held)})
            self._transport.write(self._folder, self._file, content + b"\n")
            self._held = held

    def replace(self, *writes: Write) -> None:
        """Put newer states of writes in the place of the former ones; new ones come last."""
        newer = {write.key: write for write in writes}
        kept = [newer.pop(write.key, write) for write in self.writes]
        self.keep([*kept, *newer.values()])

    def _loaded(self) -> _File:
        if self._held is None:
            self._held = self._read()
        return self._held

    def _read(self) -> _File:
        found = self._transport.listed(self._folder).get(self._file)
        content = self._transport.read(self._folder, found) if found is not None and found.size else None
        if found is None:
            return _File(last=datetime.fromisoformat("2000-01-01T00:00:00+00:00"))
        try:
            if content is None or len(content) > LARGEST_MEMORY:
                raise ValueError
            return _File.model_validate(strict_json.parsed(content))
        except (ValidationError, ValueError):
            raise SystemUnavailable(
                f"{self._name}: {self._folder}/{self._file}, the memory of what was written, cannot be read: nothing "
                "is written before somebody has looked at it and put it right or away",
                unsent=True,
            ) from None


def _dumped(file: _File) -> list[dict[str, Any]]:
    return [write.model_dump() | {"at": write.at.isoformat()} for write in file.writes]


# What is asked of them; pure ---------------------------------------------------------------------------------


def same_under_way(wanted: Write, writes: Sequence[Write]) -> Write | None:
    """The write that already asks for all that another one wants, None where none does.

    Of a record's writes the last one of each field counts: an older one of the same was overtaken since.
    """
    last_of: dict[str, Write] = {}
    for write in writes:
        if not write.is_under_way:
            continue
        if wanted.verb != "update":
            if write.wants_as(wanted):
                return write
        elif write.verb == "update" and write.record_id == wanted.record_id:
            last_of |= dict.fromkeys(write.changes, write)
    wants = wanted.changes.items()
    holding = [last_of[path] for path, value in wants if path in last_of and last_of[path].changes[path] == value]
    return holding[-1] if wanted.changes and len(holding) == len(wanted.changes) else None


def touched(wanted: Write, writes: Sequence[Write]) -> bool:
    """Tell whether a write under way is of the same record and a field that another one wants."""
    return any(
        write.is_under_way and write.record_id == wanted.record_id and write.changes.keys() & wanted.changes.keys()
        for write in writes
        if write.record_id
    )


def still_pending(
    writes: Sequence[Write],
    newest: Newest,
    reference_path: str | None,
    now_at: datetime,
    confirm_within: timedelta,
    listed_within_s: float,
) -> list[Write]:
    """Leave out what a listing has shown, or what was overtaken, and what is too old.

    What was acknowledged never becomes too old: it ends with the first listing of its record that must show it.
    """
    creates = any(write.verb == "create" for write in writes)
    references = _references(newest, reference_path) if creates else frozenset()
    kept: list[Write] = []
    for write in writes:
        blocked = touched(write, kept)
        if write.status == "accepted":
            over = _listed_s(write, newest) > write.answered_s + listed_within_s
        else:
            over = now_at - write.at > confirm_within
        if not over and (write.status == "writing" or blocked or not _is_shown(write, newest, references)):
            kept.append(write)
    return kept


def laid_over(record_id: str, body: Row | None, writes: Iterable[Write], id_path: str) -> Row | None:
    """Show a record with what was acknowledged and is not listed yet; None where there is none either way."""
    for write in writes:
        if write.status != "accepted":
            continue
        if write.verb == "create" and write.new_id == record_id and body is None:
            body = merged(write.body(), {})
            put_at(body, id_path, record_id)
        elif write.verb != "create" and write.record_id == record_id and body is not None:
            body = merged(body, write.body())
    return body


def created(writes: Iterable[Write]) -> list[str]:
    """The ids of what was created, by the system's word, and is not listed yet."""
    return [write.new_id for write in writes if write.status == "accepted" and write.verb == "create" and write.new_id]


def same_value(listed: Any, written: Any) -> bool:
    """Tell whether a listing spells a value as it was written; formats that know text alone spell all as text."""
    if listed is ABSENT:
        return False
    try:
        return bool(listed == written) or as_cell("", listed) == as_cell("", written)
    except NotWritable:
        return False


def _listed_s(write: Write, newest: Newest) -> float:
    """When a write's record was listed last: by its last file, or by the complete one where it is not listed."""
    shown = newest.records.get(write.record_id or write.new_id or "")
    return shown.at_s if shown is not None else newest.complete_at_s


def _references(newest: Newest, path: str | None) -> frozenset[str]:
    if path is None:
        return frozenset()
    return frozenset(text_of(value_at(shown.body, path)) for shown in newest.records.values())


def _is_shown(write: Write, newest: Newest, references: frozenset[str]) -> bool:
    """Tell whether a listing shows what became of a write: it holds it, or something else than before."""
    if write.verb == "create":
        return (write.reference or "") in references - {""} or write.new_id in newest.records
    shown = newest.records.get(write.record_id)
    if shown is None:
        return False
    now = {path: value_at(shown.body, path) for path in write.changes}
    if all(same_value(now[path], value) for path, value in write.changes.items()):
        return True
    return any(now[path] != write.before.get(path, ABSENT) for path in now)
