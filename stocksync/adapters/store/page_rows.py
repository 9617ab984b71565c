"""The pages of the last complete listings, by digests of their bytes; each call within the caller's transaction."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Set
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, literal_column, select

from stocksync.adapters.store.core import PAGE, SNAPSHOT, chunks
from stocksync.adapters.store.key_lists import ByKeys
from stocksync.adapters.store.snapshot_rows import digests_moved_on
from stocksync.stock.values import Side
from stocksync.sync.familiar import KnownPage, LastListing, ListedPage, packed, unpacked
from stocksync.sync.recording import Recording
from stocksync.sync.runs import DIGEST_SIZE, PackedPage

_LOWER: Final = 0xFFFFFFFF
_OF_PAGE = (
    PAGE.c.pair == bindparam("pair"),
    PAGE.c.point_of_sale == bindparam("place"),
    PAGE.c.side == bindparam("of"),
)
_OF_SNAPSHOT = (
    SNAPSHOT.c.pair == bindparam("pair"),
    SNAPSHOT.c.side == bindparam("of"),
    SNAPSHOT.c.point_of_sale == bindparam("place"),
    SNAPSHOT.c.gone.is_(False),
    SNAPSHOT.c.listed_digest.is_not(None),
)
# A sum of whole digests would leave the range of 64 bits.
_KNOWN = select(
    func.count(),
    func.sum(SNAPSHOT.c.listed_digest.op(">>")(literal_column("32"))),
    func.sum(SNAPSHOT.c.listed_digest.op("&")(_LOWER)),
).where(*_OF_SNAPSHOT)
_AMONG = ByKeys(
    SNAPSHOT.c.listed_digest,
    select(SNAPSHOT.c.listed_digest).where(*_OF_SNAPSHOT, SNAPSHOT.c.moved_on.is_(False)).where,
)
_PAGES = select(PAGE.c.digest, PAGE.c.records, PAGE.c.known, PAGE.c.high, PAGE.c.low).where(*_OF_PAGE)
_DIGESTS = ByKeys(PAGE.c.digest, select(PAGE.c.digests).where(*_OF_PAGE).where)
_PACKED = select(PAGE.c.digest, PAGE.c.digests, PAGE.c.runs).where(*_OF_PAGE)


def last_listing(connection: Connection, pair: str, point_of_sale: str, side: Side) -> LastListing:
    """The pages of the last listing: see `Store.last_listing`.

    That the records on pages are those of the snapshots is seen by their number and the sums of their digests: whatever
    added or took away a snapshot since, or changed one without saying so, the two do not agree any more.
    """
    here = {"pair": pair, "place": point_of_sale, "of": side.value}
    pages = connection.execute(_PAGES, here).all()
    on_pages = tuple(map(sum, zip(*((page.known, page.high, page.low) for page in pages), strict=True)))
    if not pages or on_pages != tuple(connection.execute(_KNOWN, here).one()):
        return LastListing()
    unfamiliar = digests_moved_on(connection, pair, point_of_sale, side)
    if partly := [page.digest for page in pages if page.known < page.records]:
        listed = {digest for packed in _DIGESTS.values(connection, partly, here) for digest in unpacked(packed)}
        unfamiliar |= listed.difference(_AMONG.values(connection, listed, here))
    return LastListing(tuple(KnownPage(page.digest, page.records) for page in pages), frozenset(unfamiliar))


def packed_pages(connection: Connection, pair: str, point_of_sale: str, side: Side) -> dict[int, PackedPage]:
    """What is kept of the records of pages."""
    here = {"pair": pair, "place": point_of_sale, "of": side.value}
    return {row.digest: PackedPage(row.digests, row.runs) for row in connection.execute(_PACKED, here)}


def note_pages(connection: Connection, recording: Recording) -> None:
    """Keep the pages of a complete listing, once its snapshots are written, in the place of those of the last one."""
    for side, pages in recording.pages.items():
        here = {"pair": recording.pair, "point_of_sale": recording.point_of_sale, "side": side.value}
        came = {page.digest: page for page in pages}
        kept = {digest for digest, page in came.items() if isinstance(page, KnownPage)}
        _forget(connection, here, kept)
        new = [page for page in came.values() if isinstance(page, ListedPage)]
        unknown = _unknown(connection, recording, side, {digest for page in new for digest in page.fresh})
        rows = [here | _row(page, unknown) for page in new]
        if rows:
            connection.execute(insert(PAGE), rows)


def _forget(connection: Connection, here: dict[str, str], kept: Collection[int]) -> None:
    of_side = [PAGE.c[name] == value for name, value in here.items()]
    if not kept:
        connection.execute(delete(PAGE).where(*of_side))
        return
    gone = set(connection.scalars(select(PAGE.c.digest).where(*of_side))) - set(kept)
    for part in chunks(sorted(gone)):
        connection.execute(delete(PAGE).where(*of_side, PAGE.c.digest.in_(part)))


def _unknown(connection: Connection, recording: Recording, side: Side, fresh: set[int]) -> set[int]:
    """Those of what was not familiar that no snapshot has even now."""
    here = {"pair": recording.pair, "place": recording.point_of_sale, "of": side.value}
    # Almost all of them were written by this very recording, and need not be asked for.
    unsure = fresh.difference(_written(recording, side))
    return unsure.difference(_AMONG.values(connection, unsure, here))


def _written(recording: Recording, side: Side) -> Iterator[int | None]:
    yield from (snapshot.listed_digest for snapshot in recording.snapshots if snapshot.side is side)
    yield from (digest for (of_side, _), (digest, _) in recording.relisted.items() if of_side is side)


def _row(page: ListedPage, unknown: Set[int]) -> dict[str, Any]:
    known = page.packed
    if unknown and not unknown.isdisjoint(page.digests):
        known = packed([digest for digest in page.digests if digest not in unknown])
    high, low = _sums(known)
    return {
        "digest": page.digest,
        "records": page.count,
        "known": len(known) // DIGEST_SIZE,
        "high": high,
        "low": low,
        "digests": page.packed,
        "runs": page.runs,
    }


def _sums(packed: bytes) -> tuple[int, int]:
    """Those of the upper and of the lower 32 bits of digests."""
    # All halves at once: there are two for every car on a page of which anything changed.
    halves = struct.unpack("<" + "Ii" * (len(packed) // DIGEST_SIZE), packed)
    return sum(halves[1::2]), sum(halves[::2])
