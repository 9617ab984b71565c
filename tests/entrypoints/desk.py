"""A person at the command line in front of two running systems, with a database of their own.

Not here: what the commands should say, which is each test's.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from stocksync.entrypoints.cli import cli
from stocksync.sandbox.running import RunningSandbox
from stocksync.sandbox.seed import fill

SHIPPED = Path(__file__).resolve().parents[2] / "mappings"
FRENCH_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " "})


@dataclass
class Desk:
    """Runs commands in `folder`; `environment` is what both systems need, `cars` the VINs that a test chose."""

    folder: Path
    sandbox: RunningSandbox
    environment: dict[str, str | None] = field(default_factory=dict)
    mappings: Path = SHIPPED
    cars: list[str] = field(default_factory=list)

    @property
    def database(self) -> Path:
        return self.folder / "memory.db"

    def run(self, *arguments: str, **environment: str | None) -> Result:
        """Run a command; spaces that do not break are made plain, for tests to compare."""
        variables: dict[str, str | None] = {
            "STOCKSYNC_MAPPINGS": str(self.mappings),
            "STOCKSYNC_DATABASE_URL": f"sqlite:///{self.database}",
            "STOCKSYNC_LANG": None,
            "STOCKSYNC_LOG_LEVEL": None,
            **self.sandbox.environment,
            **self.environment,
            **environment,
        }
        with chdir(self.folder):
            return CliRunner(env=variables).invoke(cli, list(arguments), prog_name="stocksync")

    def said(self, *arguments: str) -> str:
        """What a command that must end well prints."""
        done = self.run(*arguments)
        assert done.exit_code == 0, done.output
        return done.stdout.translate(FRENCH_SPACES)

    def data(self, *arguments: str) -> Any:
        """What a command that must end well prints for a program."""
        return json.loads(self.said(*arguments, "--json"))


@contextmanager
def desk_at(folder: Path, cars: int = 150) -> Iterator[Desk]:
    """A desk with a seeded stock; two points of sale."""
    state = folder / "state"
    fill(state, cars, 2, 7)
    with RunningSandbox(state) as sandbox:
        yield Desk(folder, sandbox)


def quiet_cars(desk: Desk, count: int) -> list[tuple[str, str, str]]:
    """Cars of the first point of sale on sale, alike on both sides and without a finding: VIN, module id, DMS id."""
    reported = {row["vin"] for row in desk.data("conflicts", "list")["conflicts"]}
    found = []
    for dossier in desk.sandbox.dms.dossiers_from("Stock", "", 500):
        file = desk.sandbox.dms.file(dossier)
        vehicle = desk.sandbox.vehicle_module.find(file["ref_externe"]) if file["ref_externe"] else None
        if vehicle is None or file["site"] != "S01" or file["chassis"] in reported:
            continue
        if vehicle["status"] == "STOCK_DE_VENTE" and not vehicle.get("order") and file["prix_vente"]:
            found.append((file["chassis"], str(vehicle["id"]), dossier))
    assert len(found) >= count
    return found[:count]


def no_traceback(done: Result) -> bool:
    """Tell whether a fault was told in words."""
    return "Traceback" not in done.output and (done.exception is None or isinstance(done.exception, SystemExit))


def snapshot_of(desk: Desk) -> Sequence[Any]:
    """Everything that both systems hold."""
    dms = desk.sandbox.dms
    files = [dms.file(d) for status in ("Pré-rentrée", "Stock", "Facturé") for d in dms.dossiers_from(status, "", 5000)]
    module = desk.sandbox.vehicle_module
    stages = (
        "PRE_RENTREE",
        "ENTREE_PHYSIQUE",
        "VERIFICATION_POST_PREPARATION",
        "STOCK_DE_VENTE",
        "LIVRAISON",
        "SORTIE",
    )
    return files, [module.vehicle_bytes(i) for stage in stages for i in module.ids_from(stage, "", 5000)]
