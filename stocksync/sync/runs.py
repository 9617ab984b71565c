"""Runs of records that stood side by side on the pages of a listing, by digests of their bytes.

By them a page of which little changed is recognised without being cut into all its records. A run is a few records with
one comma between any two and nothing else; it is looked for by the digest of its beginning. What is met so is as good
as cut: its bytes are the very ones that were cut into these records before. Not here: how runs are found, see `slices`.
"""

from __future__ import annotations

import struct
from array import array
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from typing import Final, NamedTuple

RECORDS: Final = 16
"""About so many records are a run: with more, one change has more of them cut; with fewer, there is more to look up."""
BEGINNING: Final = 64
"""How many bytes a run is looked for by; an id should stand there. What is shorter than that is no run."""
_RUN: Final = struct.Struct("<QQII")
DIGEST_SIZE: Final = 8
"""Bytes of a packed digest."""
_NO_RUN: Final = 0


class PackedPage(NamedTuple):
    """What is kept of a page. digests: of its records, 8 bytes each, the least first. runs: see `packed`, of all."""

    digests: bytes
    runs: bytes = b""


def packed(beginning: int, digest: int, length: int, count: int) -> bytes:
    """One run as a database keeps it: the digests of its beginning and of its bytes, how many bytes, how many records.

    The runs of a page stand side by side, as they do there; records that are in none stand between as `no_run`.
    """
    return _RUN.pack(beginning, digest, length, count)


def no_run(count: int) -> bytes:
    """So many records that no run is kept of."""
    return _RUN.pack(_NO_RUN, 0, 0, count)


class KnownRuns:
    """All runs of a listing, numbered as they stand on its pages.

    numbers: of those that begin as no other does, by the digests of their beginnings. run_digests, lengths: of all, by
    their numbers; where no run is kept the length is 0.
    """

    __slots__ = ("_digests", "_firsts", "_runs", "lengths", "numbers", "run_digests")

    def __init__(self, pages: Iterable[PackedPage] = ()) -> None:
        # Hardly an object for each: there is one run for every few cars of a stock.
        known = [page for page in pages if page.runs]
        self._runs = b"".join(page.runs for page in known)
        self._digests = b"".join(page.digests for page in known)
        beginnings, digests, lengths, counts = zip(*_RUN.iter_unpack(self._runs), strict=True) if known else ((),) * 4
        self._firsts = array("Q", accumulate(counts, initial=0))
        self.run_digests, self.lengths = array("Q", digests), array("Q", lengths)
        self.numbers = {beginning: number for number, beginning in enumerate(beginnings)}
        if len(self.numbers) < len(beginnings):
            for beginning, times in Counter(beginnings).items():
                if times > 1:
                    del self.numbers[beginning]
        self.numbers.pop(_NO_RUN, None)

    def digests(self, first: int, end: int) -> tuple[int, ...]:
        """The digests of the records of some runs that stand side by side, from the first to the one before the end."""
        start, stop = self._firsts[first], self._firsts[end]
        return struct.unpack_from(f"<{stop - start}q", self._digests, start * DIGEST_SIZE)

    def packed(self, first: int, end: int) -> bytes:
        """These runs as a database keeps them."""
        return self._runs[first * _RUN.size : end * _RUN.size]


def number_in(packed_runs: bytes) -> int:
    """How many runs are packed there, what is in none counted as one."""
    return len(packed_runs) // _RUN.size
