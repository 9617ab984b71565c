"""Sockets with a deadline, to addresses that somebody may mean.

Answers until when a request may wait, in all, and which addresses are never talked to, checked on the
connected socket. Not here: which system is asked for what, which is `http`.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import httpcore
import httpx

from stocksync.errors import ConfigurationError

_METADATA_HOSTS = frozenset(
    {"metadata", "metadata.google.internal", "instance-data", "100.100.100.200", "fd00:ec2::254"}
)

_ends_at_s: ContextVar[float] = ContextVar("ends_at_s")
"""When the request of this thread must be over, on the monotonic clock."""


class GuardedTransport(httpx.HTTPTransport):
    """httpx's own transport over sockets that keep the deadline and refuse some addresses."""

    def __init__(self, base_url: httpx.URL, *, connections: int) -> None:
        super().__init__(verify=_ssl_context(), trust_env=False)
        # Its own time-out is per read, so a slow drip would never end; and it takes no sockets of ours.
        self._pool = httpcore.ConnectionPool(
            ssl_context=_ssl_context(),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=5.0,
            network_backend=_GuardedBackend(loopback_only=base_url.scheme == "http"),
        )


@lru_cache(maxsize=1)
def _ssl_context() -> ssl.SSLContext:
    """One for the whole process: reading the authorities takes longer than many a run."""
    return httpx.create_ssl_context(trust_env=False)


class _GuardedBackend(httpcore.NetworkBackend):
    def __init__(self, *, loopback_only: bool) -> None:
        self._inner = httpcore.SyncBackend()
        self._loopback_only = loopback_only

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left_s = seconds_left_s(httpcore.ConnectTimeout)
        stream = self._inner.connect_tcp(host, port, left_s, local_address, socket_options)
        # Checked on the connected socket, at every connection: a name can resolve elsewhere the next time.
        try:
            _refuse_address(_peer(stream), host, loopback_only=self._loopback_only)
        except ConfigurationError:
            stream.close()
            raise
        return _DeadlineStream(stream)


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, seconds_left_s(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, seconds_left_s(httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left_s = seconds_left_s(httpcore.ConnectTimeout)
        return _DeadlineStream(self._inner.start_tls(ssl_context, server_hostname, left_s))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


@contextmanager
def deadline(timeout_s: float) -> Iterator[None]:
    """Give the requests of this thread that long, in all."""
    token = _ends_at_s.set(time.monotonic() + timeout_s)
    try:
        yield
    finally:
        _ends_at_s.reset(token)


def seconds_left_s(late: type[Exception]) -> float:
    """Say how long the request of this thread may still take; raises `late` iff no longer."""
    left_s = _ends_at_s.get() - time.monotonic()
    if left_s <= 0:
        raise late("the whole answer took too long")
    return left_s


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by its very name."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def is_forbidden(host: str) -> bool:
    """Tell whether a host is, by its very name, one that never holds a stock: a cloud's own, or no one's."""
    address = _address(host)
    if address is None:
        return host.rstrip(".").lower() in _METADATA_HOSTS
    nobodys = address.is_link_local or address.is_multicast or address.is_unspecified
    return nobodys or str(address) in _METADATA_HOSTS


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    # ::ffff:169.254.169.254 is that IPv4 address to the network, and nothing special to checks of IPv6.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _peer(stream: httpcore.NetworkStream) -> str:
    connected = stream.get_extra_info("socket")
    return str(connected.getpeername()[0]) if isinstance(connected, socket.socket) else ""


def _refuse_address(peer: str, host: str, *, loopback_only: bool) -> None:
    if is_forbidden(peer):
        raise ConfigurationError(f"{host} leads to {peer}, no place for a stock: correct the address")
    if loopback_only and not is_loopback(peer):
        raise ConfigurationError(f"{host} leads to {peer}, off this machine, unencrypted: write https")
