"""A secret in a mapping file is refused on its line, and nothing that is said ever repeats it."""

import pytest

from stocksync.mapping.checks_all import findings_in
from stocksync.mapping.problems import Problem
from tests.mapping.broken.forty_mistakes import found, placed
from tests.mapping.editing import DMS, MODULE, OWNERSHIP, PAIR_FILE, POINTS, Edit, edited, shipped

JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
KEY_BLOCK = "# -----BEGIN RSA PRIVATE KEY-----\n# MIIEpAIBAAKCAQEAq7BFUpkGp3aQF0xZ\n# -----END RSA PRIVATE KEY-----\n"
CLEAR = {
    "a bearer token": "Bearer 9f8a7c6b5d4e3f2a1b0c",
    "a basic password": "Basic b3BlbmZsZXg6c2VjcmV0MQ==",
    "a JWT": JWT,
    "an address with a password": "https://stock:hunter2@dms.example/ws",
    "a key of a cloud": "AKIAIOSFODNN7EXAMPLE",
}


def texts(problems: list[Problem]) -> str:
    return "\n".join([*(p.as_line() for p in problems), *(repr(p) for p in problems)])


@pytest.mark.parametrize("secret", CLEAR.values(), ids=list(CLEAR))
@pytest.mark.parametrize("place", ["value", "comment"])
def test_a_secret_in_a_value_or_a_comment_is_refused_and_not_repeated(secret: str, place: str) -> None:
    edit = {
        "value": Edit(MODULE, "reason: Vendu dans le DMS, hors Opportunités", f'reason: "{secret}"'),
        "comment": Edit(MODULE, "system: openflex", f"system: openflex # {secret}"),
    }[place]
    assert found(edit) == placed("secret_in_clear", "error", edit)
    said = texts(findings_in(edited(edit)))
    assert secret not in said
    assert secret.split()[-1] not in said


def test_a_private_key_is_one_finding_at_its_first_line() -> None:
    edit = Edit(OWNERSHIP, "matrix:\n", f"{KEY_BLOCK}matrix:\n", "-----BEGIN RSA PRIVATE KEY-----")
    assert found(edit) == placed("secret_in_clear", "error", edit)


@pytest.mark.parametrize("key", ["password", "api_key", "X-Api-Key", "mot_de_passe", "access_token", "Authorization"])
def test_what_a_key_such_as_password_holds_is_a_secret_unless_it_names_a_variable(key: str) -> None:
    old = "    query: {pointOfSale: "
    literal = Edit(MODULE, old, f"    query: {{{key}: hunter-two, pointOfSale: ", "hunter-two")
    assert found(literal) == placed("secret_in_clear", "error", literal)
    assert "hunter-two" not in texts(findings_in(edited(literal)))
    assert found(Edit(MODULE, old, f"    query: {{{key}: DMS_PASSWORD, pointOfSale: ")) == []


def test_a_secret_where_its_name_is_due_is_refused_and_not_repeated() -> None:
    edit = Edit(MODULE, "auth: {scheme: bearer, secret: token}", "auth: {scheme: bearer, secret: 9f8a7c6b5d4e3f}")
    problems = findings_in(edited(edit))
    assert ("secret_in_clear", edit.line(edited(edit))) in {(p.code, p.line) for p in problems}
    assert "9f8a7c6b5d4e3f" not in texts(problems)


def test_a_long_random_text_is_warned_of_and_not_repeated() -> None:
    edit = Edit(POINTS, "      code: S02", "      code: q7Rz0PfX2mVt9LkWc4HsYb81")
    assert found(edit) == placed("secret_suspect", "warning", edit)
    assert "q7Rz0PfX2mVt9LkWc4HsYb81" not in texts(findings_in(edited(edit)))


def test_a_secret_is_not_repeated_by_what_else_is_wrong_with_it() -> None:
    secret = "q7Rz0PfX2mVt9LkWc4HsYb81"
    edits = (
        Edit(MODULE, "scheme: bearer", f"scheme: {secret}"),
        Edit(OWNERSHIP, "  - attribute: trade_in_buyer", f"  - attribute: {secret}"),
        Edit(
            POINTS,
            "      address: ICAR_URL\n      secrets: {key: ICAR_KEY}\n\n",
            f"      address: {secret}\n      secrets: {{key: ICAR_KEY}}\n      {secret}: 1\n\n",
        ),
    )
    problems = findings_in(edited(*edits))
    assert {"unknown_value", "unknown_name", "variable_due", "unknown_key"} <= {p.code for p in problems}
    assert secret not in texts(problems)


def test_a_secret_is_found_in_a_file_that_is_no_yaml_at_all() -> None:
    problems = findings_in({**shipped(), PAIR_FILE: f"\tlabel: {JWT}\n".encode()})
    assert {p.code for p in problems} == {"not_yaml", "secret_in_clear"}
    assert JWT not in texts(problems)


@pytest.mark.parametrize(
    "text",
    [
        "reason: Bearer authentication is due",
        "reason: Basic authentication",
        "reason: https://dms.example/ws/v2/vehicules?site=S01",
        "reason: VERIFICATION_POST_PREPARATION_DU_VEHICULE_2026",
        "reason: registrationCertificateDateOfTheVehicle",
        "reason: 2026-11-22T07:30:00+01:00",
    ],
)
def test_what_only_looks_a_little_like_a_secret_is_left_alone(text: str) -> None:
    assert found(Edit(MODULE, "reason: Vendu dans le DMS, hors Opportunités", text)) == []


def test_where_the_language_names_secrets_nothing_is_said() -> None:
    edits = (
        Edit(
            DMS,
            "auth: {scheme: api_key, header: X-Api-Key, secret: key}",
            "auth: {scheme: api_key, header: X-Api-Key, secret: api_key}",
        ),
        Edit(
            POINTS,
            "S01\n      address: ICAR_URL\n      secrets: {key: ICAR_KEY}",
            "S01\n      address: ICAR_URL\n      secrets: {api_key: ICAR_KEY}",
        ),
        Edit(
            POINTS,
            "S02\n      address: ICAR_URL\n      secrets: {key: ICAR_KEY}",
            "S02\n      address: ICAR_URL\n      secrets: {api_key: ICAR_KEY}",
        ),
    )
    assert found(*edits) == []


def test_a_secret_at_the_end_of_a_very_long_line_is_found_at_once() -> None:
    edit = Edit(MODULE, "system: openflex", f"system: openflex # {'a.b-' * 30_000} {JWT}", "system: openflex")
    assert found(edit) == placed("secret_in_clear", "error", edit)


def test_a_short_secret_does_not_empty_the_other_messages() -> None:
    edits = (
        Edit(MODULE, "    query: {pointOfSale: ", "    query: {password: e, pointOfSale: "),
        Edit(OWNERSHIP, "on_both_changed: highest", "on_both_changed: higest"),
    )
    assert "did you mean highest?" in texts(findings_in(edited(*edits)))
