"""Every reason has its words in both languages, and each sentence is filled in and set as its language is printed."""

import ast
import re
import string
from dataclasses import replace
from pathlib import Path

import pytest

import stocksync
from stocksync.mapping.load import load_mappings
from stocksync.reports.sentences import SENTENCES
from stocksync.reports.spelling import Language, Speller
from stocksync.reports.verdicts import SENTENCES as VERDICTS
from stocksync.reports.wording import Case, french_spaces, halt_sentence, hangs_on, label, sentence, why_invalid
from stocksync.reports.words import CATEGORIES, HALTS, OWNERS, RUN_STATES, SIDE_NAMES, SUBJECTS
from stocksync.stock.ownership import Owner
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from stocksync.stock.values import Side
from stocksync.sync.guards import Guard
from stocksync.sync.recording import RunStatus

ROOT = Path(stocksync.__file__).parent
POINT = load_mappings(ROOT.parent / "mappings").points_of_sale["PDV1"]
LANGUAGES: tuple[Language, ...] = ("fr", "en")
SUBJECT_OF = {
    Reason.AMBIGUOUS_MATCH: "binding",
    Reason.DUPLICATE: "binding",
    Reason.UNREADABLE_RECORD: "record",
    Reason.SOLD_OUTSIDE_OPPORTUNITES: "reserved",
    Reason.ORDER_CANCELLED_RESERVATION_STAYS: "reserved",
}
DETAILS = {
    "refused": "dms",
    "side": "dms",
    "field": "prix_vente",
    "records": "VO000001, VO000002",
    "highest": "2026-00012",
    "dms_order": "BC000001",
    "message": "prix trop bas",
}
CHOOSE = "Choisir module, dms ou valeur dans la colonne Décision du rapport."
EVERYTHING, NOTHING = frozenset({"module", "dms", "value"}), frozenset[str]()
DECIDED_IN_THE_REPORT = {
    Reason.FIRST_CONTACT,
    Reason.BOTH_CHANGED,
    Reason.IMPLAUSIBLE_JUMP,
    Reason.INVALID_VALUE,
    Reason.BLANKED,
    Reason.BLANK_NOT_FILLED,
    Reason.CANNOT_WRITE,
    Reason.NOT_DELIVERED,
    Reason.WRITE_REJECTED,
    Reason.KEEPS_COMING_BACK,
}
FIELDS = {"attribute", "module", "dms", "base", "owner", "loser", "winner", "loser_value", "winner_value", "side"}
FIELDS |= {"records", "evidence", "sale", "highest", "why", "message", "then", "advice"}
FIELDS |= {"whose", "where_blank", "absence", "reservation", "field", "offer"}


def speller(language: Language) -> Speller:
    return Speller(language, POINT.choice_labels)


def case(reason: Reason) -> Case:
    details = {"vin": "VO000001"} if reason is Reason.AMBIGUOUS_MATCH else DETAILS
    return Case(reason, Category.CONFLICT, SUBJECT_OF.get(reason, "sale_price"), "100", "200", "300", "dms", details)


def told(of: Case, language: Language) -> str:
    return sentence(of, POINT.vocabulary, speller(language))


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_label_and_a_sentence_in_both_languages(reason: Reason) -> None:
    words = SENTENCES[reason]
    assert all((words.label_fr, words.label_en, words.fr, words.en))
    assert words.fr != words.en
    assert label(reason, "fr") != label(reason, "en")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", Reason)
def test_every_sentence_is_filled_in(reason: Reason, language: Language) -> None:
    said = told(case(reason), language)
    assert not set("{}?") & set(said)
    assert said.endswith(".")


@pytest.mark.parametrize("reason", Reason)
def test_every_sentence_asks_for_known_fields_only(reason: Reason) -> None:
    for template in (SENTENCES[reason].fr, SENTENCES[reason].en):
        asked = {name for _, name, _, _ in string.Formatter().parse(template) if name}
        assert asked <= FIELDS


@pytest.mark.parametrize("reason", Reason)
def test_both_languages_tell_the_same_values(reason: Reason) -> None:
    asked = [
        {name for _, name, _, _ in string.Formatter().parse(text) if name}
        for text in (SENTENCES[reason].fr, SENTENCES[reason].en)
    ]
    assert asked[0] == asked[1]


@pytest.mark.parametrize("reason", Reason)
def test_a_french_sentence_breaks_before_no_double_sign_and_inside_no_quotation_mark(reason: Reason) -> None:
    said = told(case(reason), "fr")
    assert not re.search(r" [:;!?»]|« |n° ", said)
    assert not re.search(r"[^\u00a0]:|[^\u202f\u00a0 ][;!?]", said)


def test_the_templates_are_written_with_ordinary_spaces() -> None:
    written = "".join(words.fr for words in SENTENCES.values()) + "".join(VERDICTS["fr"].values())
    assert not set("\u00a0\u202f") & set(written)
    assert french_spaces("« a » : n° 1 ; b !") == "«\u00a0a\u00a0»\u00a0: n°\u00a01\u202f; b\u202f!"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_category_state_owner_and_side_has_its_words(language: Language) -> None:
    assert set(CATEGORIES[language]) == set(Category)
    assert set(RUN_STATES[language]) == set(RunStatus)
    assert set(OWNERS[language]) >= set(Owner)
    assert set(SIDE_NAMES[language]) == set(Side)
    assert set(SUBJECTS["fr"]) == set(SUBJECTS[language])
    assert set(VERDICTS["fr"]) == set(VERDICTS[language])


def test_a_refused_change_names_who_lost_and_whose_value_holds() -> None:
    said = told(case(Reason.REFUSED_CHANGE), "en")
    assert "changed in the DMS (€2.00), but the value of the vehicle module (€1.00) holds" in said


def test_a_refused_change_can_be_decided_otherwise_only_where_a_reviewer_may() -> None:
    refused = replace(case(Reason.REFUSED_CHANGE), choices=EVERYTHING)
    assert told(refused, "en").endswith(
        "If €2.00 is right, enter it in the vehicle module, or choose dms in the report's Decision column."
    )
    assert "la saisir dans le module véhicules, ou choisir dms dans la colonne Décision" in told(refused, "fr")
    for choices in (None, NOTHING, frozenset({"module"})):
        assert "Decision column" not in told(replace(refused, choices=choices), "en")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", Reason)
def test_a_sentence_sends_to_the_decision_column_where_a_decision_can_settle_it(
    reason: Reason, language: Language
) -> None:
    told_of = replace(case(reason), owner="shared", tie_break=None)
    column = "la colonne Décision du rapport" if language == "fr" else "the report's Decision column"
    offers = reason in DECIDED_IN_THE_REPORT
    assert (column in told(told_of, language)) is offers
    assert (column in told(replace(told_of, choices=NOTHING), language)) is False
    assert (column in told(replace(told_of, closed=True), language)) is False
    words = ("module", "dms", "valeur" if language == "fr" else "value")
    chosen = {
        said: told(replace(told_of, choices=choices), language)
        for said, choices in (
            (words[1], frozenset({"dms"})),
            (f"{words[0]} {'ou' if language == 'fr' else 'or'} {words[2]}", frozenset({"module", "value"})),
        )
    }
    offered = "choisir" if language == "fr" else "choose"
    assert all((f"{offered} {said} " in sentence.lower()) is offers for said, sentence in chosen.items())


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        (("dms",), "corriger la saisie dans le DMS"),
        (("vehicle_module",), "corriger la saisie dans le module véhicules"),
        (("vehicle_module", "dms"), "corriger la saisie dans les deux systèmes"),
        ((), "corriger la valeur dans le DMS"),
    ],
)
def test_where_nothing_can_be_decided_it_says_where_to_correct(wrong: tuple[str, ...], where: str) -> None:
    details = {f"{side}_invalid": "not a number" for side in wrong}
    unusable = replace(case(Reason.INVALID_VALUE), base=None, details=details, choices=NOTHING)
    assert f"{where}, ou mettre" in told(unusable, "fr")
    unwritable = replace(case(Reason.CANNOT_WRITE), choices=NOTHING)
    assert "à la main dans le module véhicules, ou mettre" in told(unwritable, "fr")


@pytest.mark.parametrize("reason", [Reason.WRITE_REJECTED, Reason.NOT_DELIVERED, Reason.NOT_KEPT_AS_WRITTEN])
def test_a_reservation_that_did_not_get_through_is_no_value_to_decide(reason: Reason) -> None:
    refused = replace(case(reason), subject="reserved", reserved=False)
    assert "ne pas vendre la voiture et l'y réserver à la main." in told(refused, "fr")
    assert "do not sell the car" in told(refused, "en")
    assert "la montre maintenant" in told(replace(refused, reserved=True), "fr")


def test_a_refused_blank_is_nothing_to_enter_anywhere() -> None:
    assert told(case(Reason.REFUSED_CHANGE), "en").endswith("If €2.00 is right, enter it in the vehicle module.")
    blanked = replace(case(Reason.REFUSED_CHANGE), dms=None)
    assert told(blanked, "en").endswith(
        "changed in the DMS (blank), but the value of the vehicle module (€1.00) holds."
    )


@pytest.mark.parametrize(
    ("tie_break", "kept"),
    [
        ("highest", "la valeur la plus élevée est gardée"),
        ("lowest", "la valeur la plus basse est gardée"),
        ("dms", "la valeur du DMS est gardée"),
        (None, "la valeur du module véhicules est gardée"),
    ],
)
def test_a_shared_value_that_a_rule_decided_is_nobody_s_fault_and_asks_for_nothing(
    tie_break: str | None, kept: str
) -> None:
    both = replace(case(Reason.REFUSED_CHANGE), owner="shared", tie_break=tie_break)
    said = told(both, "fr")
    assert "a été modifié des deux côtés" in said
    assert said.endswith(f"{kept}. Rien à faire.")
    assert "saisir" not in said


@pytest.mark.parametrize(
    ("details", "base", "whose"),
    [
        ({"dms_invalid": "not a number"}, None, "The DMS's value of"),
        ({"vehicle_module_invalid": "not a number"}, None, "The vehicle module's value of"),
        ({"dms_invalid": "not a number", "vehicle_module_invalid": "too low to be a price"}, None, "The value of both"),
        ({}, "150", "The vehicle module's value of"),
        ({}, "50", "The value of “"),
    ],
)
def test_a_value_that_cannot_be_used_names_its_side(details: dict[str, str], base: str | None, whose: str) -> None:
    wrong = replace(case(Reason.INVALID_VALUE), details=details, base=base)
    assert told(wrong, "en").startswith(whose)


def test_a_word_that_cannot_be_read_is_marked_and_a_readable_number_is_not() -> None:
    details = {"dms_invalid": "a code that the value table does not have"}
    colour = Case(Reason.INVALID_VALUE, Category.HELD, "exterior_colour", "black", "FUCHSIA", None, "dms", details)
    assert "DMS: “FUCHSIA” (unreadable)." in told(colour, "en")
    assert "(unreadable)" not in told(replace(case(Reason.INVALID_VALUE), details={"dms_invalid": "more than 1"}), "en")


@pytest.mark.parametrize(
    ("module", "dms", "where"), [("100", None, "dans le DMS"), (None, "200", "dans le module véhicules")]
)
def test_a_value_that_was_blanked_names_the_side(module: str | None, dms: str | None, where: str) -> None:
    blanked = replace(case(Reason.BLANKED), vehicle_module=module, dms=dms)
    assert f"a été vidé {where} (" in told(blanked, "fr")


def test_a_car_that_was_never_in_the_dms_is_not_said_to_have_gone() -> None:
    missing = Case(Reason.MISSING_IN_DMS, Category.CONFLICT, "record", "sales_stock")
    assert "son dossier n'est plus dans le DMS" in told(missing, "fr")
    assert "son dossier ne figure pas dans le DMS" in told(replace(missing, never_in_dms=True), "fr")


def test_a_reservation_is_told_as_there_iff_it_was_seen_there() -> None:
    sold = case(Reason.SOLD_OUTSIDE_OPPORTUNITES)
    assert "Elle y est bloquée par une réservation illimitée." in told(replace(sold, reserved=True), "fr")
    assert "n'y est pas encore posée\u00a0: ne pas vendre" in told(replace(sold, reserved=False), "fr")
    assert "is not set there yet: do not sell" in told(replace(sold, reserved=False), "en")
    held = replace(sold, reserved=False, details={"held": "yes"})
    assert "l'y réserver à la main, et ne pas la vendre d'ici là." in told(held, "fr")
    assert "double vente. Prévenir les vendeurs" in told(sold, "fr")


def test_an_owner_that_hangs_on_the_stage_is_told_so() -> None:
    assert hangs_on({"stage"}, "fr") == "dépend du statut"
    assert hangs_on({"destination", "stage"}, "en") == "depends on the stage and the destination"


def test_a_first_contact_under_one_owner_says_whose_value_holds_and_a_shared_one_asks() -> None:
    owned = replace(case(Reason.FIRST_CONTACT), category=Category.WRITTEN)
    assert told(owned, "fr").endswith("Rien à faire si elle est juste.")
    assert "La valeur du DMS fait foi et est recopiée dans le module véhicules" in told(owned, "fr")
    assert told(replace(owned, category=Category.CONFLICT, owner="shared", choices=EVERYTHING), "fr").endswith(CHOOSE)


def test_what_a_first_contact_decided_is_told_as_it_was_whoever_owns_the_attribute_now() -> None:
    asked, held = case(Reason.FIRST_CONTACT), replace(case(Reason.FIRST_CONTACT), category=Category.WRITTEN)
    assert told(replace(asked, owner="dms", choices=EVERYTHING), "fr").endswith(CHOOSE)
    assert "The owner's value holds" in told(replace(held, owner="shared"), "en")
    assert "La valeur du côté qui en décide fait foi" in told(replace(held, owner=None), "fr")


def test_the_name_of_a_person_does_not_stand_in_a_sentence_for_the_screen() -> None:
    buyer = Case(
        Reason.WRITE_REJECTED,
        Category.HELD,
        "trade_in_buyer",
        "N. Garcia",
        "V. Dubois",
        details={"message": "« N. Garcia » refusé"},
    )
    said = sentence(buyer, POINT.vocabulary, speller("fr"))
    assert "Garcia" not in said
    assert "Dubois" not in said
    assert "N. Garcia" in sentence(buyer, POINT.vocabulary, Speller("fr", POINT.choice_labels, clear=True))


# --- why a value is invalid


def constants_told(node: ast.AST) -> list[str]:
    """Every text of an expression, with 17 in place of what is filled in."""
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(p.value) if isinstance(p, ast.Constant) else "17" for p in node.values)]
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    return [text for child in ast.iter_child_nodes(node) for text in constants_told(child)]


def whys_in_the_code() -> set[str]:
    """What the program says of unreadable values: second arguments of `Invalid`, and what rules answer."""
    found: set[str] = set()
    for path in [*(ROOT / "mapping").glob("*.py"), *(ROOT / "stock").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            name = node.func.id
            if name == "Invalid" and len(node.args) == 2:
                found.update(constants_told(node.args[1]))
            elif "Unreadable" in name and node.args:
                found.update(constants_told(node.args[0]))
    for node in ast.walk(ast.parse((ROOT / "stock" / "rules.py").read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name == "broken_by":
            found.update(text for part in node.body[1:] for text in constants_told(part) if " " in text)
    return {text for text in found if " " in text}


def test_every_reason_why_a_value_is_invalid_is_told_in_french() -> None:
    whys = whys_in_the_code()
    assert len(whys) > 15
    assert sorted(why for why in whys if why_invalid(why, POINT.vocabulary, speller("fr")) == why) == []


def test_a_rule_between_attributes_is_told_with_their_labels() -> None:
    said = why_invalid("not allowed with origin direct_purchase", POINT.vocabulary, speller("fr"))
    assert said == "ne doit pas être rempli avec Origine = achat direct"


# --- guards


def test_every_guard_of_the_program_is_told_in_french() -> None:
    assert {guard.value for guard in Guard} == set(HALTS)


def test_a_guard_is_told_in_the_reader_s_language() -> None:
    values = {"attribute": "sale_price", "touched": 7, "cars": 9}
    message = "The plan would overwrite sale_price on 7 of 9 cars."
    said = halt_sentence("mass_overwrite", message, values, POINT.vocabulary, "fr")
    assert said == "Le plan écraserait «\u00a0Prix de vente\u00a0» sur 7 voitures sur 9."
    one = halt_sentence("mass_overwrite", message, values | {"touched": 1}, POINT.vocabulary, "fr")
    assert one.endswith("sur 1 voiture sur 9.")
    assert halt_sentence("mass_overwrite", message, {}, POINT.vocabulary, "fr").endswith("sur ? sur ?.")
    assert halt_sentence("mass_overwrite", message, values, POINT.vocabulary, "en") == message
    assert halt_sentence("a_new_guard", message, values, POINT.vocabulary, "fr") == message


def test_every_kind_of_conflict_is_one_that_something_finds() -> None:
    said_of = {"reasons.py"} | {path.name for path in (ROOT / "reports").glob("*.py")}
    code = "".join(p.read_text("utf-8") for p in ROOT.rglob("*.py") if p.name not in said_of)
    assert [reason for reason in Reason if not re.search(rf"\bReason\.{reason.name}\b", code)] == []
