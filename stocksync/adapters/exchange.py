"""The exchange folder of one point of sale on a disk: which files that came in are whole, and where they go.

Mail robots and people at a shared drive put files into `incoming` at any time, under any name, in part first. Whoever
looks into `done` and `refused` finds whole files, and nothing there is ever overwritten. What stands in a file, what is
answered and what goes out is not asked here.

Decided: a file is left as long as the drive's own clock says that it was touched lately; ours may differ from it. The
time of a file's last change of any kind counts, not only that of its contents, which a copy may bring along.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import quote

from stocksync.reports.files import write_atomically

LOCK_HOLDS_S: Final = 24 * 3600
"""A spreadsheet's lock that is older was left behind by one that crashed."""
_PATIENCE: Final = 10
"""A workbook without its end is left for so many times the settling time."""
_UNFINISHED: Final = (".part", ".partial", ".tmp", ".crdownload", ".filepart")
_LOCKS: Final = (".~lock.{}#", "~${}")
"""How LibreOffice and Excel name what stands beside a file that is open."""
_WORKBOOKS: Final = (".xlsx", ".xlsm")
_END_OF_ZIP: Final = b"PK\x05\x06"
_LONGEST_END: Final = 22 + 65_535
_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?")
_LONGEST_NAME: Final = 255 - 40
"""Bytes of a name that leave room for the stamp before it and what an answer has behind it."""
_NOT_NOW: Final = frozenset({errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.EAGAIN, errno.EBUSY, errno.ETXTBSY})
"""What opening a file says that went, became something else, or is kept to himself by somebody at a shared drive."""
_NO_HARD_LINKS: Final = frozenset({errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})


def drive_now_s(folder: Path) -> float:
    """What the clock of the drive says on which a folder is. Raises OSError, where nothing can be written there too."""
    with tempfile.TemporaryFile(dir=folder, prefix=".", suffix=".part") as probe:
        return os.fstat(probe.fileno()).st_mtime


def folder_name(point_of_sale: str) -> str:
    """Name the folder of a point of sale: its id, percent-encoded iff that is no name for a folder everywhere."""
    if _SAFE_NAME.fullmatch(point_of_sale):
        return point_of_sale
    return quote(point_of_sale, safe="").replace(".", "%2E").replace("~", "%7E") or "%"


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells one state of a file from every other."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    def has_contents_of(self, other: Mark) -> bool:
        """Tell whether this is the other after a move, which is a change, and on some drives gives a new inode."""
        return (self.size, self.modified_ns) == (other.size, other.modified_ns)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file of `incoming` that may be whole: what it was when it was found, and for how long nobody touched it."""

    name: str
    age_s: float
    mark: Mark


@dataclass(frozen=True, slots=True)
class Arrived:
    """A whole file of `incoming`: its name, its bytes up to the limit, and what it was while they were read."""

    name: str
    raw: bytes
    mark: Mark


@dataclass(frozen=True, slots=True)
class ExchangeFolder:
    """One point of sale's folder; `settle_s`: for how long nobody must have touched a file that is taken in."""

    root: Path
    settle_s: float
    now_s: Callable[[Path], float] = drive_now_s

    @property
    def outgoing(self) -> Path:
        """Where reports go out."""
        return self.root / "outgoing"

    @property
    def incoming(self) -> Path:
        """Where files are handed in."""
        return self.root / "incoming"

    @property
    def done(self) -> Path:
        """Where files are that were taken in, each with its answer."""
        return self.root / "done"

    @property
    def refused(self) -> Path:
        """Where files are that could not be read, each with its answer."""
        return self.root / "refused"

    def prepare(self) -> None:
        """Make what is missing of the four folders. Raises OSError."""
        for folder in (self.outgoing, self.incoming, self.done, self.refused):
            # What is written there may go nowhere else, whoever can write into the point of sale's folder.
            if folder.is_symlink():
                raise NotADirectoryError(errno.ENOTDIR, "a link, not a folder", str(folder))
            os.makedirs(folder, exist_ok=True)

    def waiting(self) -> list[Waiting]:
        """The files of `incoming` that nobody is busy with, the one first that came first. Raises OSError."""
        found = self._listed()
        files = {name: said for name, said in found.items() if _may_be_whole(name, said)}
        if not files:
            return []
        now_s = self.now_s(self.incoming)
        settled = [
            Waiting(name, age_s, _mark_of(said))
            for name, said in files.items()
            if (age_s := _age_s(said, now_s)) >= self.settle_s and not _is_open(name, found, now_s)
        ]
        return sorted(settled, key=lambda file: (-file.age_s, file.name))

    def read(self, waiting: Waiting, limit: int) -> Arrived | None:
        """Read a file, and one byte more than `limit` of a larger one; None where it is not whole after all.

        Raises OSError where it cannot be read.
        """
        path = self.incoming / waiting.name
        try:
            # A pipe that was put in its place must neither be waited for nor be followed.
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in _NOT_NOW:
                return None
            raise
        mark = waiting.mark
        if _mark_of(os.fstat(handle)) != mark:
            os.close(handle)
            return None
        with os.fdopen(handle, "rb") as file:
            raw = file.read(min(mark.size, limit) + 1)
        if _mark_at(path) != mark:
            return None
        unfinished = len(raw) <= limit and _is_cut_workbook(waiting.name, raw)
        if unfinished and waiting.age_s < _PATIENCE * self.settle_s:
            return None
        return Arrived(waiting.name, raw, mark)

    def put_away(
        self, file: Arrived, into: Path, at: datetime, answer: bytes, answer_of: Callable[[Path], Path]
    ) -> Path | None:
        """Write the answer to a file, then move the file beside it; the answer of this is where the file is now.

        at: the instant that both names begin with. answer_of: names the answer to a file. None where something else
        stands under the file's name by now: that stays. Raises OSError; then the file stays, without an answer.
        """
        if _mark_at(self.incoming / file.name) != file.mark:
            return None
        target = _free_target(into, at, file.name, answer_of)
        written = answer_of(target)
        _write_new(written, answer)
        try:
            moved = self._move(file, target)
        except OSError:
            written.unlink(missing_ok=True)
            raise
        if not moved:
            written.unlink(missing_ok=True)
        return target if moved else None

    def _listed(self) -> dict[str, os.stat_result]:
        found = {}
        with os.scandir(self.incoming) as entries:
            for entry in entries:
                # Somebody may take a file away again meanwhile.
                try:
                    found[entry.name] = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
        return found

    def _move(self, file: Arrived, target: Path) -> bool:
        """Move a file; what took its place in the last instant is put back, and False is the answer then."""
        _rename_to_new(self.incoming / file.name, target)
        if _mark_of(os.lstat(target)).has_contents_of(file.mark):
            return True
        for number in count(1):
            stem, suffix = os.path.splitext(file.name)
            name = file.name if number == 1 else _fitted(stem, f"-{number}{suffix}")
            try:
                _rename_to_new(target, self.incoming / name)
            except FileExistsError:
                continue
            return False
        raise AssertionError


def _mark_of(said: os.stat_result) -> Mark:
    return Mark(said.st_dev, said.st_ino, said.st_size, said.st_mtime_ns, said.st_ctime_ns)


def _mark_at(path: Path) -> Mark | None:
    try:
        return _mark_of(os.lstat(path))
    except FileNotFoundError:
        return None


def _may_be_whole(name: str, said: os.stat_result) -> bool:
    """Tell whether a file can be one that somebody handed in, by its name and kind."""
    temporary = name.startswith((".", "~$")) or name.casefold().endswith(_UNFINISHED)
    return stat.S_ISREG(said.st_mode) and said.st_size > 0 and not temporary


def _age_s(said: os.stat_result, now_s: float) -> float:
    """For how long nobody touched a file; a time in the future came with a copy and tells nothing."""
    return now_s - max(said.st_ctime, said.st_mtime if said.st_mtime <= now_s else 0)


def _is_open(name: str, found: Mapping[str, os.stat_result], now_s: float) -> bool:
    """Tell whether somebody has the file open in a spreadsheet."""
    locks = [found[lock] for template in _LOCKS if (lock := template.format(name)) in found]
    return any(_age_s(lock, now_s) < LOCK_HOLDS_S for lock in locks)


def _is_cut_workbook(name: str, raw: bytes) -> bool:
    """Tell whether a workbook lacks its end: every one ends with the list of its parts."""
    return name.casefold().endswith(_WORKBOOKS) and _END_OF_ZIP not in raw[-_LONGEST_END:]


def _fitted(stem: str, suffix: str) -> str:
    """Shorten a name at the end of its stem so that there is room for a stamp and an answer's ending."""
    while stem and len(os.fsencode(stem + suffix)) > _LONGEST_NAME:
        stem = stem[:-1]
    return stem + suffix


def _free_target(into: Path, at: datetime, name: str, answer_of: Callable[[Path], Path]) -> Path:
    stem, suffix = os.path.splitext(name)
    # What looks like an ending may be most of the name.
    fitted = _fitted(stem, suffix) if len(suffix) < 12 else _fitted(name, "")
    stamp = f"{at.astimezone(UTC):%Y%m%dT%H%M%S}"
    for number in count(1):
        target = into / f"{stamp}{'' if number == 1 else f'-{number}'}-{fitted}"
        if not (os.path.lexists(target) or os.path.lexists(answer_of(target))):
            return target
    raise AssertionError


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that is there at once and whole. Raises FileExistsError where the name is taken."""
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    write_atomically(part, content)
    try:
        os.link(part, path)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _rename_to_new(part, path)
    finally:
        part.unlink(missing_ok=True)


def _rename_to_new(source: Path, target: Path) -> None:
    """Rename a file onto a name that is kept free for it by an empty file. Raises FileExistsError where it is taken."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666))
    try:
        os.rename(source, target)
    except OSError:
        # A server that lost its answer may have renamed the file all the same.
        if os.lstat(target).st_size == 0:
            target.unlink()
        raise
