"""A real SFTP server over a folder, on a socket of this machine."""

import errno
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import paramiko
from paramiko import SFTPAttributes, SFTPHandle, SFTPServer, SFTPServerInterface

USER, PASSWORD = "stocksync", "s3cr3t-p4ssw0rd"


class SftpOverFolder:
    """The server: `url` is its address, `fingerprint` that of its key.

    known_key: the one user's public key, None for a password alone. renames_over: whether it knows posix-rename.
    """

    def __init__(self, root: Path, *, known_key: paramiko.PKey | None = None, renames_over: bool = True) -> None:
        self.root, self.known_key, self.renames_over = root, known_key, renames_over
        self.key = paramiko.ECDSAKey.generate()
        self.fingerprint = self.key.fingerprint
        self.silent = threading.Event()
        self.logins = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"sftp://{USER}@127.0.0.1:{self.port}/dms"
        self._transports: list[paramiko.Transport] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "SftpOverFolder":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # A thread that waits for a connection is only woken by one.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()
        self._thread.join(5)

    def drop(self) -> None:
        """Let every connection break."""
        for transport in self._transports:
            transport.close()
            transport.join(5)
        self._transports.clear()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(self.key)
            transport.set_subsystem_handler("sftp", SFTPServer, _Folder, over=self)
            self._transports.append(transport)
            # Whoever turns away at the door is nobody's trouble here, and the next one does not wait for him.
            transport.start_server(event=threading.Event(), server=_Doorkeeper(self))


class _Doorkeeper(paramiko.ServerInterface):
    def __init__(self, over: SftpOverFolder) -> None:
        self._over = over

    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey"

    def check_auth_password(self, username: str, password: str) -> int:
        return self._answer((username, password) == (USER, PASSWORD))

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return self._answer(username == USER and key == self._over.known_key)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def _answer(self, right: bool) -> int:
        self._over.logins += right
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED


class _Folder(SFTPServerInterface):
    """What clients may do: all paths are below the server's folder."""

    def __init__(self, server: Any, *args: Any, over: SftpOverFolder, **kwargs: Any) -> None:
        super().__init__(server, *args, **kwargs)
        self._over = over

    def _real(self, path: str) -> str:
        return str(self._over.root) + self.canonicalize(path)

    def list_folder(self, path: str) -> Any:
        if self._over.silent.is_set():
            threading.Event().wait(5)
        return _tried(lambda: [self._entry(self._real(path), name) for name in os.listdir(self._real(path))])

    def _entry(self, folder: str, name: str) -> SFTPAttributes:
        entry = SFTPAttributes.from_stat(os.lstat(f"{folder}/{name}"), name)
        return entry

    def stat(self, path: str) -> Any:
        return _tried(lambda: SFTPAttributes.from_stat(os.stat(self._real(path))))

    def lstat(self, path: str) -> Any:
        return _tried(lambda: SFTPAttributes.from_stat(os.lstat(self._real(path))))

    def open(self, path: str, flags: int, attr: SFTPAttributes) -> Any:
        def opened() -> SFTPHandle:
            number = os.open(self._real(path), flags, 0o644)
            handle = _Handle(flags)
            handle.readfile = handle.writefile = os.fdopen(number, "rb" if not flags & os.O_WRONLY else "wb")
            return handle

        return _tried(opened)

    def remove(self, path: str) -> int:
        return int(_tried(lambda: os.remove(self._real(path))))

    def mkdir(self, path: str, attr: SFTPAttributes) -> int:
        return int(_tried(lambda: os.mkdir(self._real(path))))

    def rename(self, oldpath: str, newpath: str) -> int:
        if os.path.lexists(self._real(newpath)):
            return int(paramiko.SFTP_FAILURE)
        return int(_tried(lambda: os.rename(self._real(oldpath), self._real(newpath))))

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        if not self._over.renames_over:
            return int(paramiko.SFTP_OP_UNSUPPORTED)
        return int(_tried(lambda: os.rename(self._real(oldpath), self._real(newpath))))


class _Handle(SFTPHandle):
    def stat(self) -> Any:
        return _tried(lambda: SFTPAttributes.from_stat(os.fstat(self.readfile.fileno())))


def _tried(call: Any) -> Any:
    try:
        answer = call()
    except OSError as error:
        return SFTPServer.convert_errno(error.errno or errno.EIO)
    return paramiko.SFTP_OK if answer is None else answer
