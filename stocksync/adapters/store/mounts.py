"""On what kind of file system a path lies, as Linux tells it; SQLite must not lie on one that is shared over a network.

There locks may hold on one machine only, and memory shared between processes, which the write-ahead log needs, is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

_MOUNTS: Final = Path("/proc/self/mountinfo")
_NETWORK: Final = re.compile(
    r"nfs\d?|cifs|smb\w*|9p|afs|ceph|lustre|gfs2?|ocfs2|beegfs|ncpfs|davfs2?|"
    r"fuse\.(sshfs|glusterfs|ceph\S*|s3fs|rclone|gcsfuse|davfs2?|smbnetfs|cifs|nfs|juicefs|mergerfs)"
)


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted file system: where, and its type as the kernel names it."""

    point: str
    kind: str

    @property
    def is_network(self) -> bool:
        """Tell whether other machines may write there too."""
        return _NETWORK.fullmatch(self.kind) is not None


def mount_of(path: Path) -> Mount | None:
    """The file system that a path lies on; None where the system does not tell."""
    try:
        told = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    return find_mount(PurePosixPath(path.resolve()), told)


def find_mount(path: PurePosixPath, told: str) -> Mount | None:
    """Find the mount of an absolute path in the text of `mountinfo` (proc(5)); of two at one place the later holds."""
    found: Mount | None = None
    for line in told.splitlines():
        before, separator, after = line.partition(" - ")
        fields, kinds = before.split(" "), after.split(" ")
        if not separator or len(fields) < 5:
            continue
        mount = Mount(_unescaped(fields[4]), kinds[0])
        if path.is_relative_to(mount.point) and (found is None or len(mount.point) >= len(found.point)):
            found = mount
    return found


def _unescaped(said: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), said)
