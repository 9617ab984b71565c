"""LibreOffice itself as a French user has it: files are opened, filled in and saved by the real program.

One LibreOffice serves all sittings; its profile is thrown away afterwards. Where there is no LibreOffice, or no Python
that can speak to it, `find_office` says what is missing. Not here: what the hands do inside it (`hands.py`).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

HANDS: Final = Path(__file__).with_name("hands.py")
START_S, SITTING_S, END_S = 60, 60, 10
"""How long LibreOffice may take before it counts as stuck."""

CSV, XLSX = "Text - txt - csv (StarCalc)", "Calc MS Excel 2007 XML"
UTF_8, CP1252 = "76", "1"
FRENCH: Final = "1036"
PROFILE: Final = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
  <item oor:path="/org.openoffice.Setup/L10N">
    <prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>fr-FR</value></prop>
  </item>
</oor:items>
"""


class NoOffice(Exception):
    """There is no LibreOffice here, or nothing that can speak to it; the text says what is missing."""


class OfficeFault(Exception):
    """LibreOffice did not do what it was asked; the text is its own."""


@dataclass(frozen=True)
class Office:
    """Where LibreOffice is, and a Python that has its module `uno`."""

    program: str
    python: str


@dataclass(frozen=True)
class Way:
    """A way to open or to save a file: LibreOffice's filter, and what its dialogue would be told."""

    filter: str
    options: str = ""
    suffix: str = ".csv"


@dataclass(frozen=True)
class Step:
    """One thing that hands do on a sheet; the words are those of the function of that name in `hands.py`."""

    step: str
    words: Mapping[str, object]
    sheet: int = 0


@dataclass(frozen=True)
class Guard:
    """What guards the cells of a column, seen on its first row under the header."""

    locked: bool
    rule: str
    choices: str
    refusal: str


@dataclass(frozen=True)
class Sheet:
    """What LibreOffice holds of a sheet, row by row: texts, and what it took for a number or a date.

    formulas: which cells are one, "" where none is.
    """

    name: str
    protected: bool
    formulas: str
    cells: tuple[tuple[str | float, ...], ...]
    guards: tuple[Guard, ...]

    def guard(self, header: str) -> Guard:
        """Tell what guards the column under a header."""
        return self.guards[self.cells[0].index(header)]

    def cell(self, row: int, header: str) -> str | float:
        """Tell what a cell holds; `row` is the number that the spreadsheet shows."""
        return self.cells[row - 1][self.cells[0].index(header)]


@dataclass(frozen=True)
class Sitting:
    """What was seen on opening, what was left in the end, and the files that were saved."""

    opened: tuple[Sheet, ...]
    left: tuple[Sheet, ...]
    saved: Mapping[Way, bytes]


def opened_csv(separators: str = ";", *, detect_special_numbers: bool, evaluate_formulas: bool = False) -> Way:
    """Open a text file in UTF-8 as French, with the ticks of the dialogue."""
    ticks = f"false,{_tick(detect_special_numbers)},false,false,false,-1,{_tick(evaluate_formulas)}"
    return Way(CSV, f"{'/'.join(str(ord(each)) for each in separators)},34,{UTF_8},1,,{FRENCH},{ticks}")


def saved_csv(separator: str, encoding: str, *, as_shown: bool = True, quote_all: bool = False) -> Way:
    """Save as a text file with the ticks of the dialogue; without `as_shown` cells are saved as they are edited."""
    return Way(CSV, f"{ord(separator)},34,{encoding},1,,{FRENCH},{_tick(quote_all)},true,{_tick(as_shown)},false")


WORKBOOK: Final = Way(XLSX, suffix=".xlsx")


def typed(row: int, header: str, text: str, sheet: int = 0) -> Step:
    """Type into a cell; `row` is the number that the spreadsheet shows."""
    return Step("type_text", {"row": row, "header": header, "text": text}, sheet)


def pasted(row: int, header: str, text: str, sheet: int = 0) -> Step:
    """Put a text into a cell in which nothing is to be recognised."""
    return Step("paste_text", {"row": row, "header": header, "text": text}, sheet)


def find_office() -> Office:
    """Find LibreOffice and a Python that can speak to it; raises NoOffice."""
    program = shutil.which("soffice") or shutil.which("libreoffice")
    if program is None:
        raise NoOffice("no soffice on the PATH")
    for python in _pythons(program):
        if _speaks_uno(python):
            return Office(program, python)
    raise NoOffice("no Python with LibreOffice's module uno (on Debian and Ubuntu: apt-get install python3-uno)")


def _pythons(program: str) -> list[str]:
    beside = Path(program).resolve().parent
    candidates = ["/usr/bin/python3", str(beside / "python"), str(beside / "python3"), shutil.which("python3") or ""]
    return [candidate for candidate in candidates if candidate and Path(candidate).exists()]


def _speaks_uno(python: str) -> bool:
    asked = subprocess.run([python, "-c", "import uno"], env=_environment(), capture_output=True, check=False)
    return asked.returncode == 0


def _environment(**more: str) -> dict[str, str]:
    """Keep the tests' own Python out of LibreOffice's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return {**inherited, "LC_ALL": "C.UTF-8", **more}


def _tick(on: bool) -> str:
    return "true" if on else "false"


class LibreOffice:
    """A running LibreOffice that does one sitting at a time."""

    def __init__(self, office: Office, pipe: str, said: Path) -> None:
        self._office = office
        self._pipe = pipe
        self._said = said

    def sit(self, opened: Path, way: Way, steps: Sequence[Step], saved: Sequence[Way]) -> Sitting:
        """Open a file, do the steps, save it in each of the ways; the file itself stays as it was.

        Raises OfficeFault.
        """
        targets = {each: opened.with_name(f"{opened.stem}-{number}{each.suffix}") for number, each in enumerate(saved)}
        answer = self._ask(
            opened=opened.as_uri(),
            filter=way.filter,
            options=way.options,
            steps=[vars(step) for step in steps],
            saved=[
                {"url": path.as_uri(), "filter": each.filter, "options": each.options} for each, path in targets.items()
            ],
        )
        files = {each: path.read_bytes() for each, path in targets.items()}
        return Sitting(_sheets(answer["opened"]), _sheets(answer["left"]), files)

    def leave(self) -> None:
        """Ask it to end."""
        self._ask()

    def _ask(self, **work: object) -> dict[str, Any]:
        request = json.dumps({"pipe": self._pipe, "patience_s": START_S, **work}).encode()
        done = self._handed(request)
        if done.returncode < 0:
            # `uno` itself crashed under the hands; a sitting leaves its file as it was, so it can be held again.
            done = self._handed(request)
        if done.returncode != 0:
            raise OfficeFault(
                f"the hands ended with {done.returncode}: {done.stderr.decode()}\n{self._said.read_text('utf-8')}"
            )
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def _handed(self, request: bytes) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                [self._office.python, str(HANDS)],
                input=request,
                env=_environment(),
                capture_output=True,
                timeout=START_S + SITTING_S,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise OfficeFault(f"LibreOffice does not answer\n{self._said.read_text('utf-8')}") from late


def _sheets(seen: list[dict[str, Any]]) -> tuple[Sheet, ...]:
    return tuple(
        Sheet(
            name=sheet["name"],
            protected=sheet["protected"],
            formulas=sheet["formulas"],
            cells=tuple(map(tuple, sheet["cells"])),
            guards=tuple(Guard(**guard) for guard in sheet["guards"]),
        )
        for sheet in seen
    )


@contextmanager
def running(office: Office, folder: Path) -> Iterator[LibreOffice]:
    """Run LibreOffice in French with a profile of its own under `folder`, and leave nothing of it running."""
    pipe, said = f"stocksync{uuid.uuid4().hex}", folder / "said"
    with said.open("wb") as output:
        process = _start(office, pipe, folder, output)
    at_work = LibreOffice(office, pipe, said)
    try:
        yield at_work
        at_work.leave()
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
    finally:
        _end(process)


def _start(office: Office, pipe: str, folder: Path, output: BinaryIO) -> subprocess.Popen[bytes]:
    """Start it in a group of processes of its own: what is started only watches over the real program."""
    profile, home = folder / "profile", folder / "home"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(PROFILE, "utf-8")
    home.mkdir()
    command = [office.program, f"-env:UserInstallation={profile.as_uri()}", f"--accept=pipe,name={pipe};urp;"]
    return subprocess.Popen(
        [*command, "--headless", "--norestore", "--nologo", "--nodefault", "--nolockcheck"],
        env=_environment(HOME=str(home), TMPDIR=str(home), SAL_USE_VCLPLUGIN="svp"),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
