"""What the oracle answers where the text can be read off by hand, so that an error in it shows.

Not here: any test of the package.
"""

from itertools import islice

import pytest

from .attribute import (
    BOTH,
    OWNERS,
    Base,
    Expected,
    Owner,
    Policy,
    Reading,
    decide,
    every_policy,
    every_reading,
)
from .stage import STAGES, ExpectedStage, Stage, StageCase, decide_stage, every_case

PLAIN = Policy()
MILEAGE = Policy(on_both_changed="highest", never_decreases=True, max_jump=50_000)
POLICE_NUMBER = Policy(immutable=True, fill_blank=frozenset({"vehicle_module"}))

ATTRIBUTE_ROWS = {
    '1 "agreed: base := value"': ((5, 7, 7, "dms", PLAIN), Expected("agreed", 1, base_after=7)),
    "1, nothing moved": ((5, 5, 5, "dms", PLAIN), Expected("unchanged", 1)),
    '1 "agreed even where it would be refused as a change"': (
        (90_000, 80_000, 80_000, "shared", MILEAGE),
        Expected("agreed", 1, base_after=80_000),
    ),
    "1, a value blanked on both sides": (
        (5, "blank", "blank", "dms", PLAIN),
        Expected("agreed", 1, base_after="blank"),
    ),
    '2 "nothing known: no verdict, no write"': ((5, "absent", 7, "dms", PLAIN), Expected("nothing", 2)),
    "2 is read before 9": ((5, "absent", "invalid", "dms", PLAIN), Expected("nothing", 2)),
    '3 "propagate to the other"': (
        (5, 7, 5, "vehicle_module", PLAIN),
        Expected("written", 3, write=("dms", 7)),
    ),
    '3 "shared, only one side"': (
        (5, 5, 7, "shared", PLAIN),
        Expected("written", 3, write=("vehicle_module", 7)),
    ),
    "3, the value to write is more than max_jump above base": (
        (10_000, 10_000, 60_001, "shared", MILEAGE),
        Expected("conflict", 3, "implausible_jump"),
    ),
    "3, exactly max_jump above base is not more": (
        (10_000, 10_000, 60_000, "shared", MILEAGE),
        Expected("written", 3, write=("vehicle_module", 60_000)),
    ),
    '4 "the owner\'s value is written back"': (
        (5, 5, 7, "vehicle_module", PLAIN),
        Expected("refused", 4, write=("dms", 5)),
    ),
    '4 "or only reported"': ((5, 5, 7, "vehicle_module", Policy(on_drift="report")), Expected("refused", 4)),
    "4, a blank is never written over a set value": (
        ("blank", "blank", 7, "vehicle_module", Policy(fill_blank=frozenset())),
        Expected("refused", 4),
    ),
    '5 "the owner\'s value, and the other is reported as a refused change"': (
        (5, 6, 7, "dms", PLAIN),
        Expected("refused", 5, write=("vehicle_module", 7)),
    ),
    '5 shared "conflict"': ((5, 6, 7, "shared", PLAIN), Expected("conflict", 5, "both_changed")),
    '5 "names a rule": highest': (
        (90_000, 95_000, 93_000, "shared", MILEAGE),
        Expected("refused", 5, write=("dms", 95_000)),
    ),
    "5, highest and more than max_jump above base": (
        (10_000, 20_000, 70_000, "shared", MILEAGE),
        Expected("conflict", 5, "implausible_jump"),
    ),
    '9 "a decrease is `invalid_value`"': (
        (90_000, 95_000, 9_300, "shared", MILEAGE),
        Expected("held", 9, "invalid_value"),
    ),
    '5 "turns `review` into `dms`"': (
        (5, 6, 7, "shared", Policy(dms_has_priority=True)),
        Expected("refused", 5, write=("vehicle_module", 7)),
    ),
    '6 "the owner\'s value, reported as first contact"': (
        ("absent", 6, 7, "vehicle_module", PLAIN),
        Expected("written", 6, "first_contact", write=("dms", 6)),
    ),
    '6 "always asks, whatever the rule"': (
        ("absent", 6, 7, "shared", MILEAGE),
        Expected("conflict", 6, "first_contact"),
    ),
    '7 "also where the blank side is the owner"': (
        ("absent", "blank", 7, "vehicle_module", PLAIN),
        Expected("written", 7, write=("vehicle_module", 7)),
    ),
    "7, base blank": (("blank", 7, "blank", "dms", PLAIN), Expected("written", 7, write=("dms", 7))),
    '7 "Never `police_number` towards the DMS"': (
        ("absent", 12, "blank", "dms", POLICE_NUMBER),
        Expected("conflict", 0, "police_number_changed"),
    ),
    "7, police number towards the vehicle module": (
        ("blank", "blank", 12, "dms", POLICE_NUMBER),
        Expected("written", 7, write=("vehicle_module", 12)),
    ),
    "7, `fill_blank: false` at first contact": (
        ("absent", 12, "blank", "vehicle_module", Policy(fill_blank=frozenset())),
        Expected("held", 7, "blank_not_filled"),
    ),
    '8 "by the non-owner: a refused change, as row 4"': (
        (5, 5, "blank", "vehicle_module", PLAIN),
        Expected("refused", 8, write=("dms", 5)),
    ),
    '8 "by the owner: nothing is written [...] `blanked` [...] whatever the other side did"': (
        (5, "blank", 7, "vehicle_module", PLAIN),
        Expected("held", 8, "blanked"),
    ),
    '8 shared "as by the owner"': ((5, 5, "blank", "shared", PLAIN), Expected("held", 8, "blanked")),
    '8 "`blank_erases: true`: a value like any other"': (
        (5, "blank", 5, "vehicle_module", Policy(blank_erases=True)),
        Expected("written", 3, write=("dms", "blank")),
    ),
    "5, a blank cannot be ranked": (
        (5, "blank", 7, "shared", Policy(blank_erases=True, on_both_changed="highest")),
        Expected("conflict", 5, "both_changed"),
    ),
    "5, a named rule is not overridden by the switch": (
        (5, 6, 7, "shared", Policy(on_both_changed="vehicle_module", dms_has_priority=True)),
        Expected("refused", 5, write=("dms", 6)),
    ),
    "5, lowest": (
        (5, 6, 7, "shared", Policy(on_both_changed="lowest")),
        Expected("refused", 5, write=("dms", 6)),
    ),
    "5, a side named by the rule wins with its blank": (
        (5, "blank", 7, "shared", Policy(blank_erases=True, on_both_changed="vehicle_module")),
        Expected("refused", 5, write=("dms", "blank")),
    ),
    "4, with `blank_erases: true` the owner's blank is written back": (
        ("blank", "blank", 7, "vehicle_module", Policy(fill_blank=frozenset(), blank_erases=True)),
        Expected("refused", 4, write=("dms", "blank")),
    ),
    "3, a decrease of an attribute that may decrease": (
        (9, 5, 9, "vehicle_module", PLAIN),
        Expected("written", 3, write=("dms", 5)),
    ),
    '9 "held: neither side is written"': (
        (5, 7, "invalid", "dms", PLAIN),
        Expected("held", 9, "invalid_value"),
    ),
    "9, an unreadable value is never agreed": (
        ("absent", "invalid", "invalid", "dms", PLAIN),
        Expected("held", 9, "invalid_value"),
    ),
    '10 "reported `cannot_write`, nothing else"': (
        (5, 7, 5, "vehicle_module", Policy(writable=frozenset({"vehicle_module"}))),
        Expected("held", 10, "cannot_write"),
    ),
    'immutable "every difference is the conflict"': (
        (12, 12, 13, "dms", POLICE_NUMBER),
        Expected("conflict", 0, "police_number_changed"),
    ),
    'owner none "never written"': (
        ("absent", 6, "blank", "none", PLAIN),
        Expected("held", 0, "not_synchronised"),
    ),
}


def says(
    *findings: str,
    moves: tuple[Stage, ...] = (),
    reserve: bool = False,
    create: bool = False,
    closed: bool = False,
) -> ExpectedStage:
    """Build one cell's answer."""
    return ExpectedStage(moves, reserve, create, frozenset(findings), closed)


STAGE_CELLS = {
    'not there x Pré-rentrée "`unknown_in_vehicle_module`"': (
        StageCase("not_there", "pre_entry", was_bound=False, missing_listings=1),
        says("unknown_in_vehicle_module"),
    ),
    'not there x Facturé "ignored (sold before we came)"': (
        StageCase("not_there", "invoiced", was_bound=False, missing_listings=9),
        says(),
    ),
    "a bound car missing in one listing": (StageCase("not_there", "in_stock", missing_listings=1), says()),
    'missing "after two complete listings in a row, reported"': (
        StageCase("not_there", "in_stock", missing_listings=2),
        says("missing_in_vehicle_module"),
    ),
    'pre_entry x not there "create it in the DMS"': (
        StageCase("pre_entry", "not_there", was_bound=False, missing_listings=1),
        says(create=True),
    ),
    'creation "needs a valid VIN or a registration"': (
        StageCase("pre_entry", "not_there", was_bound=False, identity=False),
        says("identity_missing"),
    ),
    '"a bound car whose file vanished is `missing_in_dms`"': (
        StageCase("pre_entry", "not_there", missing_listings=2),
        says("missing_in_dms"),
    ),
    'pre_entry x Stock "police number ? -> physical_entry"': (
        StageCase("pre_entry", "in_stock"),
        says(moves=("physical_entry",)),
    ),
    'pre_entry x Stock "hold `police_number_missing`"': (
        StageCase("pre_entry", "in_stock", police_number=False),
        says("police_number_missing"),
    ),
    'pre_entry x Facturé "catch up"': (
        StageCase("pre_entry", "invoiced", invoice_complete=True),
        says("sold_outside_opportunites", moves=("physical_entry", "exit"), reserve=True),
    ),
    'catch up "nothing moves, not even the first step"': (
        StageCase("pre_entry", "invoiced"),
        says("invoice_incomplete", "sold_outside_opportunites", reserve=True),
    ),
    "catch up, ordered in the module": (
        StageCase("pre_entry", "invoiced", invoice_complete=True, module_order=True),
        says("invoiced_before_delivery"),
    ),
    "catch up, scrap has no reservation": (
        StageCase("pre_entry", "invoiced", "scrap", invoice_complete=True),
        says(moves=("physical_entry", "exit")),
    ),
    '"Stock" "changes nothing in any other stage"': (StageCase("post_prep_check", "in_stock"), says()),
    "sales_stock x Pré-rentrée": (StageCase("sales_stock", "pre_entry"), says("stage_regression")),
    '"as soon as the DMS shows the order"': (
        StageCase("sales_stock", "in_stock", dms_order=True, reservation="limited"),
        says("sold_outside_opportunites", reserve=True),
    ),
    "a reservation that stands is not set again": (
        StageCase("sales_stock", "in_stock", dms_order=True, reservation="unlimited"),
        says("sold_outside_opportunites"),
    ),
    'sales_stock x Facturé "sold outside Opportunités, then exit"': (
        StageCase("sales_stock", "invoiced", invoice_complete=True),
        says("sold_outside_opportunites", moves=("exit",), reserve=True),
    ),
    '"held, `invoiced_before_delivery`, until the module reaches delivery"': (
        StageCase("sales_stock", "invoiced", invoice_complete=True, module_order=True),
        says("invoiced_before_delivery"),
    ),
    'delivery x Facturé "exit"': (
        StageCase("delivery", "invoiced", invoice_complete=True, module_order=True),
        says(moves=("exit",)),
    ),
    '"None is set [...] for a car that leaves from `delivery` in the same cycle"': (
        StageCase("delivery", "invoiced", invoice_complete=True),
        says(moves=("exit",)),
    ),
    "delivery, held by its guard, does not leave": (
        StageCase("delivery", "invoiced"),
        says("invoice_incomplete", "sold_outside_opportunites", reserve=True),
    ),
    '"a stage outside its line of life is reported [...] and is not moved"': (
        StageCase("sales_stock", "invoiced", "scrap", invoice_complete=True, module_order=True),
        says("stage_not_in_life"),
    ),
    'exit x Stock "`reopened_in_dms`"': (StageCase("exit", "in_stock"), says("reopened_in_dms")),
    'exit x Facturé "closed", "nothing is written or reported any more"': (
        StageCase("exit", "invoiced", dms_order=True),
        says(closed=True),
    ),
    "catch up, no number and ordered in the module": (
        StageCase("pre_entry", "invoiced", police_number=False, module_order=True),
        says("police_number_missing", "invoiced_before_delivery", "invoice_incomplete"),
    ),
    "catch up, every guard that fails is told": (
        StageCase("pre_entry", "invoiced", police_number=False, reservation="unlimited"),
        says("police_number_missing", "invoice_incomplete", "sold_outside_opportunites"),
    ),
    "scrap with an order in the module is held too": (
        StageCase("physical_entry", "invoiced", "scrap", invoice_complete=True, module_order=True),
        says("invoiced_before_delivery"),
    ),
    '"an order or an invoice": an invoice already there while in stock': (
        StageCase("sales_stock", "in_stock", invoice_complete=True),
        says("sold_outside_opportunites", reserve=True),
    ),
    "outside its life no guard is asked": (
        StageCase("sales_stock", "invoiced", "scrap", module_order=True),
        says("stage_not_in_life"),
    ),
    "outside its life a regression is still told": (
        StageCase("sales_stock", "pre_entry", "scrap"),
        says("stage_not_in_life", "stage_regression"),
    ),
    "exit x Stock with an order standing": (
        StageCase("exit", "in_stock", dms_order=True),
        says("reopened_in_dms"),
    ),
}


@pytest.mark.parametrize(("asked", "answered"), ATTRIBUTE_ROWS.values(), ids=ATTRIBUTE_ROWS)
def test_an_attribute_is_decided_as_the_row_says(
    asked: tuple[Base, Reading, Reading, Owner, Policy], answered: Expected
) -> None:
    assert decide(*asked) == answered


@pytest.mark.parametrize(("asked", "answered"), STAGE_CELLS.values(), ids=STAGE_CELLS)
def test_a_stage_is_decided_as_the_cell_says(asked: StageCase, answered: ExpectedStage) -> None:
    assert decide_stage(asked) == answered


def test_every_attribute_verdict_keeps_the_laws_of_the_text() -> None:
    readings = list(every_reading((10, 20, 90)))
    for policy in islice(every_policy(max_jump=50), 0, None, 37):  # a step that no option repeats in
        for base, module, dms in readings:
            for owner in OWNERS:
                verdict = decide(base, module, dms, owner, policy)
                assert laws_broken(base, (module, dms), policy, verdict) == [], (
                    base,
                    module,
                    dms,
                    owner,
                    policy,
                )


def laws_broken(base: Base, held: tuple[Reading, Reading], policy: Policy, verdict: Expected) -> list[str]:
    """Return the laws that this verdict breaks, whatever row gave it."""
    by_side = dict(zip(("vehicle_module", "dms"), held, strict=True))
    broken = []
    if verdict.base_after is not None and set(held) != {verdict.base_after}:
        broken.append("1: a base moves only when both sides hold the value")
    if verdict.write is not None:
        side, value = verdict.write
        if value not in held or by_side[side] == value:
            broken.append("6: a write carries what the other side holds")
        if value == "blank" and not policy.blank_erases:
            broken.append("a blank never erases a value")
        if side not in policy.writable:
            broken.append("10: a side that cannot take a write gets none")
        if policy.immutable and by_side[side] != "blank":
            broken.append("an immutable attribute that is set is never overwritten")
        if policy.never_decreases and isinstance(base, int) and isinstance(value, int) and value < base:
            broken.append("9: a decrease is never written")
    return broken


def test_every_law_of_an_attribute_verdict_is_able_to_fail() -> None:
    fixed = Policy(writable=BOTH - {"dms"}, immutable=True, never_decreases=True)
    assert len(laws_broken(9, (5, 7), fixed, Expected("agreed", 1, base_after=5))) == 1
    assert len(laws_broken(9, ("blank", 7), fixed, Expected("written", 3, write=("dms", "blank")))) == 3
    assert len(laws_broken(9, (5, 7), fixed, Expected("written", 3, write=("vehicle_module", 5)))) == 3


def test_every_combination_of_a_stage_is_listed_once() -> None:
    cases = list(every_case())
    assert len(cases) == len(set(cases)) == 7 * 4 * 3 * 3 * 4 * 2**6


def test_every_stage_verdict_keeps_the_laws_of_the_text() -> None:
    broken = [case for case in every_case() if not keeps_the_laws(case, decide_stage(case))]
    assert broken == []


def keeps_the_laws(case: StageCase, expected: ExpectedStage) -> bool:
    """Tell whether the guards hold whatever cell answered: forwards only, and never past one that fails."""
    path = [stage for stage in (case.module_stage, *expected.moves) if stage != "not_there"]
    forwards = path == sorted(set(path), key=STAGES.index)
    entered = "physical_entry" not in expected.moves or case.police_number
    left = "exit" not in expected.moves or (case.invoice_complete and case.dms_status == "invoiced")
    absent = case.dms_status != "not_there" or not expected.moves
    reserved = not expected.reserve or (case.destination != "scrap" and not case.module_order)
    silent = not expected.closed or expected == ExpectedStage(closed=True)
    return forwards and entered and left and absent and reserved and silent


@pytest.mark.parametrize(
    ("case", "wrong"),
    [
        (StageCase("delivery", "in_stock"), ExpectedStage(moves=("sales_stock",))),
        (StageCase("pre_entry", "in_stock", police_number=False), ExpectedStage(moves=("physical_entry",))),
        (StageCase("delivery", "invoiced"), ExpectedStage(moves=("exit",))),
        (StageCase("pre_entry", "not_there"), ExpectedStage(moves=("physical_entry",))),
        (StageCase("pre_entry", "in_stock", "scrap"), ExpectedStage(reserve=True)),
        (StageCase("exit", "invoiced"), ExpectedStage(closed=True, reserve=True)),
    ],
)
def test_every_law_of_a_stage_verdict_is_able_to_fail(case: StageCase, wrong: ExpectedStage) -> None:
    assert not keeps_the_laws(case, wrong)
