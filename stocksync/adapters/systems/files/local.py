"""A folder on a drive of this machine, or one that is mounted here.

Each step below the address is opened by its handle and never through a link, so that whoever can write into the folder
cannot lead stocksync out of it.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from stocksync.adapters.systems.files.transport import MOST_NAMES, Found, is_temporary, temporary_name
from stocksync.errors import AccessDenied, StocksyncError, SystemUnavailable

_GONE: Final = frozenset({errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.EISDIR, errno.EAGAIN, errno.EBUSY})
_DENIED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NO_FOLDER_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM})
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class LocalFolder:
    """A `Transport` over a folder; name: how messages call the system."""

    def __init__(self, root: Path, name: str) -> None:
        self._root, self._name = root, name

    def listed(self, folder: str) -> dict[str, Found]:
        """The regular files of a folder."""
        found: dict[str, Found] = {}
        with self._told("look into", folder), self._opened(folder) as handle, os.scandir(handle) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not entry.name.isprintable():
                    continue
                # Somebody may take a file away again meanwhile.
                with suppress(FileNotFoundError):
                    said = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(said.st_mode):
                        found[entry.name] = Found(entry.name, said.st_size, said.st_mtime_ns, said.st_ctime_ns)
                if len(found) > MOST_NAMES:
                    raise self._trouble(f"has more than {MOST_NAMES} files in {folder!r}: clear it up")
        return found

    def read(self, folder: str, found: Found) -> bytes | None:
        """Read a file as it was listed."""
        with self._told("read", f"{folder}/{found.name}"), self._opened(folder) as handle:
            try:
                opened = os.open(found.name, _READ, dir_fd=handle)
            except OSError as error:
                if error.errno in _GONE:
                    return None
                raise
            with os.fdopen(opened, "rb") as file:
                if not _is(os.fstat(opened), found):
                    return None
                content = file.read(found.size + 1)
                return content if len(content) == found.size and _is(os.fstat(opened), found) else None

    def write(self, folder: str, name: str, content: bytes) -> None:
        """Put a whole file into a folder, which is made where it is missing."""
        with self._told("write", f"{folder}/{name}"), self._opened(folder, make=True) as handle:
            temporary = temporary_name()
            opened = os.open(temporary, _WRITE, 0o666, dir_fd=handle)
            try:
                with os.fdopen(opened, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                os.rename(temporary, name, src_dir_fd=handle, dst_dir_fd=handle)
            except OSError:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=handle)
                raise
            _flush(handle)

    def move(self, folder: str, name: str, into: str, new_name: str) -> bool:
        """Move a file; False iff it is gone."""
        with (
            self._told("move", f"{folder}/{name}"),
            self._opened(folder) as source,
            self._opened(into, make=True) as to,
        ):
            try:
                os.rename(name, new_name, src_dir_fd=source, dst_dir_fd=to)
            except FileNotFoundError:
                return False
            return True

    def remove(self, folder: str, name: str) -> None:
        """Remove a file."""
        with self._told("remove", f"{folder}/{name}"), self._opened(folder) as handle, suppress(FileNotFoundError):
            os.unlink(name, dir_fd=handle)

    def sweep(self, folder: str, older_s: float) -> list[str]:
        """Remove what was left half written."""
        with self._told("clear up", folder), suppress(FileNotFoundError), self._opened(folder) as handle:
            with os.scandir(handle) as entries:
                left = {entry.name: entry.stat(follow_symlinks=False) for entry in entries if is_temporary(entry.name)}
            limit_s = self.now_s(folder) - older_s if left else 0.0
            removed = [name for name, said in left.items() if stat.S_ISREG(said.st_mode) and said.st_mtime <= limit_s]
            for name in removed:
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=handle)
            return removed
        return []

    def now_s(self, folder: str) -> float:
        """What the drive's clock says; this machine's where nothing can be written there."""
        try:
            with tempfile.TemporaryFile(dir=self._root / folder, prefix=".", suffix=".part") as probe:
                return os.fstat(probe.fileno()).st_mtime
        except OSError:
            return time.time()

    def close(self) -> None:
        """Do nothing: no connection is kept."""

    @contextmanager
    def _opened(self, folder: str, *, make: bool = False) -> Iterator[int]:
        handle = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for step in folder.split("/") if folder != "." else ():
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(step, dir_fd=handle)
                inner = os.open(step, _FOLDER, dir_fd=handle)
                os.close(handle)
                handle = inner
            yield handle
        finally:
            os.close(handle)

    @contextmanager
    def _told(self, what: str, where: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = error.strerror or type(error).__name__
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                why = "a link or a file stands where a folder is due"
            if error.errno in _DENIED:
                raise AccessDenied(
                    f"{self._name} does not let us {what} {where!r} ({why}): ask for the right"
                ) from None
            raise self._trouble(f"could not {what} {where!r} ({why})") from None

    def _trouble(self, why: str) -> StocksyncError:
        return SystemUnavailable(f"{self._name}: {why}", unsent=True)


def _is(said: os.stat_result, found: Found) -> bool:
    return stat.S_ISREG(said.st_mode) and (said.st_size, said.st_mtime_ns) == (found.size, found.modified_ns)


def _flush(handle: int) -> None:
    """Make a new name last; a drive that knows no such thing does without."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
