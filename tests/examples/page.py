"""A page of instructions as its reader follows it: what is to be typed, what it shows, and which files are written.

A block of ```console has command lines, `$ command  # ends with 2`, each with what it prints; a line `...` stands for
any lines, `...` in a line for any text. A command after a paragraph that says "another terminal" goes on in the
background. Any other block is the content of a file, and the paragraph before it says what becomes of it: "Write
`FILE`", "Add to `FILE`", or "In `FILE` a line becomes". Not here: carrying it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_FENCE = "```"
_TYPED = re.compile(r"\$ (?P<command>.+?)(?:\s+# ends with (?P<status>\d+))?")
_DOINGS: dict[str, Literal["write", "add", "replace"]] = {"write": "write", "add to": "add", "in": "replace"}
_FILE = re.compile(r"\b(write|add to|in) `([^`]+)`", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Typed:
    """A command line, what the page shows of its output, and where it stands."""

    line: int
    command: str
    shown: tuple[str, ...]
    status: int
    goes_on: bool


@dataclass(frozen=True, slots=True)
class Written:
    """What is done to a file with the lines of a block."""

    line: int
    doing: Literal["write", "add", "replace"]
    file: str
    text: str


def steps_of(page: Path) -> list[Typed | Written]:
    """Every step of a page, in order."""
    return list(_steps(page.read_text("utf-8").splitlines()))


def _steps(lines: Sequence[str]) -> Iterator[Typed | Written]:
    paragraph: list[str] = []
    said = ""
    rest = iter(enumerate(lines, 1))
    for number, line in rest:
        if line.startswith(_FENCE):
            block = [inner for _, inner in _until_fence(rest)]
            said = " ".join(paragraph) or said
            paragraph = []
            if line == f"{_FENCE}console":
                yield from _typed(number, block, goes_on="another terminal" in said)
                said = ""
            else:
                yield _written(number, said, block)
        elif line:
            paragraph.append(line)
        elif paragraph:
            said, paragraph = " ".join(paragraph), []


def _until_fence(rest: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    for number, line in rest:
        if line.startswith(_FENCE):
            return
        yield number, line
    raise AssertionError("a block without an end")


def _typed(number: int, block: Sequence[str], *, goes_on: bool) -> Iterator[Typed]:
    starts = [at for at, line in enumerate(block) if line.startswith("$ ")]
    assert starts[:1] == [0], f"line {number}: a console block begins with a command"
    for at, end in zip(starts, [*starts[1:], len(block)], strict=True):
        found = _TYPED.fullmatch(block[at])
        assert found is not None
        status = int(found["status"] or 0)
        yield Typed(number + 1 + at, found["command"], tuple(block[at + 1 : end]), status, goes_on)


def _written(number: int, said: str, block: Sequence[str]) -> Written:
    found = list(_FILE.finditer(said))
    assert found, f"line {number}: nothing before the block says which file it is: {said!r}"
    doing = _DOINGS[found[-1][1].lower()]
    assert (doing == "replace") == ("a line becomes" in said), f"line {number}: {said!r}"
    return Written(number, doing, found[-1][2], "".join(f"{line}\n" for line in block))


def missing(shown: Sequence[str], printed: str) -> str:
    """The first shown line that was not printed where it is shown; "" iff all were."""
    lines = printed.replace("\u00a0", " ").replace("\u202f", " ").rstrip("\n").splitlines()
    at, anywhere = 0, False
    for number, line in enumerate(shown):
        if line == "...":
            anywhere = True
            continue
        if anywhere and "..." not in shown[number:]:
            # nothing is left out any more: these are the last lines
            at = max(at, len(lines) - len(shown[number:]))
        while anywhere and at < len(lines) and not _is_shown(line, lines[at]):
            at += 1
        if at >= len(lines) or not _is_shown(line, lines[at]):
            return line or "(an empty line)"
        at, anywhere = at + 1, False
    return "" if anywhere or at == len(lines) else f"nothing of: {lines[at]}"


def _is_shown(shown: str, line: str) -> bool:
    pattern = ".*".join(map(re.escape, shown.split("...")))
    return re.fullmatch(pattern, line.rstrip()) is not None
