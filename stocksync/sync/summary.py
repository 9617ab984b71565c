"""What a run came to, in figures that add up (law 4): every observed difference ends in exactly one category."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.reconcile import Category
from stocksync.stock.values import SIDES, Side
from stocksync.sync.decisions import ResolutionStatus
from stocksync.sync.delivery import DeliveryReport
from stocksync.sync.guards import Halt
from stocksync.sync.plan import DIFFERENCES, Action, Plan
from stocksync.sync.recording import FindingCounts, RunKind, RunStatus

_DECISION_ENDS: Final = (
    ResolutionStatus.APPLIED,
    ResolutionStatus.STALE,
    ResolutionStatus.FORBIDDEN,
    ResolutionStatus.REFUSED,
)


@dataclass(frozen=True, slots=True)
class Summary:
    """One run's figures.

    bound, unchanged: open cars with records on both sides; in a quick run only those that were looked at. writes:
    requests that a side carried out; in a dry run those that would be sent. observed: differences counted on the
    readings, differences: where the verdicts put them; the two must add up (law 4). decisions: of reviewers, that came
    to an end in this run, by how. missed: by side, changes that a complete run found and that the quick ones before it
    should have.
    """

    point_of_sale: str
    status: RunStatus
    run_id: int | None
    message: str | None = None
    dry_run: bool = False
    read: Mapping[Side, int] = field(default_factory=dict)
    bound: int = 0
    unchanged: int = 0
    writes: Mapping[Side, int] = field(default_factory=dict)
    creations: int = 0
    transitions: int = 0
    findings: FindingCounts = field(default_factory=FindingCounts)
    differences: Mapping[Category, int] = field(default_factory=dict)
    halts: tuple[Halt, ...] = ()
    observed: int = 0
    decisions: Mapping[ResolutionStatus, int] = field(default_factory=dict)
    kind: RunKind = RunKind.COMPLETE
    missed: Mapping[Side, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The figures for a machine."""
        by_category = {str(c): self.differences.get(c, 0) for c in DIFFERENCES}
        open_by = {str(c): n for c, n in sorted(self.findings.open_by_category.items())}
        return {
            "point_of_sale": self.point_of_sale,
            "status": self.status.value,
            "run": self.run_id,
            "kind": self.kind.value,
            "dry_run": self.dry_run,
            "message": self.message,
            "halts": [{"guard": h.guard, "message": h.message, "values": dict(h.values)} for h in self.halts],
            "read": {side.value: self.read.get(side, 0) for side in SIDES},
            "missed_by_quick_runs": {side.value: self.missed.get(side, 0) for side in SIDES},
            "bound": self.bound,
            "unchanged": self.unchanged,
            "agreed": by_category["agreed"],
            "writes": {side.value: self.writes.get(side, 0) for side in SIDES},
            "creations": self.creations,
            "transitions": self.transitions,
            "refused": by_category["refused"],
            "conflicts": {
                "open": open_by.get("conflict", 0),
                "new": self.findings.new,
                "closed": self.findings.closed,
            },
            "held": open_by.get("held", 0),
            "quarantined": self.findings.quarantined,
            "report_rows_open": self.findings.open,
            "report_rows_ignored": self.findings.ignored,
            "decisions": {str(status): self.decisions.get(status, 0) for status in _DECISION_ENDS},
            "identity": {
                "differences": self.observed,
                **by_category,
                "balanced": self._balanced(by_category),
            },
        }

    def _balanced(self, by_category: Mapping[str, int]) -> bool:
        return self.observed == sum(by_category.values())


def summarise(
    mapping: PointOfSaleMapping,
    plan: Plan,
    read: Mapping[Side, int],
    findings: FindingCounts,
    report: DeliveryReport,
    status: RunStatus,
    run_id: int,
    *,
    dry_run: bool,
    as_they_were: int = 0,
) -> Summary:
    """Count what a run did; a dry run counts what it would do.

    as_they_were: the open cars with records on both sides that nothing had to be decided about, beside the plan's.
    """
    bound = [car for car in plan.cars if car.car.bound and not car.car.closed]
    return Summary(
        point_of_sale=mapping.id,
        status=status,
        run_id=run_id or None,
        read=dict(read),
        bound=len(bound) + as_they_were,
        unchanged=sum(car.unchanged for car in bound) + as_they_were,
        writes=_planned_writes(plan) if dry_run else dict(report.delivered),
        creations=_planned_creations(plan) if dry_run else report.creations,
        transitions=_planned_moves(plan) if dry_run else report.transitions,
        findings=findings,
        observed=sum(car.observed for car in plan.cars),
        differences=plan.categories() if dry_run else _ended(plan, report),
    )


def _planned_writes(plan: Plan) -> dict[Side, int]:
    operations = [operation for car in plan.cars for operation in car.operations]
    return {side: sum(operation.side is side for operation in operations) for side in SIDES}


def _planned_creations(plan: Plan) -> int:
    return sum(o.action is Action.CREATE for car in plan.cars for o in car.operations)


def _planned_moves(plan: Plan) -> int:
    return sum(len(car.stage.moves) for car in plan.cars if car.stage is not None)


def _ended(plan: Plan, report: DeliveryReport) -> dict[Category, int]:
    """Count where each difference ended once the deliveries are known.

    Something planned as written is written iff its side kept it; refused by the side, it is held; else deferred.
    """
    counts = dict.fromkeys(DIFFERENCES, 0)
    written = Category.WRITTEN
    for car in plan.cars:
        for subject, verdict in car.verdicts.items():
            category = verdict.category
            counts[category if category is not written else _end_of((car.car.id, subject), report)] += 1
    return counts


def _end_of(difference: tuple[str, str], report: DeliveryReport) -> Category:
    """Where something planned as written ended."""
    if difference in report.kept:
        return Category.WRITTEN
    return Category.HELD if difference in report.rejected else Category.DEFERRED
