"""How the next page is asked for, and how many there are: one class for each family of paging styles.

A position is what leads to a page: None for the first, a cursor, a number, or the address that a link gave. Whether
the pages add up is `listing`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from typing import Final

import httpx

from stocksync.adapters.systems.answers import Interpreter, Meaning
from stocksync.adapters.systems.http import HttpClient
from stocksync.adapters.systems.listing import ChainTally, Listed, StepTally, Tally, WholeTally
from stocksync.adapters.systems.records import found_at, text
from stocksync.mapping.connection_paging import (
    CursorPaging,
    LinkHeaderPaging,
    NextLinkPaging,
    NoPaging,
    NumberedPaging,
    OffsetPaging,
    Paging,
)
from stocksync.stock.values import ABSENT
from stocksync.sync.familiar import Familiar
from stocksync.sync.ports import NativeRecord

GONE: Final = (410,)


class Pager(ABC):
    """One way of paging, in one system."""

    expired_statuses: Collection[int] = ()
    """Statuses by which the system says that it does not know a position any more."""

    def __init__(self, paging: Paging, client: HttpClient, interpreter: Interpreter) -> None:
        self._paging = paging
        self._client = client
        self._interpreter = interpreter

    @abstractmethod
    def tally(self, familiar: Familiar | None = None) -> Tally:
        """What proves one listing; familiar: see `System.pages`."""

    def query(self, position: str | None) -> Mapping[str, str]:
        """The parameters that lead to a position."""
        return {}

    def url(self, position: str | None) -> httpx.URL | None:
        """The address of a position, where that is given whole."""
        return None

    def listed(self, meaning: Meaning, records: tuple[NativeRecord, ...]) -> Listed:
        """A page with what its answer says of the others."""
        return Listed(records, total=self._total(meaning))

    def _total(self, meaning: Meaning) -> int | None:
        paging = self._paging
        if paging.total is not None:
            return self._count(meaning, paging.total)
        if paging.total_header is None:
            return None
        said = meaning.answer.headers.get(paging.total_header, "").strip()
        if not re.fullmatch(r"[0-9]{1,9}", said):
            raise self._interpreter.unexpected(meaning.where, f"no count in the header {paging.total_header}")
        return int(said)

    def _count(self, meaning: Meaning, path: str) -> int:
        count = found_at(meaning.body, path)
        if type(count) is not int or count < 0:
            raise self._interpreter.unexpected(meaning.where, f"no count at {path!r}")
        return count


class CursorPager(Pager):
    """A cursor in each answer."""

    def __init__(self, paging: CursorPaging, client: HttpClient, interpreter: Interpreter) -> None:
        super().__init__(paging, client, interpreter)
        self._cursor = paging
        self.expired_statuses = paging.expired_statuses

    def tally(self, familiar: Familiar | None = None) -> Tally:
        """A record that changes while it is listed comes again, which is normal along cursors."""
        return ChainTally(repeats_are_normal=True, familiar=familiar)

    def query(self, position: str | None) -> Mapping[str, str]:
        """The cursor as a parameter."""
        return {} if position is None else {self._cursor.parameter: position}

    def listed(self, meaning: Meaning, records: tuple[NativeRecord, ...]) -> Listed:
        """A page with the cursor of the next one."""
        said = found_at(meaning.body, self._cursor.next)
        if self._cursor.complete_when is not None and (said is ABSENT or said == "" or said is False):
            said = None
        if said is not None and not text(said):
            raise self._interpreter.unexpected(meaning.where, f"neither a cursor nor null at {self._cursor.next!r}")
        return Listed(records, next=None if said is None else text(said), total=self._total(meaning))


class LinkPager(Pager):
    """A link in each answer, in its body or in its header Link."""

    expired_statuses = GONE

    def tally(self, familiar: Familiar | None = None) -> Tally:
        """Behind a link there may be a page's number: a record that comes twice means that pages shifted."""
        return ChainTally(repeats_are_normal=False, familiar=familiar)

    def url(self, position: str | None) -> httpx.URL | None:
        """The address that the link gave."""
        return None if position is None else httpx.URL(position)

    def listed(self, meaning: Meaning, records: tuple[NativeRecord, ...]) -> Listed:
        """A page with the address of the next one; UnexpectedAnswer iff that is not at the system's own origin."""
        link = self._link(meaning)
        if link is None:
            return Listed(records, total=self._total(meaning))
        url = self._client.linked(link, meaning.answer)
        if url is None:
            raise self._interpreter.unexpected(
                meaning.where, "a link to the next page that leads elsewhere, which is not followed"
            )
        return Listed(records, next=str(url), total=self._total(meaning))

    def _link(self, meaning: Meaning) -> str | None:
        if not isinstance(self._paging, NextLinkPaging):
            return next_of(meaning.answer.headers.get_list("Link"))
        path = self._paging.next
        said = found_at(meaning.body, path)
        if said is None or said is ABSENT or said == "":
            return None
        # Some systems put the link into an object of its own (HAL).
        link = said.get("href") if isinstance(said, Mapping) else said
        if not isinstance(link, str) or not link:
            raise self._interpreter.unexpected(meaning.where, f"neither a link nor null at {path!r}")
        return link


class StepPager(Pager):
    """Numbers of pages, or offsets."""

    def __init__(self, paging: NumberedPaging | OffsetPaging, client: HttpClient, interpreter: Interpreter) -> None:
        super().__init__(paging, client, interpreter)
        self._steps = paging

    def tally(self, familiar: Familiar | None = None) -> Tally:
        """Pages of a table that moves."""
        steps = self._steps
        return StepTally(
            size=steps.size if steps.complete_when == "short_page" else None,
            first=steps.first if isinstance(steps, NumberedPaging) else None,
            familiar=familiar,
        )

    def query(self, position: str | None) -> Mapping[str, str]:
        """The number, and the size where it is sent."""
        steps = self._steps
        start = str(steps.first) if isinstance(steps, NumberedPaging) else "0"
        size = {steps.size_parameter: str(steps.size)} if steps.size_parameter is not None else {}
        return {**size, steps.parameter: start if position is None else position}

    def listed(self, meaning: Meaning, records: tuple[NativeRecord, ...]) -> Listed:
        """A page with all that is said of their number."""
        pages = self._steps.pages if isinstance(self._steps, NumberedPaging) else None
        count = None if pages is None else self._count(meaning, pages)
        return Listed(records, total=self._total(meaning), pages=count)


class WholePager(Pager):
    """One answer that holds all."""

    def tally(self, familiar: Familiar | None = None) -> Tally:
        """The one answer."""
        return WholeTally(self._paging.cut_at if isinstance(self._paging, NoPaging) else None, familiar)


def open_pager(paging: Paging, client: HttpClient, interpreter: Interpreter) -> Pager:
    """The pager of a style."""
    match paging:
        case CursorPaging():
            return CursorPager(paging, client, interpreter)
        case NextLinkPaging() | LinkHeaderPaging():
            return LinkPager(paging, client, interpreter)
        case NumberedPaging() | OffsetPaging():
            return StepPager(paging, client, interpreter)
        case NoPaging():
            return WholePager(paging, client, interpreter)


# Possessive: a header of nothing but spaces and semicolons is read once, not in every way there is.
_LINK: Final = re.compile(
    r'\s*+<([^<>]*+)>((?:\s*+;\s*+[^\s=;,"]++\s*+(?:=\s*+(?:"(?:[^"\\]|\\.)*+"|[^\s",;]*+))?+)*+)\s*+(?:,|$)'
)
_PARAMETER: Final = re.compile(r';\s*+([^\s=;,"]++)\s*+(?:=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s",;]*+)))?+')


def next_of(headers: list[str]) -> str | None:
    """The target of the first link whose relations hold "next" (RFC 8288, 3); None iff there is none.

    A link's own `anchor` would make it speak of another page, so that such links are passed over.
    """
    for target, parameters in _links(", ".join(headers)):
        if "anchor" not in parameters and "next" in parameters.get("rel", "").lower().split():
            return target
    return None


def _links(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    position = 0
    while found := _LINK.match(header, position):
        parameters: dict[str, str] = {}
        for name, in_quotes, plain in _PARAMETER.findall(found[2]):
            # The first of several rel counts, says RFC 8288.
            parameters.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", in_quotes) or plain)
        yield found[1], parameters
        position = found.end()
