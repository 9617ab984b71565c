"""What is written into `ownership.yaml` for the proposals of a guide's table: values alone, so that comments stay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from stocksync.mapping import models
from stocksync.mapping.editing import Append, Insert, Remove, Set
from stocksync.mapping.guide import Proposal, name_of

if TYPE_CHECKING:
    from stocksync.mapping.editing import Change
    from stocksync.mapping.source import Keys


def edits_for(proposals: Iterable[Proposal], ownership: models.OwnershipFile) -> list[Change]:
    """The edits that make a pair's file say what was proposed, in an order in which each path holds."""
    wanted = [proposal for proposal in proposals if proposal.changes]
    places = {name_of(row): index for index, row in reversed(list(enumerate(ownership.matrix)))}
    edits: list[Change] = []
    for proposal in wanted:
        if proposal.name in places:
            edits += _within(proposal, ("matrix", places[proposal.name]))
    edits += [Append(("matrix",), dict(proposal.row)) for proposal in wanted if proposal.name not in places]
    moved = {proposal.name for proposal in wanted if proposal.moves}
    carried = [index for index, row in enumerate(ownership.also_carried) if row.attribute in moved]
    return edits + [Remove(("also_carried", index)) for index in reversed(carried)]


def _within(proposal: Proposal, at: Keys) -> Iterator[Change]:
    """Change one row; a guide's row that was not there comes as a whole."""
    about = next(iter(proposal.row))
    has_guide = not any(change.keys == ("guide", "label") and change.before is None for change in proposal.changes)
    for change in proposal.changes:
        if change.keys == ("provisional",) and change.before is None:
            yield Insert(at, "provisional", change.after, "owner" if "owner" in proposal.row else about)
        elif change.after is None:
            yield Remove((*at, *change.keys))
        elif change.keys[0] != "guide" or has_guide:
            yield Set((*at, *change.keys), change.after)
    if not has_guide:
        yield Set((*at, "guide"), proposal.row["guide"])
