"""One hardened HTTP client: what may be connected to, how long and how much it may answer, who gets our key.

A request goes to the configured origin and nowhere else: no redirect, no proxy of the environment, no cookie,
no address out of an answer. Not here: what an answer means, which is `rest`.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Protocol
from urllib.parse import urlencode

import httpx

from stocksync.adapters.systems.guarded import (
    GuardedTransport,
    deadline,
    is_forbidden,
    is_loopback,
    seconds_left_s,
)
from stocksync.errors import ConfigurationError, SystemUnavailable, UnexpectedAnswer

_HOST = re.compile(r"[0-9a-z._-]+|[0-9a-f:.]+", re.IGNORECASE)
_LONGEST_LINK = 8_000
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "Connection": "keep-alive",
    "User-Agent": f"python-httpx/{httpx.__version__}",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole and unread.

    where: names the request as messages do. key: what it was made with. framed: whether its end was marked, so that a
    broken connection cannot pass for it.
    """

    where: str
    status: int
    headers: httpx.Headers
    content: bytes
    key: Key = field(repr=False)
    url: httpx.URL = field(repr=False)
    framed: bool = True


@dataclass(frozen=True, slots=True)
class Key:
    """What opens a system: `prefix` and then `secret`, in a header or else in the parameter `query`.

    fresh: made for this very request, so that another one would be refused too.
    """

    header: str
    secret: str = field(repr=False)
    prefix: str = ""
    query: str = ""
    fresh: bool = False


class Access(Protocol):
    """What opens a system, at any time; see `access`. Shared between threads."""

    def key(self) -> Key:
        """What the next request is made with. Raises TransientError or AccessDenied; nothing was sent then."""
        ...

    def renew(self, refused: Key) -> bool:
        """Tell whether another try with a new key makes sense, after one was refused."""
        ...

    def hidden(self) -> tuple[str, ...]:
        """Every text that must not be seen in a message."""
        ...


@dataclass(frozen=True, slots=True)
class StandingKey:
    """An `Access` by a key that never changes; `also_hidden`: other texts of it that must not be seen."""

    standing: Key
    also_hidden: tuple[str, ...] = field(default=(), repr=False)

    def key(self) -> Key:
        """The key."""
        return self.standing

    def renew(self, refused: Key) -> bool:
        """There is no other one."""
        return False

    def hidden(self) -> tuple[str, ...]:
        """The key itself."""
        return (self.standing.secret, *self.also_hidden)


class HttpClient:
    """Every request to one system, over connections kept for its life; safe to share between threads.

    name: how messages call the system. before_each: may hold a request back, or refuse it by raising.
    Raises ConfigurationError for an address that may not be used.
    """

    def __init__(
        self,
        base_url: str,
        *,
        name: str,
        access: Access,
        timeout_s: float,
        body_cap_bytes: int,
        connections: int,
        transport: httpx.BaseTransport | None = None,
        before_each: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self._access = access
        self._before_each = before_each
        self._timeout_s = timeout_s
        self._slots = BoundedSemaphore(connections)
        self._body_cap_bytes = body_cap_bytes
        self._base = checked_base_url(base_url, name)
        self._root = str(self._base).rstrip("/")
        # Without a client of httpx around it: there is no redirect to follow, no cookie to keep and no environment to
        # look into, and a page costs half as much.
        self._transport = transport or GuardedTransport(self._base, connections=connections)
        self._headers = httpx.Headers(_HEADERS)
        self._extensions = {"timeout": httpx.Timeout(timeout_s).as_dict()}

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        url: httpx.URL | None = None,
    ) -> Answer:
        """Make one request and read its whole answer, whatever its status but a redirect.

        path: after the base address, already quoted. url: in place of path and query, see `linked`.
        Raises what `Access.key` raises, SystemUnavailable where no whole answer came in time, UnexpectedAnswer for a
        redirect, an answer that is too big or one coded in an unknown way.
        """
        where = f"{method} {path}"
        if url is None:
            url = httpx.URL(f"{self._root}{path}?{urlencode(query)}" if query else self._root + path)
        key = self._access.key()
        request = self._request(method, url, headers, content, key)
        self._before_each()
        try:
            with self._slot(), deadline(self._timeout_s):
                return self._exchange(request, where, key)
        except httpx.TransportError as error:
            raise SystemUnavailable(self._unavailable(where, method, error), unsent=_is_unsent(error)) from error

    def renew(self, refused: Key) -> bool:
        """Tell whether a request that was refused for its key is worth one more try, with another one."""
        return self._access.renew(refused)

    def linked(self, link: str, answer: Answer) -> httpx.URL | None:
        """Where a link in an answer leads, by its path and query; None iff that is not at our own origin."""
        try:
            url = answer.url.join(link)
            url.raw_path.decode("ascii")
        except (httpx.InvalidURL, UnicodeError, ValueError):
            return None
        if _origin(url) != _origin(self._base) or url.userinfo or len(link) > _LONGEST_LINK:
            return None
        return url.copy_with(fragment=None)

    def sentence(self, text: str) -> str:
        """Make a message of a text: the system's name first, and our secrets blotted out of it."""
        return self.blotted(f"{self.name[:1].upper()}{self.name[1:]} {text}")

    def blotted(self, text: str) -> str:
        """What the system said without our secrets, which it may have told back."""
        for secret in filter(None, self._access.hidden()):
            text = text.replace(secret, "***")
        return text

    def close(self) -> None:
        """Let connections go."""
        self._transport.close()

    def _request(
        self, method: str, url: httpx.URL, headers: Mapping[str, str] | None, content: bytes | None, key: Key
    ) -> httpx.Request:
        """A request with our key, for our own origin; one to any other is a ConfigurationError."""
        if _origin(url) != _origin(self._base):
            raise ConfigurationError(f"A request to {url.host} was refused, as our key belongs to another address")
        if key.query:
            url = url.copy_set_param(key.query, key.secret)
        named = self._headers if not headers and not key.header else httpx.Headers(self._headers)
        if headers:
            named.update(headers)
        if key.header:
            named[key.header] = key.prefix + key.secret
        return httpx.Request(method, url, headers=named, content=content, extensions=dict(self._extensions))

    @contextmanager
    def _slot(self) -> Iterator[None]:
        # The pool underneath may close the connection of a request that had to wait in it for one (httpcore 1.0.9),
        # so whoever has to wait does so here.
        if not self._slots.acquire(timeout=self._timeout_s):
            raise httpx.PoolTimeout("all connections are busy")
        try:
            yield
        finally:
            self._slots.release()

    def _exchange(self, request: httpx.Request, where: str, key: Key) -> Answer:
        response = self._transport.handle_request(request)
        assert isinstance(response.stream, httpx.SyncByteStream)
        try:
            self._refuse_redirect(response, where)
            content = self._decompressed(response, self._capped(response.stream, where), where)
            framed = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
            return Answer(where, response.status_code, response.headers, content, key, request.url, framed)
        finally:
            response.close()

    def _refuse_redirect(self, response: httpx.Response, where: str) -> None:
        if not 300 <= response.status_code < 400:
            return
        to = _shown_location(response.headers.get("Location", ""))
        raise UnexpectedAnswer(
            self.sentence(
                f"answered {where} with a redirect ({response.status_code}) to {to}, which is not followed:"
                " set its address to where it really is"
            )
        )

    def _capped(self, chunks: Iterable[bytes], where: str) -> bytes:
        came, count_bytes = [], 0
        for chunk in chunks:
            seconds_left_s(httpx.ReadTimeout)
            came.append(chunk)
            count_bytes += len(chunk)
            if count_bytes > self._body_cap_bytes:
                raise self._too_big(where)
        return b"".join(came)

    def _decompressed(self, response: httpx.Response, raw: bytes, where: str) -> bytes:
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coding in {"", "identity"} or not raw:
            return raw
        if coding not in {"gzip", "x-gzip"}:
            raise UnexpectedAnswer(
                self.sentence(f"answered {where} in the coding {coding!r}, where only gzip was asked for")
            )
        # Never httpx's own decoding: one small chunk of it can become gigabytes.
        inflater = zlib.decompressobj(wbits=31)
        try:
            content = inflater.decompress(raw, self._body_cap_bytes + 1)
        except zlib.error as error:
            raise UnexpectedAnswer(self.sentence(f"answered {where} with broken gzip: {error}")) from error
        if len(content) > self._body_cap_bytes:
            raise self._too_big(where)
        if not inflater.eof:
            raise UnexpectedAnswer(self.sentence(f"answered {where} with gzip that is cut short"))
        return content

    def _too_big(self, where: str) -> UnexpectedAnswer:
        return UnexpectedAnswer(
            self.sentence(
                f"answered {where} with more than {self._body_cap_bytes:,} bytes:"
                " ask for smaller pages, or raise page_size_mb"
            )
        )

    def _unavailable(self, where: str, method: str, error: httpx.TransportError) -> str:
        if isinstance(error, httpx.TimeoutException):
            what = f"gave no whole answer to {where} within {self._timeout_s:g} s"
        elif isinstance(error, httpx.ConnectError):
            what = f"could not be reached for {where} ({error})"
        else:
            what = f"broke off {where} ({error})"
        harmless = _is_unsent(error) or method == "GET"
        advice = "try again later" if harmless else "read the record to see whether the write was carried out"
        return self.sentence(f"{what}: {advice}")


def _is_unsent(error: httpx.TransportError) -> bool:
    """Tell whether there was no connection to send anything over."""
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def checked_base_url(base_url: str, name: str) -> httpx.URL:
    """Read the address of a system; ConfigurationError iff it may not be used.

    The text itself is not repeated in the message: a password may stand in it.
    """
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, TypeError):
        raise ConfigurationError(f"The address of {name} is not a URL: write https://host/path") from None
    if url.scheme not in {"http", "https"} or not _HOST.fullmatch(url.raw_host.decode()):
        raise ConfigurationError(f"The address of {name} is not a web address: write https://host/path")
    if url.userinfo or url.query or url.fragment:
        raise ConfigurationError(
            f"The address of {name} holds a user, a query or a fragment: keep only https://host/path"
        )
    if url.scheme == "http" and not is_loopback(url.host):
        raise ConfigurationError(
            f"The address of {name}, {url.host}, is not encrypted: write https, as http is for this machine"
        )
    if is_forbidden(url.host):
        raise ConfigurationError(f"The address of {name}, {url.host}, is no place for a stock: correct it")
    return url


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _shown_location(location: str) -> str:
    """Name where a redirect leads, without what may be secret in it."""
    try:
        url = httpx.URL(location)
    except httpx.InvalidURL:
        return "an address that cannot be read"
    bare = url.copy_with(query=None, fragment=None, userinfo=b"")
    return str(bare)[:200] or "nowhere"
