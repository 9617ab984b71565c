"""How a run of a point of sale is told: a compact block, with the identity of law 4 in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from stocksync.entrypoints import logs
from stocksync.reports.spelling import Counted, Language, count
from stocksync.reports.wording import halt_sentence, typeset
from stocksync.reports.words import RUN_STATES, SIDE_NAMES
from stocksync.stock.reconcile import Category
from stocksync.stock.values import SIDES, Side
from stocksync.sync.decisions import ResolutionStatus
from stocksync.sync.guards import Guard
from stocksync.sync.plan import DIFFERENCES
from stocksync.sync.recording import RunKind, RunStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stocksync.mapping.effective import PointOfSaleMapping
    from stocksync.sync.cycle import CycleResult
    from stocksync.sync.guards import Halt
    from stocksync.sync.summary import Summary

# One, then several.
_COUNTED: Final[Mapping[Language, Mapping[str, tuple[str, str]]]] = {
    "fr": {
        "differences": ("différence", "différences"),
        Category.AGREED: ("accord", "accords"),
        Category.WRITTEN: ("écrite", "écrites"),
        "planned": ("à écrire", "à écrire"),
        Category.REFUSED: ("refusée", "refusées"),
        Category.CONFLICT: ("conflit", "conflits"),
        Category.HELD: ("en attente", "en attente"),
        Category.DEFERRED: ("différée", "différées"),
    },
    "en": {
        "differences": ("difference", "differences"),
        Category.AGREED: ("agreed", "agreed"),
        Category.WRITTEN: ("written", "written"),
        "planned": ("to write", "to write"),
        Category.REFUSED: ("refused", "refused"),
        Category.CONFLICT: ("conflict", "conflicts"),
        Category.HELD: ("held", "held"),
        Category.DEFERRED: ("deferred", "deferred"),
    },
}
# The last line tells of the report, which a dry run leaves alone.
_LINES: Final[Mapping[Language, tuple[tuple[str, str], ...]]] = {
    "fr": (
        ("lu", "{read}"),
        ("rattachées", "{bound}, dont {unchanged} sans différence"),
        ("écritures", "{writes} ; créations {creations}, changements de statut {transitions}"),
        (
            "à vérifier",
            "{open:ligne de rapport ouverte|lignes de rapport ouvertes} ({new:nouvelle|nouvelles}, "
            "{closed:close|closes}) : à trancher {conflicts}, bloquées {held}, dont en quarantaine {quarantined}",
        ),
    ),
    "en": (
        ("read", "{read}"),
        ("bound", "{bound}, {unchanged} of them without a difference"),
        ("writes", "{writes}; creations {creations}, stage moves {transitions}"),
        (
            "to check",
            "{open:report row|report rows} open ({new} new, {closed} closed): to decide {conflicts}, blocked {held}, "
            "of which in quarantine {quarantined}",
        ),
    ),
}
# A quick run looks at a few cars only, and knows nothing of how many there are.
_LOOKED_AT: Final[Mapping[Language, str]] = {"fr": "examinées", "en": "looked at"}
_TITLES: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {"run": "exécution n° {run}, {state}", "dry_run": "simulation, rien n'est écrit"},
    "en": {"run": "run {run}, {state}", "dry_run": "dry run, nothing is written"},
}
_RELEASE: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "run": "Rien n'a été écrit. Si ce plan est voulu : stocksync release {run}",
        "mapping": "Ce que la modification change : stocksync mapping preview ; pour l'accepter : "
        "stocksync mapping accept --by NOM",
        "dry_run": "`stocksync sync` s'arrêterait là ; il donnerait le numéro à débloquer.",
    },
    "en": {
        "run": "Nothing was written. If this plan is wanted: stocksync release {run}",
        "mapping": "What the edit changes: stocksync mapping preview; to accept it: stocksync mapping accept --by NAME",
        "dry_run": "`stocksync sync` would halt here, and name the run to release.",
    },
}
_IGNORED: Final[Mapping[Language, tuple[str, str]]] = {
    "fr": ("ignorées", "{count:ligne laissée|lignes laissées} en l'état par décision : stocksync conflicts list --all"),
    "en": ("ignored", "{count:row|rows} left as they are by decision: stocksync conflicts list --all"),
}
_MISSED: Final[Mapping[Language, tuple[str, str]]] = {
    "fr": ("rattrapage", "{missed:changement|changements} que les passages rapides n'avaient pas vus"),
    "en": ("caught up", "{missed:change|changes} that the quick runs had not seen"),
}
_DECISIONS: Final[Mapping[Language, tuple[str, Mapping[str, str]]]] = {
    "fr": (
        "décisions",
        {
            ResolutionStatus.APPLIED: "{count:appliquée|appliquées}",
            ResolutionStatus.STALE: "{count:périmée|périmées} (les valeurs ont changé depuis)",
            ResolutionStatus.FORBIDDEN: "{count:non permise|non permises} par la matrice",
            ResolutionStatus.REFUSED: "{count:rejetée|rejetées} par un système",
        },
    ),
    "en": (
        "decisions",
        {
            ResolutionStatus.APPLIED: "{count} carried out",
            ResolutionStatus.STALE: "{count} stale (the values moved since)",
            ResolutionStatus.FORBIDDEN: "{count} not allowed by the matrix",
            ResolutionStatus.REFUSED: "{count} refused by a system",
        },
    ),
}
_COLOURS: Final = {"done": "green", "halted": "red", "failed": "red", "incomplete": "yellow"}


def echo_title(result: CycleResult, mapping: PointOfSaleMapping, language: Language) -> None:
    """Print which run this is, and how it ended."""
    click.echo(_title(result.summary, mapping, language))


def echo_figures(result: CycleResult, mapping: PointOfSaleMapping, language: Language) -> None:
    """Print what a run came to, and how a halted one goes on."""
    summary = result.summary
    if result.plan is not None:
        figures = _figures(summary, language)
        for name, template in _LINES[language][: -1 if summary.dry_run else None]:
            if "{bound}" in template and summary.kind is not RunKind.COMPLETE:
                name = _LOOKED_AT[language]
            click.echo(f"  {name:<13} {typeset(template, language).format(**figures)}")
        if summary.findings.ignored and not summary.dry_run:
            click.echo(f"  {_ignored(summary, language)}")
        if any(summary.missed.values()):
            name, template = _MISSED[language]
            missed = Counted(sum(summary.missed.values()), language)
            click.echo(f"  {name:<13} {typeset(template, language).format(missed=missed)}")
        if any(summary.decisions.values()):
            click.echo(f"  {_decisions(summary, language)}")
        click.echo(f"  {identity(summary, language)}")
    if result.halts:
        key = "dry_run" if summary.dry_run else "run"
        click.echo(f"  {typeset(_RELEASE[language][key], language).format(run=summary.run_id)}")
    if any(halt.guard in (Guard.MAPPING_CHANGED, Guard.FIELD_UNREAD) for halt in result.halts):
        click.echo(f"  {typeset(_RELEASE[language]['mapping'], language)}")


def _ignored(summary: Summary, language: Language) -> str:
    """Say how many rows a person decided to leave as they are: silent, but not forgotten."""
    name, template = _IGNORED[language]
    said = typeset(template, language).format(count=Counted(summary.findings.ignored, language))
    return f"{name:<13} {said}"


def _decisions(summary: Summary, language: Language) -> str:
    """Say what became of reviewers' decisions in this run."""
    name, templates = _DECISIONS[language]
    said = [
        templates[status].format(count=Counted(count, language))
        for status, count in summary.decisions.items()
        if count and status in templates
    ]
    return f"{name:<13} {', '.join(said)}"


def echo_faults(result: CycleResult, mapping: PointOfSaleMapping, language: Language) -> None:
    """Say on standard error what stopped a run: one sentence each."""
    said = [str(result.error)] if result.error is not None else []
    said += [halt_told(halt, mapping, language) for halt in result.halts]
    for sentence in said:
        named = sentence if sentence.startswith(mapping.id) else f"{mapping.id}: {sentence}"
        click.secho(logs.cleaned(named), fg="red", err=True)


def identity(summary: Summary, language: Language) -> str:
    """Law 4 in words: every difference, and where each of them ended."""
    planned = summary.dry_run or summary.status is RunStatus.HALTED
    parts = [
        _counted(
            summary.differences.get(category, 0),
            "planned" if planned and category is Category.WRITTEN else category,
            language,
        )
        for category in DIFFERENCES
    ]
    return f"{_counted(summary.observed, 'differences', language)} = {' + '.join(parts)}"


def halt_told(halt: Halt, mapping: PointOfSaleMapping, language: Language) -> str:
    """Why a guard refused."""
    return halt_sentence(halt.guard, halt.message, halt.values, mapping.vocabulary, language)


def _title(summary: Summary, mapping: PointOfSaleMapping, language: Language) -> str:
    status = summary.status.value
    state = click.style(RUN_STATES[language][status], fg=_COLOURS.get(status))
    if summary.run_id is None and not summary.dry_run:
        template = "{state}"
    else:
        template = typeset(_TITLES[language]["dry_run" if summary.dry_run else "run"], language)
    name = click.style(f"{mapping.id} ({mapping.name})", bold=True)
    colon = typeset(" : ", "fr") if language == "fr" else ": "
    return f"{name}{colon}{template.format(run=summary.run_id, state=state)}"


def _figures(summary: Summary, language: Language) -> dict[str, str | Counted]:
    findings = summary.findings
    counts = {
        "bound": summary.bound,
        "unchanged": summary.unchanged,
        "creations": summary.creations,
        "transitions": summary.transitions,
        "open": findings.open,
        "new": findings.new,
        "closed": findings.closed,
        "conflicts": findings.open_by_category.get(Category.CONFLICT, 0),
        "held": findings.open_by_category.get(Category.HELD, 0),
        "quarantined": findings.quarantined,
    }
    said = {name: Counted(number, language) for name, number in counts.items()}
    return {**said, "read": _by_side(summary.read, language), "writes": _by_side(summary.writes, language)}


def _by_side(counts: Mapping[Side, int], language: Language) -> str:
    return ", ".join(f"{SIDE_NAMES[language][side]} {count(counts.get(side, 0), language)}" for side in SIDES)


def _counted(number: int, what: str, language: Language) -> str:
    return format(Counted(number, language), "|".join(_COUNTED[language][what]))
