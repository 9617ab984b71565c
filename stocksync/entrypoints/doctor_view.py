"""How the findings of `stocksync doctor` are shown: by area, what is wrong first, with its remedy.

Findings that say the same of several places share a line, so that three hundred points of sale are still read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

import click

from stocksync.entrypoints.doctor import Area, Finding, Level, exit_code
from stocksync.entrypoints.doctor_words import AREAS, LEVELS, SCREEN, fix, harmless, told
from stocksync.reports.spelling import Counted, Language
from stocksync.reports.wording import typeset

_NAMED: Final = 4
_GRAVEST_FIRST: Final = (Level.FAULT, Level.WARNING, Level.OK)
_COLOURS: Final = {Level.FAULT: "red", Level.WARNING: "yellow", Level.OK: "green"}


@dataclass(frozen=True, slots=True)
class DoctorView:
    """Every finding, in one language."""

    findings: Sequence[Finding]
    language: Language

    def echo(self) -> None:
        """Print the screen."""
        for area in Area:
            here = [finding for finding in self.findings if finding.area is area]
            if here:
                click.secho(AREAS[self.language][area], bold=True)
                for line in self._lines(here):
                    click.echo(line)
        click.echo(self._summary())

    def as_data(self) -> dict[str, Any]:
        """The same for a program; every finding by itself, in the order in which they were asked."""
        return {
            "ok": exit_code(self.findings) == 0,
            "exit_code": exit_code(self.findings),
            "counts": {level.value: self._number(level) for level in Level},
            "findings": [
                {
                    "area": finding.area.value,
                    "check": finding.check,
                    "level": finding.level.value,
                    "where": harmless(finding.where),
                    "told": told(finding, self.language),
                    "fix": fix(finding, self.language) or None,
                    "may_pass": finding.passes,
                    "values": {name: harmless(value) for name, value in finding.values.items()},
                }
                for finding in self.findings
            ],
        }

    def _lines(self, findings: Sequence[Finding]) -> Iterator[str]:
        width = max(map(len, LEVELS[self.language].values()))
        for level in _GRAVEST_FIRST:
            for places, finding in self._joined([found for found in findings if found.level is level]):
                word = click.style(f"{LEVELS[self.language][level]:<{width}}", fg=_COLOURS[level])
                colon = typeset(" : ", "fr") if self.language == "fr" else ": "
                named = f"{self._names(places)}{colon}" if places else ""
                yield f"  {word}  {named}{told(finding, self.language)}"
                remedy = fix(finding, self.language)
                if remedy:
                    yield f"  {'':<{width}}  {self._say('fix', fix=remedy)}"

    def _joined(self, findings: Sequence[Finding]) -> Iterator[tuple[list[str], Finding]]:
        """Put together what says the same of several places; of what is well, whatever its figures."""
        sharing: dict[tuple[str, ...], list[Finding]] = {}
        for found in findings:
            is_well = found.level is Level.OK
            said = () if is_well else (told(found, self.language), fix(found, self.language))
            sharing.setdefault((found.check, *said), []).append(found)
        for shared in sharing.values():
            values = {name: _listed([found.values[name] for found in shared]) for name in shared[0].values}
            yield (
                list(dict.fromkeys(harmless(found.where) for found in shared if found.where)),
                replace(shared[0], values=values),
            )

    def _names(self, places: Sequence[str]) -> str:
        if len(places) <= _NAMED + 1:
            return ", ".join(places)
        left = Counted(len(places) - _NAMED, self.language)
        return self._say("more", names=", ".join(islice(places, _NAMED)), count=left)

    def _summary(self) -> str:
        said = self._say(
            "summary",
            faults=Counted(self._number(Level.FAULT), self.language),
            warnings=Counted(self._number(Level.WARNING), self.language),
            checks=Counted(len(self.findings), self.language),
        )
        return f"{said}\n{self._say('nothing')}" if exit_code(self.findings) == 0 else said

    def _number(self, level: Level) -> int:
        return sum(finding.level is level for finding in self.findings)

    def _say(self, key: str, **values: str | Counted) -> str:
        return typeset(SCREEN[self.language][key], self.language).format(**values)


def _listed(values: Sequence[str]) -> str:
    """Put what differs from place to place in a row, the first few of it."""
    different = list(dict.fromkeys(values))
    return ", ".join(different[:_NAMED]) + (", …" if len(different) > _NAMED else "")
