"""What a side listed before, by digests of its bytes: a record that comes again just as it was need not be read.

64 bits tell a changed record from its former self; that one of a million changes goes unnoticed by chance is as likely
as one in 18 million million.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping


class Familiar:
    """The digests of one side's records at one point of sale, those that were not met in this listing yet.

    load: gives all of them. former: gives those that records had, by their ids. A digest that was met once is not
    familiar any more: a record that comes twice is read.
    """

    def __init__(self, load: Callable[[], Iterable[int]], former: Callable[[Iterable[str]], Mapping[str, int]]) -> None:
        self._load = load
        self._former = former
        self._begun = False
        self.left: set[int] = set()

    def begin(self) -> None:
        """The listing begins, or begins again: nothing was met yet."""
        self._begun = True
        self.left = set(self._load())

    def not_met(self) -> set[int]:
        """What did not come again, once the listing has ended: all there is, where whoever listed looked at none."""
        if not self._begun:
            self.begin()
        return self.left

    def met(self, digests: Iterable[int]) -> None:
        """These came again."""
        self.left.difference_update(digests)

    def twice(self, record_ids: Iterable[str]) -> int:
        """How many of these records, which came as others, came as they were before, too."""
        return sum(digest not in self.left for digest in self._former(record_ids).values())
