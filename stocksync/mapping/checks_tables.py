"""Whether value tables say what their author believes: spellings that are never read, or said twice.

That two words share a spelling, or that a word has none, is `checks_of_systems`; of several spellings the first one is
written, which is no mistake.
"""

from __future__ import annotations

from stocksync.mapping import models
from stocksync.mapping.draft import Draft
from stocksync.mapping.source import Keys, Source
from stocksync.stock.values import SIDES, folded


def check_tables(draft: Draft) -> None:
    """Note spellings that change nothing."""
    for pair in draft.pairs:
        for side in SIDES:
            file: models.SideFile | None = draft.part(pair, f"{side}.yaml")
            if file is not None:
                _check_side(file, draft.source(pair, f"{side}.yaml"))


def _check_side(file: models.SideFile, source: Source) -> None:
    blank = {"", *file.blank_texts}
    for name, model in file.fields.items():
        if isinstance(model, models.ChoiceField):
            for word, spellings in model.table.items():
                _check_word(spellings, blank, model.writable, source, ("fields", name, "table", word))
        if isinstance(model, models.BooleanField):
            for key in ("yes", "no"):
                said = getattr(model, key)
                if said is not None and said.strip() in blank and not model.writable:
                    _report_blank(said, source, ("fields", name, key))


def _check_word(spellings: list[str], blank: set[str], writable: bool, source: Source, at: Keys) -> None:
    seen: dict[str, str] = {}
    for index, spelling in enumerate(spellings):
        # The one that is written and then read as empty is `checks_round_trip`.
        if spelling.strip() in blank and (index or not writable):
            _report_blank(spelling, source, (*at, index))
        first = seen.setdefault(folded(spelling), spelling)
        if first is not spelling:
            message = (
                f"{first} says that already: case and accents are no difference, and the first one is written; drop it"
            )
            source.report((*at, index), message, spelling, code="spelling_repeated", level="warning")


def _report_blank(spelling: str, source: Source, at: Keys) -> None:
    message = "it is never read: blank_texts says that it means empty; take it out of one of the two"
    source.report(at, message, spelling, code="spelling_is_blank", level="warning")
