"""Where people work: both systems open, and a way to find a car that suits what someone is about to do.

Answers which car is chosen. What people do is in `salespeople.py` (vehicle module) and `clerks.py` (DMS).
"""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from stocksync.sandbox.clock import PARIS, Clock
from stocksync.sandbox.dms import Dms, File
from stocksync.sandbox.draws import Draws
from stocksync.sandbox.vehicle_module import Vehicle, VehicleModule

# how many neighbours of a random place are looked at before giving up, so that a million cars cost no more
_LOOKED_AT = 300


class Workplace:
    """Both state files of one directory; the same seed and the same state make the same choices."""

    def __init__(self, directory: Path, clock: Clock, seed: int) -> None:
        self.module = VehicleModule(directory, clock)
        self.dms = Dms(directory, clock)
        self.draws = Draws(seed)
        self.random = self.draws.random
        self._clock = clock

    def close(self) -> None:
        """Send everybody home."""
        self.module.state.close()
        self.dms.state.close()

    def today(self) -> date:
        """Return the day in Paris."""
        return self._clock().astimezone(PARIS).date()

    def point_of_sale(self) -> str:
        """Choose a point of sale."""
        return self.random.choice(self.module.points_of_sale())["id"]

    def vehicle(
        self, id_: str | None, statuses: tuple[str, ...], suits: Callable[[Vehicle], object] = bool
    ) -> Vehicle | None:
        """Return the named vehicle, in any stage, or one that suits; Problem 404 for an unknown name."""
        if id_ is not None:
            return self.module.vehicle(id_)
        return next(self.vehicles(statuses, suits), None)

    def vehicles(self, statuses: tuple[str, ...], suits: Callable[[Vehicle], object]) -> Iterator[Vehicle]:
        """Yield vehicles that suit, from a random place on, status by status."""
        for status in self.random.sample(statuses, len(statuses)):
            start = f"OF-{self.random.randrange(self.module.last_number() + 1):06d}"
            for id_ in self.module.ids_from(status, start, _LOOKED_AT):
                vehicle = self.module.vehicle(id_)
                if suits(vehicle):
                    yield vehicle

    def file(self, dossier: str | None, statut: str, suits: Callable[[File], object] = bool) -> File | None:
        """Return the named file, whatever its statut, or one that suits; DmsError 404 for an unknown name."""
        if dossier is not None:
            return self.dms.file(dossier)
        start = f"VO{self.random.randrange(self.dms.last_number() + 1):06d}"
        near = (self.dms.file(name) for name in self.dms.dossiers_from(statut, start, _LOOKED_AT))
        return next((file for file in near if suits(file)), None)

    def is_sold(self, file: File) -> bool:
        """Say whether a file is sold: an order in the DMS, or its vehicle in LIVRAISON."""
        return bool(file["no_bdc"]) or self._counterpart_says(file, lambda car: car["status"] == "LIVRAISON")

    def is_unsold(self, file: File) -> bool:
        """Say whether nobody sold a file: no order on either side, and its vehicle is known."""
        return not file["no_bdc"] and self._counterpart_says(file, lambda car: car["order"] is None)

    def _counterpart_says(self, file: File, question: Callable[[Vehicle], bool]) -> bool:
        vehicle = self.module.find(file["ref_externe"])
        return vehicle is not None and question(vehicle)
