"""The example json-server: Kontor, a DMS that is a real json-server from npm, beside the sandbox's vehicle module.

Everything goes over sockets and by the command line; what became of a write is read in json-server's own file. Cars
are taken by number: those of the sandbox's seed 7, as db.json has them. Not here: how the mapping files came to be,
which is the page docs/new-dms.md and its test.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stocksync.entrypoints.cli import cli
from stocksync.sandbox.running import RunningSandbox
from stocksync.sandbox.seed import fill
from tests.examples.servers import Kontor
from tests.npm.installed import program

pytestmark = pytest.mark.xdist_group("json-server")

EXAMPLE = Path(__file__).resolve().parents[2] / "mappings" / "examples" / "json-server"


@dataclass(frozen=True)
class Car:
    """One car by its numbers: in the vehicle module, and in Kontor."""

    module: str
    kontor: int


# Strasbourg
REPRICED, BOOKED, FORBIDDEN, BOTH = (
    Car("OF-000021", 4122),
    Car("OF-000027", 4128),
    Car("OF-000032", 4133),
    Car("OF-000023", 4124),
)
# Colmar
ENTERED, DRIVEN, READ_WRONG = Car("OF-000034", 4134), Car("OF-000008", 4108), Car("OF-000020", 4121)
PAINTED, UNREADABLE = Car("OF-000022", 4123), Car("OF-000013", 4113)

ARRIVAL = {
    "pointOfSale": "PDV2",
    "type": "VO",
    "destination": "PARTICULIER",
    "identification": {
        "vin": "VF1RJA00563210987",
        "registration": "FZ-123-KL",
        "firstRegistrationDate": "2020-09-07",
        "registrationCertificateDate": "2020-09-07",
    },
    "characteristics": {
        "make": "Renault",
        "model": "Clio V",
        "version": "1.0 TCe 100 Intens",
        "exteriorColour": "Gris Titanium",
        "mileage": 61250,
    },
    "purchase": {"origin": "REPRISE", "source": "PARTICULIER", "tradeInBuyer": "L. Moreau", "tradeInPrice": 8100.5},
    "sale": {"price": 10990.0, "vatRecoverable": True},
}


@dataclass
class Dealer:
    """Both systems at work, and somebody at the command line."""

    folder: Path
    sandbox: RunningSandbox
    kontor: Kontor

    def run(self, *arguments: str) -> Result:
        unset: dict[str, str | None] = {name: None for name in os.environ if name.startswith("STOCKSYNC_")}
        said = {
            "STOCKSYNC_LANG": "en",
            "KONTOR_URL": self.kontor.url,
        }
        with chdir(self.folder):
            runner = CliRunner(env={**unset, **self.sandbox.environment, **said})
            return runner.invoke(cli, list(arguments), prog_name="stocksync")

    def sync(self) -> dict[str, dict[str, Any]]:
        """Both points of sale, once; what came of it by point of sale."""
        done = self.run("sync", "--json")
        assert done.exit_code == 0, done.output
        return {each["point_of_sale"]: each for each in json.loads(done.stdout)["points_of_sale"]}

    def kinds(self, car: Car) -> set[str]:
        """What the report says of a car, by kind."""
        listed = json.loads(self.run("conflicts", "list", "--all", "--json").stdout)["conflicts"]
        vin = self.vehicle(car)["identification"]["vin"]
        return {row["kind"] for row in listed if row["vin"] == vin}

    def vehicle(self, car: Car) -> dict[str, Any]:
        return self.sandbox.vehicle_module.vehicle(car.module)

    def record(self, car: Car) -> dict[str, Any]:
        return self.kontor.cars()[car.kontor]

    def sell(self, car: Car, **groups: dict[str, Any]) -> None:
        """A salesperson types into the module."""
        self.sandbox.vehicle_module.patch(car.module, groups, "user:12")

    def keep(self, car: Car, **changes: Any) -> None:
        """A clerk types into Kontor; what goes inside an outer field is put beside what is there."""
        before = self.record(car)
        parts = {name: {**before[name], **said} if isinstance(said, dict) else said for name, said in changes.items()}
        self.kontor.type_in(car.kontor, **parts)


def copied_example(folder: Path) -> None:
    """The example in a folder of its own; but that in Strasbourg a person decides where both changed a mileage."""
    shutil.copy(EXAMPLE / "db.json", folder)
    shutil.copytree(EXAMPLE, folder / "mappings")
    points = folder / "mappings" / "points_of_sale.yaml"
    line = "    ownership: {mileage: {on_both_changed: review}}\n  PDV2:\n"
    points.write_text(points.read_text("utf-8").replace("  PDV2:\n", line), "utf-8")


@pytest.fixture(scope="module")
def dealer(tmp_path_factory: pytest.TempPathFactory, json_server: Callable[[Path], Kontor]) -> Iterator[Dealer]:
    program("json-server")
    folder = tmp_path_factory.mktemp("alsace")
    copied_example(folder)
    fill(folder / "state", 36, 2, 7)
    with RunningSandbox(folder / "state") as sandbox:
        yield Dealer(folder, sandbox, json_server(folder / "db.json"))


@pytest.fixture(scope="module")
def first_contact(dealer: Dealer) -> dict[str, dict[str, Any]]:
    return dealer.sync()


@pytest.fixture(scope="module")
def quiet(dealer: Dealer, first_contact: object) -> tuple[str, str]:
    """Kontor's file before and after a second run."""
    before = dealer.kontor.file.read_text("utf-8")
    runs = dealer.sync()
    assert [run["writes"] for run in runs.values()] == [{"vehicle_module": 0, "dms": 0}] * 2
    return before, dealer.kontor.file.read_text("utf-8")


@pytest.fixture(scope="module")
def day(dealer: Dealer, quiet: object) -> Dealer:
    """A day's work on both sides, and one synchronisation in the evening."""
    dealer.keep(REPRICED, verkauf={"notiz": "Schlüssel im Tresor"}, lagerplatz="B7")
    dealer.sell(REPRICED, sale={"price": 7490.0}, identification={"registrationCertificateDate": "2024-02-29"})
    dealer.keep(BOOKED, aufbereitung=61250)
    dealer.keep(FORBIDDEN, verkauf={"preis": 1500000})
    dealer.sell(BOTH, characteristics={"mileage": 46000})
    dealer.keep(BOTH, fahrzeug={"km": "47.000"})
    dealer.keep(ENTERED, status="BES", polizeibuch="2026-00099")
    dealer.keep(DRIVEN, fahrzeug={"km": "75.000"})
    dealer.sell(READ_WRONG, characteristics={"mileage": 28000})
    dealer.keep(PAINTED, fahrzeug={"farbe": "ROT"})
    dealer.keep(UNREADABLE, fahrzeug={"farbe": "LIL"})
    dealer.sandbox.vehicle_module.create(ARRIVAL, "user:12")
    dealer.sync()
    return dealer


def test_the_example_has_no_problem_and_no_warning() -> None:
    done = CliRunner().invoke(cli, ["--mappings", str(EXAMPLE), "mapping", "check"])
    assert done.exit_code == 0, done.output
    assert "warning" not in done.output


def test_the_first_contact_binds_the_cars_that_both_have_over_several_pages(
    dealer: Dealer, first_contact: dict[str, dict[str, Any]]
) -> None:
    assert [run["read"] for run in first_contact.values()] == [
        {"vehicle_module": 17, "dms": 17},
        {"vehicle_module": 19, "dms": 19},
    ]
    assert [run["bound"] for run in first_contact.values()] == [12, 14]
    bound = {number: record["fremdnummer"] for number, record in dealer.kontor.cars().items() if record["fremdnummer"]}
    assert len(bound) == 12 + 14 + 1, "and one that was created"
    for number, vehicle in bound.items():
        assert (
            dealer.vehicle(Car(vehicle, number))["identification"]["vin"]
            == dealer.kontor.cars()[number]["fahrzeug"]["fin"]
        )


def test_a_second_run_leaves_the_file_of_the_dms_byte_for_byte_as_it_is(quiet: tuple[str, str]) -> None:
    before, after = quiet
    assert before == after


def test_a_price_and_a_date_of_the_module_arrive_as_cents_and_with_dots(day: Dealer) -> None:
    record = day.record(REPRICED)
    assert record["verkauf"]["preis"] == 749000
    assert record["fahrzeug"]["zulassungsschein"] == "29.02.2024"


def test_a_write_loses_nothing_that_stands_beside_it(day: Dealer) -> None:
    record, before = day.record(REPRICED), json.loads((EXAMPLE / "db.json").read_text("utf-8"))["bestand"]
    [shipped] = [each for each in before if each["id"] == REPRICED.kontor]
    assert record["verkauf"] == shipped["verkauf"] | {"preis": 749000, "notiz": "Schlüssel im Tresor"}
    assert record["fahrzeug"] == shipped["fahrzeug"] | {"zulassungsschein": "29.02.2024"}
    assert record["lagerplatz"] == "B7"


def test_a_cost_of_the_dms_arrives_in_the_module_in_euros(day: Dealer) -> None:
    assert day.vehicle(BOOKED)["costs"]["reconditioning"] == 612.5


def test_a_price_that_the_dms_may_not_change_is_put_back_and_told(day: Dealer) -> None:
    assert day.record(FORBIDDEN)["verkauf"]["preis"] == 1699000
    assert day.vehicle(FORBIDDEN)["sale"]["price"] == 16990.0
    assert "refused_change" in day.kinds(FORBIDDEN)


def test_what_both_sides_changed_is_left_to_a_person(day: Dealer) -> None:
    assert day.kinds(BOTH) == {"both_changed"}
    assert day.vehicle(BOTH)["characteristics"]["mileage"] == 46000
    assert day.record(BOTH)["fahrzeug"]["km"] == "47.000"


def test_a_car_that_the_dms_enters_moves_on_in_the_module_with_its_police_number(day: Dealer) -> None:
    vehicle = day.vehicle(ENTERED)
    assert vehicle["status"] == "ENTREE_PHYSIQUE"
    assert vehicle["identification"]["policeNumber"] == "2026-00099"


def test_in_colmar_the_mileage_is_the_workshops(day: Dealer) -> None:
    assert day.vehicle(DRIVEN)["characteristics"]["mileage"] == 75000
    assert day.vehicle(READ_WRONG)["characteristics"]["mileage"] == 27982


def test_a_code_of_the_dms_arrives_as_the_modules_word(day: Dealer) -> None:
    assert day.vehicle(PAINTED)["characteristics"]["exteriorColour"] == "Rouge"


def test_a_code_that_no_table_has_changes_nothing_and_is_collected(day: Dealer) -> None:
    assert day.vehicle(UNREADABLE)["characteristics"]["exteriorColour"] == "Noire"
    assert day.record(UNREADABLE)["fahrzeug"]["farbe"] == "LIL"
    unknown = day.run("mapping", "unknown")
    assert unknown.exit_code == 1
    assert "LIL" in unknown.output


def test_an_arrival_is_opened_in_the_dms_in_its_own_spelling(day: Dealer) -> None:
    [record] = [each for each in day.kontor.cars().values() if each["fahrzeug"]["fin"] == "VF1RJA00563210987"]
    assert (record["status"], record["filiale"], record["art"], record["verwertung"]) == ("VOR", "COL", "G", "PRIVAT")
    assert record["fahrzeug"]["erstzulassung"] == "07.09.2020"
    assert record["fahrzeug"]["farbe"] == "GRA"
    assert record["verkauf"] == {"preis": 1099000, "mwst_ausweisbar": "J"}
    assert record["ankauf"] == {"herkunft": "INZ", "quelle": "PRI", "vorbesitzer": "L. Moreau", "preis": 810050}
    vehicle = day.sandbox.vehicle_module.find(record["fremdnummer"])
    assert vehicle is not None
    assert vehicle["identification"]["dmsReference"] == str(record["id"])


def test_after_a_days_work_the_next_run_is_quiet_again(day: Dealer) -> None:
    before = day.kontor.file.read_text("utf-8")
    assert [run["writes"] for run in day.sync().values()] == [{"vehicle_module": 0, "dms": 0}] * 2
    assert day.kontor.file.read_text("utf-8") == before
