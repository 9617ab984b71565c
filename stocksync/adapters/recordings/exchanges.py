"""What was said, as lines of a recording: scrubbed JSON, readable with any tool for lines of JSON.

Lines and not HAR, the format of browsers: HAR is one document that holds each body as a text in a text, and can be
neither written nor read piece by piece. A line has:

    side, method, path   the request; path with its query
    request              its body, left out where there was none
    at                   when the answer ended, or the fault came
    status, headers      of the answer: only the headers that say how to read it
    json | lines | text | base64   the answer's body, as it could be read; none where it was empty
    fault                the error that there was in place of an answer, or of its body
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from stocksync.adapters.recordings.places import Place
from stocksync.adapters.recordings.scrubbing import Scrubber
from stocksync.adapters.recordings.tap import Exchange
from stocksync.adapters.systems import strict_json
from stocksync.mapping.connection import RestConnection
from stocksync.stock.values import Side

_KEPT_HEADERS: Final = frozenset(
    {"etag", "link", "retry-after", "content-type", "x-total-count", "date", "location", "last-modified"}
)
_KEPT_BEGINNINGS: Final = ("ratelimit", "x-ratelimit", "x-rate-limit")
_FRAMES: Final = frozenset({"content-length", "transfer-encoding"})
_GZIP: Final = frozenset({"gzip", "x-gzip"})
FAULTS: Final = frozenset(
    {
        "CloseError",
        "ConfigurationError",
        "ConnectError",
        "ConnectTimeout",
        "LocalProtocolError",
        "PoolTimeout",
        "ReadError",
        "ReadTimeout",
        "RemoteProtocolError",
        "WriteError",
        "WriteTimeout",
    }
)
TOO_BIG: Final = "TooBig"
BROKEN_GZIP: Final = "BrokenGzip"
UNKNOWN_CODING: Final = "UnknownCoding"
_OTHER_FAULT: Final = "ReadError"


@dataclass(frozen=True, slots=True)
class _Read:
    """A body as far as it can be read: kind is json, lines, text or base64; "" for none."""

    kind: str
    value: Any = None


class Lines:
    """Makes lines of exchanges."""

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber

    def see(self, exchange: Exchange) -> None:
        """Look who is in an exchange."""
        places, side = self._scrubber.places[exchange.side], exchange.side
        request = _read_json(exchange.request)
        if request.kind == "json":
            self._scrubber.see(request.value, places.requests, side)
        answer, _ = self._answer(exchange)
        if answer.kind in {"json", "lines"}:
            for message in answer.value if answer.kind == "lines" else [answer.value]:
                self._scrubber.see(message, self._place(exchange), side)

    def line(self, exchange: Exchange) -> dict[str, Any]:
        """An exchange as the recording holds it."""
        scrubber, side = self._scrubber, exchange.side
        line: dict[str, Any] = {
            "side": side.value,
            "method": exchange.method,
            "path": scrubber.path(exchange.path, side),
        }
        if exchange.request:
            line["request"] = self._request(exchange)
        line["at"] = exchange.at.isoformat()
        answer, fault = self._answer(exchange)
        if exchange.status is not None:
            line |= {"status": exchange.status, "headers": self._headers(exchange)}
        line |= {answer.kind: self._written(answer, exchange)} if answer.kind else {}
        return line | ({"fault": fault} if fault else {})

    def _place(self, exchange: Exchange) -> Place:
        return self._scrubber.places[exchange.side].answers

    def _request(self, exchange: Exchange) -> Any:
        read = _read_json(exchange.request)
        if read.kind != "json":
            return self._scrubber.said(exchange.request.decode("utf-8", "ignore"))
        connection = self._scrubber.places[exchange.side].settings.connection
        reserve = connection.reserve if isinstance(connection, RestConnection) else None
        if reserve is not None and read.value == reserve.body:
            # The mapping files say it themselves.
            return read.value
        return self._scrubber.scrubbed(read.value, self._scrubber.places[exchange.side].requests, exchange.side)

    def _answer(self, exchange: Exchange) -> tuple[_Read, str]:
        headers = {name.lower(): value for name, value in exchange.headers}
        if exchange.is_too_big:
            return _Read(""), TOO_BIG
        if exchange.fault:
            return _Read(""), exchange.fault if exchange.fault in FAULTS else _OTHER_FAULT
        content = exchange.content
        coding = headers.get("content-encoding", "identity").strip().lower()
        if content and coding in _GZIP:
            inflater, most_bytes = zlib.decompressobj(wbits=31), self._most_bytes(exchange)
            try:
                content = inflater.decompress(content, most_bytes + 1)
            except zlib.error:
                return _Read(""), BROKEN_GZIP
            if len(content) > most_bytes:
                return _Read(""), TOO_BIG
            if not inflater.eof:
                return _Read(""), BROKEN_GZIP
        elif content and coding not in {"", "identity"}:
            return _Read(""), UNKNOWN_CODING
        return self._read(content, exchange), ""

    def _most_bytes(self, exchange: Exchange) -> int:
        connection = self._scrubber.places[exchange.side].settings.connection
        return (connection.page_size_mb if isinstance(connection, RestConnection) else 20) * 1_000_000

    def _read(self, content: bytes, exchange: Exchange) -> _Read:
        if not content:
            return _Read("")
        read = _read_json(content)
        connection = self._scrubber.places[exchange.side].settings.connection
        if isinstance(connection, RestConnection) and connection.list.form == "lines" and b"\n" in content.strip():
            try:
                return _Read("lines", strict_json.parsed_lines(content))
            except strict_json.NotJson:
                return read
        return read

    def _written(self, answer: _Read, exchange: Exchange) -> Any:
        scrubber, side = self._scrubber, exchange.side
        if answer.kind == "json":
            return scrubber.scrubbed(answer.value, self._place(exchange), side)
        if answer.kind == "lines":
            return [scrubber.scrubbed(message, self._place(exchange), side) for message in answer.value]
        scrubber.persons.counts["texts"] += 1
        if answer.kind == "text":
            return scrubber.unread(scrubber.without_known(answer.value))
        text = scrubber.unread(scrubber.without_known(answer.value.decode("utf-8", "surrogateescape")))
        return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()

    def _headers(self, exchange: Exchange) -> dict[str, str]:
        connection = self._scrubber.places[exchange.side].settings.connection
        paging: Any = getattr(getattr(connection, "list", None), "paging", None)
        total = (getattr(paging, "total_header", None) or "").lower()
        kept: dict[str, str] = {}
        for name, value in ((name.lower(), value) for name, value in exchange.headers):
            if name not in _KEPT_HEADERS and name != total and not name.startswith(_KEPT_BEGINNINGS):
                continue
            if name == "link":
                value = self._scrubber.link_header(value, exchange.side)
            elif name == "location":
                value = self._scrubber.link(value, exchange.side)
            elif name == "content-type":
                value = value.partition(";")[0]
            else:
                value = self._scrubber.without_known(value)
            value = "".join(c if c.isascii() and c.isprintable() else "?" for c in value)
            kept[name] = f"{kept[name]}, {value}" if name in kept else value
        framed = any(name.lower() in _FRAMES for name, _ in exchange.headers)
        return kept if framed else kept | {"x-unframed": "1"}


def _read_json(content: bytes) -> _Read:
    if not content:
        return _Read("")
    try:
        return _Read("json", strict_json.parsed(content))
    except strict_json.NotJson:
        pass
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return _Read("base64", content)
    # A line of a recording may hold no character that was lost somewhere: see `strict_json`.
    return _Read("base64", content) if "\ufffd" in text else _Read("text", text)


# reading a recording


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a recording, read again; content: the answer's body as bytes."""

    side: Side
    method: str
    path: str
    request: Any
    at: datetime
    status: int | None
    headers: Mapping[str, str]
    content: bytes
    fault: str


class BadLine(ValueError):
    """Says what is wrong with a line."""


def read_line(raw: bytes) -> Said:
    """Read a line. Raises BadLine."""
    try:
        line = strict_json.parsed(raw)
    except strict_json.NotJson as error:
        raise BadLine(str(error)) from None
    if not isinstance(line, dict):
        raise BadLine("no object")
    try:
        fault = _text(line, "fault", "")
        if fault and fault not in FAULTS | {TOO_BIG, BROKEN_GZIP, UNKNOWN_CODING}:
            raise BadLine("an unknown fault")
        status = line.get("status")
        if status is not None and (type(status) is not int or not 100 <= status <= 599):
            raise BadLine("a status that is none")
        headers = line.get("headers", {})
        if not isinstance(headers, dict) or not all(_is_header(n, v) for n, v in headers.items()):
            raise BadLine("headers that are none")
        if status is None and not fault:
            raise BadLine("neither an answer nor a fault")
        path = _text(line, "path")
        if not path.startswith("/") or not path.isascii() or not path.isprintable():
            raise BadLine("a path that is none")
        at = datetime.fromisoformat(_text(line, "at"))
        if at.tzinfo is None:
            raise BadLine("an instant without a zone")
        return Said(
            Side(_text(line, "side")),
            _text(line, "method"),
            path,
            line.get("request"),
            at,
            status,
            headers,
            b"".join(_bodies(line)),
            fault,
        )
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise error if isinstance(error, BadLine) else BadLine("a value that does not belong there") from None


def _bodies(line: Mapping[str, Any]) -> Iterator[bytes]:
    if "json" in line:
        yield written(line["json"])
    for message in line.get("lines", ()):
        yield written(message) + b"\n"
    if "text" in line:
        yield _text(line, "text").encode()
    if "base64" in line:
        yield base64.b64decode(_text(line, "base64"), validate=True)


def written(value: Any) -> bytes:
    """JSON of whatever kind, its decimals digit for digit."""
    return strict_json.written({"": value})[4:-1]


def _text(line: Mapping[str, Any], name: str, otherwise: str | None = None) -> str:
    value = line[name] if otherwise is None else line.get(name, otherwise)
    if not isinstance(value, str):
        raise BadLine(f"no text at {name}")
    return value


def _is_header(name: Any, value: Any) -> bool:
    return all(isinstance(text, str) and text.isprintable() and text.isascii() for text in (name, value))
