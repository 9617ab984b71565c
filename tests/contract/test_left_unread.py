"""What a listing leaves to be read, and what of the last one did not come again."""

import json
from collections.abc import Iterator
from random import Random
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from stocksync.adapters.systems import slices
from stocksync.adapters.systems.slices import digest_of
from stocksync.sync.familiar import Familiar, KnownPage, LastListing, Memory
from stocksync.sync.runs import PackedPage

Texts = list[bytes]
_A_RUN = 4


def record(number: int, text: str = "") -> bytes:
    """One record as its system spells it, longer than what a run is looked for by."""
    body = {"id": f"OF-{number:06}", "text": text + "a" * 60}
    return json.dumps(body, separators=(",", ":")).encode()


def contents(texts: Texts, size: int) -> Iterator[bytes]:
    """The pages of a listing."""
    for start in range(0, len(texts), size):
        yield b'{"items":[%b]}' % b",".join(texts[start : start + size])


class Listings:
    """The last listing, and one after it."""

    def __init__(self, before: Texts, size: int, moved_on: frozenset[int] = frozenset()) -> None:
        self.known = {digest_of(text) for text in before} - moved_on
        pages = [self._cut(content).listed(()) for content in contents(before, size)]
        packed = {page.digest: PackedPage(page.packed, page.runs) for page in pages}
        last = LastListing(tuple(KnownPage(page.digest, page.count) for page in pages), moved_on)
        self.familiar = Familiar(Memory(self.known.copy, lambda _: {}, lambda: last, lambda: packed))
        self.familiar.begin()
        self.unread: list[int] = []
        self.read: list[int] = []
        self.doubled = 0

    def _cut(self, content: bytes) -> slices.Sliced:
        page = slices.sliced(content, "items")
        assert page is not None
        return page

    def come(self, content: bytes) -> None:
        """One page more."""
        page = slices.sliced(content, "items", self.familiar.page, lambda: self.familiar.runs)
        assert page is not None
        digests = [digest_of(json.dumps(r, separators=(",", ":")).encode()) for r in json.loads(content)["items"]]
        if page.known is not None:
            self.doubled += page.known.count - self.familiar.met_page(page.known)
            self.unread += digests
            return
        fresh = [digest for _, digest in page.unfamiliar(self.familiar.left)]
        listed = page.listed(fresh)
        assert list(listed.digests) == digests
        self.doubled += listed.count - len(fresh) - self.familiar.met(listed.digests)
        self.read += fresh
        for digest in fresh:
            digests.remove(digest)
        self.unread += digests


def edited(chance: Random, texts: Texts, *, tidy: bool) -> Texts:
    """A listing after a while; tidy: nothing comes twice."""
    now = list(texts)
    for _ in range(chance.choice([0, 1, 2, 6])):
        at, length = chance.randrange(len(now) + 1), chance.randrange(1, 12)
        kind = chance.randrange(4 if tidy else 5)
        if kind == 0:
            now[at : at + 1] = [record(chance.randrange(10**6), "another")]
        elif kind == 1:
            now.insert(at, record(chance.randrange(10**6), "new"))
        elif kind == 2:
            now[at : at + length] = []
        elif kind == 3:
            block, now[at : at + length] = now[at : at + length], []
            to = chance.randrange(len(now) + 1)
            now[to:to] = block
        else:
            # On a page of its own: as where pages shift while they are asked for.
            now += now[at : at + length]
    return now


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_a_record_is_left_unread_once_and_only_where_it_is_known_and_came_and_what_else_is_known_did_not_come(
    seed: int, tidy: bool
) -> None:
    chance = Random(seed)
    before = [record(number) for number in range(chance.choice([1, 7, 60]))]
    moved_on = frozenset(digest_of(text) for text in before if chance.random() < chance.choice([0, 0.1]))
    size, now = chance.choice([5, 20, 30]), edited(chance, before, tidy=tidy)
    with patch.object(slices, "RECORDS", _A_RUN):
        listings = Listings(before, size, moved_on)
        for content in contents(now, size):
            listings.come(content)
    assert set(listings.unread) <= listings.known
    # Twice only where it is told.
    assert len(listings.unread) == len(set(listings.unread)) + listings.doubled
    assert listings.familiar.not_met() == listings.known.difference(listings.unread)
    if tidy:
        assert listings.known.isdisjoint(listings.read), "what came as it was is not read, wherever it stands now"
