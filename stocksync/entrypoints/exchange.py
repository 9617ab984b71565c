"""What `stocksync sync` does with the exchange folders: takes in what was handed in, and puts the reports out.

The folder on a disk is `adapters.exchange`, taking a file in `decision_desk`, the report `report_out`; what is said
about it `exchange_view`. Trouble with a folder or a file is told, and stops no cycle.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stocksync.assembly import exchange_folder
from stocksync.entrypoints import exchange_view, exit_codes
from stocksync.entrypoints.decision_commands import answer_file_of
from stocksync.entrypoints.decision_desk import DecisionDesk, HandedIn, TakenIn
from stocksync.entrypoints.exchange_view import PutOut, ReturnedFile, legible
from stocksync.entrypoints.report_out import hand_out
from stocksync.errors import Busy, UnreadableFile
from stocksync.mapping.effective import MappingSet
from stocksync.reports.decision_answers import answers_bytes, refusal_bytes
from stocksync.reports.returned_file import MAX_BYTES
from stocksync.reports.spelling import Language
from stocksync.sync.ports import Clock

if TYPE_CHECKING:
    from stocksync.adapters.exchange import Arrived, ExchangeFolder, Waiting
    from stocksync.adapters.store.questions import Questions
    from stocksync.adapters.store.repository import Repository

MAX_FILES: Final = 100
"""Of one point of sale in one run."""
_REPORTS: Final = {"fr": "conflits", "en": "conflicts"}
_log = logging.getLogger(__name__)


@dataclass
class Exchange:
    """The exchange folders in one run of `sync`; `language`: of what the run says."""

    root: Path
    settle_s: float
    questions: Questions
    repository: Repository
    mappings: MappingSet
    clock: Clock
    language: Language
    returned: dict[str, list[ReturnedFile]] = field(default_factory=dict)
    put_out: dict[str, PutOut] = field(default_factory=dict)
    _told: set[tuple[str, str]] = field(default_factory=set)

    @property
    def code(self) -> int:
        """What the exchange by itself ends with."""
        return exit_codes.UNFINISHED if self._told else exit_codes.DONE

    def as_data(self, point_of_sale: str) -> dict[str, Any]:
        """What became of a point of sale's files, for programs."""
        put_out = self.put_out.get(point_of_sale)
        return {
            "returned_files": [file.as_data() for file in self.returned.get(point_of_sale, ())],
            "report": put_out.as_data() if put_out is not None else None,
        }

    def take_in(self, points_of_sale: Iterable[str]) -> None:
        """Take in every whole file that was handed in at some points of sale, the oldest first."""
        for point in points_of_sale if self._is_there() else ():
            with self._sheltered(point), self.repository.exclusive(point, self.clock, "files"):
                self._take_in_all(point, self._folder(point))

    def hand_out(self, point_of_sale: str) -> None:
        """Put a point of sale's report where it is fetched; one that is there as it is stays untouched."""
        if not self._is_there():
            return
        wanted = self.mappings.points_of_sale[point_of_sale].conflict_report
        with self._sheltered(point_of_sale), self.repository.exclusive(point_of_sale, self.clock, "files"):
            file = self._folder(point_of_sale).outgoing / f"{_REPORTS[wanted.language]}.{wanted.format}"
            written = hand_out(
                self.questions,
                self.repository,
                self.mappings,
                self.clock,
                file,
                wanted.language,
                wanted.format,
                point_of_sale=point_of_sale,
                only_if_changed=True,
            )
            self.put_out[point_of_sale] = PutOut(file, written.rows, written.changed)

    def _is_there(self) -> bool:
        """Tell whether the drive is there; its folder is never made, for nobody would look into that."""
        try:
            os.scandir(self.root).close()
        except OSError as error:
            self._tell("", str(self.root), error.strerror or str(error))
            return False
        return True

    def _folder(self, point_of_sale: str) -> ExchangeFolder:
        """The folder of a point of sale, ready. Raises OSError."""
        folder = exchange_folder(self.root, point_of_sale, self.settle_s)
        folder.prepare()
        return folder

    def _take_in_all(self, point: str, folder: ExchangeFolder) -> None:
        language = self.mappings.points_of_sale[point].conflict_report.language
        desk = DecisionDesk(self.questions, self.repository, self.mappings, self.clock, language, only=point)
        read = 0
        for waiting in folder.waiting():
            answered = self._answered(waiting, folder, desk, point)
            if answered is not None:
                read += 1
                self.returned.setdefault(point, []).append(self._put_away(*answered, folder, language))
            if read == MAX_FILES:
                break

    def _answered(
        self, waiting: Waiting, folder: ExchangeFolder, desk: DecisionDesk, point: str
    ) -> tuple[Arrived, TakenIn | UnreadableFile] | None:
        """Take one file in; None where it is left, because it is not whole or because it cannot be taken."""
        with self._sheltered(point, waiting.name):
            file = folder.read(waiting, MAX_BYTES)
            if file is None:
                return None
            try:
                return file, desk.take_in(HandedIn(legible(file.name), file.raw, f"incoming/{point}"))
            except UnreadableFile as refusal:
                return file, refusal
        return None

    def _put_away(
        self, file: Arrived, answered: TakenIn | UnreadableFile, folder: ExchangeFolder, language: Language
    ) -> ReturnedFile:
        if isinstance(answered, UnreadableFile):
            taken, into, answer = TakenIn((), 0), folder.refused, refusal_bytes(str(answered), language)
        else:
            taken, into, answer = answered, folder.done, answers_bytes(answered.rows, language)
        kept = folder.put_away(file, into, self.clock.now_at(), answer, lambda path: answer_file_of(path, language))
        return ReturnedFile(
            file.name,
            taken=taken.accepted,
            already=taken.already,
            failed=taken.failed,
            untouched=taken.untouched,
            answer=answer_file_of(kept, language) if kept is not None else None,
            refused=str(answered) if isinstance(answered, UnreadableFile) else None,
        )

    @contextmanager
    def _sheltered(self, point: str, name: str = "") -> Iterator[None]:
        """Tell of trouble, once, and go on; a point of sale that another run is at work on is left to that."""
        try:
            yield
        except Busy:
            return
        except OSError as error:
            where = legible(os.fspath(error.filename) if error.filename is not None else str(self.root))
            self._tell(point, where, error.strerror or str(error))
        # One file that nobody thought of must not keep a whole group from being synchronised.
        except Exception as error:
            if _is_storage_fault(error):
                raise
            _log.exception("%s: %s", point, legible(name))
            self._tell(point, legible(name) or str(self.root), type(error).__name__)

    def _tell(self, point: str, where: str, why: str) -> None:
        if (point, why) not in self._told:
            exchange_view.echo_trouble(point, where, why, self.language)
        self._told.add((point, why))


def _is_storage_fault(error: Exception) -> bool:
    from sqlalchemy.exc import SQLAlchemyError

    return isinstance(error, SQLAlchemyError)
