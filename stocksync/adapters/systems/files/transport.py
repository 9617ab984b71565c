"""Where files are: a folder on a drive or on an SFTP server, behind one seam.

Every folder is named relative to the address and never left: no step of it may be a link. Files are read whole or
not at all, and appear whole or not at all. Not here: which files, which is `listings`, `outgoing` and `answers`.
"""

from __future__ import annotations

import re
import secrets as chance
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from stocksync.errors import ConfigurationError
from stocksync.mapping.connection_files import FilesConnection

MOST_NAMES: Final = 200_000
"""A folder with more files than that is somebody's mistake, and listing it again and again another."""

LEFT_FOR_S: Final = 3600.0
"""Nothing of ours takes so long to be written: what is older was left by a process that died over it."""
_TEMPORARY: Final = re.compile(r"\.stocksync-[0-9a-f]{16}\.part")


@dataclass(frozen=True, slots=True)
class Found:
    """A file as a folder lists it; another size or time is another state of it.

    touched_ns: when anybody last did anything to it, as far as is known: a copy may bring an old time along.
    """

    name: str
    size: int
    modified_ns: int
    touched_ns: int


class Transport(Protocol):
    """Files below one address; safe to use from several threads.

    Every call may raise SystemUnavailable, with `unsent` where nothing was changed, and AccessDenied.
    """

    def listed(self, folder: str) -> dict[str, Found]:
        """The regular files of a folder, by name; never links, nor what is hidden."""
        ...

    def read(self, folder: str, found: Found) -> bytes | None:
        """Read a file as it was listed; None iff it is gone or another one by now."""
        ...

    def write(self, folder: str, name: str, content: bytes) -> None:
        """Put a whole file into a folder, in the place of one of that name; lasting when it returns."""
        ...

    def move(self, folder: str, name: str, into: str, new_name: str) -> bool:
        """Move a file; False iff it is gone."""
        ...

    def remove(self, folder: str, name: str) -> None:
        """Remove a file; one that is gone is no error."""
        ...

    def sweep(self, folder: str, older_s: float) -> list[str]:
        """Remove what a process of ours left half written so long ago or longer, and give those names."""
        ...

    def now_s(self, folder: str) -> float:
        """What the clock says by which the folder's files are dated; ours where nothing can be written there."""
        ...

    def close(self) -> None:
        """Let connections go."""
        ...


def temporary_name() -> str:
    """Name a file that is not whole yet: hidden, and told from everybody else's."""
    return f".stocksync-{chance.token_hex(8)}.part"


def is_temporary(name: str) -> bool:
    """Tell whether a file has a name of `temporary_name`."""
    return _TEMPORARY.fullmatch(name) is not None


def open_transport(address: str, connection: FilesConnection, secrets: Mapping[str, str], name: str) -> Transport:
    """Make the transport that an address names. Raises ConfigurationError; nothing is asked of it yet."""
    from stocksync.adapters.systems.files.local import LocalFolder

    scheme = urlsplit(address).scheme
    if scheme == "sftp":
        from stocksync.adapters.systems.files.sftp import SftpFolder

        if connection.sftp is None:
            raise ConfigurationError(f"{name}: the address is sftp://, so `sftp` is due in its connection")
        return SftpFolder(address, connection.sftp, secrets, name)
    if connection.sftp is not None:
        raise ConfigurationError(f"{name}: its connection has `sftp`, so the address begins with sftp://")
    return LocalFolder(_path(address, name), name)


def _path(address: str, name: str) -> Path:
    parts = urlsplit(address)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
            raise ConfigurationError(f"{name}: a folder's address is file:///path, with three slashes")
        address = unquote(parts.path)
    elif "://" in address:
        raise ConfigurationError(f"{name}: the address of a folder is a path, file:///path or sftp://user@host/path")
    path = Path(address)
    if not path.is_absolute() or "\0" in address:
        raise ConfigurationError(f"{name}: the address of a folder is a whole path, from its root on")
    return path
