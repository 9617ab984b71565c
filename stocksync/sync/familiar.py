"""What a side listed before, by digests of its bytes: what comes again just as it was need not be read.

Of a page first: one that comes again whole is not even cut into its records. Of a run of records next, see `runs`, and
of a record otherwise. 64 bits tell what changed from its former self; that one of a million changes goes unnoticed by
chance is as likely as one in 18 million million.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from stocksync.sync.runs import DIGEST_SIZE, KnownRuns, PackedPage


@dataclass(frozen=True, slots=True)
class KnownPage:
    """A page of the last listing, every record of which is known just as it came.

    digest: of the bytes of its list of records; what else stands on a page may be another each time. count: of its
    records.
    """

    digest: int
    count: int


@dataclass(frozen=True, slots=True)
class LastListing:
    """All pages of the last listing, none where it is not known what stood on them.

    unfamiliar: the digests of the records on them that are not known just as they came, or are known otherwise since.
    """

    pages: tuple[KnownPage, ...] = ()
    unfamiliar: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class ListedPage:
    """A page as it came; packed: the digests of its records, in their order, see `packed`.

    fresh: those of them that were not familiar. runs: see `runs.packed`; none where a system does not know any.
    """

    digest: int
    packed: bytes
    fresh: tuple[int, ...]
    runs: bytes = b""

    @property
    def digests(self) -> tuple[int, ...]:
        """Those of its records, in their order."""
        return unpacked(self.packed)

    @property
    def count(self) -> int:
        """How many records it held."""
        return len(self.packed) // DIGEST_SIZE


def packed(digests: Sequence[int]) -> bytes:
    """Digests as a database keeps them: 8 bytes each, the least first. All of a listing are held so, not as objects."""
    return struct.pack(f"<{len(digests)}q", *digests)


def unpacked(packed: bytes) -> tuple[int, ...]:
    """What `packed` packs."""
    return struct.unpack(f"<{len(packed) // DIGEST_SIZE}q", packed)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of the last listing of one side at one point of sale.

    digests: gives those of all records that are known as they were listed. former: those of some records among them, by
    their ids. last: the pages whose records are these and no others but for unfamiliar ones, none where that does not
    hold. packed: what is kept of all pages of the last listing, by their digests.
    """

    digests: Callable[[], Iterable[int]]
    former: Callable[[Iterable[str]], Mapping[str, int]]
    last: Callable[[], LastListing] = LastListing
    packed: Callable[[], Mapping[int, PackedPage]] = dict


@dataclass
class Familiar:
    """The pages and records of one side's last listing that were not met in this one yet.

    What was met once is not familiar any more: a page or a record that comes twice is read. Records are asked for one
    by one only once a page came that is not known: until then nothing of the size of the stock is held.
    """

    memory: Memory
    _begun: bool = field(default=False, init=False)
    _last: LastListing = field(default_factory=LastListing, init=False)
    _pages: dict[int, KnownPage] = field(default_factory=dict, init=False)
    _met: list[int] = field(default_factory=list, init=False)
    _left: set[int] | None = field(default=None, init=False)
    _packed: Mapping[int, PackedPage] | None = field(default=None, init=False)
    _runs: KnownRuns | None = field(default=None, init=False)

    def begin(self) -> None:
        """The listing begins, or begins again: nothing was met yet."""
        self._begun = True
        self._last = self.memory.last()
        self._met, self._packed, self._runs = [], None, None
        self._pages = {page.digest: page for page in self._last.pages if self._is_familiar(page)}
        self._left = None if self._last.pages else set(self.memory.digests())

    def _is_familiar(self, page: KnownPage) -> bool:
        """Tell whether every record on a page of the last listing still is known just as it came."""
        unfamiliar = self._last.unfamiliar
        if not unfamiliar:
            return True
        kept = self.packed.get(page.digest)
        return kept is not None and unfamiliar.isdisjoint(unpacked(kept.digests))

    def page(self, digest: int) -> KnownPage | None:
        """The page with this list of records, unless it was met already."""
        return self._pages.get(digest)

    @property
    def left(self) -> set[int]:
        """The digests of the records that were not met yet."""
        if self._left is None:
            self._left = self._not_met_yet()
        return self._left

    @property
    def runs(self) -> KnownRuns:
        """The runs of the last listing; that one of them came says nothing of whether its records are familiar."""
        if self._runs is None:
            self._runs = KnownRuns(self.packed.values())
        return self._runs

    @property
    def packed(self) -> Mapping[int, PackedPage]:
        """What is kept of the pages of the last listing."""
        if self._packed is None:
            self._packed = self.memory.packed()
        return self._packed

    def _not_met_yet(self) -> set[int]:
        packed, met = self.packed, set(self._met)
        if packed.keys() == {page.digest for page in self._last.pages}:
            # All there is stands on these pages: quicker to add up than to ask for.
            left: set[int] = set().union(
                *(unpacked(page.digests) for digest, page in packed.items() if digest not in met)
            )
            left.difference_update(self._last.unfamiliar)
            return left
        # Another run listed meanwhile: what was met belongs to pages that nobody remembers any more.
        return set()

    def not_met(self) -> set[int]:
        """What did not come again, once the listing has ended: all there is, where whoever listed looked at none."""
        if not self._begun:
            self.begin()
        return set() if self._left is None and len(self._met) == len(self._last.pages) else self.left

    def met(self, digests: Iterable[int]) -> int:
        """These records came; any that are not familiar may be among them. The answer is how many had not been met."""
        left, before = self.left, len(self.left)
        left.difference_update(digests)
        return before - len(left)

    def met_page(self, page: KnownPage) -> int:
        """This page came again. The answer is how many of its records had not been met."""
        del self._pages[page.digest]
        if self._left is None:
            self._met.append(page.digest)
            return page.count
        kept = self.packed.get(page.digest)
        # Where another run listed meanwhile, nobody remembers which records these are, so that none counts as new.
        return self.met(unpacked(kept.digests)) if kept is not None else 0

    def twice(self, record_ids: Iterable[str]) -> list[str]:
        """Those of these records, which came as others, that came as they were before, too."""
        former = self.memory.former(record_ids)
        return sorted(record_id for record_id, digest in former.items() if digest not in self.left)
