"""The example csv-folder: a real vehicle module over HTTP, and a DMS as a folder of files in cp1252."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from stocksync.sandbox.running import RunningSandbox
from stocksync.sandbox.seed import fill
from tests.examples.folders import EXAMPLES, AutoGest, Desk, Row, described

pytestmark = pytest.mark.xdist_group("csv_folder")

MAPPINGS = EXAMPLES / "csv-folder"
# What the stock of the sandbox is called in the columns of this DMS.
COLUMNS = {
    "dossier": "NUM_VO",
    "site": "CODE_SITE",
    "ref_externe": "REF_MODULE",
    "destination": "DEST",
    "no_police": "N_POLICE",
    "chassis": "CHASSIS",
    "immat": "IMMAT",
    "date_mec": "DATE_MEC",
    "date_cg": "DATE_CG",
    "marque": "MARQUE",
    "modele": "MODELE",
    "version": "VERSION",
    "km": "KM",
    "repreneur": "REPRENEUR",
    "prix_reprise": "REPRISE_TTC",
    "frevo": "FREVO",
    "prix_vente": "PRIX_TTC",
    "prix_facture": "PRIX_FACTURE",
    "tva_recup": "TVA_RECUP",
    "no_bdc": "N_BDC",
    "no_facture": "N_FACTURE",
    "date_facture": "DATE_FACTURE",
    "maj_le": "DATE_MAJ",
}
STATUSES = {"Pré-rentrée": "PRE", "Stock": "STK", "Facturé": "FAC"}
ODD = 'Édition « 100 » ; pack "Été" à 1 000 € – l’œuvre'


@dataclass
class Dealer:
    """Both systems and the person between them; `first` is what the first contact said."""

    desk: Desk
    sandbox: RunningSandbox
    dms: AutoGest
    first: dict[str, Any]

    def module(self, record_id: str) -> dict[str, Any]:
        return dict(self.sandbox.vehicle_module.vehicle(record_id))

    def edit(self, record_id: str, **groups: Any) -> None:
        """Change a record as a person does in the vehicle module."""
        self.sandbox.vehicle_module.patch(record_id, groups, "user:7")

    def come_to_rest(self) -> None:
        """Let both go on until nothing moves any more."""
        for _ in range(4):
            run = self.desk.sync()["PDV1"]
            if not self.dms.outgoing() and sum(run["writes"].values()) + run["creations"] == 0:
                return
            if self.dms.outgoing():
                self.dms.work()
        raise AssertionError(run)

    def cars(self, number: int) -> tuple[str, str]:
        """A car on sale on both sides, without a finding: its ids in the module and in the DMS."""
        reported = {row["vin"] for row in self.desk.findings()}
        on_sale = self.sandbox.vehicle_module.ids_from("STOCK_DE_VENTE", "", 500)
        found = [
            (record["REF_MODULE"], record["NUM_VO"])
            for record in self.dms.by("STATUT", "STK")
            if record["REF_MODULE"] in on_sale and record["CHASSIS"] not in reported and record["PRIX_TTC"]
        ]
        return sorted(found)[number]

    def rows_out(self) -> list[Row]:
        """The rows of the one file that went out, as the DMS will read it, without its last line."""
        [path] = self.dms.outgoing()
        return list(csv.DictReader(io.StringIO(path.read_text("cp1252"), newline=""), delimiter=";"))[:-1]


@pytest.fixture(scope="module")
def dealer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dealer]:
    """Forty cars after first contact, at rest."""
    folder = tmp_path_factory.mktemp("csv-folder")
    fill(folder / "state", 40, 1, 7)
    with RunningSandbox(folder / "state") as sandbox:
        dms = AutoGest(folder / "dms")
        for status, code in STATUSES.items():
            for dossier in sandbox.dms.dossiers_from(status, "", 500):
                file = sandbox.dms.file(dossier)
                record = {COLUMNS[name]: text for name, text in file.items() if name in COLUMNS}
                dms.entered({**record, "STATUT": code, "TYPE": {"VN": "1", "VD": "2", "VO": "3"}[file["type"]]})
        dms.publish()
        desk = Desk(folder, MAPPINGS, {**sandbox.environment, "AUTOGEST_FOLDER": str(dms.root)})
        made = Dealer(desk, sandbox, dms, desk.sync()["PDV1"])
        dms.work()
        made.come_to_rest()
        yield made


def test_every_file_says_what_it_is_of_and_the_check_finds_nothing(tmp_path: Path) -> None:
    files = sorted(MAPPINGS.rglob("*.yaml"))
    assert len(files) == 7
    assert all(map(described, files))
    checked = Desk(tmp_path, MAPPINGS, {}).data("mapping", "check")
    assert (checked["problems"], checked["warnings"]) == ([], [])


def test_first_contact_reads_all_and_afterwards_both_sides_say_the_same(dealer: Dealer) -> None:
    assert dealer.first["read"] == {"vehicle_module": 40, "dms": 40}
    assert sum(dealer.first["writes"].values()) > 0
    reported = {row["vin"] for row in dealer.desk.findings()}
    alike = [r for r in dealer.dms.records.values() if r["REF_MODULE"] and r["CHASSIS"] not in reported]
    alike = [r for r in alike if dealer.module(r["REF_MODULE"])["status"] != "SORTIE"]
    assert len(alike) > 25
    for record in alike:
        car = dealer.module(record["REF_MODULE"])
        day, month, year = record["DATE_MEC"].split("/")
        assert car["identification"]["firstRegistrationDate"] == f"{year}-{month}-{day}"
        assert car["identification"]["vin"] == record["CHASSIS"]
        assert car["identification"]["dmsReference"] == record["NUM_VO"]
        assert str(car["characteristics"]["mileage"] or "") == record["KM"].replace(" ", "")
        assert _cents(car["sale"]["price"]) == _cents(record["PRIX_TTC"].replace(" ", "").replace(",", "."))


def _cents(said: Any) -> int | None:
    return int(Decimal(str(said)) * 100) if said else None


def test_another_run_writes_nothing_and_leaves_every_file_as_it_was(dealer: Dealer) -> None:
    def everything() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in dealer.dms.root.rglob("*") if path.is_file()}

    before = everything()
    for quick in ((), ("--quick",), ()):
        run = dealer.desk.sync(*quick)["PDV1"]
        assert run["writes"] == {"vehicle_module": 0, "dms": 0}
        assert run["conflicts"]["new"] == 0
    assert everything() == before
    # Listings that newer ones replaced are put away.
    assert len(list((dealer.dms.root / "export").glob("*.csv"))) == 1
    assert any((dealer.dms.root / "archives").iterdir())


def test_what_is_typed_in_the_module_stands_in_the_file_in_the_spelling_of_the_dms(dealer: Dealer) -> None:
    record_id, number = dealer.cars(0)
    dealer.edit(
        record_id,
        characteristics={"version": ODD},
        sale={"price": 12490.5, "vatRecoverable": True},
        identification={"registrationCertificateDate": "2025-12-01"},
    )
    dealer.desk.sync()
    [path] = dealer.dms.outgoing()
    content = path.read_bytes()
    assert ODD.replace('"', '""').encode("cp1252") in content
    assert content.endswith(b"FIN;1\r\n")
    [row] = dealer.rows_out()
    said = {name: text for name, text in row.items() if text != "#"}
    key = said.pop("CLE")
    assert said == {
        "ACTION": "MODIF",
        "NUM_VO": number,
        "VERSION": ODD,
        "PRIX_TTC": "12490,50",
        "TVA_RECUP": "O",
        "DATE_CG": "01/12/2025",
    }
    assert key in path.name
    # Nobody has taken it yet: it is not written a second time.
    dealer.desk.sync()
    assert dealer.dms.outgoing() == [path]
    dealer.dms.work()
    assert dealer.dms.records[number]["VERSION"] == ODD
    dealer.come_to_rest()


def test_what_is_typed_in_the_dms_comes_to_the_module_letter_for_letter(dealer: Dealer) -> None:
    record_id, number = dealer.cars(1)
    km = int(dealer.dms.records[number]["KM"].replace(" ", "")) + 1_000
    dealer.dms.records[number] |= {"VERSION": ODD, "FREVO": "1 234,56 €", "KM": f"{km:,}".replace(",", " ")}
    dealer.dms.publish()
    dealer.desk.sync("--quick")
    car = dealer.module(record_id)
    assert car["characteristics"]["version"] == ODD
    assert car["costs"]["reconditioning"] == 1234.56
    assert car["characteristics"]["mileage"] == km
    assert dealer.dms.outgoing() == []
    dealer.come_to_rest()
    assert dealer.dms.records[number]["FREVO"] == "1 234,56 €"


def test_a_price_typed_in_the_dms_that_the_module_owns_is_put_back(dealer: Dealer) -> None:
    record_id, number = dealer.cars(2)
    right = dealer.dms.records[number]["PRIX_TTC"]
    dealer.dms.records[number]["PRIX_TTC"] = "1 111,00"
    dealer.dms.publish()
    dealer.desk.sync()
    [row] = dealer.rows_out()
    assert (row["NUM_VO"], row["PRIX_TTC"]) == (number, right.replace(" ", ""))
    dealer.dms.work()
    dealer.come_to_rest()
    assert _cents(dealer.module(record_id)["sale"]["price"]) == _cents(right.replace(" ", "").replace(",", "."))


def test_a_text_that_the_encoding_lacks_is_reported_and_not_sent(dealer: Dealer) -> None:
    record_id, number = dealer.cars(3)
    dealer.edit(record_id, characteristics={"model": "Łódź"})
    dealer.desk.sync()
    [found] = [row for row in dealer.desk.findings() if row["subject"] == "model"]
    print(found)
    assert found["kind"] == "write_rejected"
    assert "'Ł' does not exist in cp1252" in found["sentence"]
    assert dealer.dms.outgoing() == []
    dealer.edit(record_id, characteristics={"model": "Lodz"})
    dealer.come_to_rest()
    assert dealer.dms.records[number]["MODELE"] == "Lodz"
    assert [row for row in dealer.desk.findings() if row["subject"] == "model"] == []


def test_a_new_car_of_the_module_is_created_once_and_learns_its_number(dealer: Dealer) -> None:
    vin = "VF1RFB00X56780099"
    car = dealer.sandbox.vehicle_module.create(
        {
            "pointOfSale": "PDV1",
            "type": "VO",
            "status": "PRE_RENTREE",
            "destination": "PARTICULIER",
            "identification": {"vin": vin, "registration": "EF-456-GH", "firstRegistrationDate": "2020-02-29"},
            "characteristics": {"make": "Renault", "model": "Mégane", "version": "Estate", "mileage": 41_000},
            "sale": {"price": 15990},
        },
        "user:7",
    )
    dealer.desk.sync("--quick")
    [row] = dealer.rows_out()
    assert (row["ACTION"], row["NUM_VO"], row["REF_MODULE"]) == ("CREATION", "#", car["id"])
    assert (row["CODE_SITE"], row["TYPE"], row["DEST"], row["MODELE"]) == ("S01", "3", "P", "Mégane")
    assert (row["DATE_MEC"], row["PRIX_TTC"], row["KM"]) == ("29/02/2020", "15990,00", "41000")
    dealer.desk.sync()
    assert len(dealer.dms.outgoing()) == 1
    dealer.dms.work()
    dealer.come_to_rest()
    [record] = dealer.dms.by("CHASSIS", vin)
    assert dealer.module(str(car["id"]))["identification"]["dmsReference"] == record["NUM_VO"]


def test_a_refusal_in_an_answer_reaches_the_conflict_report_in_its_own_words(dealer: Dealer, tmp_path: Path) -> None:
    record_id, number = dealer.cars(4)
    before = dealer.dms.records[number]["PRIX_TTC"]
    dealer.dms.refuses = lambda changes: (
        ("PRIX_TTC", "prix bloqué : dossier d’arbitrage nº 7") if changes.get("PRIX_TTC") == "6666,00" else None
    )
    dealer.edit(record_id, sale={"price": 6666})
    dealer.desk.sync()
    dealer.dms.work()
    # The answer is read by the next run; until then nobody knows.
    assert [row for row in dealer.desk.findings() if row["subject"] == "sale_price"] == []
    dealer.desk.sync()
    [found] = [row for row in dealer.desk.findings() if row["subject"] == "sale_price"]
    print(found)
    assert found["kind"] == "write_rejected"
    report = tmp_path / "conflits.csv"
    dealer.desk.said("conflicts", "export", str(report))
    assert "dossier d’arbitrage nº 7" in report.read_text("utf-8-sig")
    # What was refused is not sent again until something moves.
    asked = len(dealer.dms.taken)
    dealer.desk.sync()
    dealer.dms.work()
    assert (len(dealer.dms.taken), dealer.dms.records[number]["PRIX_TTC"]) == (asked, before)
    dealer.edit(record_id, sale={"price": 6667})
    dealer.come_to_rest()
    assert dealer.dms.records[number]["PRIX_TTC"] == "6667,00"
    assert [row for row in dealer.desk.findings() if row["subject"] == "sale_price"] == []


def test_a_listing_is_not_taken_before_its_marker_nor_ever_without_its_last_line(dealer: Dealer) -> None:
    record_id, number = dealer.cars(5)
    before = dealer.module(record_id)["costs"]["reconditioning"]
    dealer.dms.records[number]["FREVO"] = "777,00"
    whole = dealer.dms.spelled()
    name = f"vo_S01_{dealer.dms.stamp('%Y%m%d%H%M%S')}"
    path, marker = (dealer.dms.root / "export" / f"{name}.{ending}" for ending in ("csv", "ok"))

    # Half of it is there, and more may come: the former listing holds.
    path.write_bytes(whole[: len(whole) // 2])
    dealer.desk.sync()
    assert dealer.module(record_id)["costs"]["reconditioning"] == before

    # Somebody says that it is whole, and it is not: no listing at all, and nothing is decided.
    path.write_bytes(whole[: whole.rindex(b"FIN")])
    marker.touch()
    done = dealer.desk.run("sync")
    assert done.exit_code == 1
    assert f"{name}.csv is not taken" in done.output
    assert dealer.module(record_id)["costs"]["reconditioning"] == before

    path.write_bytes(whole)
    dealer.come_to_rest()
    assert dealer.module(record_id)["costs"]["reconditioning"] == 777
