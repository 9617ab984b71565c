"""What a reviewer is told of each decision: one sentence, and a file beside the one that was handed in.

The file is in the style that French spreadsheets' users know: `STATUT;DETAIL;...`, with SUCCES and ECHEC.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Final

from stocksync.reports.cell_problem import CellProblem
from stocksync.reports.conflict_report import kept, separated
from stocksync.reports.decision_sentences import ANSWERS, COMPARED, EFFECTS, INSTEAD, WHY_NOT
from stocksync.reports.escaping import escaped
from stocksync.reports.spelling import Language, Speller, quoted
from stocksync.reports.wording import either, typeset, why_invalid
from stocksync.reports.words import OWNERS, SIDE_NAMES
from stocksync.stock.resolution import Answer, Choice, Why
from stocksync.stock.values import Known, Side, as_text
from stocksync.stock.vehicle import Attribute

SUCCEEDED: Final = frozenset({Answer.ACCEPTED, Answer.ALREADY})
CHOICES: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {"module": "module", "dms": "dms", "value": "valeur", "ignore": "ignorer", "undo": "annulation"},
    "en": {"module": "module", "dms": "dms", "value": "value", "ignore": "ignore", "undo": "undo"},
}
_BLANKS: Final = frozenset({"", "vide", "blank"})
_STATUS: Final[Mapping[Language, tuple[str, str]]] = {"fr": ("SUCCES", "ECHEC"), "en": ("SUCCESS", "FAILURE")}
_HEADERS: Final[Mapping[Language, tuple[str, ...]]] = {
    "fr": (
        "STATUT",
        "DETAIL",
        "LIGNE",
        "CONFLIT",
        "POINT DE VENTE",
        "CHASSIS",
        "DONNEE",
        "DECISION",
        "VALEUR",
        "COMMENTAIRE",
    ),
    "en": (
        "STATUS",
        "DETAIL",
        "LINE",
        "CONFLICT",
        "POINT OF SALE",
        "VIN",
        "ATTRIBUTE",
        "DECISION",
        "VALUE",
        "COMMENT",
    ),
}


@dataclass(frozen=True, slots=True)
class Earlier:
    """A decision that came before: who, when (spelled), which; because: why it holds no more, "" while it does."""

    by: str
    at: str
    choice: Choice
    because: str = ""


@dataclass(frozen=True, slots=True)
class AnsweredRow:
    """One decision and its answer.

    line, sheet: where it stands in the file. conflict: the number as people know it. old, new: what each side held
    when the report went out, and what it holds now, spelled. targets: what each side is to hold; written: the sides
    that do not yet. state: why the row is closed, "" while it is open. speller, attribute, vocabulary: how values are
    said; None where the row is unknown.
    """

    line: int
    answer: Answer
    sheet: str = ""
    conflict: str = ""
    point_of_sale: str = ""
    vin: str = ""
    label: str = ""
    decision: str = ""
    value: str = ""
    comment: str = ""
    why: Why | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    problem: CellProblem | None = None
    earlier: Earlier | None = None
    old: Mapping[Side, str] = field(default_factory=dict)
    new: Mapping[Side, str] = field(default_factory=dict)
    targets: Mapping[Side, Known] = field(default_factory=dict)
    written: tuple[Side, ...] = ()
    state: str = ""
    attribute: Attribute | None = None
    vocabulary: Mapping[str, Attribute] = field(default_factory=dict)
    speller: Speller | None = None

    @property
    def succeeded(self) -> bool:
        """True iff the decision holds."""
        return self.answer in SUCCEEDED


def detail(row: AnsweredRow, language: Language) -> str:
    """Say in a sentence or two what became of a decision, and what to do."""
    template = _template(row, language)
    return typeset(template, language).format_map(_Said(row, language))


def status(row: AnsweredRow, language: Language) -> str:
    """Say in one word whether a decision holds."""
    succeeded, failed = _STATUS[language]
    return succeeded if row.succeeded else failed


def answers_bytes(rows: Iterable[AnsweredRow], language: Language) -> bytes:
    """Write the answers as a CSV for a French spreadsheet."""
    return _as_csv(map(partial(_cells, language=language), rows), language)


def _cells(row: AnsweredRow, language: Language) -> list[str]:
    cells = (row.conflict, row.point_of_sale, row.vin, row.label, row.decision, row.value, row.comment)
    said = escaped(detail(row, language))
    return [status(row, language), said, str(row.line), *map(kept, cells)]


def refusal_bytes(sentence: str, language: Language) -> bytes:
    """Write the answer to a file of which nothing was taken."""
    blank = [""] * (len(_HEADERS[language]) - 2)
    return _as_csv([[_STATUS[language][1], escaped(sentence), *blank]], language)


def _as_csv(rows: Iterable[Sequence[str]], language: Language) -> bytes:
    return separated(chain([_HEADERS[language]], rows), csv.QUOTE_MINIMAL)


def _template(row: AnsweredRow, language: Language) -> str:
    said = ANSWERS[language]
    if row.answer is Answer.NOT_PERMITTED and row.why is not None:
        return WHY_NOT[language][row.why]
    if row.answer is Answer.ACCEPTED:
        if row.targets:
            return said["accepted"]
        return said["accepted_ignore_due" if "unblocked" in row.details else "accepted_ignore"]
    if row.answer is Answer.ALREADY:
        return said["already" if row.earlier is None else "already_decided"]
    if row.answer is Answer.CONTRADICTED and row.earlier is not None and row.earlier.because:
        return said["undone"]
    if row.answer is Answer.STALE and row.state:
        return said["stale_closed"]
    if row.answer is Answer.UNREADABLE and row.problem is not None and row.problem.found in _BLANKS:
        return said["unreadable_blank"]
    return said[row.answer.value]


class _Said(dict[str, str]):
    """The fields of a template, each found out when it is asked for; one that is not known is said as `?`."""

    def __init__(self, row: AnsweredRow, language: Language) -> None:
        super().__init__()
        self._row, self._language = row, language

    def __missing__(self, name: str) -> str:
        find = _FIELDS.get(name)
        said = find(self._row, self._language) if find is not None else None
        return said if said is not None else self._row.details.get(name, "?")


def _of_problem(find: Callable[[CellProblem, Language], str]) -> _Find:
    return lambda row, language: find(row.problem, language) if row.problem is not None else None


def _of_earlier(find: Callable[[Earlier, Language], str]) -> _Find:
    return lambda row, language: find(row.earlier, language) if row.earlier is not None else None


def _of_detail(name: str, find: Callable[[str, AnsweredRow, Language], str]) -> _Find:
    return lambda row, language: find(row.details[name], row, language) if name in row.details else None


_Find = Callable[[AnsweredRow, Language], str | None]
_FIELDS: Final[Mapping[str, _Find]] = {
    "conflict": lambda row, _: row.conflict or "?",
    "state": lambda row, _: row.state,
    "side": _of_detail("side", lambda side, _, language: SIDE_NAMES[language].get(side, "?")),
    "owner": _of_detail("owner", lambda owner, _, language: OWNERS[language].get(owner, "?")),
    "broken": _of_detail(
        "broken", lambda why, row, _: why_invalid(why, row.vocabulary, row.speller) if row.speller is not None else why
    ),
    "effect": lambda row, language: _effect(row, language),
    "compared": lambda row, language: _compared(row, language),
    "instead": lambda row, language: _instead(row.details, language),
    "limits": lambda row, language: _limits(row, language) if row.details else None,
    "base": _of_detail("base", lambda base, row, _: _spelled(row, base)),
    "max_jump": _of_detail("max_jump", lambda jump, row, _: _spelled(row, jump)),
    "column": _of_problem(lambda problem, _: problem.column),
    "found": _of_problem(lambda problem, language: quoted(problem.found, language)),
    "allowed": _of_problem(lambda problem, _: problem.allowed),
    "by": _of_earlier(lambda earlier, _: earlier.by),
    "at": _of_earlier(lambda earlier, _: earlier.at),
    "because": _of_earlier(lambda earlier, _: earlier.because),
    "choice": _of_earlier(lambda earlier, language: CHOICES[language][earlier.choice]),
    "old_module": lambda row, _: row.old.get(Side.VEHICLE_MODULE, "?"),
    "old_dms": lambda row, _: row.old.get(Side.DMS, "?"),
    "new_module": lambda row, _: row.new.get(Side.VEHICLE_MODULE, "?"),
    "new_dms": lambda row, _: row.new.get(Side.DMS, "?"),
}


def _spelled(row: AnsweredRow, neutral: str) -> str:
    if row.speller is None or row.attribute is None:
        return neutral
    return row.speller.text(row.attribute, neutral)


def _compared(row: AnsweredRow, language: Language) -> str:
    key = "base" if "base" in row.details else "held"
    side = SIDE_NAMES[language].get(row.details.get("side", ""), "?")
    return COMPARED[language][key].format(value=_spelled(row, row.details.get(key, "")), side=side)


def _instead(details: Mapping[str, str], language: Language) -> str:
    words = [CHOICES[language][choice] for choice in details.get("choices", "").split()]
    template = INSTEAD[language]["choose" if words else ""]
    side = SIDE_NAMES[language].get(details.get("side", ""), "?")
    return template.format(words=either(words, language) if words else "", side=side)


def _limits(row: AnsweredRow, language: Language) -> str:
    names = {"fr": {"minimum": "au moins", "maximum": "au plus"}, "en": {"minimum": "at least", "maximum": "at most"}}
    return ", ".join(
        f"{names[language][name]} {_spelled(row, row.details[name])}"
        for name in ("minimum", "maximum")
        if name in row.details
    )


def _effect(row: AnsweredRow, language: Language) -> str:
    """Say what will be written where."""
    if not row.targets or row.attribute is None or row.speller is None:
        return ""
    value = row.speller.text(row.attribute, as_text(row.targets[Side.VEHICLE_MODULE]))
    effects = EFFECTS[language]
    if len(row.written) == 1:
        return effects["one"].format(value=value, side=SIDE_NAMES[language][row.written[0]])
    return effects["both"].format(value=value)
