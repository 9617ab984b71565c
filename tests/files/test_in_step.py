"""The vehicle module and a DMS as a folder of cp1252 files, kept in step by real cycles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from stocksync.adapters.store.core import CONFLICT
from stocksync.adapters.systems.files.system import FilesSystem
from stocksync.adapters.systems.memory import MemorySystem
from stocksync.mapping.connection_files import FilesConnection
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.sync.ports import System
from tests.files.folder_dms import FolderDms, settings
from tests.worlds import DMS, MODULE, ToldClock, World, a_world, crowd, dms_record, module_record

PRE_ENTRY = {"status": "PRE_RENTREE", "identification__policeNumber": None, "identification__dmsReference": None}
NEW_CAR = PRE_ENTRY | {"identification__vin": "VF1RFB00X56780099", "identification__registration": "EF-456-GH"}


@dataclass
class FilesWorld(World):
    """A world whose DMS is a folder."""

    dms_folder: FolderDms = field(init=False)
    connection: FilesConnection = field(init=False)
    opened: list[System] = field(default_factory=list)

    def systems(self, point: PointOfSaleMapping) -> dict[Any, System]:
        files = FilesSystem(
            self.connection,
            address=self.dms_folder.root.as_uri(),
            secrets={},
            point_of_sale_code=point.systems[DMS].code,
            id_path="dossier",
            reference_path="ref_externe",
            clock=self.clock,
        )
        self.opened.append(files)
        return {MODULE: MemorySystem(self.servers[MODULE], point.systems[MODULE].code), DMS: files}

    def run(self, *, quick: bool = False) -> None:
        """One run that comes to its end, after which the systems are let go."""
        result = self.quick() if quick else self.sync()
        self.opened.pop().close()
        assert result.summary.status == "done", result

    def outgoing(self) -> list[str]:
        """The names of the files that the DMS has not taken."""
        return sorted(path.name for path in (self.dms_folder.root / "import").iterdir())

    def findings(self) -> list[str]:
        """What is reported to people."""
        with self.repository.engine.connect() as connection:
            rows = connection.execute(select(CONFLICT).where(CONFLICT.c.closed_at.is_(None)))
            return sorted(f"{row.subject} {row.reason}" for row in rows)


class WorkingClock(ToldClock):
    """A clock in whose pauses the DMS works; the pause between two runs is not one of them."""

    dms: FolderDms | None = None

    def pause(self, seconds_s: float) -> None:
        super().pause(seconds_s)
        if self.dms is not None and seconds_s < 60:
            self.dms.work()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[FilesWorld]:
    """Thirty-one cars in agreement, and a DMS without acknowledgements that is asked to work by the test."""
    module, dms = crowd(30)
    with a_world(tmp_path / "world.db", [module_record(), *module], []) as plain:
        made = FilesWorld(plain.repository, plain.mappings, plain.servers, plain.clock)
        made.dms_folder = FolderDms(tmp_path / "dms", "csv", answers=False, lists=False)
        made.connection = settings("csv", acknowledgements=None)
        for record in (dms_record(), *dms):
            made.dms_folder.put(record)
        made.dms_folder.publish("S01")
        made.run()
        assert made.outgoing() == []
        yield made


def works(world: FilesWorld) -> None:
    """Let the DMS take what came and list everything."""
    world.dms_folder.work()
    world.dms_folder.publish("S01")


def test_a_price_of_the_module_reaches_the_folder_once_and_comes_back_in_a_listing(world: FilesWorld) -> None:
    world.edit(MODULE, "OF-1", sale__price=11990, characteristics__exteriorColour="Bleu")
    for quick in (False, True, False, True, True, True):
        world.run(quick=quick)
        assert (len(world.outgoing()), world.findings()) == (1, [])
    works(world)
    assert world.dms_folder.records["VO1"]["prix_vente"].replace(" ", "") == "11990,00"
    assert world.dms_folder.records["VO1"]["couleur"] == "BLEU"
    world.run()
    world.run()
    assert world.outgoing() == []
    assert world.findings() == []
    assert len(world.dms_folder.taken) == 1


def test_what_the_dms_owns_comes_to_the_module_as_its_file_says_it(world: FilesWorld) -> None:
    world.dms_folder.change("VO1", {"frevo": "1 234,56", "modele": "CLIO"})
    world.run(quick=True)
    assert world.module.body("OF-1")["costs"]["reconditioning"] == Decimal("1234.56")
    world.run()
    assert world.outgoing() == []


def test_a_newer_value_follows_in_a_later_file_and_the_last_one_holds(world: FilesWorld) -> None:
    world.edit(MODULE, "OF-1", sale__price=11990)
    world.run()
    world.edit(MODULE, "OF-1", sale__price=11500)
    world.run()
    world.run()
    first, second = world.outgoing()
    assert first < second
    works(world)
    assert world.dms_folder.records["VO1"]["prix_vente"] == "11500,00"
    world.run()
    world.run()
    assert (world.outgoing(), world.findings()) == ([], [])


def test_many_writes_go_out_in_one_run_although_none_of_them_is_answered(world: FilesWorld) -> None:
    for number in range(100, 112):
        world.edit(MODULE, f"OF-{number}", sale__price=9000 + number)
    world.run()
    assert len(world.outgoing()) == 12
    works(world)
    world.run()
    world.run()
    assert (world.outgoing(), world.findings()) == ([], [])


def test_a_new_car_is_created_once_however_many_runs_wait_for_its_listing(world: FilesWorld) -> None:
    world.module.put(module_record("OF-9", **NEW_CAR))
    world.run()
    world.run(quick=True)
    world.edit(MODULE, "OF-9", sale__price=12100)
    world.run()
    assert len(world.outgoing()) == 1
    works(world)
    new = [r for r in world.dms_folder.records.values() if r.get("ref_externe") == "OF-9"]
    assert len(new) == 1
    world.run()
    works(world)
    world.run()
    assert world.module.body("OF-9")["identification"]["dmsReference"] == new[0]["dossier"]
    assert new[0]["prix_vente"] == "12100,00"
    world.run()
    assert (world.outgoing(), world.findings()) == ([], [])


def test_what_the_dms_lost_is_written_again_after_a_while(world: FilesWorld) -> None:
    world.edit(MODULE, "OF-1", sale__price=11990)
    world.run()
    for path in (world.dms_folder.root / "import").iterdir():
        path.unlink()
    world.run()
    assert world.outgoing() == []
    world.clock.pause(48 * 3600)
    world.run()
    assert len(world.outgoing()) == 1


def test_acknowledged_writes_are_done_in_their_run_and_a_refusal_is_told_in_the_words_of_the_dms(
    world: FilesWorld,
) -> None:
    folder = world.dms_folder
    folder.answers = folder.lists = True
    folder.refused = ("couleur", "BLEU")
    world.connection = settings("csv")
    world.clock = clock = WorkingClock(world.clock.at)
    clock.dms = folder
    world.edit(MODULE, "OF-100", sale__price=8000)
    world.edit(MODULE, "OF-1", sale__price=11990, characteristics__exteriorColour="Bleu")
    world.run()
    assert folder.records["VO100"]["prix_vente"] == "8000,00"
    assert folder.records["VO1"]["prix_vente"] == "11990,00"
    assert folder.records["VO1"]["couleur"] == "GRIS"
    assert world.findings() == ["exterior_colour write_rejected"]
    before = len(folder.taken)
    world.run()
    assert len(folder.taken) == before


def test_an_acknowledged_write_stands_though_an_older_listing_does_not_show_it(world: FilesWorld) -> None:
    folder = world.dms_folder
    folder.answers = True
    world.connection = settings("csv")
    world.clock = clock = WorkingClock(world.clock.at)
    clock.dms = folder
    world.edit(MODULE, "OF-1", characteristics__mileage=90_000)
    world.run()
    world.run()
    assert world.module.body("OF-1")["characteristics"]["mileage"] == 90_000
    assert len(folder.taken) == 1
    folder.publish("S01")
    world.run()
    assert (len(folder.taken), world.findings()) == (1, [])
