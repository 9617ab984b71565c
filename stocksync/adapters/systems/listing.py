"""Whether the pages of a listing add up to the whole of it, and where it must be begun again.

Answers for both ways of paging: numbered pages over a table that moves, and pages chained by a cursor that
can die. The next page is asked for while the last one is worked on. Not here: how, which is `rest`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial

from stocksync.errors import IncompleteListing
from stocksync.sync.ports import NativeRecord, Page

CURSOR_RESTARTS = 3
NUMBERED_LISTINGS = 3
_REPEATS_ALLOWED = 1_000


class CursorDied(Exception):
    """The system does not know the cursor any more; never leaves the adapter."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One page as it was answered; what its way of paging does not say is None."""

    records: tuple[NativeRecord, ...]
    next_cursor: str | None = None
    total: int = 0
    pages: int = 0


@dataclass(frozen=True, slots=True)
class Asking:
    """How pages are asked for.

    page: gives the page of a number, or of a cursor, None for the first. retried: tries a call again while
    it fails for a passing reason. executor: where the next page is asked for meanwhile. incomplete: makes the
    error for a listing that does not add up, of the reason why.


    """

    page: Callable[[str | int | None], Listed]
    retried: Callable[[Callable[[], Listed]], Listed]
    executor: Executor
    incomplete: Callable[[str], IncompleteListing]

    def ahead(self, where: str | int | None) -> Callable[[], Listed]:
        """Ask in the background; the result gives the page, or asks again iff that failed.

        Only the first try is made in the background, the others in the caller's thread: whoever stops early
        is never held up by a pause between two tries.
        """
        first: list[Future[Listed]] = [self.executor.submit(self.page, where)]
        return partial(self.retried, lambda: first.pop().result() if first else self.page(where))


def cursor_pages(asking: Asking) -> Iterator[Page]:
    """List along cursors, from the first page again whenever a cursor dies, a few times at most."""
    for _ in range(1 + CURSOR_RESTARTS):
        try:
            yield from _cursor_listing(asking)
            return
        except CursorDied:
            continue
    raise asking.incomplete(f"its cursor died {1 + CURSOR_RESTARTS} times before the last page")


def numbered_pages(asking: Asking) -> Iterator[Page]:
    """List numbered pages, from the first page again whenever they do not add up, a few times at most."""
    problem = ""
    for _ in range(NUMBERED_LISTINGS):
        problem = yield from _numbered_listing(asking)
        if not problem:
            return
    raise asking.incomplete(f"{NUMBERED_LISTINGS} times in a row, at last because {problem}")


def _cursor_listing(asking: Asking) -> Iterator[Page]:
    tally, first, ask = CursorTally(), True, asking.ahead(None)
    while True:
        listed = ask()
        if problem := tally.problem(listed.records, listed.next_cursor):
            raise asking.incomplete(problem)
        if listed.next_cursor is not None:
            ask = asking.ahead(listed.next_cursor)
        yield Page(listed.records, first=first)
        if listed.next_cursor is None:
            return
        first = False


def _numbered_listing(asking: Asking) -> Generator[Page, None, str]:
    """Give the pages while they add up; at the end why they do not, "" iff they did to the last one."""
    number, listed = 1, asking.ahead(1)()
    tally = NumberedTally(listed.total, listed.pages)
    while not (problem := tally.problem(number, listed)):
        ask = asking.ahead(number + 1) if number < listed.pages else None
        yield Page(listed.records, first=number == 1, total=listed.total)
        if ask is None:
            return ""
        number, listed = number + 1, ask()
    return problem


@dataclass(slots=True)
class CursorTally:
    """The guard against a chain of cursors that never ends.

    A record that changes meanwhile comes again, which is normal; more repeats than records is not.
    """

    _ids: set[str] = field(default_factory=set)
    _cursors: set[str] = field(default_factory=set)
    _repeats: int = 0

    def problem(self, records: Sequence[NativeRecord], next_cursor: str | None) -> str:
        """Count one page in, with the cursor it named; say why the listing cannot end, "" while it may."""
        known = len(self._ids)
        self._ids.update(record.record_id for record in records)
        self._repeats += max(1, len(records)) - (len(self._ids) - known)
        if next_cursor in self._cursors:
            return "a cursor came a second time"
        if next_cursor is not None:
            self._cursors.add(next_cursor)
        if self._repeats > max(_REPEATS_ALLOWED, len(self._ids)):
            return f"{self._repeats} repeats came with only {len(self._ids)} records"
        return ""


@dataclass(slots=True)
class NumberedTally:
    """The proof that numbered pages shifted nowhere.

    Complete iff

    - every page said the same total and the same number of pages,
    - no record came twice, and no page before the last was empty,
    - and as many records came as the total says.
    """

    total: int
    pages: int
    _ids: set[str] = field(default_factory=set)
    _count: int = 0

    def problem(self, number: int, listed: Listed) -> str:
        """Count one page in, `number` from 1; say why the listing cannot be complete, "" while it can."""
        if (listed.total, listed.pages) != (self.total, self.pages):
            said = f"{listed.total} records on {listed.pages} pages"
            return f"page {number} said {said}, page 1 had said {self.total} on {self.pages}"
        # A record without a readable id counts towards the total; nothing can tell it from another.
        ids = [record.record_id for record in listed.records if record.record_id]
        known = len(self._ids)
        self._ids.update(ids)
        self._count += len(listed.records)
        if len(self._ids) - known != len(ids):
            return f"page {number} held a record that had come before"
        if number < self.pages and not listed.records:
            return f"page {number} of {self.pages} was empty"
        if self._count > self.total or (number >= self.pages and self._count < self.total):
            return f"{self._count} of {self.total} records had come by page {number} of {self.pages}"
        return ""
