"""What a process is doing when it dies: small stocks, each with one kind of work to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stocksync.adapters.systems.memory import Fate
from stocksync.stock.resolution import Choice
from stocksync.sync.recording import RunKind
from tests.reviewing import Reviewer
from tests.worlds import DMS, MODULE, World, crowd, dms_record, module_record

Records = tuple[list[dict[str, Any]], list[dict[str, Any]]]
OVERRIDDEN = "    name: 01 - VW SEAT SKODA\n"
CREATING = (("points_of_sale.yaml", OVERRIDDEN, f"{OVERRIDDEN}    switches: {{dms_creates_vehicles: true}}\n"),)


def _nothing(world: Any) -> None:
    return None


@dataclass(frozen=True)
class Scenario:
    """A stock, what was done with it before, what people do then, and the run that a process dies in.

    settled: the stock had its first contact before. prepare: done once, while everything works; it may run cycles.
    """

    name: str
    stock: Callable[[], Records]
    act: Callable[[Any], None]
    kind: RunKind = RunKind.COMPLETE
    settled: bool = True
    prepare: Callable[[Any], None] = _nothing
    edits: tuple[tuple[str, str, str], ...] = ()


def two_cars() -> Records:
    """Two cars in agreement."""
    module, dms = crowd(1)
    return [module_record(), *module], [dms_record(), *dms]


def expected_and_one_more() -> Records:
    """A car that the DMS expects, and one in stock."""
    module, dms = two_cars()
    module[0]["status"], module[0]["identification"]["policeNumber"] = "PRE_RENTREE", None
    dms[0] |= {"statut": "Pré-rentrée", "no_police": ""}
    return module, dms


def strangers() -> Records:
    """A first contact: differences, blanks, a car that the DMS does not know."""
    module, dms = two_cars()
    dms[0] |= {"km": "90 000", "prix_vente": "", "ref_externe": ""}
    module[0]["costs"]["reconditioning"] = None
    late = module_record("OF-7", status="PRE_RENTREE", identification__vin="VF1RFB00X00000007")
    late["identification"] |= {"registration": "CC-777-CC", "policeNumber": None, "dmsReference": None}
    return [*module, late], dms


def differing() -> Records:
    """A mileage that nobody could decide at first contact."""
    module, dms = two_cars()
    dms[0] |= {"km": "90 000"}
    return module, dms


def _both_sides_type(world: World) -> None:
    world.clock.pause(3_600)
    world.edit(MODULE, "OF-1", sale__price=11_900)
    world.edit(DMS, "VO100", frevo="777,00")
    world.edit(DMS, "VO1", frevo="555,00")


def _a_car_comes_in(world: Any) -> None:
    late = module_record("OF-7", status="PRE_RENTREE", identification__vin="VF1RFB00X00000007")
    late["identification"] |= {"registration": "CC-777-CC", "policeNumber": None, "dmsReference": None}
    world.watched[MODULE].enter(7, late)


def _the_dms_enters_a_car(world: Any) -> None:
    unknown = dms_record("VO9", ref_externe="", chassis="VF1RFB00X56780009", immat="", no_police="2026-09999")
    world.watched[DMS].enter(9, unknown)


def _the_dms_sells(world: World) -> None:
    world.edit(DMS, "VO1", no_bdc="BC1", date_bdc="20/11/2026")


def _the_dms_enters_and_invoices(world: World) -> None:
    sold = {"statut": "Facturé", "no_facture": "FA1", "date_facture": "20/11/2026", "prix_facture": "11 000,00"}
    world.edit(DMS, "VO1", no_police="2026-00999", **sold)


def _a_reviewer_decides(world: World) -> None:
    Reviewer(world).decide("mileage", Choice.VALUE, 88_000)


def _decided_and_carried_out(world: Any) -> None:
    Reviewer(world).decide("mileage", Choice.VALUE, 88_000)
    world.watch.learn(world.repository)
    world.live(RunKind.COMPLETE)


def _a_reviewer_takes_back(world: World) -> None:
    reviewer = Reviewer(world)
    with world.repository.engine.connect() as connection:
        number = connection.exec_driver_sql("SELECT conflict_id FROM resolution").scalar()
    assert number is not None
    back = reviewer.take_back(number)
    assert back.stands is None, back


def _the_dms_refuses(world: World) -> None:
    world.edit(MODULE, "OF-1", sale__price=11_900, purchase__tradeInPrice=9_000)
    world.edit(MODULE, "OF-100", sale__price=8_800)
    world.dms.refused = lambda body: {"prix_reprise": "the month is closed"} if "prix_reprise" in body else {}


def _no_answer_comes(world: World) -> None:
    _both_sides_type(world)
    world.no_answers(DMS, Fate.ANSWER_LOST)


SCENARIOS = (
    Scenario("first contact", strangers, _nothing, settled=False),
    Scenario("a quick run that writes on both sides", two_cars, _both_sides_type, RunKind.DELTA),
    Scenario("a creation in the DMS", two_cars, _a_car_comes_in),
    Scenario("a creation in the module", two_cars, _the_dms_enters_a_car, edits=CREATING),
    Scenario("a reservation", two_cars, _the_dms_sells),
    Scenario("a chain of stages", expected_and_one_more, _the_dms_enters_and_invoices),
    Scenario("a decision", differing, _a_reviewer_decides),
    Scenario("a decision taken back", differing, _a_reviewer_takes_back, prepare=_decided_and_carried_out),
    Scenario("refusals", two_cars, _the_dms_refuses),
    Scenario("a quick run without answers", two_cars, _no_answer_comes, RunKind.DELTA),
    Scenario("a run that somebody asked for", two_cars, _both_sides_type, RunKind.HINTED),
)
