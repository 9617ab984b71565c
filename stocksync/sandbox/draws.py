"""Chance that repeats: how the sandbox decides which car gets what.

`one_in` spreads rare things evenly without a visible pattern: exactly one in each run of N, at a place that
the seed chooses. So proportions hold on small stocks too.
"""

from bisect import bisect
from itertools import accumulate
from random import Random


class Draws:
    """A seeded source of choices; the same seed and the same questions give the same answers."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._seed = seed
        self._asked: dict[str, int] = {}
        self._place: dict[str, int] = {}
        # by identity, with the weights themselves, so that no other ones take their place: a table is summed up once
        self._sums: dict[int, tuple[dict[str, int], list[str], list[int]]] = {}

    def one_in(self, name: str, count: int) -> bool:
        """Answer true exactly once in every `count` questions of that name."""
        asked = self._asked.get(name, 0)
        self._asked[name] = asked + 1
        place = asked % count
        if place == 0:
            self._place[name] = Random(f"{self._seed} {name} {asked}").randrange(count)
        return place == self._place[name]

    def weighted(self, weights: dict[str, int]) -> str:
        """Choose a name by its weight; weights are not to be changed between two choices."""
        known = self._sums.get(id(weights))
        if known is None:
            known = self._sums[id(weights)] = (weights, list(weights), list(accumulate(weights.values())))
        _, names, sums = known
        # as `random.choices` does, which sums up anew each time
        return names[bisect(sums, self.random.random() * sums[-1], 0, len(names) - 1)]
