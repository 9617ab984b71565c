"""A page cut into its records without reading them, so that those that came before just so are never decoded.

Only where a page is JSON with a plain list at a path of names: everything else is read whole.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import xxhash

from stocksync.adapters.systems import strict_json
from stocksync.sync.familiar import KnownPage, ListedPage

_ENVELOPE = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_NEEDLE = 64
_EMPTY = b"[]"
_SIGN = 1 << 63


def _none_known(digest: int) -> KnownPage | None:
    return None


@dataclass(frozen=True, slots=True)
class Sliced:
    """A page in pieces.

    envelope: the page with an empty list in the place of its records. items, digests: its records, undecoded; none
    where the page is known. digest: of the list's bytes.
    """

    envelope: bytes
    items: list[msgspec.Raw]
    digests: list[int]
    digest: int
    known: KnownPage | None = None

    def unfamiliar(self, familiar: Container[int]) -> list[tuple[Any, int]]:
        """The records that are not familiar, decoded, each with its digest. Raises NotJson."""
        fresh = [(item, d) for item, d in zip(self.items, self.digests, strict=True) if d not in familiar]
        return [(strict_json.parsed(bytes(item)), digest) for item, digest in fresh]

    def familiar(self, familiar: Container[int]) -> list[int]:
        """The digests of those that are."""
        return [digest for digest in self.digests if digest in familiar]

    def listed(self, familiar: list[int]) -> ListedPage:
        """The page to be known by the next time."""
        if len(familiar) == len(self.digests):
            return ListedPage(self.digest, tuple(self.digests), ())
        known = frozenset(familiar)
        fresh = tuple(digest for digest in self.digests if digest not in known)
        return ListedPage(self.digest, tuple(self.digests), fresh)


def sliced(content: bytes, path: str | None, known: Callable[[int], KnownPage | None] = _none_known) -> Sliced | None:
    """Cut a page; one that is known by the digest of its list is not looked into.

    None where it cannot be cut, for whatever reason: whoever reads it whole says what is wrong.
    """
    steps = tuple(path.split(".")) if path else ()
    try:
        return _between_brackets(content, steps, known) or _cut(content, steps)
    except (msgspec.DecodeError, KeyError, UnicodeDecodeError):
        return None


def _between_brackets(
    content: bytes, steps: tuple[str, ...], known: Callable[[int], KnownPage | None]
) -> Sliced | None:
    """Cut a page whose list goes from its first bracket to its last, as almost every one does; None for any other."""
    start, end = content.find(b"["), content.rfind(b"]") + 1
    if not 0 <= start < end:
        return None
    envelope = content[:start] + _EMPTY + content[end:]
    try:
        if bytes(_at(envelope, steps)) != _EMPTY:
            return None
        found = memoryview(content)[start:end]
        page = known(digest := digest_of(found))
        return Sliced(envelope, [], [], digest, page) if page is not None else _of(envelope, found, digest)
    except (msgspec.DecodeError, KeyError, UnicodeDecodeError):
        return None


def _cut(content: bytes, steps: tuple[str, ...]) -> Sliced | None:
    span = bytes(_at(content, steps))
    envelope = _envelope(content, span, steps)
    return _of(envelope, span, digest_of(span)) if envelope is not None else None


def _of(envelope: bytes, span: bytes | memoryview, digest: int) -> Sliced:
    items = _ITEMS.decode(span)
    hashed = xxhash.xxh3_64_intdigest
    return Sliced(envelope, items, [hashed(item) - _SIGN for item in items], digest)


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
