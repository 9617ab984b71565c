"""Everything that can be said against mapping files: what refuses them, and what only gives pause.

`load` refuses files with errors and says nothing of warnings; whoever edits wants both, and at once.
"""

from __future__ import annotations

from collections.abc import Mapping

from stocksync.mapping import checks
from stocksync.mapping.draft import draft_of
from stocksync.mapping.problems import Problem


def findings_in(files: Mapping[str, bytes]) -> list[Problem]:
    """List every error and every warning in mapping files, by file and line."""
    draft = draft_of(files)
    checks.check(draft)
    return draft.findings()


def warnings_in(files: Mapping[str, bytes]) -> list[Problem]:
    """List what works as written, and is probably not what was meant."""
    return [problem for problem in findings_in(files) if problem.level == "warning"]
