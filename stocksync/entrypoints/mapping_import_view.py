"""What `stocksync mapping import-matrix` tells of a guide's table, in words and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from stocksync.entrypoints import rendering
from stocksync.entrypoints.mapping_import_words import HEADERS, say
from stocksync.mapping.guide import Change, Difference, Imported, Proposal, Unplaced, as_yaml
from stocksync.mapping.guide_table import GuideLine
from stocksync.mapping.nearest import Near
from stocksync.reports.spelling import NO_BREAK, Counted, Language


@dataclass(frozen=True, slots=True)
class ImportView:
    """A table held against a pair's `ownership.yaml`.

    file: its name under the mapping directory; written: the proposals that were written into it.
    """

    imported: Imported
    table: str
    pair: str
    file: str
    language: Language
    written: Sequence[Proposal] = ()

    def echo(self, *, wrote: bool) -> None:
        """Print what is placed, what changes, what is to confirm, what could not be placed; the rows to paste."""
        found = self.imported
        click.echo(self._summary())
        if found.proposals:
            click.echo()
            rendering.echo_rows(HEADERS[self.language], [self._cells(proposal) for proposal in found.proposals])
        for line in self._sections():
            click.echo(line)
        if found.is_quiet_after():
            click.echo(f"\n{self._say('nothing')}")
        if self.written:
            click.echo(f"\n{self._say('written', file=self.file, rows=Counted(len(self.written), self.language))}")
        left = [proposal for proposal in found.changing if proposal not in self.written]
        if left and wrote:
            click.echo(f"\n{self._say('not_written', rows=Counted(len(left), self.language))}")
        elif left:
            click.echo(f"\n{self._say('paste', file=self.file)}\n\n{as_yaml([proposal.row for proposal in left])}")

    def as_data(self) -> dict[str, Any]:
        """The same for a program, in the words of the mapping files."""
        found = self.imported
        return {
            "pair": self.pair,
            "file": self.file,
            "placed": [_placed_data(proposal) for proposal in found.proposals],
            "unplaced": [_unplaced_data(one) for one in found.unplaced],
            "unanswered": [{"line": one.number, "label": one.label, "said": one.said} for one in found.unanswered],
            "left_over": list(found.left_over),
            "written": [proposal.name for proposal in self.written],
            "yaml": as_yaml([proposal.row for proposal in found.changing]),
        }

    def _summary(self) -> str:
        found = self.imported
        return self._say(
            "summary",
            table=self.table,
            file=self.file,
            placed=Counted(len(found.proposals), self.language),
            similar=str(sum(not proposal.is_exact for proposal in found.proposals)),
            changing=str(len(found.changing)),
        )

    def _cells(self, proposal: Proposal) -> list[str]:
        line = proposal.line
        answer: str = line.answer or "?"
        if line.to_confirm:
            answer += f" ({self._say('to_confirm')})"
        return [str(line.number), line.label, answer, proposal.name, self._how(proposal), self._what(proposal)]

    def _how(self, proposal: Proposal) -> str:
        if proposal.is_exact:
            return self._say("exact")
        names = self._names(proposal.alternatives)
        others = self._say("others", names=names) if names else ""
        return self._say("similar", percent=_percent(proposal.score), others=others)

    def _what(self, proposal: Proposal) -> str:
        if proposal.is_new:
            return self._say("new")
        moved = [self._say("moves")] if proposal.moves and proposal.changes else []
        return "; ".join([*moved, *map(self._change, proposal.changes)])

    def _change(self, change: Change) -> str:
        return f"{change.keys[-1]}: {self._value(change.before)} → {self._value(change.after)}"

    def _value(self, value: str | bool | None) -> str:
        if value is None:
            return self._say("none")
        return self._say("true" if value else "false") if isinstance(value, bool) else value

    def _sections(self) -> Iterator[str]:
        found = self.imported
        yield from self._titled("follows", [self._follows(p) for p in found.proposals if _new_owner(p) is not None])
        yield from self._titled("differs", [self._differs(p.name, d) for p in found.proposals for d in p.differences])
        yield from self._listed("tbd", [p.name for p in found.proposals if p.line.to_confirm])
        yield from self._listed("settled", [p.name for p in found.proposals if p.settled])
        yield from self._titled("unplaced", [self._unplaced(one) for one in found.unplaced])
        yield from self._titled("unanswered", [self._unanswered(one) for one in found.unanswered])
        yield from self._listed("left_over", found.left_over)

    def _titled(self, key: str, lines: Sequence[str]) -> Iterator[str]:
        if lines:
            yield f"\n{self._say(key)}"
            yield from (f"  {line}" for line in lines)

    def _listed(self, key: str, names: Sequence[str]) -> Iterator[str]:
        if names:
            yield f"\n{self._say(key, names=', '.join(names))}"

    def _follows(self, proposal: Proposal) -> str:
        change = _new_owner(proposal)
        assert change is not None
        differs = Difference(proposal.line.answer or "NON", str(change.before))
        return self._differs(proposal.name, differs) + self._say("proposed", owner=str(change.after))

    def _differs(self, name: str, one: Difference) -> str:
        return self._say(
            "difference",
            name=name,
            answer=one.answer,
            where=self._where(one.where),
            owner=self._say(f"owner_{one.owner}"),
        )

    def _where(self, where: str) -> str:
        if not where:
            return self._say("where_row")
        number = where.removeprefix("exceptions.")
        return self._say("where_point", point=where) if number == where else self._say("where_exception", number=number)

    def _unplaced(self, one: Unplaced) -> str:
        if one.taken_by is not None:
            why = self._say("taken", number=str(one.taken_by.number), label=one.taken_by.label)
        else:
            why = self._say("near", names=self._names(one.nearest)) if one.nearest else self._say("unknown")
        return self._say("unplaced_line", number=str(one.line.number), label=one.line.label or "-", why=why)

    def _unanswered(self, line: GuideLine) -> str:
        said = line.said or self._say("empty")
        return self._say("unanswered_line", number=str(line.number), label=line.label or "-", said=said)

    def _names(self, near: Sequence[Near]) -> str:
        space = NO_BREAK if self.language == "fr" else ""
        return ", ".join(f"{one.name} {_percent(one.score)}{space}%" for one in near)

    def _say(self, key: str, **values: str | Counted) -> str:
        return say(self.language, key, **values)


def _new_owner(proposal: Proposal) -> Change | None:
    """The owner that a row is to have instead of another."""
    return next((c for c in proposal.changes if c.keys == ("owner",) and c.before is not None), None)


def _percent(score: float) -> str:
    return str(round(100 * score))


def _placed_data(proposal: Proposal) -> dict[str, Any]:
    line = proposal.line
    return {
        "line": line.number,
        "label": line.label,
        "dms_may_modify": line.answer,
        "note": line.note,
        "to_confirm": line.to_confirm,
        "attribute": None if proposal.is_switch else proposal.name,
        "switch": proposal.name if proposal.is_switch else None,
        "placed_by": "exact" if proposal.is_exact else "similar",
        "score": proposal.score,
        "alternatives": _near_data(proposal.alternatives),
        "new": proposal.is_new,
        "also_carried": proposal.moves,
        "changes": [{"key": ".".join(c.keys), "before": c.before, "after": c.after} for c in proposal.changes],
        "differences": [{"answer": d.answer, "owner": d.owner, "where": d.where or None} for d in proposal.differences],
        "no_longer_to_confirm": proposal.settled,
    }


def _unplaced_data(one: Unplaced) -> dict[str, Any]:
    return {
        "line": one.line.number,
        "label": one.line.label,
        "dms_may_modify": one.line.answer,
        "nearest": _near_data(one.nearest),
        "same_as_line": one.taken_by.number if one.taken_by is not None else None,
    }


def _near_data(near: Sequence[Near]) -> list[dict[str, Any]]:
    return [{"name": one.name, "score": one.score} for one in near]
