"""Whether the exceptions of ownership.yaml ever hold: against the lines of life, and against one another.

Every context that a car of the pair can be in is gone through: its point of sale, its destination, a stage of that
line of life, its type. An exception that no context fits never holds; one whose contexts all belong to earlier
exceptions never does either, because the first one wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from stocksync.mapping import models
from stocksync.mapping.draft import POINTS_OF_SALE, VEHICLE, Draft
from stocksync.mapping.source import Keys, Source
from stocksync.stock import vehicle as core
from stocksync.stock.ownership import CONDITION_KEYS, Context


def check_exceptions(draft: Draft) -> None:
    """Note exceptions that never hold, or change nothing."""
    for pair in draft.pairs:
        names = [VEHICLE, POINTS_OF_SALE, *(f"pairs/{pair}/{name}" for name in ("lifecycle.yaml", "pair.yaml"))]
        ownership: models.OwnershipFile | None = draft.part(pair, "ownership.yaml")
        if ownership is None or any(draft.files[name] is None for name in names):
            continue
        checker = _Exceptions(draft, pair, draft.source(pair, "ownership.yaml"))
        for part, rows in (("matrix", ownership.matrix), ("also_carried", ownership.also_carried)):
            for index, row in enumerate(rows):
                if isinstance(row, models.AttributeRowModel) and row.exceptions:
                    checker.check(row, (part, index, "exceptions"))


@dataclass
class _Exceptions:
    """The exceptions of one pair."""

    draft: Draft
    pair: str
    source: Source

    def check(self, row: models.AttributeRowModel, at: Keys) -> None:
        """Note what is wrong with the exceptions of one row."""
        taken: set[Context] = set()
        fits = [self._contexts_of(exception.when) for exception in row.exceptions]
        for index, (exception, contexts) in enumerate(zip(row.exceptions, fits, strict=True)):
            here: Keys = (*at, index)
            if contexts is None:
                continue  # A word that is none has been noted already.
            if not contexts:
                why = self._why_never(exception.when)
                self.source.report((*here, "when"), f"the exception never holds: {why}", code="exception_never_holds")
            elif contexts <= taken:
                message = (
                    "the exception never holds: earlier ones hold wherever it does; put it before them, or drop it"
                )
                self.source.report(here, message, code="exception_shadowed")
            else:
                self._check_words(exception.when, (*here, "when"))
                self._check_effect(row, index, fits, here)
            taken |= contexts

    @cached_property
    def _contexts(self) -> frozenset[Context]:
        points: models.PointsOfSaleFile = self.draft.files[POINTS_OF_SALE]
        lifecycle: models.LifecycleFile = self.draft.part(self.pair, "lifecycle.yaml")
        pair: models.PairFile = self.draft.part(self.pair, "pair.yaml")
        return frozenset(
            Context(stage, destination, kind, name)
            for name, point in points.points_of_sale.items()
            if point.pair == self.pair
            for destination, line in lifecycle.lines_of_life.items()
            for stage in line.stages
            if stage not in point.stages_left_out.get(destination, ())
            for kind in pair.vehicle_types
        )

    def _known(self, key: str) -> set[str]:
        if key == core.STAGE:
            return set(self.draft.part(self.pair, "lifecycle.yaml").stages)
        if key == core.POINT_OF_SALE:
            return set(self.draft.files[POINTS_OF_SALE].points_of_sale)
        attribute = self.draft.files[VEHICLE].attributes.get(key)
        return set(attribute.choices) if attribute is not None else set()

    def _contexts_of(self, when: models.ConditionModel) -> set[Context] | None:
        """Give every context in which a condition holds; None where it names words that are none."""
        named = {key: set(getattr(when, key)) for key in CONDITION_KEYS if getattr(when, key)}
        if not named or not self._contexts or any(not words <= self._known(key) for key, words in named.items()):
            return None
        return {c for c in self._contexts if all(getattr(c, key) in words for key, words in named.items())}

    def _why_never(self, when: models.ConditionModel) -> str:
        pair: models.PairFile = self.draft.part(self.pair, "pair.yaml")
        if when.vehicle_type and not set(when.vehicle_type) & set(pair.vehicle_types):
            types = ", ".join(pair.vehicle_types)
            return f"pair.yaml synchronises only {types}; add {when.vehicle_type[0]} there, or drop the exception"
        if when.point_of_sale and not any(c.point_of_sale in when.point_of_sale for c in self._contexts):
            return "its points of sale belong to another pair; name some of this one, or drop the exception"
        if when.stage:
            lines = ", ".join(when.destination) or "every destination"
            return f"the line of life of {lines} has no stage {', '.join(when.stage)}; name stages that it has"
        return "no car can be in all that it names; drop the exception"

    def _check_words(self, when: models.ConditionModel, at: Keys) -> None:
        """Note a word that no context needs, such as a stage which the destinations named do not have."""
        for key in CONDITION_KEYS:
            words = getattr(when, key)
            for index, word in enumerate(words if len(words) > 1 else ()):
                if not self._contexts_of(when.model_copy(update={key: [word]})):
                    message = f"no car with the other conditions has the {key.replace('_', ' ')} {word}; take it out"
                    self.source.report((*at, key, index), message, word, code="word_never_holds", level="warning")

    def _check_effect(
        self, row: models.AttributeRowModel, index: int, fits: list[set[Context] | None], at: Keys
    ) -> None:
        said = row.exceptions[index].model_dump(exclude={"when"}, exclude_none=True)
        as_before = all(getattr(row, key) == value for key, value in said.items())
        mine = fits[index] or set()
        # One that only repeats the row may keep a later, wider one away.
        if as_before and not any((later or set()) & mine for later in fits[index + 1 :]):
            message = "the exception changes nothing: it says what the row says; say what differs, or take it out"
            self.source.report(at, message, code="exception_without_effect", level="warning")
        elif mine >= self._contexts and index == 0:
            message = "the exception always holds; say it in the row itself"
            self.source.report(at, message, code="exception_always_holds", level="warning")
