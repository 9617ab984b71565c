"""A page cut into its records without reading them, so that those that came before just so are never decoded.

Records that stand side by side just as they did are not even cut apart, see `stocksync.sync.runs`. Only where a page is
JSON with a plain list at a path of names: everything else is read whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import msgspec
import xxhash

from stocksync.adapters.systems import strict_json
from stocksync.sync import familiar
from stocksync.sync.familiar import KnownPage, ListedPage
from stocksync.sync.runs import BEGINNING, RECORDS, KnownRuns, no_run, number_in, packed

_ENVELOPE = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_NEEDLE = 64
_EMPTY = b"[]"
_SIGN = 1 << 63
_COMMA: Final = ord(",")
_BETWEEN_RECORDS: Final = b"},{"
_NEAR: Final = 256
_SHORT_RUNS_ALLOWED: Final = 4


def _none_known(digest: int) -> KnownPage | None:
    return None


@dataclass(frozen=True, slots=True)
class Piece:
    """Records that stand side by side on a page, from one byte to another, what is around them left out.

    items: the records, undecoded; None where they stand in known runs, which were not cut. runs: see `runs.packed`.
    """

    start: int
    end: int
    digests: tuple[int, ...]
    runs: bytes
    items: list[msgspec.Raw] | None = None


@dataclass(frozen=True, slots=True)
class Sliced:
    """A page in pieces.

    envelope: the page with an empty list in the place of its records. digest: of the list's bytes. content, pieces: the
    records, and what their places count from; none where the page is known.
    """

    envelope: bytes
    digest: int
    content: bytes = b""
    pieces: tuple[Piece, ...] = ()
    known: KnownPage | None = None

    def unfamiliar(self, known: set[int]) -> list[tuple[Any, int]]:
        """The records whose digests are not known, decoded, each with its digest. Raises NotJson."""
        return [
            (strict_json.parsed(bytes(item)), digest)
            for piece in self.pieces
            if not known.issuperset(piece.digests)
            for item, digest in zip(self._items(piece), piece.digests, strict=True)
            if digest not in known
        ]

    def listed(self, fresh: Iterable[int]) -> ListedPage:
        """The page to be known by the next time; fresh: the digests of those of its records that were not familiar."""
        digests = tuple(chain.from_iterable(piece.digests for piece in self.pieces))
        runs = b"".join(piece.runs for piece in self.pieces)
        return ListedPage(self.digest, familiar.packed(digests), tuple(fresh), runs)

    def _items(self, piece: Piece) -> list[msgspec.Raw]:
        return piece.items if piece.items is not None else _apart(self.content, piece.start, piece.end)


def sliced(
    content: bytes,
    path: str | None,
    known: Callable[[int], KnownPage | None] = _none_known,
    runs: Callable[[], KnownRuns] = KnownRuns,
) -> Sliced | None:
    """Cut a page; one that is known by the digest of its list is not looked into, nor is a run of records.

    None where it cannot be cut, for whatever reason: whoever reads it whole says what is wrong.
    """
    steps = tuple(path.split(".")) if path else ()
    try:
        return _between_brackets(content, steps, known, runs) or _cut(content, steps)
    except (msgspec.DecodeError, KeyError, UnicodeDecodeError):
        return None


def _between_brackets(
    content: bytes,
    steps: tuple[str, ...],
    known: Callable[[int], KnownPage | None],
    runs: Callable[[], KnownRuns],
) -> Sliced | None:
    """Cut a page whose list goes from its first bracket to its last, as almost every one does; None for any other."""
    start, end = content.find(b"["), content.rfind(b"]") + 1
    if not 0 <= start < end:
        return None
    envelope = content[:start] + _EMPTY + content[end:]
    try:
        if bytes(_at(envelope, steps)) != _EMPTY:
            return None
        page = known(digest := digest_of(memoryview(content)[start:end]))
        if page is not None:
            return Sliced(envelope, digest, known=page)
        pieces = _by_runs(content, start + 1, end - 1, runs()) or _whole(content, start + 1, end - 1)
        return Sliced(envelope, digest, content, pieces)
    except (msgspec.DecodeError, KeyError, UnicodeDecodeError):
        return None


def _cut(content: bytes, steps: tuple[str, ...]) -> Sliced | None:
    span = bytes(_at(content, steps))
    envelope = _envelope(content, span, steps)
    return Sliced(envelope, digest_of(span), span, _whole(span, 1, len(span) - 1)) if envelope is not None else None


def _whole(content: bytes, start: int, end: int) -> tuple[Piece, ...]:
    """All records of a list as one piece; they stand from one byte to another."""
    items = _ITEMS.decode(memoryview(content)[start - 1 : end + 1])
    return (_piece(content, start, end, items),) if items else ()


def _by_runs(content: bytes, start: int, end: int, known: KnownRuns) -> tuple[Piece, ...] | None:
    """The records of a list, those that stand in known runs not cut; None where it is better cut as a whole.

    All that stands before a run is whole records by itself. So where it begins a record must begin, and as its bytes
    were cut into records before, they are those records here, too: never a part of a text or of a list inside a record.
    """
    pieces: list[Piece] = []
    at, number = start, len(known.lengths)
    while (found := _next_run(content, at, end, known, number)) is not None:
        start, first = found
        stop, number = _end_of_runs(content, start, end, known, first)
        if at < start and not _add(pieces, content, at, start - 1):
            return None
        pieces.append(Piece(start, stop, known.digests(first, number), known.packed(first, number)))
        at = stop + 1
    if not pieces or (at <= end and not _add(pieces, content, at, end)):
        return None
    return tuple(pieces) if _are_few(pieces) else None


def _next_run(content: bytes, at: int, end: int, known: KnownRuns, broken: int) -> tuple[int, int] | None:
    """Where the next known run stands in a list, from a record on, and its number; broken: of the one that was here."""
    if broken < len(known.lengths):
        # Where a record became a little longer or shorter, what followed still stands near where it did.
        near = at + known.lengths[broken]
        after = content.find(_BETWEEN_RECORDS, max(at, near - _NEAR), near + _NEAR)
        found = _first_run(content, after + 2, min(near + _NEAR, end), end, known) if after >= 0 else None
        if found is not None:
            return found
    return _first_run(content, at, end, end, known)


def _first_run(content: bytes, at: int, until: int, end: int, known: KnownRuns) -> tuple[int, int] | None:
    number_of, hashed, view = known.numbers.get, xxhash.xxh3_64_intdigest, memoryview(content)
    while at < until and known.numbers:
        number = number_of(hashed(view[at : at + BEGINNING]))
        if number is not None and _stands(view, at, end, known, number):
            return at, number
        after = content.find(_BETWEEN_RECORDS, at, until)
        if after < 0:
            return None
        at = after + 2
    return None


def _stands(view: memoryview, at: int, end: int, known: KnownRuns, number: int) -> bool:
    """Whether a run's bytes stand here, with the end of the list or of a record after them."""
    stop = at + known.lengths[number]
    if stop != end and (stop > end or view[stop] != _COMMA):
        return False
    return bool(xxhash.xxh3_64_intdigest(view[at:stop]) == known.run_digests[number])


def _end_of_runs(content: bytes, at: int, end: int, known: KnownRuns, number: int) -> tuple[int, int]:
    """Where known runs end that stand side by side as they did, of which the first stands here; the next number."""
    view, lengths = memoryview(content), known.lengths
    stop, number = at + lengths[number], number + 1
    while stop < end and number < len(lengths) and _stands(view, stop + 1, end, known, number):
        stop, number = stop + 1 + lengths[number], number + 1
    return stop, number


def _are_few(pieces: Iterable[Piece]) -> bool:
    """Whether runs still are of some length: changes leave shorter ones, until a page is cut as a whole again."""
    runs = sum(number_in(piece.runs) for piece in pieces)
    return runs * RECORDS <= 2 * sum(len(piece.digests) for piece in pieces) + _SHORT_RUNS_ALLOWED * RECORDS


def _add(pieces: list[Piece], content: bytes, start: int, end: int) -> bool:
    """Cut what stands beside runs; False iff that is not whole records, one at least."""
    try:
        items = _apart(content, start, end)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    if items:
        pieces.append(_piece(content, start, end, items))
    return bool(items)


def _apart(content: bytes, start: int, end: int) -> list[msgspec.Raw]:
    return _ITEMS.decode(b"[%b]" % content[start:end])


def _piece(content: bytes, start: int, end: int, items: list[msgspec.Raw]) -> Piece:
    hashed = xxhash.xxh3_64_intdigest
    digests = tuple([hashed(item) - _SIGN for item in items])
    return Piece(start, end, digests, _runs(memoryview(content)[start:end], items), items)


def _runs(text: memoryview, items: list[msgspec.Raw]) -> bytes:
    """The runs that records are to be known by the next time."""
    lengths, hashed = list(map(len, items)), xxhash.xxh3_64_intdigest
    if sum(lengths) + len(lengths) - 1 != len(text):
        # Only where the text is as short as it can be there is one comma between any two records and nothing else.
        return no_run(len(items))
    packed_runs, at = [], 0
    number = max(round(len(items) / RECORDS), 1)
    for part in range(number):
        some = lengths[part * len(items) // number : (part + 1) * len(items) // number]
        stop = at + sum(some) + len(some) - 1
        is_run = stop - at >= BEGINNING
        packed_runs.append(
            packed(hashed(text[at : at + BEGINNING]), hashed(text[at:stop]), stop - at, len(some))
            if is_run
            else no_run(len(some))
        )
        at = stop + 1
    return b"".join(packed_runs)


def _at(content: bytes, steps: tuple[str, ...]) -> bytes | msgspec.Raw:
    found: bytes | msgspec.Raw = content
    for step in steps:
        found = _ENVELOPE.decode(found)[step]
    return found


def _envelope(content: bytes, span: bytes, steps: tuple[str, ...]) -> bytes | None:
    """A page without the list whose bytes these are, wherever else the same bytes stand."""
    for start in _places_of(span, content):
        envelope = content[:start] + _EMPTY + content[start + len(span) :]
        if bytes(_at(envelope, steps)) == _EMPTY:
            return envelope
    return None


def digest_of(raw: Any) -> int:
    """The digest of bytes, as a database keeps whole numbers: with a sign."""
    return xxhash.xxh3_64_intdigest(raw) - _SIGN


def _places_of(span: bytes, content: bytes) -> Iterator[int]:
    """Where a part of a page may stand in it; looked for by its beginning, which is quicker than by the whole."""
    beginning, start = span[:_NEEDLE], -1
    while (start := content.find(beginning, start + 1)) >= 0:
        if content.startswith(span, start):
            yield start
