"""Whether the pages of a listing add up to the whole of it, and where it must be begun again.

Answers for every way of paging: steps over a table that moves, chains of cursors or links, and one answer that holds
all. Where pages have to be waited for, the next one is asked for while the last is worked on. Not here: how, which is
`paging`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter, thread_time
from typing import Final, Protocol

from stocksync.errors import IncompleteListing
from stocksync.sync.familiar import Familiar, KnownPage, ListedPage
from stocksync.sync.ports import NativeRecord, Page

CURSOR_RESTARTS = 3
LISTINGS = 3
_REPEATS_ALLOWED = 1_000
_MOST_RECORDS = 2_000_000
"""No point of sale comes near: a listing without an end of its own is left there."""
WORTH_A_THREAD_S: Final = 0.005
"""Where a page was waited for less long, to hand the next one from thread to thread costs more than it spares [ours].

It is as long as threads of one process may have to wait for one another, which looks the same.
"""


class CursorDied(Exception):
    """The system does not know the position any more; never leaves the adapter."""


class _Endless(Exception):
    """Why a listing cannot end, however often it is begun again."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One page as it was answered; what its way of paging does not say is None.

    next: the position of the next page, where the answer names it. page: the page itself, by digests, where it was cut;
    then records holds those alone that are not familiar. doubled: how many of the others had come before.
    """

    records: tuple[NativeRecord, ...]
    next: str | None = None
    total: int | None = None
    pages: int | None = None
    page: KnownPage | ListedPage | None = None
    doubled: int = 0

    @property
    def unchanged(self) -> int:
        """How many records the page held that are familiar."""
        match self.page:
            case KnownPage(count=count):
                return count
            case ListedPage(count=count, fresh=fresh):
                return count - len(fresh)
            case _:
                return 0

    @property
    def count(self) -> int:
        """How many records the page held."""
        return len(self.records) + self.unchanged


class Tally(Protocol):
    """The proof of one listing, page by page."""

    def problem(self, listed: Listed) -> str:
        """Count one page in; say why the listing cannot be complete, "" while it can."""
        ...

    def next(self, listed: Listed) -> str | None:
        """The position of the page after the one last counted in; None iff that was the last."""
        ...


@dataclass(slots=True)
class Waiting:
    """How long the last page was waited for: what passed by the clock, less what this process worked for it.

    now_s, worked_s: the seconds that passed, and those that the calling thread has worked.
    """

    now_s: Callable[[], float] = perf_counter
    worked_s: Callable[[], float] = thread_time
    waited_s: float = 0.0

    def over(self, page: Callable[[], Listed]) -> Listed:
        """Take a page, and note how long it was waited for."""
        began_s, before_s = self.now_s(), self.worked_s()
        listed = page()
        self.waited_s = (self.now_s() - began_s) - (self.worked_s() - before_s)
        return listed


@dataclass(frozen=True, slots=True)
class Asking:
    """How pages are asked for.

    page: gives the page at a position, None for the first. retried: tries a call again while it fails for a passing
    reason. executor: where the next page is asked for meanwhile. incomplete: makes the error for a listing that does
    not add up, of the reason why. tally: begins the proof of a listing.
    """

    page: Callable[[str | None], Listed]
    retried: Callable[[Callable[[], Listed]], Listed]
    executor: Executor
    incomplete: Callable[[str], IncompleteListing]
    tally: Callable[[], Tally]
    familiar: Familiar | None = None
    waiting: Waiting = field(default_factory=Waiting)

    def due(self, where: str | None) -> Callable[[], Listed]:
        """What gives the page at a position; where the last one was waited for, it is asked for in the background now.

        Only the first try is made in the background, the others in the caller's thread: whoever stops early
        is never held up by a pause between two tries.
        """
        if self.waiting.waited_s < WORTH_A_THREAD_S:
            return partial(self.retried, partial(self._waited_for, where))
        return partial(self._answered, self.executor.submit(self._waited_for, where), where)

    def _waited_for(self, where: str | None) -> Listed:
        return self.waiting.over(lambda: self.page(where))

    def _answered(self, first: Future[Listed], where: str | None) -> Listed:
        if first.exception() is None:
            return first.result()
        tries = [first]
        return self.retried(lambda: tries.pop().result() if tries else self._waited_for(where))


def proven_pages(asking: Asking) -> Iterator[Page]:
    """List from the first page again whenever pages do not add up or a cursor dies, a few times at most each."""
    problems: list[str] = []
    deaths = 0
    while len(problems) < LISTINGS and deaths <= CURSOR_RESTARTS:
        try:
            problem = yield from _listing(asking)
        except CursorDied:
            deaths += 1
            continue
        except _Endless as endless:
            raise asking.incomplete(str(endless)) from None
        if not problem:
            return
        problems.append(problem)
    if deaths > CURSOR_RESTARTS:
        raise asking.incomplete(f"its cursor died {deaths} times before the last page")
    raise asking.incomplete(f"{LISTINGS} times in a row, at last because {problems[-1]}")


def _listing(asking: Asking) -> Generator[Page, None, str]:
    """Give the pages while they add up; at the end why they do not, "" iff they did to the last one."""
    if asking.familiar is not None:
        asking.familiar.begin()
    tally, first, ask = asking.tally(), True, asking.due(None)
    while True:
        listed = ask()
        if asking.familiar is not None:
            listed = _met(asking.familiar, listed)
        if problem := tally.problem(listed):
            return problem
        position = tally.next(listed)
        if position is not None:
            ask = asking.due(position)
        yield Page(listed.records, first=first, total=listed.total, unchanged=listed.unchanged, source=listed.page)
        if position is None:
            return ""
        first = False


def _met(familiar: Familiar, listed: Listed) -> Listed:
    """The same, once the familiar is told of it."""
    match listed.page:
        case None:
            return listed
        case KnownPage():
            met = familiar.met_page(listed.page)
        case ListedPage():
            # With those that are not familiar, which are not among what is left anyway.
            met = familiar.met(listed.page.digests)
    doubled = listed.unchanged - met
    return replace(listed, doubled=doubled) if doubled else listed


@dataclass(slots=True)
class _Seen:
    """The records that came so far. One without a readable id counts as one more, as does one that is familiar."""

    ids: set[str] = field(default_factory=set)
    count: int = 0

    def repeats(self, listed: Listed) -> int:
        """Count a page in; the answer is how many of its records had come before."""
        ids = [record.record_id for record in listed.records if record.record_id]
        known = len(self.ids)
        self.ids.update(ids)
        self.count += listed.count
        if self.count > _MOST_RECORDS:
            raise _Endless(f"more than {_MOST_RECORDS:,} records came")
        return len(ids) - (len(self.ids) - known) + listed.doubled

    def twice(self, familiar: Familiar | None) -> list[str]:
        """The ids of those that came unread, as they were, too; to be asked at the end."""
        return familiar.twice(self.ids) if familiar is not None and self.ids else []


@dataclass(slots=True)
class ChainTally:
    """Pages of which each names the next: complete iff the last names none, and the total is met where there is one.

    repeats_are_normal: a record that changes meanwhile comes again; more repeats than records is not normal. Where
    they are not, one shows that pages shifted, and that another record may be missing.
    """

    repeats_are_normal: bool
    familiar: Familiar | None = None
    _seen: _Seen = field(default_factory=_Seen)
    _positions: set[str] = field(default_factory=set)
    _idle: int = 0
    _repeats: int = 0
    _total: int | None = None

    def problem(self, listed: Listed) -> str:
        """Count one page in, with the position it named."""
        repeats = self._seen.repeats(listed)
        self._repeats += repeats
        # A page of nothing but names the next is as little progress as a repeat.
        self._idle += max(repeats, 0 if listed.count else 1)
        if listed.next in self._positions:
            raise _Endless("a cursor came a second time")
        if listed.next is not None:
            self._positions.add(listed.next)
        is_over = listed.next is None
        counts = listed.total is not None or not self.repeats_are_normal
        twice = self._seen.twice(self.familiar) if is_over and counts else []
        if not self.repeats_are_normal and self._repeats:
            return f"page {len(self._positions) + is_over} held a record that had come before"
        if not self.repeats_are_normal and twice:
            return _came_twice(twice)
        came = self._seen.count - self._repeats
        if self._idle > max(_REPEATS_ALLOWED, came):
            raise _Endless(f"{self._idle} repeats came with only {came} records")
        return self._total_problem(listed, len(twice))

    def next(self, listed: Listed) -> str | None:
        """The position that the page named."""
        return listed.next

    def _total_problem(self, listed: Listed, twice: int) -> str:
        if listed.total is None:
            return ""
        if self._total is not None and self._total != listed.total and not self.repeats_are_normal:
            return f"a page said {listed.total} records, the first had said {self._total}"
        self._total = listed.total
        if listed.next is not None:
            return ""
        came = self._seen.count - self._repeats - twice
        if came != listed.total:
            return f"{came} of {listed.total} records had come by the last page"
        return ""


@dataclass(slots=True)
class StepTally:
    """The proof that pages over a table that moves shifted nowhere.

    Complete iff

    - every page said the same total and the same number of pages, as far as it said any,
    - no record came twice, and no page before the last was empty,
    - and as many records came as the total says; without a total, the last page was the last by the number of pages,
      or looked as the last one is declared to.

    size: how many records each page before the last holds, where a shorter one is the last; None where it is not so.
    first: the number of the first page; None where positions are offsets.
    """

    size: int | None
    first: int | None
    familiar: Familiar | None = None
    _number: int = 0
    _said: tuple[int | None, int | None] = (None, None)
    _seen: _Seen = field(default_factory=_Seen)
    _is_last: bool = False

    def problem(self, listed: Listed) -> str:
        """Count one page in."""
        self._number += 1
        said = (listed.total, listed.pages)
        if self._number == 1:
            self._said = said
        if said != self._said:
            return f"page {self._number} said {_counts(*said)}, page 1 had said {_counts(*self._said)}"
        if self._seen.repeats(listed):
            return f"page {self._number} held a record that had come before"
        if self.size is not None and (problem := self._size_problem(listed)):
            return problem
        self._is_last = self._ends_with(listed)
        if self._is_last and (twice := self._seen.twice(self.familiar)):
            return _came_twice(twice)
        return self._count_problem(listed)

    def next(self, listed: Listed) -> str | None:
        """The number of the next page, or the offset of what has not come yet."""
        if self._is_last:
            return None
        return str(self._seen.count if self.first is None else self.first + self._number)

    def _ends_with(self, listed: Listed) -> bool:
        total, pages = self._said
        if pages is not None:
            return self._number >= pages
        if total is not None:
            return self._seen.count >= total
        # A first page that is shorter than asked for may be all there is, or all that the system gives at a time.
        is_short = self.size is not None and listed.count < self.size and self._number > 1
        return is_short or not listed.count

    def _size_problem(self, listed: Listed) -> str:
        assert self.size is not None
        if listed.count > self.size:
            return f"page {self._number} held {listed.count} records, more than its size, {self.size}"
        before = self._seen.count - listed.count
        if self._number == 2 and listed.count and before < self.size:
            return f"page 1 held {before} of {self.size} records and was not the last: its size is another"
        return ""

    def _count_problem(self, listed: Listed) -> str:
        total, pages = self._said
        place = f"page {self._number}" + (f" of {pages}" if pages is not None else "")
        if not self._is_last and not listed.count and pages is not None:
            return f"{place} was empty"
        count = self._seen.count
        if total is None:
            return ""
        is_over = self._is_last or not listed.count
        if count > total or (is_over and count < total):
            return f"{count} of {total} records had come by {place}"
        return ""


@dataclass(slots=True)
class WholeTally:
    """One answer: complete iff its total is met, where it has one, and it is not as long as one that is cut."""

    cut_at: int | None
    familiar: Familiar | None = None

    def problem(self, listed: Listed) -> str:
        """Count the answer in."""
        count, seen = listed.count, _Seen()
        if seen.repeats(listed):
            return "a record came twice"
        if twice := seen.twice(self.familiar):
            return _came_twice(twice)
        if listed.total is not None and count != listed.total:
            return f"{count} of {listed.total} records came"
        if self.cut_at is not None and count >= self.cut_at:
            raise _Endless(f"{count} records came, where all after {self.cut_at} are left out")
        return ""

    def next(self, listed: Listed) -> str | None:
        """Nothing follows."""
        return None


def _came_twice(record_ids: list[str]) -> str:
    return f"the record {record_ids[0]!r} came both as it was before and otherwise"


def _counts(total: int | None, pages: int | None) -> str:
    parts = ([f"{total} records"] if total is not None else []) + ([f"{pages} pages"] if pages is not None else [])
    return " on ".join(parts) or "nothing"
