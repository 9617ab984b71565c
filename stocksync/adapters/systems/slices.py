"""A page cut into its records without reading them, so that those that came before just so are never decoded.

Only where a page is JSON with a plain list at a path of names: everything else is read whole.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import msgspec
import xxhash

from stocksync.adapters.systems import strict_json

_ENVELOPE = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_NEEDLE = 64
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
    try:
        found: bytes | msgspec.Raw = content
        for step in path.split(".") if path else ():
            found = _ENVELOPE.decode(found)[step]
        items = _ITEMS.decode(found)
    except (msgspec.DecodeError, KeyError, UnicodeDecodeError):
        return None
    span = bytes(found)
    start = _place_of(span, content)
    if start is None:
        return None
    envelope = content[:start] + b"[]" + content[start + len(span) :]
    return Sliced(envelope, items, [digest_of(item) for item in items])


def digest_of(raw: Any) -> int:
    """The digest of a record's bytes, as a database keeps whole numbers: with a sign."""
    return xxhash.xxh3_64_intdigest(raw) - _SIGN


def _place_of(span: bytes, content: bytes) -> int | None:
    """Where a part of a page stands in it; looked for by its beginning, which is quicker than by the whole."""
    beginning, start = span[:_NEEDLE], -1
    while (start := content.find(beginning, start + 1)) >= 0:
        if content.startswith(span, start):
            return start
    return None
