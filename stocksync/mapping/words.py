"""Which words an attribute may take, and what its kind lets a policy ask; shared by the checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stocksync.mapping import models
from stocksync.mapping.source import Keys, Source
from stocksync.stock.lifecycle import DELIVERY, EXIT, INVOICED
from stocksync.stock.vehicle import DMS_STATUS, LIFECYCLE_ATTRIBUTES, POINT_OF_SALE, STAGE

REQUIRED_STAGES: Final = (DELIVERY, EXIT)
REQUIRED_STATUSES: Final = (INVOICED,)
"""Stages and statuses of the DMS that the core knows by name."""


@dataclass(frozen=True)
class Words:
    """Where the words of the choices are listed; a file that could not be read allows anything."""

    vehicle: models.VehicleFile
    lifecycle: models.LifecycleFile | None
    points: models.PointsOfSaleFile | None

    def of(self, attribute: str) -> tuple[str, ...] | None:
        """The words of an attribute; None where they are listed nowhere, or cannot be known."""
        if attribute in (STAGE, DMS_STATUS):
            if self.lifecycle is None:
                return None
            return tuple(self.lifecycle.stages if attribute == STAGE else self.lifecycle.dms_statuses)
        if attribute == POINT_OF_SALE:
            return tuple(self.points.points_of_sale) if self.points is not None else None
        model = self.vehicle.attributes.get(attribute)
        return (tuple(model.choices) or None) if model is not None else None

    def check(self, attribute: str, word: str, at: Keys, source: Source) -> None:
        """Note a word that an attribute does not take."""
        allowed = self.of(attribute)
        if allowed is not None:
            source.one_of(at, attribute.replace("_", " "), word, allowed)


def check_policy(
    policy: models.PolicyModel, attribute: str, at: Keys, source: Source, vehicle: models.VehicleFile
) -> None:
    """Note what a policy asks for that the attribute's kind cannot do."""
    if policy.owner is not None and (policy.owner == "lifecycle") != (attribute in LIFECYCLE_ATTRIBUTES):
        source.report((*at, "owner"), "only the lifecycle's own attributes are owned by it", policy.owner)
    if policy.on_both_changed is not None and policy.owner in ("vehicle_module", "dms"):
        message = f"it has no effect: {policy.owner} decides alone; take this line out, or write owner: shared"
        source.report((*at, "on_both_changed"), message, policy.on_both_changed)
    model = vehicle.attributes.get(attribute)
    if model is None:
        return
    ordered = model.kind in ("money", "integer", "date")
    if policy.on_both_changed in ("highest", "lowest") and not ordered:
        allowed = ("review", "vehicle_module", "dms")
        source.report((*at, "on_both_changed"), f"a {model.kind} has no order", policy.on_both_changed, allowed=allowed)
    for key in ("never_decreases", "max_jump"):
        if getattr(policy, key) and model.kind not in ("money", "integer"):
            source.report((*at, key), f"only a number can have it, not a {model.kind}")
