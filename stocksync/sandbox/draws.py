"""Chance that repeats: how the sandbox decides which car gets what.

`one_in` spreads rare things evenly without a visible pattern: exactly one in each run of N, at a place that
the seed chooses. So proportions hold on small stocks too.
"""

from collections import Counter
from random import Random


class Draws:
    """A seeded source of choices; the same seed and the same questions give the same answers."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._seed = seed
        self._asked: Counter[str] = Counter()
        self._place: dict[str, int] = {}

    def one_in(self, name: str, count: int) -> bool:
        """Answer true exactly once in every `count` questions of that name."""
        asked = self._asked[name]
        self._asked[name] += 1
        if asked % count == 0:
            self._place[name] = Random(f"{self._seed} {name} {asked}").randrange(count)
        return asked % count == self._place[name]

    def weighted(self, weights: dict[str, int]) -> str:
        """Choose a name by its weight."""
        return self.random.choices(list(weights), list(weights.values()))[0]
