"""From checked files to what holds at each point of sale: overrides applied, words turned into values.

Only files without a problem come here; nothing is checked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from stocksync.mapping import effective, models
from stocksync.mapping.converters import converter_for
from stocksync.mapping.draft import Draft
from stocksync.mapping.effective import GuideRow, MappingSet, PointOfSaleMapping, SystemSettings
from stocksync.mapping.translate import FieldTranslation, SideTranslation
from stocksync.mapping.version import version_of
from stocksync.stock import rules
from stocksync.stock.lifecycle import DmsStatus, Lifecycle, LineOfLife, Meaning, StageTransition
from stocksync.stock.ownership import (
    BOTH_SIDES,
    Exceptional,
    OnBothChanged,
    OnDrift,
    Owner,
    OwnershipMatrix,
    OwnershipRow,
    Policy,
)
from stocksync.stock.values import SIDES, Kind, Side
from stocksync.stock.vehicle import DMS_STATUS, LIFECYCLE_ATTRIBUTES, STAGE, Attribute

_POLICY_WORDS: Final = (
    "blank_erases",
    "immutable",
    "never_decreases",
    "max_jump",
    "provisional",
    "reviewer_may_override",
)


def resolve(draft: Draft, files: Mapping[str, bytes]) -> MappingSet:
    """Resolve every point of sale."""
    points: models.PointsOfSaleFile = draft.files["points_of_sale.yaml"]
    resolved = {name: _Resolver(draft, name, point, points).resolve() for name, point in points.points_of_sale.items()}
    return MappingSet(resolved, dict(files))


class _Resolver:
    """One point of sale's resolution; the files it needs, at hand."""

    def __init__(
        self, draft: Draft, name: str, point: models.PointOfSaleModel, points: models.PointsOfSaleFile
    ) -> None:
        self.draft, self.name, self.point = draft, name, point
        self.vehicle: models.VehicleFile = draft.files["vehicle.yaml"]
        self.folder = f"pairs/{point.pair}"
        self.pair: models.PairFile = self._part("pair.yaml")
        self.ownership: models.OwnershipFile = self._part("ownership.yaml")
        self.lifecycle: models.LifecycleFile = self._part("lifecycle.yaml")
        self.sides: dict[Side, models.SideFile] = {side: self._part(f"{side}.yaml") for side in SIDES}
        self.siblings = {n: p for n, p in points.points_of_sale.items() if p.pair == point.pair}

    def resolve(self) -> PointOfSaleMapping:
        """Put everything together."""
        point, vocabulary, switches = self.point, self._vocabulary(), self._switches()
        return PointOfSaleMapping(
            id=self.name,
            name=point.name,
            pair=point.pair,
            time_zone=point.time_zone,
            schedule=point.schedule,
            conflict_report=point.conflict_report,
            vocabulary=vocabulary,
            rules=self._rules(switches),
            matrix=self._matrix(switches),
            guide_rows=self._guide_rows(),
            lifecycle=self._lifecycle(),
            translations={side: self._translation(side, vocabulary) for side in SIDES},
            systems={side: self._system(side) for side in SIDES},
            vehicle_types=frozenset(self.pair.vehicle_types),
            guards=self.pair.guards,
            delivery=self.pair.delivery,
            switches=switches,
            choice_labels=self._choice_labels(),
            version=self._version(switches),
            lines_to_confirm=tuple(n for n, line in self.lifecycle.lines_of_life.items() if line.to_confirm),
        )

    def _part(self, name: str) -> Any:
        return self.draft.files[f"{self.folder}/{name}"]

    def _vocabulary(self) -> dict[str, Attribute]:
        return {
            name: Attribute(
                name=name,
                kind=Kind(model.kind),
                label_fr=model.label.fr,
                label_en=model.label.en,
                tolerance=model.tolerance,
                minimum=model.minimum,
                maximum=model.maximum,
                choices=tuple(model.choices),
                personal=model.personal,
            )
            for name, model in self.vehicle.attributes.items()
        }

    def _switches(self) -> dict[str, bool]:
        rows = [row for row in self.ownership.matrix if isinstance(row, models.SwitchRowModel)]
        shipped = dict.fromkeys(effective.SWITCHES, False)
        return shipped | {r.switch: r.guide.dms_may_modify == "OUI" for r in rows} | self.point.switches

    def _rules(self, switches: Mapping[str, bool]) -> tuple[rules.Rule, ...]:
        return tuple(rule for model in self.vehicle.rules if (rule := _rule(model, switches)) is not None)

    def _matrix(self, switches: Mapping[str, bool]) -> OwnershipMatrix:
        rows: dict[str, OwnershipRow] = {}
        for part, models_ in (
            ("matrix", self.ownership.matrix),
            ("also_carried", self.ownership.also_carried),
        ):
            for index, model in enumerate(models_):
                if isinstance(model, models.AttributeRowModel) and model.attribute not in LIFECYCLE_ATTRIBUTES:
                    rows[model.attribute] = self._row(model, (part, index), switches)
        return OwnershipMatrix(rows)

    def _row(
        self, model: models.AttributeRowModel, keys: tuple[str | int, ...], switches: Mapping[str, bool]
    ) -> OwnershipRow:
        name = model.attribute
        file = f"{self.folder}/ownership.yaml"
        policy = _merged(Policy(Owner.NONE, writable=self._writable(name)), model, self._rule_at(file, keys))
        exceptions = [
            (e.when, _merged(policy, e, self._rule_at(file, (*keys, "exceptions", index))))
            for index, e in enumerate(model.exceptions)
        ]
        override = self.point.ownership.get(name)
        if override is not None:
            rule = self._rule_at("points_of_sale.yaml", ("points_of_sale", self.name, "ownership", name))
            policy = _merged(policy, override, rule)
            exceptions = [(when, _merged(p, override, rule)) for when, p in exceptions]
        return OwnershipRow(
            name,
            _with_priority(policy, switches),
            tuple(Exceptional(_conditions(when), _with_priority(p, switches)) for when, p in exceptions),
        )

    def _rule_at(self, file: str, keys: tuple[str | int, ...]) -> str:
        return f"{file}:{self.draft.sources[file].line_of(keys)}"

    def _writable(self, name: str) -> frozenset[Side]:
        fields = {side: self.sides[side].fields.get(name) for side in SIDES}
        return frozenset(side for side, f in fields.items() if f is not None and f.writable)

    def _guide_rows(self) -> tuple[GuideRow, ...]:
        rows = []
        for index, model in enumerate(self.ownership.matrix):
            if model.guide is None:
                continue
            rule = self._rule_at(f"{self.folder}/ownership.yaml", ("matrix", index))
            switch = model.switch if isinstance(model, models.SwitchRowModel) else None
            attribute = None if isinstance(model, models.SwitchRowModel) else model.attribute
            rows.append(GuideRow(model.guide, attribute, switch, bool(model.provisional), rule))
        return tuple(rows)

    def _lifecycle(self) -> Lifecycle:
        file = self.lifecycle
        left_out = self.point.stages_left_out
        return Lifecycle(
            stages=tuple(file.stages),
            statuses={
                name: DmsStatus(name, tuple(model.stands_for), model.brings)
                for name, model in file.dms_statuses.items()
            },
            lines={
                name: LineOfLife(
                    name,
                    tuple(stage for stage in model.stages if stage not in left_out.get(name, ())),
                    tuple(model.optional),
                    model.reserve_when_sold_outside,
                )
                for name, model in file.lines_of_life.items()
            },
            transitions=tuple(
                StageTransition(name, tuple(m.sources), m.goal, Side(m.by), tuple(m.guards), tuple(m.lines))
                for name, m in file.transitions.items()
            ),
            meanings={
                (stage, status): Meaning(meaning)
                for stage, row in file.meanings.items()
                for status, meaning in row.items()
            },
        )

    def _translation(self, side: Side, vocabulary: Mapping[str, Attribute]) -> SideTranslation:
        file = self.sides[side]
        codes = {name: getattr(point, side.value).code for name, point in self.siblings.items()}
        return SideTranslation(
            side=side,
            fields={
                name: FieldTranslation(vocabulary[name], model.field, converter_for(model, codes), model.writable)
                for name, model in file.fields.items()
            },
            blank_texts=frozenset({"", *file.blank_texts}),
            blank_as=None if file.writes_blank_as == "null" else "",
            reference_path=file.record.reference,
            changed_by_path=file.record.changed_by,
            read_only_when={name: frozenset(words) for name, words in file.read_only_when.items()},
        )

    def _system(self, side: Side) -> SystemSettings:
        file: models.SideFile = self.sides[side]
        point: models.PointOfSaleSide = getattr(self.point, side.value)
        return SystemSettings(
            side=side,
            system=file.system,
            label=file.label,
            connection=file.connection,
            record=file.record,
            code=point.code,
            address=point.address,
            secrets=dict(point.secrets),
            webhook=file.webhook,
        )

    def _choice_labels(self) -> dict[str, dict[str, models.Label]]:
        labels = {name: dict(m.choices) for name, m in self.vehicle.attributes.items() if m.choices}
        labels[STAGE] = {name: stage.label for name, stage in self.lifecycle.stages.items()}
        labels[DMS_STATUS] = {name: status.label for name, status in self.lifecycle.dms_statuses.items()}
        return labels

    def _version(self, switches: Mapping[str, bool]) -> str:
        return version_of(
            self.vehicle,
            self.pair,
            self.ownership,
            self.lifecycle,
            [self.sides[side] for side in SIDES],
            self.point,
            switches,
            {name: (point.vehicle_module.code, point.dms.code) for name, point in self.siblings.items()},
        )


def _rule(model: Any, switches: Mapping[str, bool]) -> rules.Rule | None:
    match model:
        case models.DatesInOrderModel():
            return rules.DatesInOrder(tuple(model.attributes))
        case models.NotAfterTodayModel():
            return rules.NotAfterToday(tuple(model.attributes))
        case models.ForbiddenWhenModel():
            ((when, values),) = model.when.items()
            return rules.ForbiddenWhen(model.attribute, when, frozenset(values))
        case models.RequiredWhenModel():
            ((when, values),) = model.when.items()
            return rules.RequiredWhen(model.attribute, when, frozenset(values))
        case models.ShortVinModel():
            return rules.ShortVinOnlyBefore(model.vin, model.first_registration, model.year)
        case models.MoreThanModel():
            return None if switches[model.unless_switch] else rules.MoreThan(model.attribute, model.limit)
    raise AssertionError(model)


def _merged(policy: Policy, model: models.PolicyModel, rule: str) -> Policy:
    said: dict[str, Any] = {word: value for word in _POLICY_WORDS if (value := getattr(model, word)) is not None}
    if model.owner is not None:
        said["owner"] = Owner(model.owner)
    if model.on_drift is not None:
        said["on_drift"] = OnDrift(model.on_drift)
    if model.on_both_changed is not None:
        said["on_both_changed"] = OnBothChanged(model.on_both_changed)
    if model.fill_blank is not None:
        said["fillable"] = _fillable(model.fill_blank)
    return replace(policy, rule=rule, **said)


def _fillable(said: str | bool) -> frozenset[Side]:
    if isinstance(said, bool):
        return BOTH_SIDES if said else frozenset()
    return frozenset({Side(said)})


def _conditions(when: models.ConditionModel) -> dict[str, frozenset[str]]:
    return {key: frozenset(words) for key, words in when.model_dump().items() if words}


def _with_priority(policy: Policy, switches: Mapping[str, bool]) -> Policy:
    """Give the DMS the last word on shared attributes, iff the guide's first switch is on."""
    asks = policy.on_both_changed is OnBothChanged.REVIEW
    if switches[effective.DMS_HAS_PRIORITY] and asks:
        return replace(policy, on_both_changed=OnBothChanged.DMS)
    return policy
