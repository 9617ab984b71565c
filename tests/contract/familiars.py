"""What is remembered of a listing, made of what it gave."""

from collections.abc import Iterable, Mapping

from stocksync.sync.familiar import Familiar, KnownPage, LastListing, ListedPage, Memory
from stocksync.sync.runs import PackedPage


def familiar_with(known: Mapping[str, int], pages: Iterable[ListedPage] = ()) -> Familiar:
    """A familiar that knows records by their digests, and the pages that they stood on, where there were any."""
    came = tuple(pages)
    return Familiar(
        Memory(
            known.values,
            lambda ids: {i: known[i] for i in ids if i in known},
            lambda: LastListing(tuple(KnownPage(page.digest, page.count) for page in came)),
            lambda: {page.digest: PackedPage(page.packed, page.runs) for page in came},
        )
    )
