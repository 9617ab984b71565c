"""What is asked of folders: whether files can be made there, and moved in one step.

A file of a random name is made, moved and removed again: rights alone do not tell what a drive allows.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from stocksync.adapters.exchange import folder_name
from stocksync.entrypoints.doctor import Area, Finding, fault, ok, warning

_REFUSED: Final = {errno.ENOSPC: "folder_full", errno.EDQUOT: "folder_full", errno.EROFS: "folder_read_only"}
"""What else than a missing right keeps files from being made."""


def check_folder(area: Area, folder: Path) -> Iterator[Finding]:
    """Ask whether files can be made in a folder, and put in another's place there."""
    if not folder.exists():
        yield from _to_be_made(area, folder)
        return
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".stocksync-doctor-") as inside:
            first, second = Path(inside) / "first", Path(inside) / "second"
            first.write_bytes(b"first")
            second.write_bytes(b"second")
            os.replace(second, first)
            moved = first.read_bytes() == b"second" and not second.exists()
    except OSError as error:
        check = _REFUSED.get(error.errno or 0, "folder_not_writable")
        yield fault(area, check, str(folder), detail=error.strerror or str(error))
        return
    yield ok(area, "folder_writable", str(folder)) if moved else fault(area, "folder_moves_not", str(folder))


def check_exchange(root: Path | None, points: Iterable[str]) -> Iterator[Finding]:
    """Ask whether files can be exchanged where the settings say, for each point of sale that has a folder there."""
    if root is None:
        yield ok(Area.MACHINE, "exchange_none")
        return
    if root.exists() and not root.is_dir():
        yield fault(Area.MACHINE, "exchange_no_folder", str(root))
        return
    yield from check_folder(Area.MACHINE, root)
    for point in points:
        folder = root / folder_name(point)
        if not folder.is_dir():
            continue
        yield from (found for found in check_folder(Area.MACHINE, folder) if found.check != "folder_writable")
        if folder.stat().st_dev != root.stat().st_dev:
            yield warning(Area.MACHINE, "exchange_other_drive", str(folder))


def _to_be_made(area: Area, folder: Path) -> Iterator[Finding]:
    parent = next(place for place in folder.absolute().parents if place.exists())
    if os.access(parent, os.W_OK | os.X_OK) and parent.is_dir():
        yield ok(area, "folder_to_be_made", str(folder))
    else:
        yield fault(area, "folder_not_writable", str(folder), detail=f"{parent} cannot be written")
