"""From the mapping files and the environment to doors: what may send webhooks, and what is refused beforehand."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from stocksync.entrypoints.http.doors import HookSettings, hook_settings
from stocksync.errors import ConfigurationError
from stocksync.mapping.effective import MappingSet, PointOfSaleMapping
from stocksync.stock.values import SIDES, Side
from tests.entrypoints.http.serving import MODULE_HOOK
from tests.mapping.editing import DMS, MODULE, POINTS, Edit, edited, loaded, problems_of

SECRETS = {"HOOK_1": "the first secret of the hooks", "HOOK_2": "the second secret of the hooks"}


def listing(point: str, variable: str) -> Edit:
    """A point of sale that lists the secret of the module's webhook."""
    old = f"      code: {point}\n      address: OPENFLEX_URL\n      secrets: {{token: OPENFLEX_TOKEN}}"
    return Edit(POINTS, old, old.replace("_TOKEN}", f"_TOKEN, hook: {variable}}}"))


def doors(*edits: Edit, environment: Mapping[str, str] | None = None) -> HookSettings:
    mappings = loaded(*edits)
    points = {name: with_webhook(mappings, name) for name in mappings.points_of_sale}
    return hook_settings(replace(mappings, points_of_sale=points), SECRETS if environment is None else environment)


def with_webhook(mappings: MappingSet, name: str) -> PointOfSaleMapping:
    point = mappings.points_of_sale[name]
    return replace(point, systems={s: replace(point.systems[s], webhook=MODULE_HOOK) for s in SIDES})


def test_the_shipped_files_open_no_door() -> None:
    assert hook_settings(loaded(), SECRETS) == HookSettings({})
    assert doors().doors == {}


def test_points_of_sale_that_share_a_secret_share_a_door() -> None:
    (door,) = doors(listing("PDV1", "HOOK_1"), listing("PDV2", "HOOK_1")).doors["openflex"]
    assert (door.side, dict(door.points)) == (Side.VEHICLE_MODULE, {"pdv1": "PDV1", "pdv2": "PDV2"})


def test_points_of_sale_with_secrets_of_their_own_have_doors_of_their_own() -> None:
    found = doors(listing("PDV1", "HOOK_1"), listing("PDV2", "HOOK_2")).doors["openflex"]
    assert [(door.secret.decode(), dict(door.points)) for door in found] == [
        (SECRETS["HOOK_1"], {"pdv1": "PDV1"}),
        (SECRETS["HOOK_2"], {"pdv2": "PDV2"}),
    ]


@pytest.mark.parametrize(
    ("environment", "state"), [({}, "is not set"), ({"HOOK_1": "s3cr3t"}, "has fewer than 16 characters")]
)
def test_a_secret_that_is_named_and_not_there_or_short_is_refused(environment: dict[str, str], state: str) -> None:
    with pytest.raises(ConfigurationError, match=f"PDV1: HOOK_1 {state}, and webhooks of openflex") as caught:
        doors(listing("PDV1", "HOOK_1"), environment=environment)
    assert "s3cr3t" not in str(caught.value)


def test_every_secret_that_is_not_there_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        doors(listing("PDV1", "HOOK_1"), listing("PDV2", "HOOK_2"), environment={})
    assert [line.partition(" is not set")[0] for line in str(caught.value).splitlines()] == [
        "PDV1: HOOK_1",
        "PDV2: HOOK_2",
    ]


def test_a_secret_is_never_printed() -> None:
    assert SECRETS["HOOK_1"] not in repr(doors(listing("PDV1", "HOOK_1")))


def test_the_webhook_of_the_files_reaches_the_point_of_sale_and_changes_no_version() -> None:
    shipped, systems = loaded().points_of_sale["PDV1"], loaded().points_of_sale["PDV1"].systems
    assert {side: systems[side].webhook and systems[side].webhook.record_id for side in SIDES} == {
        Side.VEHICLE_MODULE: "id",
        Side.DMS: "dossier",
    }
    moved = loaded(Edit(MODULE, "  record_id: id\n", "  record_id: vehicle.id\n")).points_of_sale["PDV1"]
    assert moved.version == shipped.version


SIGNATURE = '{header: X-Signature, prefix: "sha256=", timestamp_header: X-Timestamp}'


@pytest.mark.parametrize(
    ("edit", "where", "message"),
    [
        (Edit(DMS, "  secret: hook", "  secret: key"), "webhook.secret", "needs a secret of its own"),
        (Edit(DMS, "X-Timestamp", "x-signature"), "webhook.signature.timestamp_header", "has this header"),
        (Edit(DMS, "header: X-Signature", "header: 'X Signature'"), "webhook.signature.header", "header's name"),
        (Edit(DMS, "record_id: dossier", "record_id: a..b"), "webhook.record_id", "not a path"),
        (Edit(DMS, "  point_of_sale: site\n", "  point_of_sale: .\n"), "webhook.point_of_sale", "not a path"),
        (Edit(DMS, "system: icar", "system: icar / 2"), "system", "come to /hooks/<system>"),
        (Edit(DMS, "  record_id: dossier\n", ""), "webhook", "the key record_id is missing"),
        (Edit(DMS, SIGNATURE, "{header: X-Signature}"), "webhook.signature", "timestamp_header is missing"),
        (Edit(DMS, "  secret: hook", "  secrets: hook"), "webhook.secrets", "unknown key"),
    ],
)
def test_a_mistake_in_a_webhook_is_named_where_it_stands(edit: Edit, where: str, message: str) -> None:
    found = {problem.where: problem.message for problem in problems_of(edited(edit))}
    assert message in found[where]


def test_a_point_of_sale_cannot_list_a_secret_that_no_webhook_has() -> None:
    edit = listing("PDV1", "HOOK_1")
    (problem,) = problems_of(edited(Edit(edit.file, edit.old, edit.new.replace("hook:", "hok:"))))
    assert (problem.message, problem.nearest) == ("unknown secret", "hook")
