"""Rules and bounds that cannot mean anything are refused; those in a suspicious unit are warned of."""

import pytest

from tests.mapping.broken.forty_mistakes import found, placed
from tests.mapping.editing import MODULE, VEHICLE, Edit


def rule(text: str) -> Edit:
    return Edit(VEHICLE, "rules:\n", f"rules:\n  - {{{text}}} # new\n", "# new")


def said_of(attribute: str, text: str) -> Edit:
    label = {
        "mileage": "{fr: Kilométrage, en: Mileage}\n    minimum: 0",
        "sale_price": "{fr: Prix de vente, en: Sale price}\n    minimum: 0",
        "make": "{fr: Marque, en: Make}",
        "invoice_date": "{fr: Date de facture, en: Invoice date}",
        "reserved": "{fr: Réservation illimitée, en: Unlimited reservation}",
    }[attribute]
    return Edit(VEHICLE, label, f"{label}\n    {text}", text)


CASES = {
    "a maximum under the minimum": (said_of("mileage", "maximum: -5"), "bounds_contradict", "error"),
    "a minimum of a text": (said_of("make", "minimum: 3"), "bounds_without_effect", "warning"),
    "a maximum of a date": (said_of("invoice_date", "maximum: 3"), "bounds_without_effect", "warning"),
    "a tolerance of a yes or no": (said_of("reserved", "tolerance: 1"), "tolerance_of_kind", "error"),
    "a tolerance under nothing": (said_of("mileage", "tolerance: -1"), "tolerance_of_kind", "error"),
    "a largest price of 500 euros": (said_of("sale_price", "maximum: 50000"), "unit_suspect", "warning"),
    "a tolerance of 1000 euros": (said_of("sale_price", "tolerance: 100000"), "unit_suspect", "warning"),
    "a tolerance of three months": (said_of("invoice_date", "tolerance: 90"), "unit_suspect", "warning"),
    "a limit of one cent": (Edit(VEHICLE, "    limit: 100", "    limit: 1"), "unit_suspect", "warning"),
    "a limit that nothing is under": (
        Edit(VEHICLE, "    limit: 100", "    limit: -1"),
        "limit_contradicts_bounds",
        "warning",
    ),
    "a condition without a value": (
        rule("rule: forbidden_when, attribute: version, when: {origin: []}"),
        "rule_never_holds",
        "error",
    ),
    "a condition on a yes or no": (
        rule('rule: required_when, attribute: version, when: {vat_recoverable: ["true"]}'),
        "rule_never_holds",
        "error",
    ),
    "a condition on a number": (
        rule('rule: required_when, attribute: version, when: {mileage: ["0"]}'),
        "rule_never_holds",
        "error",
    ),
    "a condition that always holds": (
        rule("rule: required_when, attribute: version, when: {destination: [private, trade, scrap]}"),
        "rule_always_holds",
        "warning",
    ),
    "a condition on the attribute itself": (
        rule("rule: forbidden_when, attribute: origin, when: {origin: [rental]}"),
        "rule_contradicts_itself",
        "error",
    ),
    "an unknown stage": (
        rule("rule: required_when, attribute: version, when: {stage: [sale_stock]}"),
        "unknown_name",
        "error",
    ),
    "an unknown status": (
        rule("rule: required_when, attribute: version, when: {dms_status: [billed]}"),
        "unknown_name",
        "error",
    ),
    "dates in a circle": (
        rule("rule: dates_in_order, attributes: [invoice_date, dms_order_date, invoice_date]"),
        "dates_cycle",
        "error",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_rule_or_bound_that_means_nothing_is_one_finding_on_its_line(name: str) -> None:
    edit, code, level = CASES[name]
    assert found(edit) == placed(code, level, edit)


def test_a_limit_that_no_price_exceeds_is_refused() -> None:
    highest = said_of("sale_price", "maximum: 9000000")
    limit = Edit(VEHICLE, "    limit: 100", "    limit: 9000000")
    assert found(highest) == []
    assert found(highest, limit) == placed("limit_contradicts_bounds", "error", highest, limit)


def test_two_rules_that_ask_for_the_opposite_are_refused_at_the_second() -> None:
    edit = Edit(
        VEHICLE,
        "  - rule: required_when\n    attribute: purchase_source\n",
        "  - rule: required_when\n    attribute: trade_in_price\n    when: {origin: [direct_purchase]} # opposite\n"
        "  - rule: required_when\n    attribute: purchase_source\n",
        "# opposite",
    )
    assert found(edit) == placed("rules_contradict", "error", edit)


def test_two_orders_of_dates_that_contradict_each_other_are_refused_at_the_second() -> None:
    edit = Edit(
        VEHICLE,
        "  - rule: not_after_today\n",
        "  - {rule: dates_in_order, attributes: [registration_certificate_date, invoice_date]}\n"
        "  - {rule: dates_in_order, attributes: [invoice_date, first_registration_date]} # back\n"
        "  - rule: not_after_today\n",
        "# back",
    )
    assert found(edit) == placed("dates_cycle", "error", edit)


def test_a_rule_on_an_attribute_that_nobody_carries_is_warned_of() -> None:
    edits = (
        Edit(MODULE, "  module_order: {field: order.id, converter: identifier, writable: false}\n", ""),
        Edit(MODULE, "not_carried: [dms_status,", "not_carried: [module_order, dms_status,"),
        rule("rule: required_when, attribute: module_order, when: {destination: [trade]}"),
    )
    due = placed("rule_never_holds", "warning", *edits)
    assert [place for place in found(*edits) if place[2] == "rule_never_holds"] == due


def test_a_stage_in_a_rule_is_one_of_the_lifecycles() -> None:
    assert found(rule("rule: required_when, attribute: version, when: {stage: [sales_stock]}")) == []
