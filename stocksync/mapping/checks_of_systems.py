"""Whether what is said of the two systems and of the points of sale fits the vocabulary and the lifecycle.

As in `checks`, each problem is noted in the source at fault and the rest goes on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import available_timezones

from stocksync.mapping import models
from stocksync.mapping.converters import DATE_LETTERS, is_date_format
from stocksync.mapping.draft import Draft
from stocksync.mapping.effective import SWITCHES
from stocksync.mapping.problems import nearest_word
from stocksync.mapping.source import Keys, Source
from stocksync.mapping.words import Words, check_policy
from stocksync.stock.values import SIDES, Kind, folded
from stocksync.stock.vehicle import DMS_STATUS, LIFECYCLE_ATTRIBUTES, STAGE

CONVERTERS_OF_KIND: Final = {
    Kind.MONEY: ("money",),
    Kind.INTEGER: ("integer",),
    Kind.DATE: ("date",),
    Kind.BOOLEAN: ("boolean", "matches"),
    Kind.TEXT: ("text", "identifier"),
    Kind.CHOICE: ("choice", "point_of_sale"),
    Kind.VIN: ("vin",),
    Kind.REGISTRATION: ("registration",),
    Kind.IDENTIFIER: ("identifier", "text"),
}
MUST_CARRY: Final = {"vehicle_module": STAGE, "dms": DMS_STATUS}
"""What a car's life is read from on each side."""


def check_side(file: models.SideFile, side: str, source: Source, words: Words) -> None:
    """Note what is wrong in vehicle_module.yaml or dms.yaml."""
    _Side(file, side, source, words).check()


@dataclass
class _Side:
    """One system's file."""

    file: models.SideFile
    side: str
    source: Source
    words: Words

    def check(self) -> None:
        """Note attributes without a place, places that clash, and fields that cannot hold their attribute."""
        self._check_not_carried()
        if self.file.webhook is not None:
            self._check_webhook(self.file.webhook)
        taken: dict[str, str] = {}
        for name, model in self.file.fields.items():
            here: Keys = ("fields", name)
            if self.source.one_of(here, "attribute", name, self.words.vehicle.attributes):
                self._check_place(name, model.field, here, taken)
                self._check_field(name, model, here)
        for name, said in self.file.read_only_when.items():
            if self.source.one_of(("read_only_when", name), "attribute", name, self.file.fields):
                for index, word in enumerate(said):
                    self.words.check(name, word, ("read_only_when", name, index), self.source)

    def _check_not_carried(self) -> None:
        for index, name in enumerate(self.file.not_carried):
            at: Keys = ("not_carried", index)
            self.source.one_of(at, "attribute", name, self.words.vehicle.attributes)
            if name in self.file.fields:
                self.source.report(at, "it has a field as well", name, code="field_and_not_carried")
            if name == MUST_CARRY[self.side]:
                self.source.report(at, "a car's life is read from it on this side", name, code="needed_missing")
        for name in self.words.vehicle.attributes:
            if name not in self.file.fields and name not in self.file.not_carried:
                message = f"the attribute {name} has no field here; give it one, or list it in not_carried"
                self.source.report(("fields",), message, code="field_missing")

    def _check_webhook(self, webhook: models.WebhookModel) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", self.file.system):
            message = "webhooks come to /hooks/<system>: use letters, digits, - and _ only"
            self.source.report(("system",), message, self.file.system, code="hook_name")
        if webhook.secret in secrets_of(self.file.connection):
            message = "the webhook needs a secret of its own: this one opens the system"
            self.source.report(("webhook", "secret"), message, webhook.secret, code="hook_secret")
        signature = webhook.signature
        if signature.header.lower() == signature.timestamp_header.lower():
            at: Keys = ("webhook", "signature", "timestamp_header")
            self.source.report(at, "the signature has this header", code="hook_headers")
        for key in ("record_id", "point_of_sale"):
            path = getattr(webhook, key)
            if not all(path.split(".")):
                self.source.report(("webhook", key), "not a path: a step of it is empty", path, code="not_a_path")

    def _check_place(self, name: str, path: str, here: Keys, taken: dict[str, str]) -> None:
        if not all(path.split(".")):
            self.source.report((*here, "field"), "not a path: a step of it is empty", path, code="not_a_path")
        for other, its_name in taken.items():
            if f"{path}.".startswith(f"{other}.") or f"{other}.".startswith(f"{path}."):
                self.source.report(
                    (*here, "field"), f"the attribute {its_name} has this field", path, code="field_twice"
                )
        taken[path] = name

    def _check_field(self, name: str, model: models.FieldModel, here: Keys) -> None:
        kind = Kind(self.words.vehicle.attributes[name].kind)
        allowed = CONVERTERS_OF_KIND[kind]
        if model.converter not in allowed:
            message = f"a {kind} cannot be read with it"
            at: Keys = (*here, "converter")
            self.source.report(at, message, model.converter, allowed=allowed, code="converter_of_kind")
        if isinstance(model, models.DateField) and not is_date_format(model.format):
            letters = tuple(DATE_LETTERS)
            self.source.report(
                (*here, "format"), "not a date format", model.format, allowed=letters, code="not_a_date_format"
            )
        if isinstance(model, models.BooleanField):
            self._check_yes_and_no(model, here)
        if isinstance(model, models.ChoiceField):
            self._check_table(model, (*here, "table"), self.words.of(name))

    def _check_yes_and_no(self, model: models.BooleanField, here: Keys) -> None:
        if (model.yes is None) != (model.no is None):
            self.source.report(here, "`yes` and `no` go together", code="yes_without_no")
        elif model.yes is not None and folded(model.yes) == folded(model.no or ""):
            self.source.report((*here, "no"), "`yes` and `no` are spelled alike", model.no or "", code="yes_is_no")

    def _check_table(self, model: models.ChoiceField, here: Keys, words: tuple[str, ...] | None) -> None:
        spelled: dict[str, str] = {}
        meant: set[str | None] = set()
        for word, spellings in model.table.items():
            if words is not None and not self.source.one_of((*here, word), "value", word, words):
                meant.add(nearest_word(word, words))
            for index, spelling in enumerate(spellings):
                other = spelled.setdefault(folded(spelling), word)
                if other != word:
                    message = f"this spelling stands for {other} already"
                    self.source.report((*here, word, index), message, spelling, code="code_ambiguous")
        for word in words or ():
            if word not in model.table and word not in meant:
                self.source.report(here, f"the value {word} has no spelling", code="code_missing")


def check_points_of_sale(draft: Draft, file: models.PointsOfSaleFile, vehicle: models.VehicleFile | None) -> None:
    """Note what is wrong in points_of_sale.yaml."""
    checker = _PointsOfSale(draft, draft.sources["points_of_sale.yaml"], vehicle, available_timezones())
    if not file.points_of_sale:
        checker.source.report(("points_of_sale",), "there is no point of sale", code="no_point_of_sale")
    for name, point in file.points_of_sale.items():
        checker.check(name, point)


def secrets_of(connection: Any) -> tuple[str, ...]:
    """List the secrets that open a system, by the names that a point of sale lists them under."""
    for part in (connection, getattr(connection, "auth", None)):
        names: tuple[str, ...] | None = getattr(part, "secret_names", None)
        if names is not None:
            return names
    secret = getattr(getattr(connection, "auth", None), "secret", None)
    return (secret,) if secret is not None else ()


class _PointsOfSale:
    """points_of_sale.yaml, one point of sale after another."""

    def __init__(self, draft: Draft, source: Source, vehicle: models.VehicleFile | None, time_zones: set[str]) -> None:
        self.draft, self.source, self.vehicle, self.time_zones = draft, source, vehicle, time_zones
        self.codes: dict[tuple[str, str, str], str] = {}

    def check(self, name: str, point: models.PointOfSaleModel) -> None:
        """Note what is wrong with one of them."""
        at: Keys = ("points_of_sale", name)
        if point.time_zone not in self.time_zones:
            nearest = nearest_word(point.time_zone, self.time_zones)
            zone: Keys = (*at, "time_zone")
            self.source.report(zone, "unknown time zone", point.time_zone, nearest=nearest, code="unknown_name")
        for word in point.switches:
            self.source.one_of((*at, "switches", word), "switch", word, SWITCHES)
        for side in SIDES:
            self._check_code(name, point, side, (*at, side.value, "code"))
        if self.vehicle is not None:
            self._check_ownership(point, (*at, "ownership"), self.vehicle)
        if self.source.one_of((*at, "pair"), "pair of systems", point.pair, self.draft.pairs):
            for side in SIDES:
                self._check_secrets(point, side, (*at, side.value, "secrets"))
            self._check_stages_left_out(point, (*at, "stages_left_out"))

    def _check_code(self, name: str, point: models.PointOfSaleModel, side: str, at: Keys) -> None:
        code = getattr(point, side).code
        other = self.codes.setdefault((point.pair, side, folded(code)), name)
        if other != name:
            self.source.report(at, f"the point of sale {other} has this code", code, code="site_code_twice")

    def _check_secrets(self, point: models.PointOfSaleModel, side: str, at: Keys) -> None:
        file: models.SideFile | None = self.draft.files[f"pairs/{point.pair}/{side}.yaml"]
        if file is None or self.draft.in_doubt(f"pairs/{point.pair}/{side}.yaml", "connection", "webhook"):
            return
        due = secrets_of(file.connection)
        # Left out, it leaves this point of sale without webhooks: its records are then seen at the next quick cycle.
        may_be = (file.webhook.secret,) if file.webhook is not None else ()
        secrets = getattr(point, side).secrets
        for name in due:
            if name not in secrets:
                message = f"the secret {name} is missing; name the environment variable that holds it"
                self.source.report(at, message, code="secret_missing")
        for name in secrets:
            self.source.one_of((*at, name), "secret", name, (*due, *may_be))

    def _check_ownership(self, point: models.PointOfSaleModel, at: Keys, vehicle: models.VehicleFile) -> None:
        # The lifecycle's own attributes have no owner to change.
        owned = [name for name in vehicle.attributes if name not in LIFECYCLE_ATTRIBUTES]
        for name, policy in point.ownership.items():
            if self.source.one_of((*at, name), "attribute", name, owned):
                check_policy(policy, name, (*at, name), self.source, vehicle)

    def _check_stages_left_out(self, point: models.PointOfSaleModel, at: Keys) -> None:
        lifecycle: models.LifecycleFile | None = self.draft.files[f"pairs/{point.pair}/lifecycle.yaml"]
        if lifecycle is None:
            return
        lines = lifecycle.lines_of_life
        for name, words in point.stages_left_out.items():
            if self.source.one_of((*at, name), "line of life", name, lines):
                for index, word in enumerate(words):
                    self.source.one_of((*at, name, index), "optional stage", word, lines[name].optional)
