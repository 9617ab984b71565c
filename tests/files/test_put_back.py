"""A value that somebody puts back while a write of it lies in the folder: the person's word holds, not our own echo."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from stocksync.adapters.store.core import OUTBOX
from tests.files.test_in_step import FilesWorld, works, world
from tests.worlds import MODULE

__all__ = ["world"]


def vat(world: FilesWorld) -> tuple[bool, str]:
    """A shared attribute, as each side holds it."""
    return world.module.body("OF-1")["sale"]["vatRecoverable"], world.dms_folder.records["VO1"]["tva_recup"]


@pytest.mark.parametrize("quick", [False, True])
def test_a_shared_value_that_is_put_back_while_its_write_is_pending_stays_put_back(
    world: FilesWorld, quick: bool
) -> None:
    world.edit(MODULE, "OF-1", sale__vatRecoverable=True)
    world.run()
    assert len(world.outgoing()) == 1
    world.edit(MODULE, "OF-1", sale__vatRecoverable=False)
    world.run(quick=quick)
    works(world)
    world.run(quick=quick)
    works(world)
    world.run()
    world.run()
    assert vat(world) == (False, "N")
    assert (world.outgoing(), world.findings()) == ([], [])


def test_what_is_handed_over_again_and_again_is_remembered_once(world: FilesWorld) -> None:
    world.edit(MODULE, "OF-1", sale__vatRecoverable=True)
    for _ in range(5):
        world.run()
    with world.repository.engine.connect() as connection:
        waiting = connection.execute(select(OUTBOX).where(OUTBOX.c.status == "claimed")).all()
    assert len(waiting) <= 2
    works(world)
    world.run()
    world.run()
    assert vat(world) == (True, "O")
    with world.repository.engine.connect() as connection:
        assert connection.execute(select(OUTBOX).where(OUTBOX.c.status == "claimed")).all() == []
