"""A table that moves while it is listed, as real systems answer for it: along cursors, or in numbered pages.

Along cursors, what changes meanwhile comes again, and what goes is missed by the total; a cursor may die, so that all
begins again. Numbered pages shift: a record comes twice or not at all where others come, go or change their places.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from stocksync.adapters.systems import strict_json
from stocksync.sync.ports import NativeRecord
from tests.simulation.spelling import Spelling


@dataclass(frozen=True, slots=True)
class Shift:
    """Records that stood from the first page of a listing to its last, and came on none.

    can_be_told: by a record that came twice, or by what the pages said of their number.
    """

    left_out: frozenset[str]
    can_be_told: bool


class Occasions(Protocol):
    """What a listing meets on its way."""

    def first(self, table: Callable[[], list[NativeRecord]]) -> list[NativeRecord]:
        """The table as the first page finds it."""
        ...

    def later(self) -> bool:
        """Before every other page; False iff the way on is lost: a cursor died, or the order of the table changed."""
        ...

    def sent(self, records: list[NativeRecord], count: int) -> None:
        """A page was answered; count: of all records that this listing gave so far."""
        ...

    def believed(self, shift: Shift) -> None:
        """A listing passed for whole whose pages had shifted past some records."""
        ...


class Quiet:
    """Nothing is in the way of a listing, and nobody looks."""

    def first(self, table: Callable[[], list[NativeRecord]]) -> list[NativeRecord]:
        """As it is."""
        return table()

    def later(self) -> bool:
        """On."""
        return True

    def sent(self, records: list[NativeRecord], count: int) -> None:
        """Nobody looks."""

    def believed(self, shift: Shift) -> None:
        """Where nothing moves, nothing shifts."""


@dataclass
class Table(httpx.BaseTransport):
    """Answers for one listing after the other, each page as of the instant at which it is asked for.

    rows: what there is to list now.
    """

    rows: Callable[[], list[NativeRecord]]
    spelling: Spelling
    occasions: Occasions
    _held: dict[str, Any] = field(default_factory=dict)
    _hidden: set[str] = field(default_factory=set)
    _count: int = 0

    def _first(self) -> list[NativeRecord]:
        found: list[NativeRecord] = []

        def table() -> list[NativeRecord]:
            found[:] = self.rows()
            return list(found)

        shown = self.occasions.first(table)
        self._held = {record.record_id: record.body for record in found}
        self._hidden = self._held.keys() - {record.record_id for record in shown}
        self._count = 0
        return shown

    def _answer(self, page: list[NativeRecord], **said: object) -> httpx.Response:
        self._count += len(page)
        self.occasions.sent(page, self._count)
        items = self.spelling.between.join(strict_json.written(record.body) for record in page)
        head = strict_json.written(said)[1:-1] + b"," if said else b""
        return httpx.Response(200, content=b'{%b"items":[%b]%b' % (head, items, self.spelling.after))

    def left_out(self) -> Shift | None:
        """What the last listing did not give, as its pages shifted; None along cursors, which lead past nothing."""
        return None


@dataclass
class CursorTable(Table):
    """Along cursors: what came, changed or went since the last page comes at the end, or not any more."""

    _waiting: list[NativeRecord] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer for one page."""
        if "cursor" not in request.url.params:
            self._waiting = self._first()
        elif self.occasions.later():
            self._look_again()
        else:
            return httpx.Response(410)
        page, self._waiting = self._waiting[: self.spelling.size], self._waiting[self.spelling.size :]
        total = {"total": len(self._held.keys() - self._hidden)} if self.spelling.says_total else {}
        cursor = str(self._count + len(page)) if self._waiting else None
        return self._answer(page, **total, next=cursor)

    def _look_again(self) -> None:
        now = {record.record_id: record for record in self.rows()}
        moved = {i for i in now.keys() | self._held.keys() if i not in now or now[i].body is not self._held.get(i)}
        if moved:
            self._waiting = [record for record in self._waiting if record.record_id not in moved]
            self._waiting += [record for i, record in now.items() if i in moved - self._hidden]
            self._held = {i: record.body for i, record in now.items()}


@dataclass
class SteppedTable(Table):
    """Along numbers and offsets: each page is cut from the table as it stands by then, wherever the last one ended."""

    _shown: dict[str, NativeRecord] = field(default_factory=dict)
    _again: list[NativeRecord] = field(default_factory=list)
    _turned: int = 0
    _sent: list[str] = field(default_factory=list)
    _stood: set[str] = field(default_factory=set)
    _said: set[tuple[int, int]] = field(default_factory=set)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer for one page."""
        spelling = self.spelling
        if spelling.style == "offset":
            start = int(request.url.params["offset"])
        else:
            start = (int(request.url.params.get("page", "1")) - 1) * spelling.size
        if not start:
            standing = self._begin()
        elif self.occasions.later():
            standing = self._standing()
        elif spelling.style == "next_link":
            return httpx.Response(410)
        else:
            # Numbers do not die. A table that nobody ordered may be answered for in another order each time.
            self._turned += 1
            standing = self._standing()
        return self._cut(standing, start)

    def _begin(self) -> list[NativeRecord]:
        shown = self._first()
        self._shown = {record.record_id: record for record in shown}
        self._again = shown[len(self._shown) :]
        self._turned, self._sent, self._said, self._stood = 0, [], set(), set(self._shown)
        return shown

    def _standing(self) -> list[NativeRecord]:
        """The table by now; what did not change since the first page is shown as it was shown, and hidden as before."""
        now = [
            self._shown.get(record.record_id, record) if self._held.get(record.record_id) is record.body else record
            for record in self.rows()
            if record.record_id not in self._hidden
        ]
        self._stood &= {record.record_id for record in now}
        now += self._again
        turned = self._turned % max(len(now), 1)
        return now[len(now) - turned :] + now[: len(now) - turned]

    def _cut(self, standing: list[NativeRecord], start: int) -> httpx.Response:
        size, end = self.spelling.size, start + self.spelling.size
        page, total, pages = standing[start:end], len(standing), -(-len(standing) // size)
        said: dict[str, object] = {}
        if self.spelling.says_total:
            said["total"] = total
        if self.spelling.says_pages:
            said["pages"] = pages
        self._said.add((total if "total" in said else 0, pages if "pages" in said else 0))
        if self.spelling.style == "next_link":
            said["next"] = f"/records?page={end // size + 1}" if end < total else None
        self._sent += [record.record_id for record in page]
        return self._answer(page, **said)

    def left_out(self) -> Shift | None:
        """What the last listing did not give, as its pages shifted.

        Where no total is said, one record that goes shows nowhere; where it is said, one that goes while another comes.
        """
        left_out = frozenset(self._stood.difference(self._sent))
        # Nobody can tell of one that says no id whether it came before.
        named = [record_id for record_id in self._sent if record_id]
        total, _ = next(iter(self._said))
        counts = len(self._said) == 1 and (not self.spelling.says_total or total == len(self._sent))
        return Shift(left_out, not counts or len(named) != len(set(named))) if left_out else None
