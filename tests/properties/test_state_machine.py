"""Whole cycles over both systems in memory, driven at random: people edit, writes and answers get lost, cycles run.

After every cycle the laws are asserted; at the end faults stop and the world must come to rest.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from stocksync.adapters.systems.memory import Fate, Write
from stocksync.errors import Busy
from stocksync.stock.resolution import Answer, Choice
from stocksync.stock.values import ABSENT, SIDES, Invalid, Known, Reading, Side, is_value, same
from stocksync.stock.vehicle import POLICE_NUMBER, Vehicle
from stocksync.sync.cycle import CycleResult
from tests.reviewing import Reviewer
from tests.worlds import DMS, MODULE, RUNS_OWN, World, a_world, crowd, dms_record, module_record

CARS = 9
NATIVE: Mapping[str, tuple[tuple[str, ...], str]] = {
    "sale_price": (("sale", "price"), "prix_vente"),
    "reconditioning_cost": (("costs", "reconditioning"), "frevo"),
    "mileage": (("characteristics", "mileage"), "km"),
    "trade_in_price": (("purchase", "tradeInPrice"), "prix_reprise"),
    "vat_recoverable": (("sale", "vatRecoverable"), "tva_recup"),
    "exterior_colour": (("characteristics", "exteriorColour"), "couleur"),
    "registration": (("identification", "registration"), "immat"),
    "make": (("characteristics", "make"), "marque"),
}
MODULE_STAGES = ("ENTREE_PHYSIQUE", "VERIFICATION_POST_PREPARATION", "STOCK_DE_VENTE", "LIVRAISON")

cars = st.integers(0, CARS - 1)
attributes = st.sampled_from(sorted(NATIVE))
serials = st.integers(1, 9)


def native_value(attribute: str, side: Side, car: int, serial: int) -> Any:
    """A value that only this car can have; 9 is a blank, 8 is unreadable."""
    if serial == 9:
        return None if side is MODULE else ""
    if attribute == "vat_recoverable":
        return (serial % 2 == 0) if side is MODULE else "NO"[serial % 2 == 0]
    if attribute == "exterior_colour":
        return (
            ("Rose à pois" if serial == 8 else ("Noir", "Blanc", "Gris")[serial % 3])
            if side is MODULE
            else (("NOIR", "BLANC", "GRIS")[serial % 3])
        )
    if attribute == "registration":
        return f"A{'ABCDEFGHJK'[car]}-{serial}{serial}{serial}-ZZ"
    if attribute == "make":
        return f"Make {car} {serial}" if side is MODULE else f"MAKE {car} {serial}"
    amount = 20_000 * (car + 1) + 1_000 * serial
    if side is MODULE:
        return amount
    if serial == 8:
        return "12 O00"
    return str(amount) if attribute == "mileage" else f"{amount},00"


class Group(RuleBasedStateMachine):
    """A dealer's two systems, the people at them, and stocksync."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="stocksync-"))
        self.world: World
        self.produced: dict[tuple[str, str], list[Reading]] = defaultdict(list)
        self.faulty = False
        self.gone: dict[str, Mapping[str, Any]] = {}
        self.violations: list[str] = []
        self.last: CycleResult | None = None

    @initialize()
    def begin(self) -> None:
        module, dms = crowd(CARS - 2, first=2)
        module += [module_record("OF-0", **_own(0)), module_record("OF-1", **(_own(1) | {"status": "PRE_RENTREE"}))]
        dms += [
            dms_record("VO0", ref_externe="OF-0", chassis=_vin(0), no_police="2026-90000"),
            dms_record("VO1", ref_externe="OF-1", chassis=_vin(1), no_police="", statut="Pré-rentrée"),
        ]
        module[-1]["identification"]["policeNumber"] = None
        self._world = a_world(self.folder / "world.db", module, dms)
        self.world = self._world.__enter__()
        self.mapping = self.world.mappings.points_of_sale["PDV1"]
        for side in SIDES:
            self.world.servers[side].fate_of = lambda write, side=side: self._watched(side, write)  # type: ignore[misc]
        self._note_everything()
        self.reviewer = Reviewer(self.world)

    # people

    @rule(side=st.sampled_from(SIDES), car=cars, attribute=attributes, serial=serials)
    def somebody_edits(self, side: Side, car: int, attribute: str, serial: int) -> None:
        path, field = NATIVE[attribute]
        value = native_value(attribute, side, car, serial)
        body: Any = {field: value}
        if side is MODULE:
            body = value
            for key in reversed(path):
                body = {key: body}
        self._change(side, car, body)

    @rule(car=cars)
    def the_dms_enters_it_in_the_register(self, car: int) -> None:
        file = self._body(DMS, car)
        if file is not None and file["statut"] == "Pré-rentrée":
            self._change(DMS, car, {"statut": "Stock", "no_police": file["no_police"] or f"2026-9{car:04d}"})

    @rule(car=cars)
    def the_dms_takes_an_order(self, car: int) -> None:
        self._change(DMS, car, {"no_bdc": f"BC{car}", "date_bdc": "20/11/2026"})

    @rule(car=cars, complete=st.booleans())
    def the_dms_invoices(self, car: int, complete: bool) -> None:
        file = self._body(DMS, car)
        if file is not None and file["statut"] == "Stock":
            price = {"prix_facture": f"{20_000 * (car + 1)},00"} if complete else {}
            self._change(
                DMS, car, {"statut": "Facturé", "no_facture": f"FA{car}", "date_facture": "20/11/2026", **price}
            )

    @rule(car=cars)
    def the_module_moves_it_on(self, car: int) -> None:
        record = self._body(MODULE, car)
        if record is not None and record["status"] in MODULE_STAGES[:-1]:
            self._change(MODULE, car, {"status": MODULE_STAGES[MODULE_STAGES.index(record["status"]) + 1]})

    @rule(car=cars)
    def the_module_takes_an_order(self, car: int) -> None:
        self._change(MODULE, car, {"order": {"id": f"OP-{car}", "date": "2026-11-20"}})

    @rule(side=st.sampled_from(SIDES), car=cars)
    def a_record_vanishes(self, side: Side, car: int) -> None:
        body = self._body(side, car)
        if body is not None and len(self.gone) < 2:
            record_id = self._id(side, car)
            self.gone[record_id] = body
            self.world.servers[side].remove(record_id)

    @precondition(lambda self: self.gone)
    @rule()
    def what_vanished_comes_back(self) -> None:
        for record_id, body in self.gone.items():
            self.world.servers[MODULE if record_id.startswith("OF") else DMS].put(body)
        self.gone = {}
        self._note_everything()

    @rule(car=cars)
    def the_module_takes_a_car_in(self, car: int) -> None:
        record_id = f"OF-{car + 50}"
        if record_id not in {body["id"] for body in self.world.module.bodies()}:
            own = _own(car + 50)
            own["identification__dmsReference"] = None
            own["identification__policeNumber"] = None
            self.world.module.put(module_record(record_id, status="PRE_RENTREE", **own))
            self._note_everything()

    @rule(fate=st.sampled_from([Fate.LOST, Fate.ANSWER_LOST, Fate.IGNORED]), side=st.sampled_from(SIDES))
    def writes_go_wrong(self, fate: Fate, side: Side) -> None:
        self.faulty = True
        self._fate = (fate, side)

    # a reviewer

    @rule(
        row=st.integers(0, 50),
        choice=st.sampled_from([Choice.MODULE, Choice.DMS, Choice.VALUE, Choice.IGNORE]),
        serial=st.integers(1, 7),
        behind=st.booleans(),
    )
    def a_reviewer_decides(self, row: int, choice: Choice, serial: int, behind: bool) -> None:
        """Decide an open row, sometimes by a report that is older than the last cycle."""
        if not behind:
            self.reviewer.look()
        rows = sorted(self.reviewer.seen)
        if not rows:
            return
        number = rows[row % len(rows)]
        finding = self.reviewer.seen[number].finding
        value: Known = ABSENT
        if choice is Choice.VALUE:
            attribute = finding.subject if finding.subject in NATIVE else "mileage"
            value = self._canonical(attribute, self._car_number(finding.car_id), serial)
        judged = self.reviewer.decide_row(number, choice, value)
        if judged.answer is Answer.ACCEPTED and choice is Choice.VALUE:
            self.produced[self._module_id(finding.car_id), finding.subject].append(value)

    @precondition(lambda self: hasattr(self, "reviewer") and self.reviewer.seen)
    @rule(row=st.integers(0, 50))
    def a_reviewer_takes_back(self, row: int) -> None:
        rows = sorted(self.reviewer.seen)
        if self.reviewer.statuses(rows[row % len(rows)]):
            with suppress(Busy):
                self.reviewer.take_back(rows[row % len(rows)])

    def _canonical(self, attribute: str, car: int, serial: int) -> Known:
        path, _ = NATIVE[attribute]
        body: Any = native_value(attribute, MODULE, car, serial)
        for key in reversed(path):
            body = {key: body}
        reading = self.mapping.translations[MODULE].vehicle("", None, body).reading(attribute)
        assert not isinstance(reading, Invalid)
        return reading

    def _module_id(self, car_id: str) -> str:
        cars = {car.id: car for car in self.world.repository.cars_at("openflex-icar", "PDV1")}
        return cars[car_id].record_ids.get(MODULE, "") if car_id in cars else ""

    def _car_number(self, car_id: str) -> int:
        digits = self._module_id(car_id).removeprefix("OF-")
        return int(digits) % 10 if digits.isdecimal() else 0

    # cycles

    @rule()
    def a_cycle_runs(self) -> None:
        self._sync()
        self.faulty = False

    def _sync(self) -> CycleResult:
        self.world.forget_writes()
        result = self.world.sync()
        if result.summary.status == "halted" and result.summary.run_id is not None:
            assert not self.world.module.writes
            assert not self.world.dms.writes
            self.world.repository.release(result.summary.run_id)
            result = self.world.sync()
        self.last = result
        self._check(result)
        return result

    def _check(self, result: CycleResult) -> None:
        assert not self.violations, self.violations
        assert result.summary.as_json()["identity"]["balanced"], result.summary
        self._check_bases()
        if not self.faulty and result.summary.status == "done":
            self._check_double_sales()

    @invariant()
    def every_value_was_produced_by_somebody(self) -> None:
        if not hasattr(self, "world"):
            return
        for side in SIDES:
            for record_id, vehicle in self._vehicles(side).items():
                owner = self._car_of(side, record_id)
                for attribute in NATIVE:
                    reading, kind = vehicle.reading(attribute), self.mapping.vocabulary[attribute].kind
                    if is_value(reading):
                        known = self.produced[owner, attribute]
                        assert any(same(kind, reading, value) for value in known), (side, record_id, attribute, reading)  # type: ignore[arg-type]

    def _check_bases(self) -> None:
        """A base that a cycle moved is what both sides hold after it (nobody edits while a cycle runs here)."""
        vehicles = {side: self._vehicles(side) for side in SIDES}
        before, self.bases = getattr(self, "bases", {}), {}
        for car in self.world.repository.cars_at("openflex-icar", "PDV1"):
            for attribute, base in car.base.items():
                self.bases[car.id, attribute] = base
                if before.get((car.id, attribute)) == base or not car.bound:
                    continue
                for side in SIDES:
                    vehicle = vehicles[side].get(car.record_ids[side])
                    if vehicle is None:
                        continue  # gone since; the other side's reading back moved the base
                    kind, held = self.mapping.vocabulary[attribute].kind, vehicle.reading(attribute)
                    assert same(kind, held, base), (car.record_ids, attribute, base, held)  # type: ignore[arg-type]

    def _check_double_sales(self) -> None:
        files = {body.get("ref_externe"): body for body in self.world.dms.bodies()}
        for record in self.world.module.bodies():
            file = files.get(record["id"])
            if file is None or record["status"] == "SORTIE" or record["order"] or "OF-" not in record["id"]:
                continue
            if file.get("no_bdc") or file.get("no_facture"):
                assert (record["reservation"] or {}).get("kind") == "UNLIMITED", (record["id"], file)

    def _watched(self, side: Side, write: Write) -> Fate:
        """Law 3 at the door of each system, and whatever fault is due."""
        if write.call == "update":
            before = self._vehicle(side, write.record_id)
            after = self.mapping.translations[side].vehicle(write.record_id, None, write.body)
            for attribute, row in self.mapping.matrix.rows.items():
                if attribute not in after.readings or not is_value(after.reading(attribute)):
                    continue
                fills = not before.has(attribute)
                if row.policy.owner.side is side and not fills:
                    self.violations.append(f"{side} {write.record_id} {attribute} is its own")
                if attribute == POLICE_NUMBER and side is DMS:
                    self.violations.append("a police number was written to the DMS")
        if self.faulty and self._fate[1] is side:
            # A creation that is answered in full and did not happen cannot be told from one that did.
            impossible = write.call == "create" and self._fate[0] is Fate.IGNORED
            return Fate.LOST if impossible else self._fate[0]
        return Fate.CARRIED_OUT

    # looking

    def _vehicle(self, side: Side, record_id: str) -> Vehicle:
        return self.mapping.translations[side].vehicle(record_id, None, self.world.servers[side].body(record_id))

    def _vehicles(self, side: Side) -> dict[str, Vehicle]:
        key = "id" if side is MODULE else "dossier"
        return {body[key]: self._vehicle(side, body[key]) for body in self.world.servers[side].bodies()}

    def _id(self, side: Side, car: int) -> str:
        return f"OF-{car}" if side is MODULE else f"VO{car}"

    def _body(self, side: Side, car: int) -> Mapping[str, Any] | None:
        try:
            return self.world.servers[side].body(self._id(side, car))
        except KeyError:
            return None

    def _change(self, side: Side, car: int, body: Mapping[str, Any]) -> None:
        if self._body(side, car) is not None:
            self.world.servers[side].change(self._id(side, car), body)
            self._note_everything()

    def _car_of(self, side: Side, record_id: str) -> str:
        """A car's name for both sides: its module id."""
        if side is MODULE:
            return record_id
        return str(self.world.dms.body(record_id).get("ref_externe"))

    def _note_everything(self) -> None:
        for side in SIDES:
            for record_id, vehicle in self._vehicles(side).items():
                for attribute in NATIVE:
                    reading = vehicle.reading(attribute)
                    if is_value(reading):
                        self.produced[self._car_of(side, record_id), attribute].append(reading)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.faulty = False
            for _ in range(3):
                self._sync()
            rows = self.world.rows(beside=RUNS_OWN)
            result = self._sync()
            assert not self.world.module.writes
            assert not self.world.dms.writes
            assert (result.summary.findings.new, result.summary.findings.closed) == (0, 0)
            assert self.world.rows(beside=RUNS_OWN) == rows
        finally:
            self._world.__exit__(None, None, None)
            shutil.rmtree(self.folder, ignore_errors=True)


def _vin(number: int) -> str:
    return f"VF1RFB00X7{number:07d}"


def _own(number: int) -> dict[str, Any]:
    return {
        "identification__vin": _vin(number),
        "identification__registration": f"GG-{number + 100}-HH",
        "identification__policeNumber": f"2026-9{number:04d}",
        "identification__dmsReference": f"VO{number}",
    }


TestGroup = Group.TestCase
TestGroup.settings = settings(
    max_examples=max(50, settings().max_examples // 20),
    stateful_step_count=25,
    deadline=None,
    # Shrinking a world of cycles takes minutes; the steps as they were found are told instead.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
