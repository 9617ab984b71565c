"""A folder on an SFTP server whose key is known beforehand.

One connection, used by one thread at a time, and made again after it broke. Nothing is taken from the user's own SSH
settings: no keys, no hosts.

Decided: an upload goes to a hidden name and is renamed. Where the server lacks `posix-rename` its plain one serves, as
every name is new but that of our own memory. SFTP has no way to flush to the disk that all servers know: what a server
acknowledged is taken for lasting.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets as chance
import socket
import stat
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import RLock
from typing import Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

from stocksync.adapters.systems.files.transport import MOST_NAMES, Found, is_temporary, temporary_name
from stocksync.adapters.systems.guarded import is_forbidden
from stocksync.errors import AccessDenied, ConfigurationError, StocksyncError, SystemUnavailable
from stocksync.mapping.connection_files import SftpModel

Answered = TypeVar("Answered")

_READS_AHEAD: Final = 64
_PORT: Final = 22


class SftpFolder:
    """A `Transport` over SFTP; nothing is connected before the first call.

    Raises ConfigurationError for an address or secrets that cannot be used.
    """

    def __init__(self, address: str, settings: SftpModel, secrets: Mapping[str, str], name: str) -> None:
        self._host, self._port, self._user, self._root = _parsed(address, name)
        self._settings, self._secrets, self._name = settings, secrets, name
        missing = [secret for secret in settings.secrets if not secrets.get(secret)]
        if missing:
            raise ConfigurationError(f"{name}: the secrets {', '.join(missing)} are not set")
        self._lock = RLock()
        self._ssh: Any = None
        self._sftp: Any = None

    def listed(self, folder: str) -> dict[str, Found]:
        """The regular files of a folder."""

        def call(sftp: Any) -> dict[str, Found]:
            found: dict[str, Found] = {}
            for entry in sftp.listdir_iter(self._place(sftp, folder), read_aheads=1):
                name, mode = str(entry.filename), entry.st_mode
                if name.startswith(".") or "/" in name or not name.isprintable() or not stat.S_ISREG(mode or 0):
                    continue
                modified_ns = int(entry.st_mtime) * 1_000_000_000
                found[name] = Found(name, int(entry.st_size), modified_ns, modified_ns)
                if len(found) > MOST_NAMES:
                    raise OSError(f"more than {MOST_NAMES} files")
            return found

        return self._asked("look into", folder, call)

    def read(self, folder: str, found: Found) -> bytes | None:
        """Read a file as it was listed."""

        def call(sftp: Any) -> bytes | None:
            path = f"{self._place(sftp, folder)}/{found.name}"
            try:
                if not _is(sftp.lstat(path), found):
                    return None
                with sftp.open(path, "rb") as file:
                    file.prefetch(found.size, max_concurrent_requests=_READS_AHEAD)
                    content: bytes = file.read(found.size)
                    whole = len(content) == found.size and _is(sftp.lstat(path), found)
            except FileNotFoundError:
                return None
            return content if whole else None

        return self._asked("read", f"{folder}/{found.name}", call)

    def write(self, folder: str, name: str, content: bytes) -> None:
        """Put a whole file into a folder, which is made where it is missing."""

        def call(sftp: Any) -> None:
            place = self._place(sftp, folder, make=True)
            temporary = f"{place}/{temporary_name()}"
            try:
                with sftp.open(temporary, "wbx") as file:
                    file.set_pipelined(True)
                    file.write(content)
                if sftp.lstat(temporary).st_size != len(content):
                    raise OSError("the server kept less than was sent")
                _rename(sftp, temporary, f"{place}/{name}")
            except OSError:
                with suppress(Exception):
                    sftp.remove(temporary)
                raise

        self._asked("write", f"{folder}/{name}", call, unsent=False)

    def move(self, folder: str, name: str, into: str, new_name: str) -> bool:
        """Move a file; False iff it is gone."""

        def call(sftp: Any) -> bool:
            source, to = self._place(sftp, folder), self._place(sftp, into, make=True)
            try:
                _rename(sftp, f"{source}/{name}", f"{to}/{new_name}")
            except FileNotFoundError:
                return False
            return True

        return self._asked("move", f"{folder}/{name}", call)

    def remove(self, folder: str, name: str) -> None:
        """Remove a file."""

        def call(sftp: Any) -> None:
            with suppress(FileNotFoundError):
                sftp.remove(f"{self._place(sftp, folder)}/{name}")

        self._asked("remove", f"{folder}/{name}", call)

    def sweep(self, folder: str, older_s: float) -> list[str]:
        """Remove what was left half written."""

        def call(sftp: Any) -> dict[str, float]:
            try:
                entries = sftp.listdir_attr(self._place(sftp, folder))
            except FileNotFoundError:
                return {}
            files = (entry for entry in entries if stat.S_ISREG(entry.st_mode or 0))
            return {str(entry.filename): float(entry.st_mtime or 0) for entry in files if is_temporary(entry.filename)}

        left = self._asked("look into", folder, call)
        limit_s = self.now_s(folder) - older_s if left else 0.0
        removed = [name for name, modified_s in left.items() if modified_s <= limit_s]
        for name in removed:
            self.remove(folder, name)
        return removed

    def now_s(self, folder: str) -> float:
        """What the server's clock says; ours where nothing can be written there."""

        def call(sftp: Any) -> float:
            try:
                path = f"{self._place(sftp, folder)}/{temporary_name()}"
                with sftp.open(path, "wbx") as file:
                    said = float(file.stat().st_mtime)
                sftp.remove(path)
            except OSError as error:
                if _is_lost(error):
                    raise
                return time.time()
            return said

        return self._asked("write", folder, call)

    def close(self) -> None:
        """Let the connection go."""
        with self._lock:
            ssh, self._ssh, self._sftp = self._ssh, None, None
            if ssh is not None:
                ssh.close()

    def _place(self, sftp: Any, folder: str, *, make: bool = False) -> str:
        """Give the path of a folder, every step of which is one and no link."""
        path: str = self._root
        for step in folder.split("/") if folder != "." else ():
            path = f"{path}/{step}"
            try:
                mode = sftp.lstat(path).st_mode or 0
            except FileNotFoundError:
                if not make:
                    raise
                sftp.mkdir(path)
                continue
            if not stat.S_ISDIR(mode):
                raise NotADirectoryError(errno.ENOTDIR, "a link or a file stands where a folder is due")
        return path

    def _asked(self, what: str, where: str, call: Callable[[Any], Answered], *, unsent: bool = True) -> Answered:
        import paramiko

        with self._lock:
            try:
                return call(self._connected())
            except StocksyncError:
                raise
            except (paramiko.SSHException, EOFError, OSError) as error:
                raise self._error(what, where, error, unsent=unsent) from None

    def _error(self, what: str, where: str, error: Exception, *, unsent: bool) -> StocksyncError:
        import paramiko

        if isinstance(error, PermissionError) or (isinstance(error, OSError) and error.errno == errno.EACCES):
            return AccessDenied(f"{self._name} does not let us {what} {where!r}: ask for the right")
        if isinstance(error, paramiko.SSHException) or _is_lost(error):
            self.close()
        why = str(error.strerror if isinstance(error, OSError) and error.strerror else error)[:200]
        return SystemUnavailable(
            f"{self._name}: could not {what} {where!r} ({why or type(error).__name__})", unsent=unsent
        )

    def _connected(self) -> Any:
        if self._sftp is None:
            self._ssh = self._entered()
            self._sftp = self._ssh.open_sftp()
            self._sftp.get_channel().settimeout(self._settings.timeout_s)
        return self._sftp

    def _entered(self) -> Any:
        import paramiko

        self._check_files()
        # What went wrong is told by the error that it ends in; its own log has a traceback for each of them.
        logging.getLogger("paramiko").setLevel(logging.CRITICAL)
        ssh, timeout_s = paramiko.SSHClient(), self._settings.timeout_s
        ssh.set_missing_host_key_policy(_only(self._secret("fingerprint"), self._host))
        try:
            if self._settings.known_hosts is not None:
                ssh.load_host_keys(str(self._secret("known_hosts")))
            connected = socket.create_connection((self._host, self._port), timeout_s)
            # Checked on the connected socket, at every connection: a name can resolve elsewhere the next time.
            if is_forbidden(str(connected.getpeername()[0])):
                connected.close()
                raise ConfigurationError(f"{self._host} is no place for a stock: correct the address")
            ssh.connect(
                self._host,
                self._port,
                self._user,
                self._secret("password"),
                key_filename=self._secret("key_file"),
                sock=connected,
                passphrase=self._secret("passphrase"),
                timeout=timeout_s,
                banner_timeout=timeout_s,
                auth_timeout=timeout_s,
                channel_timeout=timeout_s,
                allow_agent=False,
                look_for_keys=False,
            )
        except BaseException as error:
            ssh.close()
            if isinstance(error, paramiko.AuthenticationException):
                raise AccessDenied(f"{self._name} does not accept our name and key: correct them") from None
            if isinstance(error, paramiko.BadHostKeyException):
                raise AccessDenied(_not_known(self._host)) from None
            if isinstance(error, OSError | EOFError | paramiko.SSHException):
                why = str(error)[:200] or type(error).__name__
                raise SystemUnavailable(f"{self._name} cannot be reached ({why})", unsent=True) from None
            raise
        return ssh

    def _check_files(self) -> None:
        for which in ("known_hosts", "key_file"):
            path = self._secret(which)
            if path is not None and not os.access(path, os.R_OK):
                raise ConfigurationError(f"{self._name}: its {which} names a file that cannot be read: correct it")

    def _secret(self, which: str) -> str | None:
        named: str | None = getattr(self._settings, which)
        return self._secrets[named] if named is not None else None


def _only(fingerprint: str | None, host: str) -> Any:
    """Accept the one key that is known, and none where hosts are known by a file: it was asked before."""
    import paramiko

    class Only(paramiko.MissingHostKeyPolicy):
        def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
            due = (fingerprint or "").strip().rstrip("=")
            if not due or not chance.compare_digest(str(key.fingerprint).rstrip("="), due):
                raise AccessDenied(_not_known(host))

    return Only()


def _not_known(host: str) -> str:
    return f"The key of {host} is not the one that is known: nothing was sent; ask its keeper before changing it"


def _rename(sftp: Any, path: str, new_path: str) -> None:
    try:
        sftp.posix_rename(path, new_path)
    except OSError as error:
        # Servers without the extension say so in words only.
        if isinstance(error, FileNotFoundError | PermissionError) or "nsupported" not in str(error):
            raise
        with suppress(FileNotFoundError):
            sftp.remove(new_path)
        sftp.rename(path, new_path)


def _is(said: Any, found: Found) -> bool:
    same = (said.st_size, int(said.st_mtime or 0) * 1_000_000_000) == (found.size, found.modified_ns)
    return same and stat.S_ISREG(said.st_mode or 0)


def _is_lost(error: Exception) -> bool:
    """Tell a broken connection from what a server answers: those errors carry the server's word, not the network's."""
    lost = (TimeoutError, ConnectionError, EOFError)
    return isinstance(error, lost) or "Socket is closed" in str(error)


def _parsed(address: str, name: str) -> tuple[str, int, str, str]:
    parts = urlsplit(address)
    try:
        port = parts.port if parts.port is not None else _PORT
    except ValueError:
        port = 0
    host, user = parts.hostname or "", unquote(parts.username or "")
    if not host or not user or not port or parts.query or parts.fragment or parts.password is not None:
        raise ConfigurationError(f"{name}: its address is sftp://user@host:port/path, without a password")
    if is_forbidden(host):
        raise ConfigurationError(f"{name}: {host} is no place for a stock: correct the address")
    return host, port, user, unquote(parts.path).rstrip("/")
