"""The shipped mapping files with forty mistakes, of every sort that `mapping check` knows."""

from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from unittest.mock import patch

from stocksync.mapping.checks_all import findings_in
from stocksync.mapping.source import Source, read_source
from tests.mapping.editing import DMS, LIFECYCLE, MODULE, OWNERSHIP, PAIR_FILE, POINTS, VEHICLE, Edit, Files, edited


@dataclass(frozen=True)
class Mistake:
    """One mistake: the edit that makes it, the edits that go with it, and where it is reported, if elsewhere."""

    code: str
    edit: Edit
    also: tuple[Edit, ...] = ()
    at: tuple[str, str] | None = None

    def place(self, files: Files) -> tuple[str, int, str]:
        """Find the file and the line at fault by reading the files as plain text; then its code."""
        where = Edit(self.at[0], "", "", self.at[1]) if self.at is not None else self.edit
        return where.file, where.line(files), self.code


AS_TEXT = '    converter: money\n    spelled: text\n    decimal_mark: ","\n    thousands: '
MAKE = "{attribute: make, owner: vehicle_module}"
FORTY = (
    # -- vehicle.yaml
    Mistake("unknown_value", Edit(VEHICLE, "kind: registration", "kind: plate")),
    Mistake(
        "wrong_type",
        Edit(
            VEHICLE,
            "en: Invoiced price}\n    minimum: 0",
            "en: Invoiced price}\n    minimum: none",
            "minimum: none",
        ),
    ),
    Mistake(
        "carried_nowhere",
        Edit(
            VEHICLE, "  make:\n", "  keys_held: {kind: integer, label: {fr: Clés, en: Keys}}\n  make:\n", "keys_held:"
        ),
        also=(
            Edit(OWNERSHIP, "also_carried:\n", "also_carried:\n  - {attribute: keys_held, owner: none}\n"),
            Edit(MODULE, "not_carried: [dms_status,", "not_carried: [keys_held, dms_status,"),
            Edit(DMS, "not_carried: [stage,", "not_carried: [keys_held, stage,"),
        ),
    ),
    Mistake(
        "bounds_contradict",
        Edit(VEHICLE, "en: Mileage}\n    minimum: 0", "en: Mileage}\n    minimum: 0\n    maximum: -1", "maximum: -1"),
    ),
    Mistake(
        "unit_suspect",
        Edit(VEHICLE, "en: Reconditioning cost}\n", "en: Reconditioning cost}\n    maximum: 5000\n", "maximum: 5000"),
    ),
    Mistake("unit_suspect", Edit(VEHICLE, "    limit: 100", "    limit: 1")),
    Mistake("unknown_name", Edit(VEHICLE, "    attribute: purchase_source", "    attribute: purchase_sources")),
    Mistake(
        "rule_never_holds",
        Edit(
            VEHICLE,
            "rules:\n",
            'rules:\n  - {rule: forbidden_when, attribute: model, when: {vat_recoverable: ["true"]}}\n',
            "vat_recoverable: [",
        ),
    ),
    Mistake(
        "dates_cycle",
        Edit(
            VEHICLE,
            "  - rule: not_after_today\n",
            "  - rule: dates_in_order\n    attributes: [registration_certificate_date, first_registration_date] # back"
            "\n"
            "  - rule: not_after_today\n",
            "# back",
        ),
    ),
    Mistake(
        "tolerance_of_kind",
        Edit(VEHICLE, "en: VAT recoverable}\n", "en: VAT recoverable}\n    tolerance: 1\n", "tolerance: 1"),
    ),
    # -- ownership.yaml
    Mistake("wrong_type", Edit(OWNERSHIP, "    immutable: true", "    immutable: yes")),
    Mistake("unknown_name", Edit(OWNERSHIP, "  - attribute: trade_in_buyer", "  - attribute: trade_in_buyr")),
    Mistake("unknown_name", Edit(OWNERSHIP, "  - switch: exit_from_delivery", "  - switch: exit_from_deliveries")),
    Mistake(
        "kind_without_numbers",
        Edit(
            OWNERSHIP,
            "{attribute: version, owner: vehicle_module}",
            "{attribute: version, max_jump: 7, owner: vehicle_module}",
        ),
    ),
    Mistake(
        "exception_never_holds",
        Edit(
            OWNERSHIP,
            f"  - {MAKE}",
            f"  - {MAKE[:-1]}, exceptions: [{{owner: dms, when: {{stage: [sales_stock], destination: [scrap]}}}}]}}",
            "attribute: make",
        ),
    ),
    Mistake(
        "exception_shadowed",
        Edit(
            OWNERSHIP,
            "  - {attribute: model, owner: vehicle_module}\n",
            "  - attribute: model\n    owner: vehicle_module\n    exceptions:\n"
            "      - {owner: dms, when: {destination: [trade]}}\n"
            "      - {owner: shared, when: {destination: [trade], stage: [exit]}}\n",
            "owner: shared, when",
        ),
    ),
    Mistake("owner_not_carried", Edit(OWNERSHIP, "module_order, owner: none", "module_order, owner: dms")),
    Mistake("one_side_only", Edit(OWNERSHIP, "dms_order_date, owner: none", "dms_order_date, owner: dms")),
    Mistake(
        "exception_without_effect",
        Edit(
            OWNERSHIP,
            "  - attribute: exterior_colour\n    owner: vehicle_module\n",
            "  - attribute: exterior_colour\n    owner: vehicle_module\n    exceptions:\n"
            "      - {owner: vehicle_module, when: {destination: [private]}}\n",
            "when: {destination: [private]}",
        ),
    ),
    # -- lifecycle.yaml
    Mistake("unknown_name", Edit(LIFECYCLE, "    guards: [exit_from_delivery,", "    guards: [exit_from_deliver,")),
    Mistake("unknown_name", Edit(LIFECYCLE, "    not_there: create_in_dms", "    not_there: create_in_dsm")),
    Mistake(
        "meaning_impossible",
        Edit(
            LIFECYCLE,
            "  delivery:\n    not_there: missing_in_dms",
            "  delivery:\n    not_there: agreed",
            "there: agreed",
        ),
    ),
    Mistake(
        "transition_unused",
        Edit(
            LIFECYCLE,
            "  deliver:\n",
            "  repaint: {sources: [sales_stock], goal: post_prep_check, by: vehicle_module, lines: [scrap]}\n"
            "  deliver:\n",
            "repaint:",
        ),
    ),
    Mistake(
        "stage_unreachable",
        Edit(
            LIFECYCLE,
            "[pre_entry, physical_entry, exit]",
            "[pre_entry, physical_entry, delivery, exit]",
            "y, delivery, e",
        ),
    ),
    Mistake(
        "follow_impossible",
        Edit(LIFECYCLE, "    pre_entry: agreed", "    pre_entry: follow_dms # nowhere"),
    ),
    Mistake(
        "meaning_contradicts_status",
        Edit(
            LIFECYCLE,
            "  sales_stock:\n    not_there: missing_in_dms\n    pre_entry: stage_regression",
            "  sales_stock:\n    not_there: missing_in_dms\n    pre_entry: agreed # a car on sale",
            "# a car on sale",
        ),
    ),
    # -- vehicle_module.yaml
    Mistake("secret_in_clear", Edit(MODULE, "system: openflex", "system: openflex # Bearer 9f8a7c6b5d4e3f2a1b0c")),
    Mistake("unknown_value", Edit(MODULE, "  auth: {scheme: bearer,", "  auth: {scheme: barer,")),
    Mistake("unknown_value", Edit(MODULE, "trade: [PROFESSIONNEL]", "trades: [PROFESSIONNEL]")),
    Mistake("unit_suspect", Edit(MODULE, "costs.reconditioning,", "costs.reconditioningCents,")),
    Mistake("spelling_repeated", Edit(MODULE, "black: [Noir, Noire,", "black: [Noir, NOIR, Noire,")),
    # -- dms.yaml
    Mistake("code_ambiguous", Edit(DMS, "      silver: [ARGENT]", "      silver: [ARGENT, Gris]")),
    Mistake("field_twice", Edit(DMS, "trade_in_buyer: {field: repreneur,", "trade_in_buyer: {field: chassis,")),
    Mistake(
        "not_round_trip",
        Edit(
            DMS,
            f'    field: prix_vente\n{AS_TEXT}[" ",',
            f'    field: prix_vente\n{AS_TEXT}[",",',
            "  sale_price:",
        ),
    ),
    Mistake(
        "century_lost",
        Edit(
            DMS,
            "{field: date_cg, converter: date, format: dd/mm/yyyy}",
            "{field: date_cg, converter: date, format: dd/mm/yy}",
        ),
    ),
    Mistake(
        "owner_cannot_write",
        Edit(DMS, "    field: type\n", "    field: type\n    writable: false\n"),
        at=(OWNERSHIP, "attribute: vehicle_type"),
    ),
    # -- points_of_sale.yaml, pair.yaml
    Mistake("site_code_twice", Edit(POINTS, "      code: S02", "      code: S01 # twice")),
    Mistake(
        "variable_due",
        Edit(
            POINTS,
            "      address: ICAR_URL\n      secrets: {key: ICAR_KEY}\n\n",
            "      address: https://dms.example\n      secrets: {key: ICAR_KEY}\n\n",
            "dms.example",
        ),
    ),
    Mistake("unknown_name", Edit(PAIR_FILE, "vehicle_types: [used]", "vehicle_types: [used, old]")),
    Mistake("wrong_value", Edit(PAIR_FILE, "  overwrites_cars: 5", "  overwrites_cars: 0")),
)


def found(*edits: Edit) -> list[tuple[str, int, str, str]]:
    """Make edits, and give the file, line, code and level of all that is said against the files."""
    with patch("stocksync.mapping.draft.read_source", _read_once):
        return [(p.file, p.line, p.code, p.level) for p in findings_in(edited(*edits))]


def _read_once(raw: bytes | None, name: str) -> Source:
    """Read a file, or copy what was read of the same bytes before: most files of a test are the shipped ones."""
    source = _read(raw, name)
    return Source(source.name, deepcopy(source.data), dict(source.lines), list(source.problems))


_read = lru_cache(maxsize=64)(read_source)


def placed(code: str, level: str, *edits: Edit, at: tuple[str, str] | None = None) -> list[tuple[str, int, str, str]]:
    """Say what is due: one finding, on the line of the last edit or where `at` says (file, text on the line)."""
    file, line, _ = Mistake(code, edits[-1], at=at).place(edited(*edits))
    return [(file, line, code, level)]


def broken() -> dict[str, bytes]:
    """Make all forty mistakes in a copy of the shipped files."""
    return edited(*(edit for mistake in FORTY for edit in (mistake.edit, *mistake.also)))
