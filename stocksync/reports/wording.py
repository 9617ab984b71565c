"""Telling people what happened: a reason and its values in, a sentence in French or English out.

The sentences are the table in `sentences`, the short words those in `words`; here they are filled in, and set with
the spaces of French.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from stocksync.reports.offers import CHOICE_WORDS, CHOOSE, DECIDE, OFFERS, RESERVATION_NOT_SET, WHERE
from stocksync.reports.sentences import SENTENCES
from stocksync.reports.spelling import NARROW, NO_BREAK, Counted, Language, Speller, attribute_of, from_neutral
from stocksync.reports.words import (
    ABSENCE,
    ADVICE,
    BOTH_CHANGED,
    EVIDENCE,
    HALTS,
    HANGS_ON,
    KEPT,
    OWNER_HELD,
    OWNER_HOLDS,
    OWNERS,
    RESERVATION,
    REVIEWER_HOLDS,
    SALES,
    SIDE_NAMES,
    SUBJECTS,
    WHERE_BLANK,
    WHOSE,
    WHY_FR,
)
from stocksync.stock.ownership import Owner
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from stocksync.stock.values import SIDES, Invalid, Kind, Side
from stocksync.stock.vehicle import RESERVED, Attribute


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be told: a reason, and the values it happened with, in their neutral spelling.

    tie_break: the matrix's rule where both sides changed a shared attribute. never_in_dms: no file of the car was ever
    seen there. reserved: whether the module was last seen to show the reservation that blocks the car, None where
    nobody knows or it does not matter any more. choices: what can be decided about its open row of the report, of
    `module`, `dms` and `value`; None where that is not known. closed: it is told in a row that is closed.
    """

    reason: Reason
    category: Category
    subject: str
    vehicle_module: str | None = None
    dms: str | None = None
    base: str | None = None
    owner: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    tie_break: str | None = None
    never_in_dms: bool = False
    reserved: bool | None = None
    choices: frozenset[str] | None = None
    closed: bool = False


_NOT_TAKEN: Final = frozenset({Reason.WRITE_REJECTED, Reason.NOT_DELIVERED, Reason.NOT_KEPT_AS_WRITTEN})


def label(reason: Reason, language: Language) -> str:
    """The short name of a reason."""
    told = SENTENCES[reason]
    return french_spaces(told.label_fr) if language == "fr" else told.label_en


def subject_label(subject: str, vocabulary: Mapping[str, Attribute], language: Language) -> str:
    """What people call the attribute, or the other thing, that a finding is about."""
    named = SUBJECTS[language].get(subject)
    if named is not None:
        return named
    attribute = vocabulary.get(subject)
    if attribute is None:
        return subject
    return attribute.label_fr if language == "fr" else attribute.label_en


def sentence(case: Case, vocabulary: Mapping[str, Attribute], speller: Speller) -> str:
    """Tell in one or two sentences what happened, and what to do."""
    language = speller.language
    told = SENTENCES[case.reason]
    template = told.fr if language == "fr" else told.en
    if is_decided_by_rule(case.reason, case.owner):
        template = BOTH_CHANGED[language]
    elif case.subject == RESERVED and case.reason in _NOT_TAKEN:
        template = RESERVATION_NOT_SET[language][bool(case.reserved)]
    return typeset(template, language).format_map(Fields(case, vocabulary, speller))


def is_decided_by_rule(reason: Reason, owner: str | None) -> bool:
    """Tell whether both sides changed a shared attribute and a rule of the matrix chose: nobody was out of turn."""
    return reason is Reason.REFUSED_CHANGE and owner == Owner.SHARED


def kept_value(tie_break: str | None, winner: str, language: Language) -> str:
    """Say which of two changed values is kept; `winner` counts where the rule is not known any more."""
    return KEPT[language].get(tie_break or "") or KEPT[language].get(winner, "")


def hangs_on(keys: Iterable[str], language: Language) -> str:
    """Say who decides where that depends on something that cannot be read: on what it depends."""
    known = HANGS_ON[language]
    named = [known[key] for key in known if key in set(keys)]
    if not named:
        return "?"
    return f"dépend {' et '.join(named)}" if language == "fr" else f"depends on {' and '.join(named)}"


def shown_values(case: Case, vocabulary: Mapping[str, Attribute], speller: Speller) -> dict[Side, str]:
    """Spell both values; one that cannot be read is marked so, whatever its kind."""
    return {side: _shown_value(case, side, vocabulary, speller) for side in SIDES}


def _shown_value(case: Case, side: Side, vocabulary: Mapping[str, Attribute], speller: Speller) -> str:
    attribute = attribute_of(case.subject, side, vocabulary)
    reading = from_neutral(attribute, case.vehicle_module if side is Side.VEHICLE_MODULE else case.dms)
    if isinstance(reading, str) and f"{side}_invalid" in case.details:
        # A number or a date that a rule refuses can be read all the same.
        reading = Invalid(reading, "")
    return speller.value(attribute, reading)


def halt_sentence(
    guard: str, message: str, values: Mapping[str, object], vocabulary: Mapping[str, Attribute], language: Language
) -> str:
    """Tell why a guard refused a plan; `message` is the guard's own English sentence."""
    template = HALTS.get(guard)
    if language == "en" or template is None:
        return message
    said = _OrNothing({name: Counted(v, "fr") if isinstance(v, int) else str(v) for name, v in values.items()})
    said["side"] = SIDE_NAMES["fr"].get(str(values.get("side")), "")
    said["attribute"] = subject_label(str(values.get("attribute", "")), vocabulary, "fr")
    return french_spaces(template).format_map(said)


def why_invalid(why: str, vocabulary: Mapping[str, Attribute], speller: Speller) -> str:
    """Tell why a value cannot be read; what has no translation is told in English."""
    if speller.language == "en":
        return why
    for pattern, french in WHY_FR:
        if found := re.fullmatch(pattern, why):
            said = re.sub(r"\{(\w+)(?::(\w+))?\}", lambda m: _in_words(m, vocabulary, speller), found.expand(french))
            return french_spaces(said)
    return why


def _in_words(found: re.Match[str], vocabulary: Mapping[str, Attribute], speller: Speller) -> str:
    name, word = found.groups()
    if word is None:
        return subject_label(name, vocabulary, speller.language)
    return speller.text(vocabulary[name], word) if name in vocabulary else word


class _Unknown:
    def __format__(self, _: str) -> str:
        return "?"


class _OrNothing(dict[str, Any]):
    def __missing__(self, _: str) -> _Unknown:
        return _Unknown()


class Fields(dict[str, object]):
    """What may stand in a template, by name; what is not known is a question mark.

    A sentence says little of it, so that each is found out when it is asked for; more can be put in.
    """

    def __init__(self, case: Case, vocabulary: Mapping[str, Attribute], speller: Speller) -> None:
        super().__init__()
        self.case, self.vocabulary, self.speller = case, vocabulary, speller
        self.language: Language = speller.language
        self.loser = Side(case.details["refused"]) if "refused" in case.details else None

    def __missing__(self, name: str) -> object:
        find = _FIELDS.get(name)
        self[name] = said = find(self) if find is not None else _Unknown()
        return said

    def value(self, side: Side) -> str:
        """A side's value, spelled."""
        return _shown_value(self.case, side, self.vocabulary, self.speller)


_CHOICE_OF: Final = {Side.VEHICLE_MODULE: "module", Side.DMS: "dms"}


def _of_loser(find: Callable[[Fields, Side], str]) -> Callable[[Fields], object]:
    """What can only be told where a side's change was refused."""
    return lambda said: find(said, said.loser) if said.loser is not None else _Unknown()


_FIELDS: Final[Mapping[str, Callable[[Fields], object]]] = {
    "attribute": lambda said: subject_label(said.case.subject, said.vocabulary, said.language),
    "module": lambda said: said.value(Side.VEHICLE_MODULE),
    "dms": lambda said: said.value(Side.DMS),
    "base": lambda said: said.speller.text(attribute_of(said.case.subject, None, said.vocabulary), said.case.base),
    "owner": lambda said: OWNERS[said.language].get(said.case.owner or "", "?"),
    "why": lambda said: _why(said.case, said.vocabulary, said.speller),
    "whose": lambda said: WHOSE[said.language][_unusable_side(said.case, said.vocabulary)],
    "where_blank": lambda said: WHERE_BLANK[said.language][_blank_side(said.case)],
    "absence": lambda said: ABSENCE[said.language]["never" if said.case.never_in_dms else "gone"],
    "reservation": lambda said: _reservation(said.case, said.language),
    "kept": lambda said: kept_value(said.case.tie_break, said.loser.other if said.loser else "", said.language),
    "message": lambda said: _message(said.case, said.vocabulary, said.speller),
    "sale": lambda said: _sale(said.case.details, said.language),
    "evidence": lambda said: _evidence(said.case.details, said.language),
    "side": lambda said: SIDE_NAMES[said.language].get(said.case.details.get("side", ""), "?"),
    "records": lambda said: said.case.details.get("records", "?"),
    "field": lambda said: said.case.details.get("field", "?"),
    "highest": lambda said: said.case.details.get("highest", "?"),
    "loser": _of_loser(lambda said, loser: SIDE_NAMES[said.language][loser]),
    "winner": _of_loser(lambda said, loser: SIDE_NAMES[said.language][loser.other]),
    "loser_value": _of_loser(lambda said, loser: said.value(loser)),
    "winner_value": _of_loser(lambda said, loser: said.value(loser.other)),
    "advice": _of_loser(lambda said, loser: _advice(said.case, said, loser, said.language)),
    "then": lambda said: _then(said),
    "offer": lambda said: _offer(said),
    "choose": lambda said: _choose(said.case.choices, said.language),
    "Choose": lambda said: _begun(_choose(said.case.choices, said.language)),
    "where": lambda said: _where(said),
    "chosen": _of_loser(lambda said, loser: CHOICE_WORDS[said.language][_CHOICE_OF[loser]]),
}


def _unusable_side(case: Case, vocabulary: Mapping[str, Attribute]) -> str:
    """The side whose value cannot be used, `both`, or "" where neither is wrong by itself."""
    wrong = [side for side in SIDES if f"{side}_invalid" in case.details] or _lower_sides(case, vocabulary)
    return "both" if len(wrong) == 2 else next(iter(wrong), "")


def _lower_sides(case: Case, vocabulary: Mapping[str, Attribute]) -> list[Side]:
    attribute = vocabulary.get(case.subject)
    if attribute is None:
        return []
    texts = {Side.VEHICLE_MODULE: case.vehicle_module, Side.DMS: case.dms}
    base, held = from_neutral(attribute, case.base), {s: from_neutral(attribute, t) for s, t in texts.items()}
    return [side for side, value in held.items() if _is_number(value) and _is_number(base) and value < base]  # type: ignore[operator]


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _blank_side(case: Case) -> str:
    blank = [s for s, text in ((Side.VEHICLE_MODULE, case.vehicle_module), (Side.DMS, case.dms)) if text is None]
    return blank[0] if len(blank) == 1 else ""


def _advice(case: Case, said: Mapping[str, object], loser: Side, language: Language) -> str:
    """Where to enter the value that was refused, iff there is one and no reviewer decided."""
    if _is_decided(case):
        return " " + typeset(REVIEWER_HOLDS[language], language)
    if (case.vehicle_module if loser is Side.VEHICLE_MODULE else case.dms) is None:
        return ""
    template = ADVICE[language]["open" if _CHOICE_OF[loser] in (case.choices or ()) else ""]
    return " " + typeset(template, language).format_map(said)


def _then(said: Fields) -> str:
    """What follows from a first contact: the owner's value holds, or a person chooses.

    What was decided is the case's category; who owns the attribute now may be another.
    """
    case, language = said.case, said.language
    if case.category is Category.CONFLICT or _is_decided(case):
        return _offer(said)
    if case.owner not in (Side.VEHICLE_MODULE, Side.DMS):
        return " " + OWNER_HELD[language]
    sides = SIDE_NAMES[language]
    return " " + OWNER_HOLDS[language].format(owner=sides[case.owner], other=sides[Side(case.owner).other])


def _offer(said: Fields) -> str:
    """What can be done about a disagreement, iff its row is not closed."""
    if _is_decided(said.case):
        return " " + typeset(REVIEWER_HOLDS[said.language], said.language)
    if said.case.closed:
        return ""
    offer = OFFERS[said.case.reason][said.language]
    template = offer.correct if said.case.choices is not None and not said.case.choices else offer.decide
    return " " + typeset(template, said.language).format_map(said)


def _is_decided(case: Case) -> bool:
    return "decided" in case.details


def _choose(choices: frozenset[str] | None, language: Language) -> str:
    if choices is None:
        return DECIDE[language]
    words = [word for choice, word in CHOICE_WORDS[language].items() if choice in choices]
    return CHOOSE[language].format(words=either(words, language))


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]


def either(words: list[str], language: Language) -> str:
    """Put words in a row of which one is to be taken."""
    last = f" {'ou' if language == 'fr' else 'or'} {words[-1]}"
    return f"{', '.join(words[:-1])}{last}" if len(words) > 1 else words[0]


def _where(said: Fields) -> str:
    """What is to be corrected, and in which system: the one that is wrong, or that does not take the value."""
    case, language = said.case, said.language
    wrong = _unusable_side(case, said.vocabulary) if case.reason is Reason.INVALID_VALUE else ""
    owner = Side(case.owner) if case.owner in (Side.VEHICLE_MODULE, Side.DMS) else None
    if wrong:
        key, side = ("typed_both", None) if wrong == "both" else ("typed", Side(wrong))
    elif case.reason is Reason.CANNOT_WRITE and owner is not None:
        key, side = "by_hand", owner.other
    else:
        key, side = ("owner", owner) if owner is not None else ("", None)
    return WHERE[language][key].format(side=SIDE_NAMES[language][side] if side is not None else "")


def _why(case: Case, vocabulary: Mapping[str, Attribute], speller: Speller) -> str:
    whys = [case.details[key] for side in SIDES if (key := f"{side}_invalid") in case.details]
    if whys:
        return joined((why_invalid(why, vocabulary, speller) for why in whys), speller.language)
    attribute = vocabulary.get(case.subject)
    french = speller.language == "fr"
    if attribute is not None and attribute.kind is Kind.DATE:
        return "les dates se contrediraient" if french else "the dates would contradict each other"
    if attribute is not None and attribute.kind in (Kind.INTEGER, Kind.MONEY) and case.base is not None:
        base = speller.text(attribute, case.base)
        return f"valeur plus basse que la dernière valeur commune ({base})" if french else f"lower than {base}"
    return "valeur illisible" if french else "unreadable"


def _message(case: Case, vocabulary: Mapping[str, Attribute], speller: Speller) -> str:
    message, attribute = case.details.get("message"), vocabulary.get(case.subject)
    if not message or (attribute is not None and attribute.personal and not speller.clear):
        return ""
    return f"{NO_BREAK}: {message.rstrip('.')}" if speller.language == "fr" else f": {message.rstrip('.')}"


def _reservation(case: Case, language: Language) -> str:
    """Say whether a sold car is blocked, iff anybody knows."""
    if case.reserved is None:
        return ""
    key = "set" if case.reserved else "held" if "held" in case.details else "due"
    return " " + typeset(RESERVATION[language][key], language)


def _sale(details: Mapping[str, str], language: Language) -> str:
    names = SALES[language]
    said = [f"{names[key]} {details[key]}" for key in ("dms_order", "invoice_number") if key in details]
    return ", ".join(said) or names["sale"]


def _evidence(details: Mapping[str, str], language: Language) -> str:
    said = []
    for evidence, other in details.items():
        parts = evidence.split(", ")
        named = ", ".join(EVIDENCE.get(part, part) for part in parts) if language == "fr" else evidence
        said.append(f"{named.replace('_', ' ')}{NO_BREAK}: {other}" if language == "fr" else f"{named}: {other}")
    return joined(said, language) or "?"


def joined(texts: Iterable[str], language: Language) -> str:
    """Put texts in a row, each once."""
    return (f"{NARROW}; " if language == "fr" else "; ").join(dict.fromkeys(texts))


def typeset(template: str, language: Language) -> str:
    """Set a template with the spaces of its language."""
    return french_spaces(template) if language == "fr" else template


@lru_cache(maxsize=1024)
def french_spaces(text: str) -> str:
    """Set a French template: spaces that do not break before double signs, inside quotation marks, after `n°`."""
    text = re.sub(r" ([;!?])", rf"{NARROW}\1", text)
    return (
        text.replace(" :", f"{NO_BREAK}:")
        .replace("« ", f"«{NO_BREAK}")
        .replace(" »", f"{NO_BREAK}»")
        .replace("n° ", f"n°{NO_BREAK}")
    )
