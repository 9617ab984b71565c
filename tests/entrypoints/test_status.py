"""`stocksync status`: the screen and the data, over a real database of two points of sale, and of three hundred."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, Table, insert

from stocksync.adapters.store.core import CONFLICT, GATE, LEASE, OUTBOX, PAUSE, RUN, WATERMARK
from stocksync.adapters.store.engine import WRITE, open_engine
from stocksync.entrypoints.cli import cli
from tests.entrypoints.desk import FRENCH_SPACES, SHIPPED

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def begun_just_now() -> None:
    """Have every test begin now: a suite may be at work for long before it comes here."""
    global NOW
    NOW = datetime.now(UTC)


KEYS = (
    "point_of_sale name in_mapping state last_done last_complete age_s lag_s last failed_in_a_row at_work paused open "
    "open_by_age unsent unsent_since marks halted recent_runs"
)


@dataclass
class Office:
    """A database in a folder, and the command asked about it."""

    folder: Path
    engine: Engine
    mappings: Path = SHIPPED
    _keys: list[str] = field(default_factory=list)

    def add(self, table: Table, *rows: dict[str, Any]) -> None:
        with self.engine.execution_options(**{WRITE: True}).begin() as connection:
            connection.execute(insert(table), list(rows))

    def ran(self, status: str, minutes_ago: float, point: str = "PDV1", kind: str = "complete", **more: Any) -> None:
        self.add(RUN, run(status, minutes_ago, point, kind, **more))

    def found(self, point: str, category: str, days_ago: float) -> None:
        self._keys.append(point)
        at = NOW - timedelta(days=days_ago)
        self.add(
            CONFLICT,
            {
                "pair": "p",
                "point_of_sale": point,
                "car_id": "c",
                "key": f"k{len(self._keys)}",
                "subject": "mileage",
                "reason": "both_changed",
                "category": category,
                "details": "{}",
                "opened_run": 1,
                "opened_at": at,
                "changed_at": at,
            },
        )

    def said(self, *arguments: str) -> str:
        variables = {"STOCKSYNC_MAPPINGS": str(self.mappings), "STOCKSYNC_DATABASE_URL": str(self.engine.url)}
        with chdir(self.folder):
            done = CliRunner(env=variables).invoke(cli, list(arguments), prog_name="stocksync")
        assert done.exit_code == 0, done.output
        return done.stdout

    def plain(self, *arguments: str) -> str:
        return self.said("status", *arguments).translate(FRENCH_SPACES)

    def data(self, *arguments: str) -> Any:
        return json.loads(self.said("status", *arguments, "--json"))


def run(status: str, minutes_ago: float, point: str, kind: str = "complete", **more: Any) -> dict[str, Any]:
    started_at = NOW - timedelta(minutes=minutes_ago)
    ended_at = None if status == "running" else started_at + timedelta(seconds=9)
    row = {"point_of_sale": point, "pair": "p", "mapping_version": "v", "status": status, "kind": kind}
    return {**row, "started_at": started_at, "finished_at": ended_at, "message": None, "summary": None, **more}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    engine = open_engine(f"sqlite:///{tmp_path}/memory.db")
    yield Office(tmp_path, engine)
    engine.dispose()


def line_of(said: str, point: str) -> str:
    (found,) = [line for line in said.splitlines() if line.startswith(f"{point}  ")]
    return found


# --- two points of sale


def test_quiet_points_of_sale_are_one_line_each_under_a_summary(office: Office) -> None:
    office.ran("done", 40, "PDV1")
    office.ran("done", 3, "PDV1", "delta")
    office.ran("done", 2, "PDV2")
    office.found("PDV1", "conflict", 2)
    office.found("PDV1", "held", 2)
    said = office.plain()
    summary, blank, headers, *lines = said.splitlines()
    assert summary.startswith("2 points de vente le ")
    assert summary.endswith(" : 2 à jour")
    assert (blank, headers.split("  ")[0]) == ("", "Point de vente")
    assert len(lines) == 2
    cells = [cell.strip() for cell in line_of(said, "PDV1").split("  ") if cell.strip()]
    assert cells[2:] == ["rapide", "3 min", "0", "1", "1", "à jour"]


def test_what_never_ran_says_how_to_begin(office: Office) -> None:
    said = office.plain()
    assert "2 jamais synchronisés" in said
    assert "PDV1, PDV2\n  jamais synchronisé : stocksync plan, puis stocksync sync" in said


def test_a_halt_comes_first_with_its_reason_and_the_command_even_while_a_run_is_at_work(office: Office) -> None:
    halt = {"guard": "empty_listing", "message": "m", "values": {"side": "dms", "earlier": 600, "other": 590}}
    office.ran("done", 90, "PDV1")
    office.ran("done", 1, "PDV2")
    office.ran("halted", 5, "PDV2", summary=json.dumps({"halts": [halt]}))
    office.ran("running", 1, "PDV2")
    said = office.plain()
    assert said.index("PDV2 (02 - RENAULT DACIA)") < said.index("PDV1 (01 - VW SEAT SKODA)")
    assert "arrêtée : exécution n° 3. Le DMS ne liste plus aucun véhicule (à la dernière lecture complète : 600" in said
    assert "pour laisser passer exactement ce plan : stocksync release 3" in said
    assert office.data()["points_of_sale"][1]["halted"]["why"].startswith("Le DMS ne liste plus")


def test_late_is_measured_against_the_schedule_of_the_point_of_sale(office: Office) -> None:
    office.ran("done", 29, "PDV1")
    office.ran("done", 31, "PDV2")
    assert [point["state"] for point in office.data()["points_of_sale"]] == ["good", "stale"]
    assert "PDV2 (02 - RENAULT DACIA)\n  en retard : aucune exécution réussie" in office.plain()


def test_failures_are_counted_and_the_last_one_says_why(office: Office) -> None:
    office.ran("done", 40, "PDV1")
    for minutes in (20, 15, 10):
        office.ran("incomplete", minutes, "PDV1", message="The DMS could not be reached for GET /vo: try again later")
    office.ran("running", 0.1, "PDV1")
    said = office.plain()
    assert "3 exécutions de suite sans succès, la dernière n° 4, inachevée, à relancer" in said
    assert "The DMS could not be reached" in said


def test_one_trouble_of_many_is_told_once(office: Office) -> None:
    office.ran("incomplete", 2, "PDV1", message="The DMS is closed")
    office.ran("incomplete", 2, "PDV2", message="The DMS is closed")
    said = office.plain()
    assert said.count("The DMS is closed") == 1
    assert "PDV1, PDV2\n" in said


def test_a_pause_tells_by_whom_since_when_why_and_how_it_ends(office: Office) -> None:
    office.ran("done", 600, "PDV1")
    office.ran("done", 1, "PDV2")
    pause = {"paused_by": "Léa", "reason": "inventaire", "paused_at": NOW - timedelta(hours=3)}
    office.add(PAUSE, {**pause, "point_of_sale": "PDV1"})
    said = office.plain()
    assert "suspendu par Léa le " in said
    assert " : inventaire" in said
    assert "stocksync resume --point-of-sale PDV1" in said
    assert "en retard" not in said
    office.add(PAUSE, {**pause, "point_of_sale": ""})
    assert [point["paused"]["all_points_of_sale"] for point in office.data()["points_of_sale"]] == [False, True]


def test_a_gate_that_is_not_open_is_told_with_its_reason(office: Office) -> None:
    for system, state, retry_at in (("icar", "closed", NOW), ("openflex", "denied", None)):
        row = {"system": system, "state": state, "reason": "5 time-outs", "since": NOW, "retry_at": retry_at}
        office.add(GATE, row)
    said = office.plain()
    assert "accès au système icar fermé depuis le " in said
    assert " : 5 time-outs ; prochain essai le " in said
    assert "accès au système openflex refusé" in said
    assert "corriger la clé, puis stocksync doctor" in said
    assert [gate["state"] for gate in office.data()["gates"]] == ["closed", "denied"]


def test_who_is_at_work_is_told(office: Office) -> None:
    office.ran("done", 2, "PDV1")
    lease = {"fence": 1, "holder": "sync, process 7 on host", "locked": True, "acquired_at": NOW - timedelta(minutes=3)}
    office.add(LEASE, {**lease, "point_of_sale": "PDV1", "expires_at": NOW + timedelta(hours=1)})
    assert "au travail : PDV1" in office.plain()
    assert "à jour, en cours" in office.plain()
    assert "au travail en ce moment : sync, process 7 on host, depuis 3 min" in office.plain("--point-of-sale", "PDV1")
    assert office.data()["points_of_sale"][0]["at_work"]["holder"] == "sync, process 7 on host"


def test_a_point_of_sale_that_is_named_is_told_in_full_with_its_recent_runs(office: Office) -> None:
    office.ran("done", 400, "PDV1")
    for number in range(12):
        office.ran("done", 300 - 20 * number, "PDV1", "delta")
    office.ran("failed", 1, "PDV1", message="The key is wrong")
    office.found("PDV1", "conflict", 2)
    office.add(
        WATERMARK,
        *({"point_of_sale": "PDV1", "side": "dms", "mark": "2026-11-21T09:58:00", "run_id": 1, "set_at": NOW},),
    )
    entry = {"run_id": 1, "car_id": "c", "point_of_sale": "PDV1", "side": "dms", "action": "update", "payload": "{}"}
    office.add(OUTBOX, {**entry, "key": "k", "status": "claimed", "created_at": NOW})
    said = office.plain("--point-of-sale", "PDV1")
    assert "PDV2" not in said
    for told in (
        "dernière exécution réussie : n° 13, rapide, ",
        "dernière synchronisation complète : n° 1, ",
        "dernière exécution : n° 14, complète, échouée",
        "lignes de rapport ouvertes : à trancher 1, bloquées 0, autres 0",
        "moins de 3 j : 1",
        "écritures sans réponse connue : 1",
        "modifications lues jusqu'au : DMS 2026-11-21 09:58:00",
        "1 exécution de suite sans succès",
    ):
        assert told in said
    _, _, recent = said.partition("exécutions récentes\n")
    assert [line.split()[0] for line in recent.splitlines()] == [str(number) for number in range(14, 4, -1)]
    (point,) = office.data("--point-of-sale", "PDV1")["points_of_sale"]
    assert len(point["recent_runs"]) == 10


def test_a_point_of_sale_that_left_the_mapping_is_still_told_of(office: Office) -> None:
    office.ran("done", 5, "OLD")
    assert [point["point_of_sale"] for point in office.data()["points_of_sale"]] == ["PDV1", "PDV2", "OLD"]
    (point,) = office.data("--point-of-sale", "OLD")["points_of_sale"]
    assert (point["in_mapping"], point["name"]) == (False, None)


def test_the_data_for_programs_always_has_the_same_keys(office: Office) -> None:
    office.ran("done", 5, "PDV1")
    data = office.data()
    assert list(data) == ["at", "summary", "gates", "points_of_sale", "mapping", "database"]
    assert all(" ".join(point) == KEYS for point in data["points_of_sale"])
    assert data["summary"] == {
        "points_of_sale": 2,
        **{"halted": 0, "paused": 0, "failing": 0, "never": 1, "stale": 0, "good": 1},
    }


def test_english_is_spoken_where_it_is_asked_for(office: Office) -> None:
    office.ran("done", 5, "PDV1")
    office.ran("failed", 5, "PDV2", message="The key is wrong")
    said = office.said("--lang", "en", "status")
    assert said.startswith("2 points of sale on ")
    assert "1 run in a row without success, the last one 2, failed" in said
    assert "Last good run" in said


def test_french_double_signs_never_stand_at_the_beginning_of_a_line(office: Office) -> None:
    office.ran("failed", 5, "PDV2", message="x")
    said = office.said("status") + office.said("status", "--point-of-sale", "PDV2")
    assert not [line for line in said.splitlines() if any(f" {sign}" in line for sign in ":;!?")]


# --- three hundred


@pytest.fixture
def group(office: Office) -> Office:
    office.mappings = mappings_of(office.folder, [f"P{i:03}" for i in range(300)])
    office.add(RUN, *(run("done", 2, f"P{i:03}") for i in range(300)))
    return office


def mappings_of(folder: Path, points: Sequence[str]) -> Path:
    """The shipped mapping files, with these points of sale."""
    import shutil

    target = folder / "mappings"
    shutil.copytree(SHIPPED, target)
    side = "{{code: {code}, address: {name}_URL, secrets: {{{key}: {name}_KEY}}}}"
    lines = ["points_of_sale:"]
    for point in points:
        lines += [
            f"  {point}:",
            f"    name: Garage {point}",
            "    pair: openflex-icar",
            "    vehicle_module: " + side.format(code=point, name="OPENFLEX", key="token"),
            "    dms: " + side.format(code=point, name="ICAR", key="key"),
        ]
    (target / "points_of_sale.yaml").write_text("\n".join(lines) + "\n", "utf-8")
    return target


def test_three_hundred_quiet_points_of_sale_are_one_line(group: Office) -> None:
    said = group.plain()
    assert said.splitlines()[0].endswith("300 à jour")
    assert "300 autres (300 à jour) : stocksync status --all" in said
    assert len(said.splitlines()) <= 4
    assert len(group.plain("--all").splitlines()) >= 300
    assert len(group.data()["points_of_sale"]) == 300


def test_a_trouble_of_all_three_hundred_still_fits_one_screen(group: Office) -> None:
    group.add(RUN, *(run("incomplete", 1, f"P{i:03}", message="The DMS is closed") for i in range(299)))
    group.ran("failed", 1, "P299", message="The key is wrong")
    said = group.plain()
    assert said.count("The DMS is closed") == 1
    assert "P000, P001, P002, P003, P004 et 294 autres\n" in said
    assert "P299 (Garage P299)\n" in said
    assert len(said.splitlines()) <= 40


def test_those_that_need_somebody_stand_in_the_table_before_the_quiet_ones_are_counted(group: Office) -> None:
    group.ran("failed", 1, "P250", message="The key is wrong")
    said = group.plain()
    assert line_of(said, "P250").endswith("en échec")
    assert "299 autres (299 à jour)" in said
