"""Files that a reader finds either as they were or whole and new, never in part."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path
from typing import Final

_NO_FOLDER_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM})
"""What shared drives, and folders that may not be listed, answer to a folder that is to be flushed."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it survives a loss of power once this returns; the umask says who may read it.

    Raises OSError; the former file stands then.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    """Make the new name last; a drive that knows no such thing does without."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        if error.errno in _NO_FOLDER_SYNC:
            return
        raise
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(handle)
