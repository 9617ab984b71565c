"""What `stocksync doctor` found, as values: one finding per question, each with its level and where it was found.

The questions are asked in `doctor_checks*`, and said in words by `doctor_words`. Nothing is asked twice, nothing stops
at the first fault, and nothing is ever written to a system.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from stocksync.entrypoints import exit_codes


class Level(StrEnum):
    """How much a finding matters: a fault keeps a synchronisation from going well, a warning does not yet."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class Area(StrEnum):
    """What a question is about; in the order in which they are asked and told."""

    CONFIGURATION = "configuration"
    SYSTEM = "system"
    DATABASE = "database"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question.

    check: which answer, a key of `doctor_words.TOLD`. where: a file with its line, a variable, a point of sale with its
    system, a folder; "" for the machine. values: what the sentences are filled with; never a secret, names of people
    masked. passes: another try later may go well with nothing changed here.
    """

    area: Area
    check: str
    level: Level
    where: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    passes: bool = False


def ok(area: Area, check: str, where: str = "", **values: str) -> Finding:
    """All is well."""
    return Finding(area, check, Level.OK, where, values)


def warning(area: Area, check: str, where: str = "", **values: str) -> Finding:
    """It works, but not for ever or not for everything."""
    return Finding(area, check, Level.WARNING, where, values)


def fault(area: Area, check: str, where: str = "", **values: str) -> Finding:
    """It will not work before somebody changed something."""
    return Finding(area, check, Level.FAULT, where, values)


def unreachable(check: str, where: str, **values: str) -> Finding:
    """A system that does not answer now; nothing need be wrong here."""
    return Finding(Area.SYSTEM, check, Level.FAULT, where, values, passes=True)


def exit_code(findings: Iterable[Finding]) -> int:
    """2 if something has to be changed here, else 1 if a system does not answer, else 0."""
    faults = [finding for finding in findings if finding.level is Level.FAULT]
    if not faults:
        return exit_codes.DONE
    return exit_codes.UNFINISHED if all(finding.passes for finding in faults) else exit_codes.WRONG_USE
