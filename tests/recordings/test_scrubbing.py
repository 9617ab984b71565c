"""What of a message stays in a recording, and what does not."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stocksync.adapters.recordings.exchanges import Lines, read_line, written
from stocksync.adapters.recordings.recorder import scrubber_for
from stocksync.adapters.recordings.scrubbing import Scrubber
from stocksync.adapters.recordings.tap import Exchange
from stocksync.mapping.load import load_files, read_files
from stocksync.stock.values import Side

SHIPPED = Path(__file__).resolve().parents[2] / "mappings"
DMS, MODULE = Side.DMS, Side.VEHICLE_MODULE
AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
ADDRESSES = {MODULE: "https://module.garage-dupont.example/base", DMS: "http://dms.garage-dupont.example:8080"}
SECRET = "s3cr3t-of-ours"


def scrubber(*edits: tuple[str, str, str], keep_vins: bool = False) -> Scrubber:
    """A scrubber by the shipped mapping files, some words of which were changed: file, what, into what."""
    files = read_files(SHIPPED)
    for name, before, after in edits:
        path = f"pairs/openflex-icar/{name}"
        assert before.encode() in files[path]
        files[path] = files[path].replace(before.encode(), after.encode())
    mapping = load_files(files).points_of_sale["PDV1"]
    return scrubber_for(mapping, ADDRESSES, [SECRET], keep_vins=keep_vins)


def exchange(
    content: bytes,
    side: Side = DMS,
    *,
    path: str = "/icar/ws/v2/vo/VO1",
    headers: tuple[tuple[str, str], ...] = (("Content-Length", "1"),),
    request: bytes = b"",
    status: int = 200,
) -> Exchange:
    return Exchange(side, "GET", path, request, AT, status, headers, content, "")


def line(content: bytes | Any, side: Side = DMS, by: Scrubber | None = None, **said: Any) -> dict[str, Any]:
    """The line that a recording has of one exchange alone."""
    raw = content if isinstance(content, bytes) else written(content)
    lines, one = Lines(by or scrubber()), exchange(raw, side, **said)
    lines.see(one)
    made = lines.line(one)
    read_line(written(made))
    return made


def file(**fields: Any) -> dict[str, Any]:
    """An answer of the DMS about one file."""
    return {"ok": True, "vo": {"dossier": "VO1", "statut": "Stock", "marque": "SEAT", **fields}}


def test_what_the_mapping_gives_a_meaning_stays() -> None:
    said = file(km="81 770", prix_vente="6 990,00", date_mec="31/12/2017", couleur="GRIS", maj_le="22/11/2026 11:06:41")
    assert line(said)["json"] == said


def test_a_field_that_no_mapping_file_names_does_not_stay_whatever_it_holds() -> None:
    said = {"client": "Jean DUPONT", "tel": "06 12 34 56 78", "nb": 123456, "vip": True, "rien": None, "solde": 12.5}
    kept = line(file(**said, adresse={"rue": "3 rue Dupont", "Jean Dupont": 1}, notes=["Dupont", 7]))["json"]["vo"]
    assert (kept["vip"], kept["rien"], kept["tel"][0], len(str(kept["nb"]))) == (True, None, "0", 6)
    assert kept["client"][4] == " "
    assert kept["client"][5:].isupper()
    text = json.dumps(kept, default=str)
    assert not any(one in text for one in ("Dupont", "DUPONT", "06 12", "123456", "12.5", "rue Dupont", '"notes": ["D'))
    assert kept["adresse"].keys() >= {"rue"}


@pytest.mark.parametrize("blank", ["-", "???", "NA", " - "])
def test_what_means_empty_still_means_empty(blank: str) -> None:
    kept = line(file(repreneur=blank, inconnu=blank))["json"]["vo"]
    assert (kept["repreneur"], kept["inconnu"]) == (blank, blank)


def test_no_other_value_becomes_one_that_means_empty() -> None:
    ours = scrubber()
    assert all(
        ours.personal(a + b, frozenset({"NA"})) != "NA"
        for a in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        for b in "ABCN"
        if a + b != "NA"
    )


def test_a_name_is_the_same_on_both_sides_and_found_again_in_texts_that_came_before() -> None:
    ours = scrubber()
    lines = Lines(ours)
    first = exchange(written(file(version="GTI pour M. dupont et MARTINEZ", repreneur="J. DUPONT", chassis="")))
    second = exchange(
        written({"items": [{"id": "OF-1", "purchase": {"tradeInBuyer": "J. Dupont"}, "owner": "Martinez"}]}), MODULE
    )
    for one in (first, second):
        lines.see(one)
    kept, other = lines.line(first)["json"]["vo"], lines.line(second)["json"]["items"][0]
    assert kept["repreneur"].casefold() == other["purchase"]["tradeInBuyer"].casefold() != "j. dupont"
    assert "dupont" not in kept["version"].casefold()
    assert "martinez" not in kept["version"].casefold()
    assert kept["version"].startswith("GTI pour M. ")


@pytest.mark.parametrize(
    "text",
    [
        "tel +33 6 12 34 56 78",
        "tél. 0612345678",
        "(06.12.34.56.78)",
        "a.b-c@garage-dupont.example",
        "00 33 612345678 9",
    ],
)
def test_numbers_and_addresses_in_texts_do_not_stay(text: str) -> None:
    kept = line(file(version=text))["json"]["vo"]["version"]
    assert kept != text
    assert "612345678" not in kept.replace(" ", "").replace(".", "")
    assert "garage" not in kept


def test_vins_and_plates_are_replaced_wherever_they_stand_and_alike() -> None:
    vin, plate = "WVWZZZ1KZAW234567", "AB-123-CD"
    said = file(chassis=vin.lower(), immat="AB123CD", version=f"ex {vin}, {plate}", no_police=plate, inconnu=vin)
    kept = line(said)["json"]["vo"]
    assert kept["chassis"].upper().startswith(vin[:11])
    assert kept["chassis"].upper() in kept["version"]
    text = json.dumps(kept, default=str).upper()
    assert "234567" not in text
    assert not any(one in text for one in ("AB-123-CD", "AB123CD"))
    assert line(said, by=scrubber(keep_vins=True))["json"]["vo"]["version"] == said["vo"]["version"]


def test_what_a_system_says_of_an_error_does_not_stay_but_the_fields_do() -> None:
    said = {
        "ok": False,
        "code": 422,
        "erreur": "Dossier de M. DUPONT verrouillé",
        "champs": [{"champ": "couleur", "message": "DUPONT a dit non"}],
    }
    kept = line(said)["json"]
    assert (kept["ok"], kept["code"], kept["champs"][0]["champ"]) == (False, 422, "couleur")
    assert "DUPONT" not in json.dumps(kept, default=str)


def test_secrets_and_addresses_do_not_stay_anywhere() -> None:
    base = ADDRESSES[DMS]
    kept = line(
        file(version=f"see {base}/x?key={SECRET}", inconnu=SECRET, dossier="VO1"),
        headers=(
            ("ETag", f'"{SECRET}"'),
            ("Set-Cookie", "sid=1"),
            ("Authorization", SECRET),
            ("Location", f"{base}/a/1"),
        ),
    )
    assert SECRET not in json.dumps(kept, default=str)
    assert "garage-dupont" not in json.dumps(kept, default=str)
    assert set(kept["headers"]) == {"etag", "location", "x-unframed"}
    assert kept["headers"]["location"] == "https://dms.invalid/a/1"


def test_a_link_to_the_next_page_leads_to_the_made_up_address() -> None:
    paging = 'paging: {style: next_link, next: "@odata.nextLink", complete_when: no_next}'
    ours = scrubber(("vehicle_module.yaml", "paging: {style: cursor, parameter: cursor, next: nextCursor}", paging))
    said = {"items": [], "@odata.nextLink": f"{ADDRESSES[MODULE]}/api/v1/vehicles?after=WVWZZZ1KZAW234567&n=5"}
    kept = line(said, MODULE, ours, path="/base/api/v1/vehicles?after=WVWZZZ1KZAW234567&n=5")
    assert kept["json"]["@odata.nextLink"] == f"https://vehicle-module.invalid{kept['path']}"
    assert "234567" not in json.dumps(kept, default=str)


def test_a_cursor_is_replaced_in_the_answer_and_in_the_next_request_alike() -> None:
    ours = scrubber()
    kept = line({"items": [], "nextCursor": "V1YtRFVQT05U="}, MODULE, ours, path="/base/api/v1/vehicles?limit=5")
    then = line({"items": [], "nextCursor": None}, MODULE, ours, path="/base/api/v1/vehicles?cursor=V1YtRFVQT05U%3D")
    assert kept["path"] == "/api/v1/vehicles?limit=5"
    assert then["path"] == f"/api/v1/vehicles?cursor={kept['json']['nextCursor'].replace('=', '%3D')}"
    assert "V1YtRFVQT05U" not in json.dumps([kept, then], default=str)


def test_a_key_in_the_query_is_left_out() -> None:
    ours = scrubber(("dms.yaml", "header: X-Api-Key", "query: cle"))
    assert line(file(), by=ours, path=f"/icar/ws/v2/vo?site=S01&cle={SECRET}")["path"] == "/icar/ws/v2/vo?site=S01"


def test_what_is_written_is_replaced_as_what_was_read() -> None:
    ours = scrubber()
    sent = {"repreneur": "J. Dupont", "chassis": "WVWZZZ1KZAW234567", "inconnu": "Dupont", "km": "12"}
    kept = line(file(**sent), by=ours, request=written(sent))
    assert kept["request"] == {name: kept["json"]["vo"][name] for name in sent}
    assert "upont" not in json.dumps(kept, default=str)


@pytest.mark.parametrize(
    "broken",
    [
        b'{"ok": true, "vo": {"client": "Dupont", "nb": 12',
        b'{"client": "Dupont", "client": "Dupont"}',
        b"<html>M. Dupont est en maintenance</html>",
        b'{"client": "\\u0044upont", "a": NaN}',
        b"Dupont",
        b'{"client": "Dupont \xe9"}',
        '{"client": "Dupont \ufffd"}'.encode(),
        b'{"client": "Dupont\\ud800"}',
    ],
)
def test_what_is_no_json_stays_as_broken_as_it_was_without_what_it_said(broken: bytes) -> None:
    from stocksync.adapters.systems import strict_json

    with pytest.raises(strict_json.NotJson) as before:
        strict_json.parsed(broken)
    kept = read_line(written(line(broken)))
    with pytest.raises(strict_json.NotJson) as after:
        strict_json.parsed(kept.content)
    assert b"upont" not in kept.content
    assert str(after.value).split("'")[0] == str(before.value).split("'")[0]


def test_compressed_answers_are_unpacked_and_broken_ones_named() -> None:
    packed = gzip.compress(written(file(repreneur="Dupont")))
    headers = (("Content-Encoding", "gzip"), ("Content-Length", "9"))
    assert line(packed, headers=headers)["json"]["vo"]["marque"] == "SEAT"
    assert line(packed[:-6], headers=headers)["fault"] == "BrokenGzip"
    assert line(packed, headers=(("Content-Encoding", "br"),))["fault"] == "UnknownCoding"
    bomb = gzip.compress(b" " * 21_000_000)
    assert line(bomb, headers=headers)["fault"] == "TooBig"


def test_ids_that_are_vins_are_replaced_in_paths_references_and_records_alike() -> None:
    vin = "WVWZZZ1KZAW234567"
    ours = scrubber(("dms.yaml", "id: dossier", "id: chassis"))
    kept = line({"ok": True, "vo": {"chassis": vin}}, by=ours, path=f"/icar/ws/v2/vo/{vin}")
    other = line({"items": [{"id": "OF-1", "identification": {"dmsReference": vin}}]}, MODULE, ours)
    replaced = kept["json"]["vo"]["chassis"]
    assert kept["path"].endswith(f"/{replaced}")
    assert other["json"]["items"][0]["identification"]["dmsReference"] == replaced != vin


def test_records_by_their_keys_and_by_lines_are_looked_into() -> None:
    keyed = scrubber(("vehicle_module.yaml", "    items: items\n", "    items: items\n    form: keyed\n"))
    said = {"items": {"OF-1": {"id": "OF-1", "purchase": {"tradeInBuyer": "Dupont"}, "sale": {"price": 12.5}}}}
    kept = line(said, MODULE, keyed)["json"]["items"]["OF-1"]
    assert (kept["sale"], kept["id"]) == ({"price": 12.5}, "OF-1")
    assert kept["purchase"]["tradeInBuyer"] != "Dupont"
    paging = "paging: {style: none}"
    lines = scrubber(
        ("vehicle_module.yaml", "    items: items\n", "    form: lines\n"),
        ("vehicle_module.yaml", "paging: {style: cursor, parameter: cursor, next: nextCursor}", paging),
    )
    raw = b'{"id": "OF-1", "sale": {"price": 12.5}, "x": "Dupont"}\n{"id": "OF-2"}\n'
    kept = line(raw, MODULE, lines)["lines"]
    assert [one["id"] for one in kept] == ["OF-1", "OF-2"]
    assert "Dupont" not in json.dumps(kept, default=str)
