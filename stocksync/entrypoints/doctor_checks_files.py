"""What is asked of the systems that exchange files: the way there, their folders, and what lies about in them.

Nothing of a system's is written, moved or removed: where stocksync is to write, an empty hidden file of its own is made
and removed again. An SFTP server is reached, known by its key, entered and looked into, in that order. What
listings say is asked in `doctor_checks_listings`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx

from stocksync.adapters.systems.files.transport import Transport, open_transport, temporary_name
from stocksync.entrypoints.doctor import Area, Finding, Level, fault, ok, unreachable, warning
from stocksync.entrypoints.doctor_checks import wrong_with
from stocksync.entrypoints.doctor_checks_listings import HOUR_S, LEFT_H, MISSING, FilesOfPoint
from stocksync.entrypoints.doctor_checks_reach import check_reach
from stocksync.entrypoints.doctor_checks_systems import Asking
from stocksync.errors import AccessDenied, ConfigurationError, StocksyncError
from stocksync.mapping.connection_files import FilesConnection
from stocksync.mapping.effective import PointOfSaleMapping, SystemSettings

_HERE: Final = Area.SYSTEM
_SIDE_BY_SIDE: Final = 8
_SFTP_PORT: Final = 22
_NOT_LISTED: Final = frozenset({"folder_missing", "folder_closed"})

User = tuple[PointOfSaleMapping, SystemSettings]


@dataclass(frozen=True, slots=True)
class _Access:
    """One address with its secrets, and the points of sale that exchange files there."""

    system: str
    address: str
    connection: FilesConnection
    secrets: Mapping[str, str]
    users: tuple[User, ...]

    @property
    def where(self) -> str:
        """How findings name it; an address may hold a user, which is nobody's business."""
        parts = urlsplit(self.address)
        return f"{self.system} ({parts.hostname if parts.scheme == 'sftp' else parts.path or self.address})"


def check_file_systems(points: Sequence[PointOfSaleMapping], asking: Asking) -> list[Finding]:
    """Ask every system that exchanges files; those whose variables are wrong are told of elsewhere."""
    accesses = list(_accesses(points, asking.environment))
    if not accesses:
        return []
    with ThreadPoolExecutor(min(_SIDE_BY_SIDE, len(accesses)), thread_name_prefix="doctor") as executor:
        return [finding for found in executor.map(lambda a: list(_asked(a, asking)), accesses) for finding in found]


def _accesses(points: Sequence[PointOfSaleMapping], environment: Mapping[str, str]) -> Iterator[_Access]:
    users: dict[tuple[str, ...], list[User]] = {}
    for point in points:
        for settings in point.systems.values():
            names = (settings.address, *settings.secrets.values())
            if isinstance(settings.connection, FilesConnection) and not any(
                wrong_with(environment.get(name, "")) for name in names
            ):
                users.setdefault((point.pair, settings.system, *names), []).append((point, settings))
    for found in users.values():
        settings = found[0][1]
        assert isinstance(settings.connection, FilesConnection)
        secrets = {name: environment[variable] for name, variable in settings.secrets.items()}
        address = environment[settings.address]
        try:
            open_transport(address, settings.connection, secrets, settings.system).close()
        except ConfigurationError:
            continue  # told already
        yield _Access(settings.system, address, settings.connection, secrets, tuple(found))


def _asked(access: _Access, asking: Asking) -> Iterator[Finding]:
    asking.say(access.where)
    parts = urlsplit(access.address)
    connection, is_remote = access.connection, parts.scheme == "sftp"
    if is_remote:
        url = httpx.URL(scheme="sftp", host=parts.hostname or "", port=parts.port or _SFTP_PORT)
        reached = list(check_reach(url, access.where, asking.timeout_s))
        yield from reached
        if any(finding.level is Level.FAULT for finding in reached):
            return
        assert connection.sftp is not None
        timeout_s = max(1, round(min(asking.timeout_s, connection.sftp.timeout_s)))
        connection = connection.model_copy(update={"sftp": connection.sftp.model_copy(update={"timeout_s": timeout_s})})
    transport = open_transport(access.address, connection, access.secrets, access.system)
    try:
        entered = _entered(access, transport, is_remote=is_remote)
        yield entered
        if entered.level is Level.FAULT:
            return
        folders = list(_folders(access, transport))
        yield from folders
        closed = {finding.values["folder"] for finding in folders if finding.check in _NOT_LISTED}
        for point, settings in access.users:
            yield from FilesOfPoint(transport, connection, point, settings, asking.clock, closed).ask()
        yield from _left_lying(access, transport, closed)
    finally:
        transport.close()


def _entered(access: _Access, transport: Transport, *, is_remote: bool) -> Finding:
    """Look into the address itself: the first thing that a server that does not know us refuses."""
    try:
        transport.listed(".")
    except AccessDenied as error:
        # Who may not look into the address itself may look into the folders below it all the same.
        if "does not let us" not in str(error):
            variables = ", ".join(access.users[0][1].secrets.values())
            check = "host_key" if "is not the one that is known" in str(error) else "login_refused"
            return fault(_HERE, check, access.where, detail=str(error), variables=variables)
    except ConfigurationError as error:
        return fault(_HERE, "not_usable", access.where, detail=str(error))
    except StocksyncError as error:
        if MISSING.search(str(error)):
            return fault(_HERE, "folder_missing", access.where, folder=".")
        return unreachable("no_answer", access.where, detail=str(error))
    return ok(_HERE, "logged_in" if is_remote else "folder_there", access.where)


def _folders(access: _Access, transport: Transport) -> Iterator[Finding]:
    """Ask of each folder that the settings name whether it is there, and may be read or written as they need it."""
    connection = access.connection
    moves = connection.archive is not None
    read: dict[str, bool] = {files.folder: moves for files in connection.incoming}
    if connection.acknowledgements is not None:
        read[connection.acknowledgements.folder] = moves
    made: list[str] = []
    if connection.outgoing is not None:
        made += [connection.outgoing.folder, connection.outgoing.memory]
    if connection.archive is not None:
        made.append(connection.archive.folder)
    for folder, is_written in read.items():
        yield _folder(access, transport, folder, is_written=is_written or folder in made, is_made=False)
    for folder in dict.fromkeys(made):
        if folder not in read:
            yield _folder(access, transport, folder, is_written=True, is_made=True)


def _folder(access: _Access, transport: Transport, folder: str, *, is_written: bool, is_made: bool) -> Finding:
    try:
        transport.listed(folder)
    except StocksyncError as error:
        if not MISSING.search(str(error)):
            return fault(_HERE, "folder_closed", access.where, folder=folder, detail=str(error))
        if is_made:
            return ok(_HERE, "folder_made_there", access.where, folder=folder)
        return fault(_HERE, "folder_missing", access.where, folder=folder)
    if not is_written:
        return ok(_HERE, "folder_read", access.where, folder=folder)
    name = temporary_name()
    try:
        transport.write(folder, name, b"")
        transport.remove(folder, name)
    except StocksyncError as error:
        return fault(_HERE, "folder_not_written", access.where, folder=folder, detail=str(error))
    return ok(_HERE, "folder_read_and_written", access.where, folder=folder)


def _left_lying(access: _Access, transport: Transport, closed: Iterable[str]) -> Iterator[Finding]:
    """Tell of outgoing files that nobody fetches, and of answers that nobody takes."""
    connection = access.connection
    folders = {}
    if connection.outgoing is not None:
        folders["outgoing_left"] = connection.outgoing.folder
    if connection.acknowledgements is not None and connection.archive is not None:
        folders["answers_left"] = connection.acknowledgements.folder
    incoming = {files.folder for files in connection.incoming}
    for check, folder in folders.items():
        if folder in closed or folder in incoming:
            # Where everything lies in one folder, nothing tells whose a file is.
            continue
        try:
            listed = transport.listed(folder)
            now_s = transport.now_s(folder) if listed else 0.0
        except StocksyncError:
            continue  # it is made once it is needed
        memory = re.compile(r"stocksync-.*\.pending\.json")
        old = [one for one in listed.values() if now_s - one.modified_ns / 1e9 > LEFT_H * HOUR_S]
        old = [one for one in old if not memory.fullmatch(one.name)]
        if old:
            told = {"folder": folder, "count": str(len(old)), "file": min(old, key=lambda one: one.modified_ns).name}
            yield warning(_HERE, check, access.where, **told)
