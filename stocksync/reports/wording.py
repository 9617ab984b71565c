"""Telling people what happened: a reason and its values in, a sentence in French or English out.

The sentences are the table in `sentences`, the short words those in `words`; here they are filled in, and set with
the spaces of French.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from stocksync.reports.sentences import SENTENCES
from stocksync.reports.spelling import NARROW, NO_BREAK, Language, Speller, attribute_of
from stocksync.reports.words import ADVICE, EVIDENCE, HALTS, OWNERS, SALES, SIDE_NAMES, SUBJECTS, THEN, WHY_FR
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from stocksync.stock.values import SIDES, Kind, Side
from stocksync.stock.vehicle import Attribute


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be told: a reason, and the values it happened with, in their neutral spelling."""

    reason: Reason
    category: Category
    subject: str
    vehicle_module: str | None = None
    dms: str | None = None
    base: str | None = None
    owner: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)


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
    told = SENTENCES[case.reason]
    template = french_spaces(told.fr) if speller.language == "fr" else told.en
    return template.format_map(_fields(case, vocabulary, speller))


def halt_sentence(
    guard: str, message: str, values: Mapping[str, object], vocabulary: Mapping[str, Attribute], language: Language
) -> str:
    """Tell why a guard refused a plan; `message` is the guard's own English sentence."""
    template = HALTS.get(guard)
    if language == "en" or template is None:
        return message
    said = {name: str(value) for name, value in values.items()}
    said["side"] = SIDE_NAMES["fr"].get(said.get("side", ""), "")
    said["attribute"] = subject_label(said.get("attribute", ""), vocabulary, "fr")
    return french_spaces(template).format_map(_OrNothing(said))


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


class _OrNothing(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def _fields(case: Case, vocabulary: Mapping[str, Attribute], speller: Speller) -> Mapping[str, str]:
    sides, details = SIDE_NAMES[speller.language], case.details
    texts = {Side.VEHICLE_MODULE: case.vehicle_module, Side.DMS: case.dms}
    values = {side: speller.text(attribute_of(case.subject, side, vocabulary), text) for side, text in texts.items()}
    loser = Side(details["refused"]) if "refused" in details else None
    said = {
        "attribute": subject_label(case.subject, vocabulary, speller.language),
        "module": values[Side.VEHICLE_MODULE],
        "dms": values[Side.DMS],
        "base": speller.text(attribute_of(case.subject, None, vocabulary), case.base),
        "owner": OWNERS[speller.language].get(case.owner or "", "?"),
        "why": _why(case, vocabulary, speller),
        "message": _message(case, vocabulary, speller),
        "sale": _sale(details, speller.language),
        "evidence": _evidence(details, speller.language),
        "side": sides.get(details.get("side", ""), "?"),
        "records": details.get("records", "?"),
        "highest": details.get("highest", "?"),
    }
    if loser is not None:
        said |= {"loser": sides[loser], "winner": sides[loser.other]}
        said |= {"loser_value": values[loser], "winner_value": values[loser.other]}
        said["advice"] = _advice(case, said, loser, speller.language)
    return _OrNothing(said | {"then": _then(case, speller.language)})


def _advice(case: Case, said: Mapping[str, str], loser: Side, language: Language) -> str:
    """Where to enter the value that was refused, iff there is one."""
    if (case.vehicle_module if loser is Side.VEHICLE_MODULE else case.dms) is None:
        return ""
    template = ADVICE[language]
    return " " + (french_spaces(template) if language == "fr" else template).format_map(said)


def _then(case: Case, language: Language) -> str:
    """What follows from a first contact: the owner's value holds, or a person chooses."""
    owner = case.owner if case.owner in (Side.VEHICLE_MODULE, Side.DMS) else None
    category = Category.CONFLICT if owner is None else Category.WRITTEN
    template = THEN[language][category]
    if owner is None:
        return template
    sides = SIDE_NAMES[language]
    return template.format(owner=sides[owner], other=sides[Side(owner).other])


def _why(case: Case, vocabulary: Mapping[str, Attribute], speller: Speller) -> str:
    whys = [case.details[key] for side in SIDES if (key := f"{side}_invalid") in case.details]
    if whys:
        return _semicolon(speller.language).join(dict.fromkeys(why_invalid(w, vocabulary, speller) for w in whys))
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
    return _semicolon(language).join(said) or "?"


def _semicolon(language: Language) -> str:
    return f"{NARROW}; " if language == "fr" else "; "


def french_spaces(text: str) -> str:
    """Set a French template: spaces that do not break before double signs, inside quotation marks, after `n°`."""
    text = re.sub(r" ([;!?])", rf"{NARROW}\1", text)
    return (
        text.replace(" :", f"{NO_BREAK}:")
        .replace("« ", f"«{NO_BREAK}")
        .replace(" »", f"{NO_BREAK}»")
        .replace("n° ", f"n°{NO_BREAK}")
    )
