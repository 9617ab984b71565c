"""Whether a car can live the life that lifecycle.yaml draws for it: stages, transitions, meanings, guards.

A name that is none has been noted before; here the most likely name stands in for it, so that one slip of the pen is
not reported as a broken drawing too. Guards are taken to hold: what is asked is whether a way exists at all.

A stage that no arrow reaches is a warning: the vehicle module may move its cars as it likes, and stocksync follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from stocksync.mapping import models
from stocksync.mapping.checks_carried import carries
from stocksync.mapping.draft import POINTS_OF_SALE, Draft
from stocksync.mapping.problems import nearest_word
from stocksync.mapping.source import Keys, Source
from stocksync.mapping.words import REQUIRED_STAGES
from stocksync.stock import vehicle as core
from stocksync.stock.lifecycle import NOT_THERE, Meaning
from stocksync.stock.values import Side

Needs = Mapping[str, Mapping[Side, tuple[str, ...]]]

GUARDS_NEED: Final[Needs] = {
    "police_number_set": {Side.DMS: (core.POLICE_NUMBER,)},
    "invoice_complete": {Side.DMS: (core.INVOICE_NUMBER, core.INVOICE_DATE, core.INVOICED_SALE_PRICE)},
}
"""What a guard reads, and on which side; without it the guard never holds."""

ALWAYS_GUARDS: Final[Needs] = {"no_order_in_module": {Side.VEHICLE_MODULE: (core.MODULE_ORDER,)}}
"""What a guard reads that lets everything through where it is not carried."""

_NEEDS_A_FILE: Final = (Meaning.AGREED, Meaning.FOLLOW_DMS, Meaning.STAGE_REGRESSION, Meaning.REOPENED_IN_DMS)
_WHERE_IT_CAN_BE: Final = {
    Meaning.CREATE_IN_DMS: "in the column not_there, of a stage",
    Meaning.MISSING_IN_DMS: "in the column not_there, of a stage",
    Meaning.UNKNOWN_IN_VEHICLE_MODULE: "in the row not_there, of a DMS status",
    Meaning.MISSING_IN_VEHICLE_MODULE: "in the row not_there, of a DMS status",
}


def check_lifecycles(draft: Draft) -> None:
    """Note what nobody can live, in each pair's lifecycle."""
    for pair in draft.pairs:
        path = f"pairs/{pair}/lifecycle.yaml"
        file: models.LifecycleFile | None = draft.files[path]
        if file is None or draft.in_doubt(path, "stages", "lines_of_life", "dms_statuses", "meanings"):
            continue
        _Drawing(draft, pair, file, draft.sources[path]).check()


@dataclass(frozen=True)
class _Arrow:
    """A transition whose names are all known."""

    name: str
    sources: frozenset[str]
    goal: str
    by_dms: bool
    lines: frozenset[str]

    def leads_from(self, line: str, stages: Iterable[str], stage: str) -> bool:
        """Tell whether it leads on from a stage in one line of life."""
        return stage in self.sources and line in self.lines and self.goal in set(stages)


class _Drawing:
    """One lifecycle.yaml as a drawing of arrows."""

    def __init__(self, draft: Draft, pair: str, file: models.LifecycleFile, source: Source) -> None:
        self.draft, self.pair, self.file, self.source = draft, pair, file, source
        self.arrows = [_arrow(name, model, file) for name, model in file.transitions.items()]
        self.lines = {
            name: [_meant(stage, file.stages) or stage for stage in line.stages]
            for name, line in file.lines_of_life.items()
        }

    def check(self) -> None:
        """Note what the drawing lacks, and what of it is never used."""
        for name, line in self.file.lines_of_life.items():
            if not line.stages:
                message = "a line of life needs a first stage; name its stages in order"
                self.source.report(("lines_of_life", name, "stages"), message, code="line_empty")
        self._check_stages_of_no_line()
        if not self._has_lost_arrows():
            self._check_ways()
            self._check_unused()
            self._check_left_out()
        self._check_meanings()
        self._check_guards()

    def _check_ways(self) -> None:
        for name, stages in self.lines.items():
            at: Keys = ("lines_of_life", name, "stages")
            for index, stage in self._unreached(name, stages):
                message = f"no transition leads to {stage} in this line of life; add one, or take the stage out"
                self.source.report((*at, index), message, stage, code="stage_unreachable", level="warning")
            for index, stage in self._dead_ends(name, stages):
                message = f"no transition leads out of {stage} in this line of life; add one to a later stage"
                self.source.report((*at, index), message, stage, code="stage_dead_end", level="warning")

    def _out(self, line: str, stages: list[str], stage: str) -> list[_Arrow]:
        return [arrow for arrow in self.arrows if arrow.leads_from(line, stages, stage)]

    def _reached(self, line: str, stages: list[str]) -> set[str]:
        reached, new = set(stages[:1]), list(stages[:1])
        while new:
            goals = {arrow.goal for arrow in self._out(line, stages, new.pop())} - reached
            reached |= goals
            new += goals
        return reached

    def _unreached(self, line: str, stages: list[str]) -> list[tuple[int, str]]:
        reached = self._reached(line, stages)
        return [(i, s) for i, s in enumerate(stages) if s not in reached and s in self.file.stages]

    def _dead_ends(self, line: str, stages: list[str]) -> list[tuple[int, str]]:
        named = [(i, s) for i, s in enumerate(stages[:-1]) if s in self.file.stages]
        return [(i, s) for i, s in named if not self._out(line, stages, s)]

    def _check_stages_of_no_line(self) -> None:
        known = {stage for stages in self.lines.values() for stage in stages}
        for stage in self.file.stages:
            if stage not in (*known, *REQUIRED_STAGES):
                message = (
                    "no line of life has this stage, so that no car is ever in it; add it to a line, or take it out"
                )
                self.source.report(("stages", stage), message, code="stage_in_no_line", level="warning")

    def _check_unused(self) -> None:
        for arrow in self.arrows:
            used = any(self._uses(arrow, line, stages) for line, stages in self.lines.items())
            if not used:
                message = "no line of life uses this transition; name stages of one line, or take it out"
                self.source.report(("transitions", arrow.name), message, code="transition_unused", level="warning")

    def _uses(self, arrow: _Arrow, line: str, stages: list[str]) -> bool:
        return any(arrow.leads_from(line, stages, stage) for stage in arrow.sources & set(stages))

    def _check_left_out(self) -> None:
        points: models.PointsOfSaleFile | None = self.draft.files[POINTS_OF_SALE]
        for name, point in points.points_of_sale.items() if points is not None else ():
            for line, left_out in point.stages_left_out.items() if point.pair == self.pair else ():
                model = self.file.lines_of_life.get(line)
                if model is not None:
                    keys: Keys = ("points_of_sale", name, "stages_left_out", line)
                    self._check_one_left_out(line, model, left_out, keys)

    def _check_one_left_out(self, line: str, model: models.LineModel, left_out: list[str], at: Keys) -> None:
        # A stage that may not be left out has been noted already.
        gone = [stage for stage in left_out if stage in model.optional]
        stages = self.lines[line]
        rest = [stage for stage in stages if stage not in gone]
        lost = set(self._unreached(line, rest)) | set(self._dead_ends(line, rest))
        before = set(self._unreached(line, stages)) | set(self._dead_ends(line, stages))
        for stage in sorted({stage for _, stage in lost} - {stage for _, stage in before}):
            message = f"without {', '.join(gone)} no transition leads to or from {stage}; add one in lifecycle.yaml"
            source = self.draft.sources[POINTS_OF_SALE]
            source.report(at, message, ", ".join(left_out), code="stage_unreachable", level="warning")

    # --- meanings

    def _check_meanings(self) -> None:
        for stage, row in self.file.meanings.items():
            for status, meaning in row.items():
                known = stage in (NOT_THERE, *self.file.stages) and status in (NOT_THERE, *self.file.dms_statuses)
                if known and meaning in tuple(Meaning):
                    self._check_meaning(stage, status, Meaning(meaning))

    def _check_meaning(self, stage: str, status: str, meaning: Meaning) -> None:
        at: Keys = ("meanings", stage, status)
        if stage == status == NOT_THERE:
            message = "a car that is on neither side is never looked at; take this entry out"
            self.source.report(at, message, meaning, code="meaning_impossible")
        elif (why := _impossible(stage, status, meaning)) is not None:
            self.source.report(at, why, meaning, code="meaning_impossible")
        elif meaning is Meaning.FOLLOW_DMS:
            self._check_follow(stage, status, at)
        elif meaning is Meaning.AGREED and stage not in self.file.dms_statuses[status].stands_for:
            message = (
                f"the status {status} does not stand for {stage}; add it to stands_for, or say what else this means"
            )
            self.source.report(at, message, meaning, code="meaning_contradicts_status")

    def _check_follow(self, stage: str, status: str, at: Keys) -> None:
        goal = self.file.dms_statuses[status].brings
        if goal is None:
            message = f"the status {status} brings a car nowhere; say `brings` there, or another meaning here"
            self.source.report(at, message, Meaning.FOLLOW_DMS, code="follow_impossible")
            return
        if self.draft.in_doubt(self.source.name, "transitions"):
            return
        lines = {name: stages for name, stages in self.lines.items() if stage in stages}
        stuck = [
            name for name, stages in lines.items() if goal in stages and not self._walks(name, stages, stage, goal)
        ]
        if stuck and goal in self.file.stages:
            message = (
                f"no transition by the DMS leads from {stage} to {goal} in the line of life {', '.join(stuck)};"
                " add one, or say another meaning"
            )
            self.source.report(at, message, Meaning.FOLLOW_DMS, code="follow_impossible")

    def _has_lost_arrows(self) -> bool:
        """Tell whether some transition could not be read at all: then nobody knows where no way leads."""
        unread = {d.name for d in self.draft.doubts if d.file == self.source.name and d.where.startswith("transitions")}
        goals = {model.goal for model in self.file.transitions.values()}
        return bool(unread - set(self.file.transitions)) or None in {_meant(goal, self.file.stages) for goal in goals}

    def _walks(self, line: str, stages: list[str], stage: str, goal: str) -> bool:
        """Walk as the lifecycle does: straight to the goal where that is possible, else by the first transition."""
        seen: set[str] = set()
        while stage != goal:
            out = [arrow for arrow in self._out(line, stages, stage) if arrow.by_dms]
            if not out or stage in seen:
                return False
            seen.add(stage)
            stage = next((arrow.goal for arrow in out if arrow.goal == goal), out[0].goal)
        return True

    # --- guards

    def _check_guards(self) -> None:
        for name, model in self.file.transitions.items():
            for index, guard in enumerate(model.guards):
                keys: Keys = ("transitions", name, "guards", index)
                for side, missing in self._missing_for(guard, GUARDS_NEED):
                    message = (
                        f"it never holds: the {_named(side)} does not carry {missing}; carry it, or drop the guard"
                    )
                    self.source.report(keys, message, guard, code="guard_never_holds", level="warning")
                for side, missing in self._missing_for(guard, ALWAYS_GUARDS):
                    message = (
                        f"it always holds: the {_named(side)} does not carry {missing}; carry it, or drop the guard"
                    )
                    self.source.report(keys, message, guard, code="guard_always_holds", level="warning")

    def _missing_for(self, guard: str, needs: Needs) -> Iterator[tuple[Side, str]]:
        for side, names in needs.get(guard, {}).items():
            file: models.SideFile | None = self.draft.part(self.pair, f"{side}.yaml")
            missing = [name for name in names if file is not None and carries(file, name) is False]
            if missing:
                yield side, ", ".join(missing)


def _arrow(name: str, model: models.TransitionModel, file: models.LifecycleFile) -> _Arrow:
    stages, lines = file.stages, file.lines_of_life
    meant = [_meant(word, stages) for word in model.sources]
    sources = frozenset(stages) if None in meant else frozenset(word for word in meant if word is not None)
    named = [_meant(word, lines) for word in model.lines]
    every = not named or None in named
    return _Arrow(
        name,
        sources,
        _meant(model.goal, stages) or model.goal,
        model.by == Side.DMS.value,
        frozenset(lines) if every else frozenset(word for word in named if word is not None),
    )


def _meant(word: str, words: Iterable[str]) -> str | None:
    known = tuple(words)
    return word if word in known else nearest_word(word, known)


def _named(side: Side) -> str:
    return "DMS" if side is Side.DMS else "vehicle module"


def _impossible(stage: str, status: str, meaning: Meaning) -> str | None:
    """Say why a pair of states can never mean this; None where it can."""
    fits = {
        Meaning.CREATE_IN_DMS: status == NOT_THERE,
        Meaning.MISSING_IN_DMS: status == NOT_THERE,
        Meaning.UNKNOWN_IN_VEHICLE_MODULE: stage == NOT_THERE,
        Meaning.MISSING_IN_VEHICLE_MODULE: stage == NOT_THERE,
    }.get(meaning, True)
    if not fits:
        return f"this pair of states cannot mean that: {meaning} stands {_WHERE_IT_CAN_BE[meaning]}; say what it means"
    if meaning in _NEEDS_A_FILE and NOT_THERE in (stage, status):
        return f"this pair of states cannot mean that: {meaning} needs a record on both sides; say what it means"
    return None
