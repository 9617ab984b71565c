"""Whether a system's address leads anywhere: its name, a connection, and TLS, each told by itself.

One deadline holds for the three together, so that a host that hangs costs one time-out. Nothing is said to the host
beyond the TLS handshake; what it answers to requests is asked in `doctor_checks_systems`.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import httpx

from stocksync.adapters.systems.guarded import is_forbidden
from stocksync.entrypoints.doctor import Area, Finding, fault, ok, unreachable

_PORTS: Final = {"http": 80, "https": 443}


def check_reach(url: httpx.URL, where: str, timeout_s: float) -> Iterator[Finding]:
    """Ask for name, connection and TLS, in that order; the first that fails is the last that is told."""
    ends_at_s = time.monotonic() + timeout_s
    host, port = url.host, url.port or _PORTS[url.scheme]
    try:
        addresses = _resolved(host, port, timeout_s)
    except TimeoutError:
        yield unreachable("name_late", where, host=host, seconds=f"{timeout_s:g}")
        return
    except OSError as error:
        yield unreachable("name_unknown", where, host=host, detail=_reason(error))
        return
    forbidden = next((address for *_, (address, *_rest) in addresses if is_forbidden(str(address))), None)
    if forbidden is not None:
        yield fault(Area.SYSTEM, "name_forbidden", where, host=host, address=str(forbidden))
        return
    yield ok(Area.SYSTEM, "name_known", where, host=host)
    try:
        connection = _connected(addresses, ends_at_s)
    except TimeoutError:
        yield unreachable("connection_late", where, host=host, port=str(port), seconds=f"{timeout_s:g}")
        return
    except OSError as error:
        yield unreachable("connection_refused", where, host=host, port=str(port), detail=_reason(error))
        return
    with connection:
        yield ok(Area.SYSTEM, "connected", where, host=host, port=str(port))
        if url.scheme == "https":
            yield _tls(connection, host, where, ends_at_s)


def _resolved(host: str, port: int, timeout_s: float) -> list[Any]:
    """Look a name up; the system's own look-up knows no deadline, so that it is left behind where it hangs."""
    found: list[Any] = []
    failed: list[OSError] = []

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=look_up, name="look-up", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        raise TimeoutError
    if failed:
        raise failed[0]
    return found


def _connected(addresses: list[Any], ends_at_s: float) -> socket.socket:
    failed: OSError = OSError("no address")
    for family, kind, protocol, _, address in addresses:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(_left_s(ends_at_s))
            connection.connect(address)
        except OSError as error:
            connection.close()
            failed = error
        else:
            return connection
    raise failed


def _tls(connection: socket.socket, host: str, where: str, ends_at_s: float) -> Finding:
    try:
        connection.settimeout(_left_s(ends_at_s))
        with httpx.create_ssl_context(trust_env=False).wrap_socket(connection, server_hostname=host) as secure:
            return ok(Area.SYSTEM, "tls_spoken", where, version=secure.version() or "TLS")
    except ssl.SSLCertVerificationError as error:
        return fault(Area.SYSTEM, "tls_certificate", where, host=host, detail=error.verify_message)
    except TimeoutError:
        return unreachable("tls_late", where, host=host)
    except ssl.SSLError as error:
        return fault(Area.SYSTEM, "tls_none", where, host=host, detail=error.reason or _reason(error))
    except OSError as error:
        return unreachable("tls_broken_off", where, host=host, detail=_reason(error))


def _left_s(ends_at_s: float) -> float:
    left_s = ends_at_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
