"""What is asked of the systems: whether they answer, know our key and our points of sale, and what their records say.

The program's own adapter asks, with short time-outs and one try, over a transport that lets nothing but reading
through: whether writing is allowed is never tried. Systems are asked side by side; once one does not answer, or does
not accept the key, its other points of sale are left.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from stocksync import assembly
from stocksync.adapters.systems.guarded import GuardedTransport
from stocksync.adapters.systems.http import checked_base_url
from stocksync.entrypoints.doctor import Area, Finding, Level, fault, ok, unreachable, warning
from stocksync.entrypoints.doctor_checks import wrong_with
from stocksync.entrypoints.doctor_checks_reach import check_reach
from stocksync.entrypoints.doctor_checks_records import check_records
from stocksync.errors import (
    AccessDenied,
    ConfigurationError,
    RateLimited,
    StocksyncError,
    SystemUnavailable,
    TransientError,
)
from stocksync.mapping.connection import RestConnection
from stocksync.mapping.connection_auth import NoAuth
from stocksync.mapping.effective import PointOfSaleMapping, SystemSettings
from stocksync.stock.values import Side
from stocksync.sync.ports import Clock, Page, System

_HERE: Final = Area.SYSTEM
_SIDE_BY_SIDE: Final = 8
_OF_ONE_SYSTEM: Final = 4
_SLOW_S: Final = 5.0
_CLOCK_WARNING_S: Final = 30
_CLOCK_FAULT_S: Final = 300

Known = Mapping[tuple[str, Side], str]
"""By point of sale and side, a record that we know to be there."""


@dataclass(frozen=True, slots=True)
class Access:
    """One way into one system: an address with a key, and the points of sale that go in by it."""

    system: str
    url: httpx.URL
    users: tuple[tuple[PointOfSaleMapping, SystemSettings], ...]

    @property
    def where(self) -> str:
        """How findings name it."""
        return f"{self.system} ({self.url.netloc.decode()})"


@dataclass(frozen=True, slots=True)
class Asking:
    """How systems are asked. known: records that were bound before; say: tells people what is being asked."""

    environment: Mapping[str, str]
    clock: Clock
    timeout_s: float
    known: Known
    say: Callable[[str], None]


def check_systems(points: Sequence[PointOfSaleMapping], asking: Asking) -> list[Finding]:
    """Ask every system that can be asked; those whose variables are wrong are told of elsewhere."""
    accesses = _accesses(points, asking.environment)
    if not accesses:
        return []
    with ThreadPoolExecutor(min(_SIDE_BY_SIDE, len(accesses)), thread_name_prefix="doctor") as executor:
        return [finding for found in executor.map(lambda access: _ask(access, asking), accesses) for finding in found]


def _accesses(points: Sequence[PointOfSaleMapping], environment: Mapping[str, str]) -> list[Access]:
    users: dict[tuple[str, ...], list[tuple[PointOfSaleMapping, SystemSettings]]] = {}
    for point in points:
        for settings in point.systems.values():
            names = (settings.address, *settings.secrets.values())
            if isinstance(settings.connection, RestConnection) and not any(
                # A key goes nowhere that nobody meant: an example's address is somebody's too.
                wrong_with(environment.get(name, ""))
                for name in names
            ):
                users.setdefault((point.pair, settings.system, *names), []).append((point, settings))
    accesses = []
    for (_, system, address, *_secrets), found in users.items():
        try:
            url = checked_base_url(environment[address], system)
        except ConfigurationError:
            continue
        accesses.append(Access(system, url, tuple(found)))
    return accesses


def _ask(access: Access, asking: Asking) -> list[Finding]:
    asking.say(access.where)
    found = list(check_reach(access.url, access.where, asking.timeout_s))
    if any(finding.level is Level.FAULT for finding in found):
        return [*found, *_left(access, access.users)]
    clocks = _Clocks()
    first, *others = [_Point(access, point, settings, asking, clocks) for point, settings in access.users]
    answered = first.ask()
    found += answered
    if any(finding.check in _ENDS_THE_ASKING for finding in answered):
        return [*found, *_left(access, others)]
    with ThreadPoolExecutor(_OF_ONE_SYSTEM, thread_name_prefix=f"doctor-{access.system}") as executor:
        for more in executor.map(_Point.ask, others):
            found += more
    return [*found, *clocks.told(access.where), ok(_HERE, "rights", access.where)]


_ENDS_THE_ASKING: Final = frozenset({"no_answer", "key_401", "key_403", "key_wanted"})


def _left(access: Access, users: Sequence[object]) -> Iterator[Finding]:
    if users:
        yield warning(_HERE, "not_asked", access.where, points=str(len(users)))


@dataclass(slots=True)
class _Clocks:
    """What a system's answers said of its own clock: the smallest difference to ours, which the way there adds to."""

    offset_s: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, said: str, before_at: datetime, after_at: datetime) -> None:
        """Take one answer's Date in; asked and answered between two instants of ours."""
        try:
            there_at = parsedate_to_datetime(said)
        except (ValueError, TypeError):
            return
        there_at = there_at if there_at.tzinfo else there_at.replace(tzinfo=UTC)
        # A Date has whole seconds; within the time that the answer took, nothing is known.
        ahead_s, behind_s = (there_at - after_at).total_seconds(), (before_at - there_at).total_seconds() - 1
        offset_s = max(ahead_s, 0.0) - max(behind_s, 0.0)
        with self._lock:
            if self.offset_s is None or abs(offset_s) < abs(self.offset_s):
                self.offset_s = offset_s

    def told(self, where: str) -> Iterator[Finding]:
        """Say how far the two clocks are apart."""
        if self.offset_s is None:
            yield ok(_HERE, "clock_unknown", where)
            return
        seconds = f"{self.offset_s:+.0f}"
        if abs(self.offset_s) > _CLOCK_FAULT_S:
            yield fault(_HERE, "clock_off", where, seconds=seconds)
        elif abs(self.offset_s) > _CLOCK_WARNING_S:
            yield warning(_HERE, "clock_off", where, seconds=seconds)
        else:
            yield ok(_HERE, "clock_agrees", where, seconds=seconds)


class ReadingOnly(httpx.BaseTransport):
    """Lets requests that read through, and notes what clock the answers came from; refuses every other request."""

    def __init__(self, inner: httpx.BaseTransport, clock: Clock, clocks: _Clocks) -> None:
        self._inner, self._clock, self._clocks = inner, clock, clocks

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a GET on. Raises ConfigurationError for anything else."""
        if request.method != "GET":
            raise ConfigurationError(f"A request that writes ({request.method}) is never sent while looking only")
        before_at = self._clock.now_at()
        response = self._inner.handle_request(request)
        self._clocks.note(response.headers.get("Date", ""), before_at, self._clock.now_at())
        return response

    def close(self) -> None:
        """Let connections go."""
        self._inner.close()


@dataclass(frozen=True, slots=True)
class _Point:
    """One point of sale in one system."""

    access: Access
    point: PointOfSaleMapping
    settings: SystemSettings
    asking: Asking
    clocks: _Clocks

    @property
    def where(self) -> str:
        return f"{self.point.id} {self.settings.system}"

    @property
    def _is_open(self) -> bool:
        connection = self.settings.connection
        return isinstance(connection, RestConnection) and isinstance(connection.auth, NoAuth)

    def ask(self) -> list[Finding]:
        """Read one page and one record."""
        try:
            system = self._open()
        except StocksyncError as error:
            return [fault(_HERE, "not_usable", self.where, detail=str(error))]
        try:
            return list(self._looked_at(system))
        finally:
            system.close()

    def _open(self) -> System:
        connection = self.settings.connection
        assert isinstance(connection, RestConnection)
        timeout_s = max(1, round(min(self.asking.timeout_s, connection.timeout_s)))
        short = replace(self.settings, connection=connection.model_copy(update={"timeout_s": timeout_s, "attempts": 1}))
        guarded = GuardedTransport(self.access.url, connections=connection.concurrency + 1)
        watched = ReadingOnly(guarded, self.asking.clock, self.clocks)
        return assembly.open_system(short, self.asking.environment, self.asking.clock, watched)

    def _looked_at(self, system: System) -> Iterator[Finding]:
        began_s = time.monotonic()
        try:
            page = _first_page(system)
        except StocksyncError as error:
            yield self._failed(error)
            return
        took_s = time.monotonic() - began_s
        answered = warning if took_s > _SLOW_S else ok
        yield answered(_HERE, "answers_slowly" if took_s > _SLOW_S else "answers", self.where, seconds=f"{took_s:.2f}")
        yield ok(_HERE, "no_key" if self._is_open else "key_accepted", self.where)
        code = self.settings.code
        if not page.records:
            yield warning(_HERE, "code_empty", self.where, code=code)
        else:
            yield ok(_HERE, "code_known", self.where, code=code)
            yield from check_records(self.point.translations[self.settings.side], page.records, self.where)
        yield from self._one_car(system, page)

    def _one_car(self, system: System, page: Page) -> Iterator[Finding]:
        bound = self.asking.known.get((self.point.id, self.settings.side))
        record_id = bound or next((record.record_id for record in page.records if record.record_id), None)
        if record_id is None:
            return
        try:
            record = system.read(record_id)
        except StocksyncError as error:
            yield self._failed(error)
            return
        if record is not None:
            yield ok(_HERE, "car_read", self.where, record=record_id)
        elif bound is not None:
            yield warning(_HERE, "car_gone", self.where, record=record_id)
        else:
            yield fault(_HERE, "car_not_by_id", self.where, record=record_id)

    def _failed(self, error: StocksyncError) -> Finding:
        detail = str(error)
        if isinstance(error, AccessDenied):
            if self._is_open:
                return fault(_HERE, "key_wanted", self.where, detail=detail)
            refused = "key_403" if re.search(r"\bgave 403\b", detail) else "key_401"
            return fault(_HERE, refused, self.where, detail=detail, variables=", ".join(self.settings.secrets.values()))
        if isinstance(error, SystemUnavailable):
            return unreachable("no_answer", self.where, detail=detail)
        if isinstance(error, RateLimited):
            return unreachable("asked_too_often", self.where, detail=detail)
        if isinstance(error, TransientError):
            return unreachable("listing_moves", self.where, detail=detail)
        if re.search(r"\b404 for point of sale\b", detail):
            return fault(_HERE, "code_unknown", self.where, code=self.settings.code, detail=detail)
        return fault(_HERE, "answer_unexpected", self.where, detail=detail)


def _first_page(system: System) -> Page:
    pages = system.pages()
    try:
        return next(iter(pages), Page((), first=True))
    finally:
        if isinstance(pages, Generator):
            pages.close()
