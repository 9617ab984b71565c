"""What only the system in memory can do: lose, ignore or bend a write, and fail on demand."""

from collections.abc import Callable

import pytest

from stocksync.adapters.systems.memory import Fate, MemoryHabits, MemoryServer, MemorySystem, Write
from stocksync.errors import IncompleteListing, StaleWrite, SystemUnavailable, WriteRejected
from stocksync.sync.ports import NativeRecord

HABITS = MemoryHabits(
    id_path="head.id",
    point_of_sale_path="site",
    version_path="head.version",
    id_prefix="X",
    reservation=("kept", {"for": "ever"}),
    conditional_writes=True,
    page_size=2,
)
CAR = {"head": {"id": "X1"}, "site": "S01", "price": 100, "text": {"colour": "RED", "note": "n"}}


@pytest.fixture
def server() -> MemoryServer:
    """One car in one point of sale."""
    return MemoryServer(HABITS, [CAR])


@pytest.fixture
def system(server: MemoryServer) -> MemorySystem:
    """The view of that point of sale."""
    return MemorySystem(server, "S01")


def held(system: MemorySystem) -> NativeRecord:
    """The one car."""
    record = system.read("X1")
    assert record is not None
    return record


def test_a_lost_write_changes_nothing_and_is_not_received(server: MemoryServer, system: MemorySystem) -> None:
    server.fate_of = lambda write: Fate.LOST
    with pytest.raises(SystemUnavailable):
        system.update("X1", {"price": 90}, "1", "k")
    assert held(system).body["price"] == 100
    assert server.writes == []


def test_a_write_whose_answer_is_lost_is_carried_out(server: MemoryServer, system: MemorySystem) -> None:
    server.fate_of = lambda write: Fate.ANSWER_LOST
    with pytest.raises(SystemUnavailable):
        system.update("X1", {"price": 90}, "1", "k")
    assert (held(system).body["price"], held(system).version) == (90, "2")


def test_an_ignored_write_is_answered_and_changes_nothing(server: MemoryServer, system: MemorySystem) -> None:
    server.fate_of = lambda write: Fate.IGNORED
    assert system.update("X1", {"price": 90}, "1", "k").version == "1"
    assert system.create({"price": 1}, "k").record_id not in {body["head"]["id"] for body in server.bodies()}
    assert held(system).body["price"] == 100


def test_the_fate_of_a_write_can_depend_on_it(server: MemoryServer, system: MemorySystem) -> None:
    server.fate_of = lambda write: Fate.LOST if "price" in write.body else Fate.CARRIED_OUT
    system.update("X1", {"note": "x"}, "1", "k")
    with pytest.raises(SystemUnavailable):
        system.update("X1", {"price": 90}, "2", "k")
    assert held(system).body["note"] == "x"


def test_a_system_can_keep_something_else_than_it_was_sent(server: MemoryServer, system: MemorySystem) -> None:
    server.stored_as = lambda body: {**body, "price": body["price"] // 10 * 10}
    assert system.update("X1", {"price": 97}, "1", "k").body["price"] == 90


def test_a_field_can_be_refused(server: MemoryServer, system: MemorySystem) -> None:
    server.refused = lambda body: {"price": "too low"} if body.get("price", 0) < 50 else {}
    with pytest.raises(WriteRejected) as refusal:
        system.update("X1", {"price": 9}, "1", "k")
    assert refusal.value.fields == {"price": "too low"}
    assert system.update("X1", {"price": 60}, "1", "k").body["price"] == 60


@pytest.mark.parametrize("call", ["pages", "read", "create", "update", "reserve"])
def test_any_call_can_be_made_to_fail(server: MemoryServer, system: MemorySystem, call: str) -> None:
    server.error_before = lambda due: SystemUnavailable("closed") if due == call else None
    calls: dict[str, Callable[[], object]] = {
        "pages": lambda: list(system.pages()),
        "read": lambda: system.read("X1"),
        "create": lambda: system.create({}, "k"),
        "update": lambda: system.update("X1", {}, "1", "k"),
        "reserve": lambda: system.reserve("X1", "k"),
    }
    with pytest.raises(SystemUnavailable, match="closed"):
        calls.pop(call)()
    for other in calls.values():
        other()


def test_a_listing_can_fail_after_its_first_page(server: MemoryServer, system: MemorySystem) -> None:
    for _ in range(4):
        server.put({"site": "S01"})
    errors = iter([None, IncompleteListing("shifted")])
    server.error_before = lambda call: next(errors)
    pages = system.pages()
    assert len(next(pages).records) == 2
    with pytest.raises(IncompleteListing):
        next(pages)


def test_changes_are_merged_object_by_object_and_blanks_kept_as_given(system: MemorySystem) -> None:
    body = system.update("X1", {"text": {"colour": None}, "price": "", "new": {"a": 1}}, "1", "k").body
    assert (body["text"], body["price"], body["new"]) == ({"colour": None, "note": "n"}, "", {"a": 1})


def test_every_write_received_is_logged_with_all_it_said(server: MemoryServer, system: MemorySystem) -> None:
    system.create({"price": 1}, "k1")
    with pytest.raises(StaleWrite):
        system.update("X1", {"price": 2}, "7", "k2")
    system.reserve("X1", "k3")
    assert server.writes == [
        Write("create", "", {"site": "S01", "price": 1}, None, "k1"),
        Write("update", "X1", {"price": 2}, "7", "k2"),
        Write("reserve", "X1", {"kept": {"for": "ever"}}, None, "k3"),
    ]


def test_a_user_of_that_system_changes_and_removes_records_without_a_log(
    server: MemoryServer, system: MemorySystem
) -> None:
    server.change("X1", {"price": 5})
    assert (server.body("X1")["price"], held(system).version) == (5, "2")
    server.remove("X1")
    assert system.read("X1") is None
    assert server.writes == []


def test_the_body_of_a_writer_is_not_kept_by_reference(server: MemoryServer, system: MemorySystem) -> None:
    body = {"text": {"colour": "BLUE"}}
    system.update("X1", body, "1", "k")
    body["text"]["colour"] = "GREEN"
    assert held(system).body["text"]["colour"] == "BLUE"
    assert server.writes[0].body["text"]["colour"] == "BLUE"


def test_a_key_used_for_two_different_writes_is_refused() -> None:
    server = MemoryServer(MemoryHabits(id_path="id", point_of_sale_path="site", remembers_keys=True), [{"id": "1"}])
    system = MemorySystem(server, "S01")
    system.update("1", {"price": 1}, None, "k")
    with pytest.raises(WriteRejected, match="repeats the key"):
        system.update("1", {"price": 2}, None, "k")
    assert server.body("1")["price"] == 1
