"""A page cut into its records without reading them, so that those that came before just so are never decoded.

Only where a page is JSON with a plain list at a path of names: everything else is read whole.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import xxhash

from stocksync.adapters.systems import strict_json

_ENVELOPE = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_NEEDLE = 64
_EMPTY = b"[]"
_SIGN = 1 << 63


@dataclass(frozen=True, slots=True)
class Sliced:
    """A page in pieces.

    envelope: the page with an empty list in the place of its records. items, digests: its records, undecoded.
    """

    envelope: bytes
    items: list[msgspec.Raw]
    digests: list[int]

    def unfamiliar(self, familiar: Container[int]) -> list[tuple[Any, int]]:
        """The records that are not familiar, decoded, each with its digest. Raises NotJson."""
        fresh = [(item, d) for item, d in zip(self.items, self.digests, strict=True) if d not in familiar]
        return [(strict_json.parsed(bytes(item)), digest) for item, digest in fresh]

    def familiar(self, familiar: Container[int]) -> list[int]:
        """The digests of those that are."""
        return [digest for digest in self.digests if digest in familiar]


def sliced(content: bytes, path: str | None) -> Sliced | None:
    """Cut a page; None where it cannot be cut, for whatever reason: whoever reads it whole says what is wrong."""
    steps = tuple(path.split(".")) if path else ()
    try:
        found = _at(content, steps)
        items = _ITEMS.decode(found)
        envelope = _envelope(content, bytes(found), steps)
    except (msgspec.DecodeError, KeyError, UnicodeDecodeError):
        return None
    return Sliced(envelope, items, [digest_of(item) for item in items]) if envelope is not None else None


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
    """The digest of a record's bytes, as a database keeps whole numbers: with a sign."""
    return xxhash.xxh3_64_intdigest(raw) - _SIGN


def _places_of(span: bytes, content: bytes) -> Iterator[int]:
    """Where a part of a page may stand in it; looked for by its beginning, which is quicker than by the whole."""
    beginning, start = span[:_NEEDLE], -1
    while (start := content.find(beginning, start + 1)) >= 0:
        if content.startswith(span, start):
            yield start
