"""Listings that lack what a record needs: fields that the settings add, and rows that share an id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from stocksync.adapters.systems.files.rows import NotReadable, with_added
from stocksync.adapters.systems.files.system import FilesSystem
from stocksync.errors import IncompleteListing
from stocksync.mapping.connection_files import FilesConnection
from tests.contract.clock import PaperClock

INCOMING: dict[str, Any] = {
    "contents": "complete",
    "folder": ".",
    "pattern": "cars.csv",
    "format": {"type": "csv", "separator": ",", "encoding": "utf-8"},
    "ready": {"when": "settled", "settled_s": 0},
    "point_of_sale_field": "Dealer",
    "adds": {"listing.id": "{VIN} {Dealer}", "life": "on sale"},
    "same_id": "numbered",
}
CHANGES = {**INCOMING, "contents": "changes", "pattern": "{stamp}.csv", "same_id": "refused"}
OUTGOING = {
    "folder": "import",
    "pattern": "{stamp}{key}.json",
    "format": {"type": "json"},
    "verb": {"field": "do", "create": "C", "update": "U"},
}
ROWS = ["V1,Foo / Sons,100", "V1,Foo / Sons,100", "V1,Bar,7", "V1,Foo / Sons,90", ",Foo / Sons,5", "V1,Foo / Sons,80"]


def connection(incoming: dict[str, Any] = INCOMING, *more: dict[str, Any], **others: Any) -> FilesConnection:
    return FilesConnection.model_validate({"protocol": "files", "incoming": [incoming, *more], **others})


def listed(folder: Path, rows: list[str], incoming: dict[str, Any] = INCOMING) -> list[tuple[str, dict[str, Any]]]:
    """Every record of the dealer Foo / Sons, whose name could not be a part of a file's."""
    (folder / "cars.csv").write_text("\n".join(["VIN,Dealer,Price", *rows, ""]))
    system = FilesSystem(
        connection(incoming),
        address=str(folder),
        secrets={},
        point_of_sale_code="Foo / Sons",
        id_path="listing.id",
        reference_path=None,
        clock=PaperClock(),
    )
    try:
        return [(record.record_id, record.body) for page in system.pages() for record in page.records]
    finally:
        system.close()


def test_a_record_has_the_fields_that_are_added_and_rows_with_its_id_that_differ_are_records_of_their_own(
    tmp_path: Path,
) -> None:
    found = listed(tmp_path, ROWS)
    assert [(record_id, body["Price"]) for record_id, body in found] == [
        ("V1 Foo / Sons", "100"),
        ("V1 Foo / Sons #2", "90"),
        ("V1 Foo / Sons #3", "80"),
        ("", "5"),
    ]
    assert all(body["listing"]["id"] == record_id for record_id, body in found)
    assert {body["life"] for _, body in found} == {"on sale"}


def test_rows_that_differ_under_one_id_are_refused_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    with pytest.raises(IncompleteListing, match="two things of the record 'V1 Foo / Sons'"):
        listed(tmp_path, ROWS, {**INCOMING, "same_id": "refused"})
    assert len(listed(tmp_path, ROWS[:3], {**INCOMING, "same_id": "refused"})) == 1


def test_a_number_never_takes_the_id_of_another_record(tmp_path: Path) -> None:
    incoming = {**INCOMING, "adds": {"listing.id": "{VIN}", "life": "on sale"}}
    rows = ["V1,Foo / Sons,1", "V1,Foo / Sons,2", "V1 #2,Foo / Sons,3"]
    for order in (rows, [rows[2], *rows[:2]]):
        with pytest.raises(IncompleteListing, match="two things"):
            listed(tmp_path, order, incoming)


def test_a_file_of_nothing_but_one_id_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(IncompleteListing, match="more than 100"):
        listed(tmp_path, [f"V1,Foo / Sons,{price}" for price in range(101)])


@pytest.mark.parametrize(
    ("rows", "adds", "says"),
    [
        ([{"VIN": "V1", "life": "sold"}], {"life": "on sale"}, "a field life of its own"),
        ([{"VIN": "V1"}], {"id": "{VIN} {Dealer}"}, "no field Dealer"),
        ([{"VIN": ["V1"]}], {"id": "{VIN}"}, "nothing can be made of its field VIN"),
        ([{"VIN": "V1"}], {"VIN.id": "{VIN}"}, "contradict"),
    ],
)
def test_what_cannot_be_added_makes_the_file_unreadable(
    rows: list[dict[str, Any]], adds: dict[str, str], says: str
) -> None:
    with pytest.raises(NotReadable, match=says):
        with_added(rows, adds)


def test_numbers_of_json_are_a_part_of_a_text_as_they_are_spelled() -> None:
    assert with_added([{"car": {"n": 7}, "x": " a "}], {"id": "{car.n}/{x}"}) == [
        {"car": {"n": 7}, "x": " a ", "id": "7/a"}
    ]


@pytest.mark.parametrize(
    "settings",
    [
        [{**INCOMING, "adds": {"id": ""}}],
        [{**INCOMING, "adds": {"id": "{VIN"}}],
        [{**INCOMING, "adds": {"id": "{}"}}],
        [{**INCOMING, "adds": {"id": "{a..b}"}}],
        [{**INCOMING, "adds": {"a..b": "{VIN}"}}],
        [{**INCOMING, "adds": {"id": "{key}", "key": "{VIN}"}}],
        [INCOMING, {**CHANGES, "same_id": "numbered"}],
        [INCOMING, {**CHANGES, "records": "partial"}],
    ],
)
def test_settings_that_say_nothing_sensible_are_refused(settings: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        connection(*settings)


def test_added_fields_never_go_out() -> None:
    connection(outgoing=OUTGOING)
    with pytest.raises(ValidationError, match="fields: changed"):
        connection(outgoing={**OUTGOING, "fields": "whole"})
