"""`stocksync` with a disk of its own, which nobody else sees and which ends with it. Run as a program.

OWN_DISK: the folder where it is mounted, in memory. OWN_DISK_BYTES: how large it is. OWN_DISK_FROM: a folder whose
files are copied there first. OWN_DISK_STATE: `full`, `read_only`, or nothing. Needs Linux with namespaces for users.
"""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

NEW_NAMESPACES = 0x10000000 | 0x00020000
PRIVATE, READ_ONLY, REMOUNT = 0x4000 | 0x40000, 1, 32


def works() -> bool:
    """Tell whether this machine lets us."""
    if shutil.which("nsenter") is None:
        return False
    done = subprocess.run([sys.executable, __file__, "only-try"], capture_output=True, check=False)
    return done.returncode == 0


def fill(folder: Path) -> None:
    """Leave no byte."""
    with suppress(OSError), (folder / "filler").open("ab", buffering=0) as file:
        for size in (2**16, 2**12, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


def of(process: int, folder: Path) -> Path:
    """The folder as another process sees it."""
    return Path(f"/proc/{process}/root{folder}")


def beside(process: int, variables: Mapping[str, str], *arguments: str) -> str:
    """What a command prints that sees the disk of another process."""
    entered = ["nsenter", "--target", str(process), "--user", "--mount", "--preserve-credentials"]
    done = subprocess.run(
        [*entered, sys.executable, "-m", "stocksync.entrypoints.cli", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def apart() -> None:
    """Leave everybody else's mounts behind."""
    user, group = os.getuid(), os.getgid()
    _must(_libc().unshare(NEW_NAMESPACES))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    _must(_libc().mount(b"none", b"/", None, PRIVATE, None))


def mount(folder: Path, flags: int, options: str) -> None:
    """Mount a disk in memory."""
    _must(_libc().mount(b"tmpfs", str(folder).encode(), b"tmpfs", flags, options.encode()))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _must(answer: int) -> None:
    if answer:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _prepare() -> None:
    folder, size = Path(os.environ["OWN_DISK"]), os.environ.get("OWN_DISK_BYTES", str(8 * 2**20))
    folder.mkdir(exist_ok=True)
    mount(folder, 0, f"size={size}")
    if (before := os.environ.get("OWN_DISK_FROM")) is not None:
        shutil.copytree(before, folder, dirs_exist_ok=True)
    state = os.environ.get("OWN_DISK_STATE")
    if state == "full":
        fill(folder)
    elif state == "read_only":
        mount(folder, REMOUNT | READ_ONLY, f"size={size}")


if __name__ == "__main__":
    apart()
    if sys.argv[1:] != ["only-try"]:
        _prepare()
        from stocksync.entrypoints.cli import main

        main()
