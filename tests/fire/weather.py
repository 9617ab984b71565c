"""Faults that come and go over hours, by a seed: which ones are on at a moment, and when something special happens."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stocksync.sandbox.breaks import Breaks
from stocksync.sandbox.faults import SYSTEMS, SystemName

_KINDS: Mapping[str, tuple[Mapping[str, Any], tuple[float, float]]] = {
    "latency": ({"ms": "20-400"}, (0.1, 0.5)),
    "apply_then_drop": ({}, (0.01, 0.15)),
    "drop_before_apply": ({}, (0.01, 0.1)),
    "reset": ({}, (0.005, 0.05)),
    "reset_mid_body": ({}, (0.005, 0.05)),
    "cut": ({}, (0.005, 0.05)),
    "cut_unmarked": ({}, (0.005, 0.05)),
    "server_error": ({"status": "500,502,503,504"}, (0.01, 0.1)),
    "too_many_requests": ({"retry_after": "1"}, (0.005, 0.05)),
    "login_page": ({}, (0.005, 0.03)),
}
_SHARE_OF_CALM = 0.4


@dataclass
class Weather:
    """Sets faults in the state files of both systems; special: what somebody else does meanwhile, "" for nothing."""

    state: Path
    chance: random.Random
    special: str = ""
    _now: dict[SystemName, dict[str, float]] = field(default_factory=dict)

    def change(self) -> None:
        """Have other faults from now on; sometimes none at all."""
        self.clear()
        if self.chance.random() < _SHARE_OF_CALM:
            return
        for system in self.chance.choice((SYSTEMS, SYSTEMS[:1], SYSTEMS[1:])):
            self._now[system] = {}
            for name in self.chance.sample(sorted(_KINDS), self.chance.randint(1, 3)):
                options, (low, high) = _KINDS[name]
                share = round(self.chance.uniform(low, high), 3)
                Breaks(self.state, system).set(name, share=share, seed=self.chance.randrange(2**31), **options)
                self._now[system][name] = share

    def order(self, system: SystemName, name: str) -> None:
        """Have one fault for every request, and nothing else."""
        self.clear()
        self.special = f"{system}: {name}"
        Breaks(self.state, system).set(name)

    def clear(self) -> None:
        """Have no fault."""
        self.special, self._now = "", {}
        for system in SYSTEMS:
            Breaks(self.state, system).clear()

    @property
    def is_fine(self) -> bool:
        """Whether nothing is wrong."""
        return not self.special and not self._now

    def __str__(self) -> str:
        said = [f"{s}: {', '.join(f'{n} {share:.0%}' for n, share in f.items())}" for s, f in self._now.items()]
        return self.special or "; ".join(said)
