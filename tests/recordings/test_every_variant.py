"""A recording answers as its system did, whatever protocol that speaks, and holds nothing that opens it."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from stocksync.adapters.recordings.answering import Answers, RecordedClock
from stocksync.adapters.recordings.exchanges import Lines, Said, read_line, written
from stocksync.adapters.recordings.recorder import scrubber_for
from stocksync.adapters.recordings.tap import Tape
from stocksync.assembly import open_system
from stocksync.entrypoints.record_command import Tap
from stocksync.entrypoints.replay_command import _Answering, _made_up, _with_standing_keys
from stocksync.errors import StocksyncError
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.mapping.load import load_files, read_files
from stocksync.mapping.models.side import RecordModel
from stocksync.stock.values import Side
from stocksync.sync.ports import System
from tests.contract.clock import PaperClock
from tests.variants.server import CLIENT, SECRET, SITE, USER, VariantServer
from tests.variants.variants import VARIANTS, Variant

SHIPPED = Path(__file__).resolve().parents[2] / "mappings"
VARIABLES = {"key": "KEY", "user": "USER_NAME", "client": "CLIENT", "token_url": "TOKEN_URL"}


@dataclass
class Kept:
    """A recording that is in no folder."""

    raw: list[bytes] = field(default_factory=list)

    def lines(self) -> Iterator[tuple[int, Said]]:
        yield from enumerate(map(read_line, self.raw))

    def line_at(self, place: int) -> Said:
        return read_line(self.raw[place])


@pytest.fixture(scope="module")
def shipped() -> PointOfSaleMapping:
    """The shipped mapping, whose DMS each row replaces."""
    return load_files(read_files(SHIPPED)).points_of_sale["PDV1"]


def speaking(shipped: PointOfSaleMapping, variant: Variant) -> PointOfSaleMapping:
    """The mapping of a point of sale whose DMS speaks so."""
    of_dms = replace(
        shipped.systems[Side.DMS],
        connection=variant.connection(),
        record=RecordModel(id="id", version=variant.version_path),
        code=SITE,
        secrets=VARIABLES,
    )
    return replace(shipped, systems={**shipped.systems, Side.DMS: of_dms})


def story(system: System) -> list[Any]:
    """Everything that can be asked, and what came of it."""
    told: list[Any] = []

    def tell(call: Any) -> None:
        try:
            record = call()
            told.append(None if record is None else (record.record_id, record.body.get("km"), record.version))
        except StocksyncError as error:
            told.append(type(error).__name__)

    for page in system.pages():
        told.append((page.first, page.total, [record.record_id for record in page.records]))
    told.append(sum(len(page.records) for page in system.changes(datetime(2020, 1, 1))))
    first = system.read("V100")
    assert first is not None
    tell(lambda: system.read("V101"))
    tell(lambda: system.read("nowhere"))
    tell(lambda: system.update("V100", {"km": 4321}, first.version, "a"))
    tell(lambda: system.update("V100", {"km": 1}, first.version, "b"))
    tell(lambda: system.create({"id": "V900", "km": 7}, "c"))
    tell(lambda: system.read("V100"))
    return told


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_the_answers_are_the_same_and_no_secret_is_among_them(shipped: PointOfSaleMapping, variant: Variant) -> None:
    point, tape = speaking(shipped, variant), Tape()
    settings = point.systems[Side.DMS]
    with VariantServer(variant.habits) as server:
        server.add(7)
        environment = {settings.address: server.url, "KEY": SECRET, "USER_NAME": USER, "CLIENT": CLIENT}
        environment["TOKEN_URL"] = f"{server.url}/token"
        with closing(open_system(settings, environment, PaperClock(), wire=Tap(tape))) as system:
            before = story(system)
    assert len(before) > 7
    scrubber = scrubber_for(point, {side: server.url for side in Side}, [SECRET, *tape.secrets], keep_vins=False)
    lines = Lines(scrubber)
    for exchange in tape.exchanges():
        lines.see(exchange)
    kept = Kept([written(lines.line(exchange)) for exchange in tape.exchanges()])
    said = b"\n".join(kept.raw).decode()
    assert tape.secrets or variant.habits.auth == "none"
    assert not any(secret in said for secret in (SECRET, server.url, *tape.secrets))
    assert "Gris" not in said
    clock = RecordedClock(datetime(2026, 1, 1, tzinfo=UTC))
    answers = Answers(kept, clock)  # type: ignore[arg-type]
    again = _with_standing_keys(point).systems[Side.DMS]
    with closing(open_system(again, _made_up(point), clock, wire=_Answering(answers))) as system:
        assert story(system) == before
    assert answers.asked_besides == {}
    assert answers.left == {}


@pytest.mark.parametrize("what", ["cut", "refused"])
def test_a_broken_connection_is_kept_and_broken_again(shipped: PointOfSaleMapping, what: str) -> None:
    class Broken(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if what == "refused":
                raise httpx.ConnectError("no")
            return httpx.Response(200, headers={"Content-Length": "9"}, stream=Half())

    class Half(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b'{"ok"'
            raise httpx.RemoteProtocolError("peer closed")

    tape, point = Tape(), shipped
    settings = point.systems[Side.DMS]
    environment = _made_up(point)
    tap = Tap(tape)
    told = []
    with closing(
        open_system(settings, environment, PaperClock(), wire=lambda of, own: tap(of, lambda: Broken()))
    ) as system:
        with pytest.raises(StocksyncError) as before:
            system.read("VO1")
        told.append(str(before.value).split(" (")[0])
    lines = Lines(scrubber_for(point, {side: f"https://{side}.example" for side in Side}, [], keep_vins=False))
    kept = Kept([written(lines.line(exchange)) for exchange in tape.exchanges()])
    assert len(kept.raw) == settings.connection.attempts  # type: ignore[union-attr]
    assert {json.loads(raw)["fault"] for raw in kept.raw} == {
        "ConnectError" if what == "refused" else "RemoteProtocolError"
    }
    answers = Answers(kept, RecordedClock(datetime(2026, 1, 1, tzinfo=UTC)))  # type: ignore[arg-type]
    with closing(open_system(settings, environment, answers.clock, wire=_Answering(answers))) as system:
        with pytest.raises(type(before.value)) as after:
            system.read("VO1")
        told.append(str(after.value).split(" (")[0])
    assert told[0] == told[1]
    assert answers.left == {}


def test_a_request_that_was_not_recorded_is_not_answered_and_told(shipped: PointOfSaleMapping) -> None:
    answers = Answers(Kept(), RecordedClock(datetime(2026, 1, 1, tzinfo=UTC)))  # type: ignore[arg-type]
    settings = shipped.systems[Side.DMS]
    with closing(open_system(settings, _made_up(shipped), answers.clock, wire=_Answering(answers))) as system:
        with pytest.raises(StocksyncError, match="could not be reached"):
            system.read("VO1")
        assert not answers.written_besides
        with pytest.raises(StocksyncError):
            system.update("VO1", {"km": "1"}, None, "a")
    assert answers.written_besides
    assert any("PUT /icar/ws/v2/vo/VO1" in name for name in answers.asked_besides)


def test_the_clock_is_that_of_the_recording_and_pauses_take_no_time(shipped: PointOfSaleMapping) -> None:
    clock = RecordedClock(datetime(2026, 1, 1, tzinfo=UTC))
    raw = b'{"side":"dms","method":"GET","path":"/icar/ws/v2/vo/VO1","at":"%s","fault":"ReadTimeout"}'
    kept = Kept([raw % at for at in (b"2026-01-01T00:10:00+00:00", b"2026-01-01T00:05:00+00:00")])
    answers = Answers(kept, clock)  # type: ignore[arg-type]
    settings = shipped.systems[Side.DMS]
    with (
        closing(open_system(settings, _made_up(shipped), clock, wire=_Answering(answers))) as system,
        pytest.raises(StocksyncError),
    ):
        system.read("VO1")
    assert datetime(2026, 1, 1, 0, 10, tzinfo=UTC) <= clock.now_at() < datetime(2026, 1, 1, 0, 11, tzinfo=UTC)
    clock.pause(3600)
    assert clock.now_at() >= datetime(2026, 1, 1, 1, 10, tzinfo=UTC)
