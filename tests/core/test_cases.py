"""The cases that a dealer can read (`tests/cases/*.yaml`), each through a whole cycle over both systems in memory."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select

from stocksync.adapters.store.core import CONFLICT
from stocksync.adapters.systems.memory import MemoryServer
from tests.worlds import World, a_world, crowd, dms_record, module_record

CASES = Path(__file__).parent.parent / "cases"


def cases_of(name: str) -> list[Any]:
    found = yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["cas"]) for case in found]


def flat(body: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested body as dotted paths."""
    found: dict[str, Any] = {}
    for key, value in body.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = float(value) if isinstance(value, Decimal) else value
    return found


def written(server: MemoryServer) -> dict[str, Any]:
    """Every field that was written, a list of values where it was written more than once."""
    together: dict[str, Any] = {}
    for write in server.writes:
        if write.call == "update":
            for path, value in flat(write.body).items():
                before = together.get(path)
                together[path] = (
                    value if before is None else [*(before if isinstance(before, list) else [before]), value]
                )
    return together


def reported(world: World, run_id: int) -> list[list[str]]:
    with world.repository.engine.connect() as connection:
        rows = connection.execute(select(CONFLICT).where(CONFLICT.c.opened_run == run_id)).all()
    return sorted([row.subject, row.reason] for row in rows)


def play(world: World, case: Mapping[str, Any]) -> None:
    for side, record_id, changes in (
        ("module", "OF-1", case.get("module", {})),
        ("dms", "VO1", case.get("dms", {})),
    ):
        server = world.module if side == "module" else world.dms
        for path, value in changes.items():
            body: dict[str, Any] = {}
            here = body
            *parents, last = path.split(".")
            for key in parents:
                here = here.setdefault(key, {})
            here[last] = value
            server.change(record_id, body)


def check(world: World, case: Mapping[str, Any]) -> None:
    play(world, case)
    result = world.sync()
    assert result.summary.status == "done", result.summary
    assert written(world.module) == case.get("ecrit_module", {})
    assert written(world.dms) == case.get("ecrit_dms", {})
    reservations = [write for write in world.module.writes if write.call == "reserve"]
    assert bool(reservations) == case.get("reserve", False)
    assert result.summary.run_id is not None
    assert reported(world, result.summary.run_id) == sorted(case.get("rapport", []))
    assert result.summary.as_json()["identity"]["balanced"]
    world.forget_writes()
    again = world.sync()
    assert not world.module.writes
    assert not world.dms.writes
    assert again.summary.findings.new == 0
    assert again.summary.findings.closed == 0


@pytest.mark.parametrize("case", [*cases_of("attributs"), *cases_of("ligne_de_vie")])
def test_a_car_in_agreement(case: Mapping[str, Any], tmp_path: Path) -> None:
    others = crowd(case.get("entourage", 0))
    with a_world(tmp_path / "cases.db", [module_record(), *others[0]], [dms_record(), *others[1]]) as world:
        check(world.settled(), case)


@pytest.mark.parametrize("case", cases_of("entree"))
def test_a_car_in_pre_entry(case: Mapping[str, Any], tmp_path: Path) -> None:
    module = module_record(status="PRE_RENTREE", identification__policeNumber=None)
    dms = dms_record(statut="Pré-rentrée", no_police="")
    with a_world(tmp_path / "cases.db", [module], [dms]) as world:
        check(world.settled(), case)
