"""The numbered pages of a site's files, without counting from the first file at each page.

Answers what a page holds at this moment, and how many there are. Where pages begin is remembered from one request to
the next, for as long as the same files are listed: every change adds one to a count of its site (by triggers, so
whoever made it), and a place noted under another count is forgotten. What is shown under faults is read in `dms.py`.
"""

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from stocksync.sandbox.state import StateFile

# members: files that came, went or moved; changes: those, and files that were edited. Never set back, also when all
# files are forgotten: a place noted before must not be taken for one of the files that come after.
_NOTE = "INSERT INTO listings VALUES ({0}.site, {1}, 1) ON CONFLICT (site) DO UPDATE SET {2}changes = changes + 1;"
_EDITED = _NOTE.format("NEW", 0, "")
_CAME, _WENT = (_NOTE.format(row, 1, "members = members + 1, ") for row in ("NEW", "OLD"))
TABLES = f"""
CREATE TABLE IF NOT EXISTS listings (site TEXT PRIMARY KEY, members INTEGER NOT NULL,
  changes INTEGER NOT NULL) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS listing_longer AFTER INSERT ON files BEGIN {_CAME} END;
CREATE TRIGGER IF NOT EXISTS listing_shorter AFTER DELETE ON files BEGIN {_WENT} END;
CREATE TRIGGER IF NOT EXISTS listing_moved AFTER UPDATE ON files WHEN OLD.site <> NEW.site BEGIN {_WENT} {_CAME} END;
CREATE TRIGGER IF NOT EXISTS listing_edited AFTER UPDATE ON files WHEN OLD.site = NEW.site BEGIN {_EDITED} END;
"""
# listings of changes that are remembered; one is asked for page by page, and never again once it is read
_REMEMBERED = 32
# a beginning is noted where the one before is so many files away: small pages do not fill the memory
_APART = 100
# walking in order past files that did not change is cheaper than sorting, where one in so many did
_MANY = 10


class Page(NamedTuple):
    """One numbered page, at the moment it was read."""

    files: list[bytes]
    total: int
    pages: int


@dataclass
class _Few:
    """A listing of few changes: their dossiers, in order."""

    count: int
    dossiers: list[str]

    @property
    def total(self) -> int:
        return len(self.dossiers)


@dataclass
class _Many:
    """A listing that is walked: after which dossier each noted offset begins."""

    count: int
    total: int
    offsets: list[int] = field(default_factory=lambda: [0])
    after: list[str] = field(default_factory=lambda: [""])

    def beginning(self, offset: int) -> tuple[int, str]:
        """Return the last noted offset up to this one, and the dossier before it."""
        nearest = bisect_right(self.offsets, offset) - 1
        return self.offsets[nearest], self.after[nearest]

    def note(self, offset: int, after: str) -> None:
        """Note where an offset begins, unless one near before it is known."""
        nearest = bisect_right(self.offsets, offset) - 1
        if offset - self.offsets[nearest] >= _APART:
            self.offsets.insert(nearest + 1, offset)
            self.after.insert(nearest + 1, after)


class Listings:
    """The pages of one open state file; for its own thread only."""

    def __init__(self, state: StateFile) -> None:
        self._state = state
        self._whole: dict[str, _Many] = {}
        self._changed: OrderedDict[tuple[str, str], _Few | _Many] = OrderedDict()

    def forget_all(self) -> None:
        """Let nobody go on from a place noted so far, whoever noted it; for a change that no trigger saw."""
        noted = "ON CONFLICT (site) DO UPDATE SET members = members + 1, changes = changes + 1"
        self._state.sql.execute(f"INSERT INTO listings SELECT code, 1, 1 FROM sites WHERE true {noted}")

    def page(self, site: str, changed_since: str | None, number: int, size: int) -> Page | None:
        """Read a page by dossier; `changed_since`: sortable local time, inclusive. None for an unknown site."""
        # a change that may yet be undone would leave its count to another one
        noted = Listings(self._state) if self._state.sql.in_transaction else self
        # the counts and the files are of one moment
        with self._state.reading():
            return noted._page(site, changed_since, number, size)

    def _page(self, site: str, changed_since: str | None, number: int, size: int) -> Page | None:
        query = "SELECT files_count, members, changes FROM sites LEFT JOIN listings ON site = code WHERE code = ?"
        row = self._state.sql.execute(query, (site,)).fetchone()
        if row is None:
            return None
        files_count, members, changes = row
        if changed_since is None:
            listing = self._whole_of(site, members or 0, files_count)
        else:
            listing = self._changes_of(site, changed_since, changes or 0, files_count)
        offset = (number - 1) * size
        if offset >= listing.total:
            files: list[bytes] = []
        elif isinstance(listing, _Few):
            files = self._named(listing.dossiers[offset : offset + size])
        else:
            files = self._walked(listing, site, changed_since or "", offset, size)
        return Page(files, listing.total, -(-listing.total // size))

    def _whole_of(self, site: str, count: int, total: int) -> _Few | _Many:
        known = self._whole.get(site)
        if known is None or known.count != count:
            known = self._whole[site] = _Many(count, total)
        return known

    def _changes_of(self, site: str, since: str, count: int, files_count: int) -> _Few | _Many:
        known = self._changed.pop((site, since), None)
        if known is None or known.count != count:
            known = self._found(site, since, count, files_count)
        self._changed[site, since] = known
        if len(self._changed) > _REMEMBERED:
            self._changed.popitem(last=False)
        return known

    def _found(self, site: str, since: str, count: int, files_count: int) -> _Few | _Many:
        changed = "FROM files INDEXED BY files_changed WHERE site = ? AND changed_local >= ?"
        total = self._state.sql.execute(f"SELECT count(*) {changed}", (site, since)).fetchone()[0]
        if total >= files_count // _MANY:
            return _Many(count, total)
        rows = self._state.sql.execute(f"SELECT dossier {changed}", (site, since))
        return _Few(count, sorted(dossier for (dossier,) in rows))

    def _named(self, dossiers: list[str]) -> list[bytes]:
        query = "SELECT body FROM files WHERE dossier = ?"
        return [self._state.sql.execute(query, (dossier,)).fetchone()[0] for dossier in dossiers]

    def _walked(self, listing: _Many, site: str, since: str, offset: int, size: int) -> list[bytes]:
        begins, after = listing.beginning(offset)
        # keys are skipped in the index; only the page's own files are then read
        query = (
            "SELECT body, dossier FROM files INDEXED BY files_listed WHERE site = ? AND dossier > ?"
            " AND changed_local >= ? ORDER BY dossier LIMIT ? OFFSET ?"
        )
        rows = self._state.sql.execute(query, (site, after, since, size, offset - begins)).fetchall()
        if rows:
            listing.note(offset + len(rows), rows[-1][1])
        return [body for body, _ in rows]
