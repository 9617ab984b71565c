"""The contract that every system adapter keeps, kept by the one for files: CSV, JSON and XML, over a DMS that eats."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from stocksync.adapters.systems.files.system import FilesSystem
from stocksync.sync.ports import System
from tests.contract.clock import PaperClock
from tests.contract.rigs import DMS_NAMES, PLACES, Rig
from tests.contract.test_system_contract import *  # noqa: F403
from tests.files.folder_dms import FolderDms, Kind, settings


class EatingClock(PaperClock):
    """A clock in whose pauses the DMS works."""

    dms: FolderDms

    def pause(self, seconds_s: float) -> None:
        """Go on at once, later, when the DMS has done its work."""
        super().pause(seconds_s)
        self.dms.work()


@contextmanager
def files_rig(directory: Path, kind: Kind) -> Iterator[Rig]:
    """A DMS in a folder; what it refuses, and where a creation begins, is as of the other ones."""
    dms = FolderDms(directory, kind)
    clock = EatingClock()
    clock.dms = dms
    connection = settings(kind)
    if kind == "json":
        dms.publish()

    def view(place: str) -> System:
        if kind != "json" and place not in dms.places:
            dms.publish(place)
        return FilesSystem(
            connection,
            address=str(directory),
            secrets={},
            point_of_sale_code=place,
            id_path="dossier",
            reference_path="ref_externe",
            clock=clock,
        )

    names = replace(DMS_NAMES, colours=("Gris Nardo", "Bleu d’Été"))
    keys = map("key-{}".format, itertools.count())
    yield Rig(names, view, dms.change, iter(PLACES), keys)


@pytest.fixture(scope="module", params=["csv", "json", "xml"])
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Each of the formats in turn."""
    with files_rig(tmp_path_factory.mktemp("dms"), request.param) as made:
        yield made
