"""How a system lists: along what, in which order, in pages of which length, and in which bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random
from typing import Any, Final, Literal

from stocksync.adapters.systems.memory import MemoryServer
from stocksync.mapping.connection import RestConnection
from stocksync.mapping.paths import value_at
from stocksync.sync.ports import NativeRecord

Style = Literal["cursor", "next_link", "page", "offset"]
Proof = Literal["total", "pages", "total and pages", "no_next", "short_page", "empty_page"]
PROOFS: Final[dict[Style, tuple[Proof, ...]]] = {
    "next_link": ("total", "no_next"),
    "page": ("total", "total", "pages", "total and pages", "short_page", "empty_page"),
    "offset": ("total", "total", "short_page", "empty_page"),
}


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a system lists.

    size: of a page. changed: where the records stand that changed last, "" where a change moves none. between: two
    records. after: the list, in the answer. proof: what shows that a listing is whole, said or declared. newest_first:
    where a change moves none, whether what was entered last stands first.
    """

    size: int = 200
    changed: str = ""
    between: bytes = b","
    after: bytes = b"}"
    style: Style = "cursor"
    proof: Proof = "total"
    newest_first: bool = False

    @property
    def says_total(self) -> bool:
        """Whether every page says how many records there are in all."""
        return self.proof in ("total", "total and pages")

    @property
    def says_pages(self) -> bool:
        """Whether every page says how many pages there are."""
        return self.proof in ("pages", "total and pages")

    def ordered(self, server: MemoryServer, records: list[NativeRecord]) -> list[NativeRecord]:
        """Records as they are listed."""
        path = server.habits.stamp_path
        if not self.changed or path is None:
            return records[::-1] if self.newest_first else records
        return sorted(records, key=lambda r: str(value_at(r.body, path)), reverse=self.changed == "first")

    def connection(self) -> RestConnection:
        """As the mapping of such a system describes it."""
        return _connection(self.style, self.proof, self.size)


AS_EVER: Final = Spelling()


@lru_cache
def _connection(style: Style, proof: Proof, size: int) -> RestConnection:
    paging: dict[str, Any] = {"style": style}
    if style in ("cursor", "next_link"):
        paging["next"] = "next"
    if style != "next_link":
        paging["parameter"] = style
    if "total" in proof:
        paging["total"] = "total"
    if "pages" in proof:
        paging["pages"] = "pages"
    if proof == "short_page":
        paging["size"] = size
    if proof in ("short_page", "empty_page", "no_next"):
        paging["complete_when"] = proof
    return RestConnection.model_validate(
        {
            "protocol": "rest",
            "auth": {"scheme": "none"},
            "list": {"path": "/records", "items": "items", "paging": paging},
            "read": {"path": "/records/{id}"},
            "update": {"method": "PATCH", "path": "/records/{id}"},
            # Another try would be after a pause of any length.
            "attempts": 1,
        }
    )


def drawn(chance: Random, along: Random) -> Spelling:
    """Pages of any length, most of them spelled so that runs of records can be told; half of them along cursors.

    along: what is asked what they come along, so that whatever else is drawn stays as it is.
    """
    spelling = Spelling(
        chance.choice((1, 2, 3, 5, 8, 8, 200, 200, 200)),
        chance.choice(("", "", "first", "last")),
        chance.choice((b",", b",", b",", b",", b",", b",", b", ")),
        chance.choice((b"}", b"}", b"}", b"}", b"}", b',"links":[]}')),
        proof="total" if chance.random() < 0.8 else "no_next",
    )
    if along.random() < 0.5:
        return spelling
    style: Style = along.choice(("page", "page", "offset", "next_link"))
    # Where all stands on one page, or new records stand on the last one, hardly anything shifts.
    return replace(
        spelling,
        size=along.choice((1, 2, 3, 5, spelling.size)),
        changed=along.choice(("", "first", "first", "last")),
        style=style,
        proof=along.choice(PROOFS[style]),
        newest_first=along.random() < 0.5,
    )
