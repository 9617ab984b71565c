"""`stocksync mapping verify`: where both systems behave otherwise than the guide says, in words and as data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stocksync.adapters.store.experience import Tallies, Tally
from stocksync.entrypoints.cli import Commands
from stocksync.entrypoints.mapping_verify import verify
from stocksync.entrypoints.mapping_verify_view import Finding, Limits, VerifyView, find, rows_of
from stocksync.entrypoints.mapping_verify_words import WORDS
from stocksync.reports.spelling import Language
from stocksync.settings import Settings
from tests.entrypoints.desk import FRENCH_SPACES, SHIPPED
from tests.entrypoints.test_mapping_unknown import Remembering
from tests.worlds import DMS, MODULE, World, a_world, crowd, shipped

FOR_EVER = ("--days", "36500")
LIMITS = Limits(refused=3, changes=5, kept=20)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path / "memory.db", *crowd(12)) as made:
        yield made.settled()


def run(world: World, *options: str, language: Language = "fr", url: str = "") -> Result:
    database = url or str(world.repository.engine.url)
    settings = Settings(SHIPPED, database, "warning", language, environment={})
    group = Commands("mapping", commands=[verify])
    done = CliRunner().invoke(group, ["verify", *options], obj=Remembering(settings))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def said(done: Result, code: int) -> str:
    assert done.exit_code == code, done.output
    return done.output.translate(FRENCH_SPACES)


def changed_in_dms(world: World, cars: int) -> None:
    for number in range(100, 100 + cars):
        world.edit(DMS, f"VO{number}", prix_vente=f"10 {number},00")
    world.sync()


def refused_by_dms(world: World, field: str) -> None:
    world.dms.refused = lambda body: {field: "valeur bloquée"} if field in body else {}
    for number in range(100, 104):
        world.edit(MODULE, f"OF-{number}", sale__vatRecoverable=True)
    world.sync()


def test_a_refusal_where_the_guide_says_oui_is_told_with_the_words_of_the_system(world: World) -> None:
    refused_by_dms(world, "tva_recup")
    told = said(run(world, *FOR_EVER), 1)
    assert (
        "TVA récupérable modifiable : le guide dit OUI (le DMS peut modifier), et le DMS a refusé 4 écritures :"
        " « valeur bloquée » (4 fois)"
    ) in told
    in_english = said(run(world, *FOR_EVER, language="en"), 1)
    assert (
        "the guide says OUI (the DMS may modify), and the DMS refused 4 writes: “valeur bloquée” (4 times)"
        in in_english
    )


def test_changes_where_the_guide_says_non_are_told_with_what_became_of_them(world: World) -> None:
    changed_in_dms(world, 5)
    told = said(run(world, *FOR_EVER), 1)
    assert (
        "Prix de vente VO modifiable : le guide dit NON (le DMS ne modifie pas), pourtant la valeur a été changée 5"
        " fois dans le DMS ; elle a été remise à chaque fois"
    ) in told
    (line,) = [line for line in told.splitlines() if line.startswith("Prix de vente VO modifiable  ")]
    assert line.split() == ["Prix", "de", "vente", "VO", "modifiable", "NON", "DMS", "5", "5", "5"]


def test_too_few_times_are_in_the_table_and_not_worth_a_sentence(world: World) -> None:
    changed_in_dms(world, 4)
    told = said(run(world, *FOR_EVER), 0)
    assert "Prix de vente VO modifiable" in told
    assert "rien ne contredit le guide" in told
    assert "changée 4 fois" in said(run(world, *FOR_EVER, "--min-changes", "4"), 1)


def test_a_quiet_database_and_one_that_is_not_there_say_so(world: World, tmp_path: Path) -> None:
    for url in ("", f"sqlite:///{tmp_path / 'nowhere.db'}"):
        assert "aucune modification, aucune écriture" in said(run(world, *FOR_EVER, url=url), 0)
    assert not (tmp_path / "nowhere.db").exists()


def test_the_same_for_a_program(world: World) -> None:
    changed_in_dms(world, 5)
    done = run(world, *FOR_EVER, "--json", "--point-of-sale", "PDV1")
    assert done.exit_code == 1
    (pair,) = json.loads(done.stdout)["pairs"]
    assert (pair["pair"], pair["points_of_sale"]) == ("openflex-icar", ["PDV1"])
    (row,) = [row for row in pair["rows"] if row["attribute"] == "sale_price"]
    assert (row["dms_may_modify"], row["owner"], row["dms"]["changed"], row["dms"]["put_back"]) == (
        "NON",
        "vehicle_module",
        5,
        5,
    )
    (found,) = pair["findings"]
    assert (found["kind"], found["attribute"], found["side"], found["count"]) == ("against", "sale_price", "dms", 5)


def test_another_point_of_sale_and_an_unknown_one(world: World) -> None:
    changed_in_dms(world, 5)
    assert run(world, *FOR_EVER, "--point-of-sale", "PDV2").exit_code == 0
    assert "Did you mean PDV1?" in said(run(world, "--point-of-sale", "PDV11"), 2)


# --- what is worth a sentence


def found(**counted: Any) -> list[tuple[Finding, Any, int]]:
    """What is found of one attribute; `dms` and `module` are its tallies."""
    name = counted.pop("attribute", "sale_price")
    tallies: Tallies = {
        (name, side): counted[key] for key, side in (("dms", DMS), ("module", MODULE)) if key in counted
    }
    rows = rows_of(shipped(), tallies, "fr")
    return [(one.kind, one.side, one.count) for one in find(rows, LIMITS)]


def test_a_row_is_silent_below_every_limit() -> None:
    assert found(dms=Tally(changed=4, kept=100, refused=2, ignored=2, undone=2)) == []


def test_writes_that_are_ignored_or_undone_are_told() -> None:
    assert found(dms=Tally(ignored=3)) == [(Finding.IGNORED, DMS, 3)]
    assert found(module=Tally(kept=9, undone=3)) == [(Finding.UNDONE, MODULE, 3)]


def test_people_who_change_it_explain_why_writes_are_undone() -> None:
    assert found(dms=Tally(changed=31, put_back=31, kept=31, undone=9)) == [(Finding.AGAINST, DMS, 31)]


def test_where_the_dms_decides_changes_in_the_module_are_told() -> None:
    assert found(attribute="reconditioning_cost", module=Tally(changed=5)) == [(Finding.AGAINST, MODULE, 5)]
    assert found(attribute="mileage", module=Tally(changed=50), dms=Tally(changed=50)) == []


def test_a_provisional_row_that_works_may_be_confirmed_and_one_that_does_not_may_not() -> None:
    assert found(attribute="vat_recoverable", dms=Tally(kept=15), module=Tally(kept=5)) == [
        (Finding.CONFIRMABLE, None, 20)
    ]
    assert found(attribute="vat_recoverable", dms=Tally(kept=19)) == []
    assert found(attribute="vat_recoverable", dms=Tally(kept=40, refused=1)) == []
    assert found(attribute="sale_price", dms=Tally(kept=40)) == []


def sentences(language: Language, tallies: Tallies) -> list[str]:
    rows = rows_of(shipped(), tallies, language)
    view = VerifyView("p", ["PDV1"], datetime(2026, 11, 1, tzinfo=UTC), 30, rows, find(rows, LIMITS), language)
    return [one["sentence"].translate(FRENCH_SPACES) for one in view.as_data()["findings"]]


def test_what_became_of_changes_is_told_as_it_was() -> None:
    for put_back, then in (
        (0, "elle y est restée"),
        (2, "elle a été remise 2 fois"),
        (9, "elle a été remise à chaque fois"),
    ):
        (told,) = sentences("fr", {("vin", DMS): Tally(changed=9, put_back=put_back)})
        assert told.endswith(then)


def test_a_row_that_may_be_confirmed_says_where() -> None:
    (told,) = sentences("en", {("vat_recoverable", DMS): Tally(kept=40)})
    assert told == (
        "TVA récupérable modifiable: the guide says OUI (the DMS may modify), provisional row: 40 writes kept, none"
        " refused; it may be confirmed (take provisional: true out of pairs/p/ownership.yaml)"
    )


def test_what_is_not_in_the_guide_s_table_is_told_by_its_own_name() -> None:
    tally = Tally()
    for _ in range(3):
        tally.refuse("champ verrouillé.")
    (told,) = sentences("fr", {("make", DMS): tally})
    assert told.startswith("Marque : hors du tableau du guide, et le DMS a refusé 3 écritures : « champ verrouillé »")


def test_the_words_of_a_system_about_a_person_are_not_repeated() -> None:
    tally = Tally()
    for _ in range(3):
        tally.refuse("Jeanne Durand inconnue")
    for language in ("fr", "en"):
        (told,) = sentences(language, {("trade_in_buyer", DMS): tally})  # type: ignore[arg-type]
        assert "Durand" not in told
    rows = rows_of(shipped(), {("trade_in_buyer", DMS): tally}, "fr")
    view = VerifyView("p", ["PDV1"], datetime(2026, 11, 1, tzinfo=UTC), 30, rows, (), "fr")
    assert "Durand" not in json.dumps(view.as_data())


def test_every_sentence_is_there_in_both_languages() -> None:
    assert WORDS["fr"].keys() == WORDS["en"].keys()
