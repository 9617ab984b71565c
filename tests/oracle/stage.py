"""What the text on the lifecycle says of one car: the table of (module stage, DMS statut), cell by cell.

Not here: matching (the two records are one car already), the switches (each in its shipped position), and a
cancelled order (it needs what an earlier cycle saw).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

Stage = Literal["pre_entry", "physical_entry", "post_prep_check", "sales_stock", "delivery", "exit"]
ModuleStage = Literal["not_there"] | Stage
DmsStatus = Literal["not_there", "pre_entry", "in_stock", "invoiced"]
Destination = Literal["private", "trade", "scrap"]
Reservation = Literal["none", "limited", "unlimited"]

STAGES: tuple[Stage, ...] = get_args(Stage)
MODULE_STAGES: tuple[ModuleStage, ...] = ("not_there", *STAGES)
DMS_STATUSES: tuple[DmsStatus, ...] = get_args(DmsStatus)
DESTINATIONS: tuple[Destination, ...] = get_args(Destination)
RESERVATIONS: tuple[Reservation, ...] = get_args(Reservation)
MISSING_LISTINGS = (0, 1, 2, 3)

LINE_OF_LIFE: dict[Destination, frozenset[Stage]] = {
    "private": frozenset(STAGES),
    "trade": frozenset(STAGES),
    "scrap": frozenset({"pre_entry", "physical_entry", "exit"}),
}
"""The lines of life; "the check optional": a car seen in it is in its life."""


@dataclass(frozen=True)
class StageCase:
    """Gather what is known of one car in one cycle.

    `missing_listings` counts the complete listings in a row, this one included, that lacked the side that is
    not there; it says nothing where both sides are. `identity` is a valid VIN or a registration.
    """

    module_stage: ModuleStage
    dms_status: DmsStatus
    destination: Destination = "private"
    was_bound: bool = True
    police_number: bool = True
    invoice_complete: bool = False
    dms_order: bool = False
    module_order: bool = False
    reservation: Reservation = "none"
    identity: bool = True
    missing_listings: int = 0

    @property
    def in_life(self) -> bool:
        """Tell whether the module's stage is in the line of life of the destination."""
        return self.module_stage in LINE_OF_LIFE[self.destination]

    @property
    def sold_outside(self) -> bool:
        """Tell whether "a car with an order or an invoice in the DMS and no order in the module" is seen.

        A car that one side does not hold shows no order there.
        """
        if "not_there" in (self.module_stage, self.dms_status) or self.module_order:
            return False
        return self.dms_order or self.dms_status == "invoiced" or self.invoice_complete


@dataclass(frozen=True)
class ExpectedStage:
    """Hold what the text asks for; `moves` are the stages the module's car is taken through, in order."""

    moves: tuple[Stage, ...] = ()
    reserve: bool = False
    create_in_dms: bool = False
    findings: frozenset[str] = frozenset()
    closed: bool = False


@dataclass(frozen=True)
class Cell:
    """Hold what one cell of the table says, before the duties that stand beside it."""

    moves: tuple[Stage, ...] = ()
    create_in_dms: bool = False
    findings: tuple[str, ...] = ()
    closed: bool = False


def nothing(_: StageCase) -> Cell:
    """ "-", and not there x Facturé."""
    return Cell()


def agreed(_: StageCase) -> Cell:
    """ "agreed": Stock changes nothing in any stage but pre_entry."""
    return Cell()


def closed(_: StageCase) -> Cell:
    """ "closed"."""
    return Cell(closed=True)


def stage_regression(_: StageCase) -> Cell:
    """ "`stage_regression`": reported at once."""
    return Cell(findings=("stage_regression",))


def reopened_in_dms(_: StageCase) -> Cell:
    """ "`reopened_in_dms`": reported at once."""
    return Cell(findings=("reopened_in_dms",))


def missing_in_dms(case: StageCase) -> Cell:
    """ "`missing_in_dms`", "after two complete listings in a row"."""
    return Cell(findings=("missing_in_dms",) if case.missing_listings >= 2 else ())


def unknown_here(case: StageCase) -> Cell:
    """ "`unknown_in_vehicle_module`", at once; a bound car is not unknown but missing."""
    if case.was_bound:
        return missing_in_vehicle_module(case)
    return Cell(findings=("unknown_in_vehicle_module",))


def sold_before_we_came(case: StageCase) -> Cell:
    """ "ignored (sold before we came)"; a bound car was not sold before we came."""
    return missing_in_vehicle_module(case) if case.was_bound else Cell()


def missing_in_vehicle_module(case: StageCase) -> Cell:
    """ "after two complete listings in a row, reported"."""
    return Cell(findings=("missing_in_vehicle_module",) if case.missing_listings >= 2 else ())


def create_it(case: StageCase) -> Cell:
    """ "create it in the DMS": "only if it was never bound", and it "needs a valid VIN or a registration"."""
    if case.was_bound:
        return missing_in_dms(case)
    return Cell(create_in_dms=True) if case.identity else Cell(findings=("identity_missing",))


def enter(case: StageCase) -> Cell:
    """ "police number ? -> physical_entry : hold `police_number_missing`"."""
    if not case.police_number:
        return Cell(findings=("police_number_missing",))
    return Cell(moves=("physical_entry",))


def catch_up(case: StageCase) -> Cell:
    """ "police number ? catch up : hold", and "every guard on the way holds [...] otherwise nothing moves".

    Every guard that fails on the way is told, so that a person can mend all of it at once.
    """
    first, last = enter(case), leave_before_delivery(case)
    findings = first.findings + last.findings
    return Cell(findings=findings) if findings else Cell(moves=first.moves + last.moves)


def leave_before_delivery(case: StageCase) -> Cell:
    """ "sold outside Opportunités, then exit"; with an order in the module `invoiced_before_delivery`."""
    if case.module_order:
        return Cell(findings=("invoiced_before_delivery", *leave(case).findings))
    return leave(case)


def leave(case: StageCase) -> Cell:
    """ "exit": guard "invoice number, date and invoiced price"."""
    if not case.invoice_complete:
        return Cell(findings=("invoice_incomplete",))
    return Cell(moves=("exit",))


Row = tuple[Callable[[StageCase], Cell], ...]
ON_SALE: Row = (missing_in_dms, stage_regression, agreed, leave_before_delivery)
TABLE: dict[ModuleStage, Row] = {
    # module \ DMS:    not there       Pré-rentrée       Stock            Facturé
    "not_there":       (nothing,        unknown_here,     unknown_here,    sold_before_we_came),
    "pre_entry":       (create_it,      agreed,           enter,           catch_up),
    "physical_entry":  ON_SALE,
    "post_prep_check": ON_SALE,
    "sales_stock":     ON_SALE,
    "delivery":        (missing_in_dms, stage_regression, agreed,          leave),
    "exit":            (closed,         reopened_in_dms,  reopened_in_dms, closed),
}  # fmt: skip
"""The table of the text. Every pair is in it, so `illegal_transition` never comes out here."""


def decide_stage(case: StageCase) -> ExpectedStage:
    """Return what the text asks for: the cell, then the duties that stand beside the table."""
    cell = TABLE[case.module_stage][DMS_STATUSES.index(case.dms_status)](case)
    if cell.closed:
        return ExpectedStage(closed=True)  # "nothing is written or reported any more"
    if case.module_stage == case.dms_status == "not_there" and case.was_bound:
        gone = {"missing_in_vehicle_module", "missing_in_dms"} if case.missing_listings >= 2 else ()
        return ExpectedStage(findings=frozenset(gone))
    if case.module_stage != "not_there" and not case.in_life:
        cell = out_of_life(case, cell)
    findings = {*cell.findings, *(("sold_outside_opportunites",) if owes_reservation(case, cell) else ())}
    return ExpectedStage(
        moves=cell.moves,
        reserve=owes_reservation(case, cell) and case.reservation != "unlimited",
        create_in_dms=cell.create_in_dms,
        findings=frozenset(findings),
    )


def out_of_life(case: StageCase, cell: Cell) -> Cell:
    """ "A car seen in a stage outside its line of life is reported [...] and is not moved".

    No guard is asked where nothing may move; what the cell says of a missing or regressed file is still true.
    """
    told = () if case.dms_status == "invoiced" else cell.findings
    return Cell(findings=("stage_not_in_life", *told))


def owes_reservation(case: StageCase, cell: Cell) -> bool:
    """Tell whether the car must carry the unlimited reservation, and is reported for it, iff

    - the car is sold outside Opportunités, and not in `exit` already;
    - it is not scrap, nor "a car that leaves from `delivery` in the same cycle".
    """
    leaves_from_delivery = case.module_stage == "delivery" and "exit" in cell.moves
    still_in_stock = case.module_stage != "exit"
    return case.sold_outside and still_in_stock and case.destination != "scrap" and not leaves_from_delivery


def every_case() -> Iterator[StageCase]:
    """Yield every combination of every input, also those that no honest pair of systems shows: 64,512."""
    named = product(MODULE_STAGES, DMS_STATUSES, DESTINATIONS, RESERVATIONS, MISSING_LISTINGS)
    for stage, status, destination, reservation, missing in named:
        for bound, numbered, invoice, dms_order, module_order, identity in product((False, True), repeat=6):
            yield StageCase(
                module_stage=stage,
                dms_status=status,
                destination=destination,
                was_bound=bound,
                police_number=numbered,
                invoice_complete=invoice,
                dms_order=dms_order,
                module_order=module_order,
                reservation=reservation,
                identity=identity,
                missing_listings=missing,
            )
