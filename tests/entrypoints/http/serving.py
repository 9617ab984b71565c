"""The application on a real socket, with a service beside it that only notes what it was asked."""

import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import uvicorn
from fastapi import FastAPI

from stocksync.entrypoints.http.app import SERVER_OPTIONS, create_app
from stocksync.entrypoints.http.doors import Door, HookSettings
from stocksync.entrypoints.http.metrics import Metrics
from stocksync.entrypoints.http.service import Unready
from stocksync.mapping.models import SignatureModel, WebhookModel
from stocksync.sandbox.running import LOOPBACK, listening
from stocksync.stock.values import Side
from stocksync.sync.health import Health

SECRET = "a secret that signs the module's hooks"
OTHER_SECRET = "a secret of another point of sale"
NOW_S = 1_790_000_000
MODULE_HOOK = WebhookModel(
    secret="hook",
    signature=SignatureModel(header="X-Signature", prefix="sha256=", timestamp_header="X-Timestamp"),
    record_id="vehicle.id",
    point_of_sale="pointOfSale",
)
DOORS = HookSettings(
    {
        "openflex": (
            Door(Side.VEHICLE_MODULE, MODULE_HOOK, SECRET.encode(), {"pdv1": "PDV1", "pdv2": "PDV2"}),
            Door(Side.VEHICLE_MODULE, MODULE_HOOK, OTHER_SECRET.encode(), {"pdv3": "PDV3"}),
        )
    }
)


@dataclass
class NotingService:
    """Notes hints; counts what would have gone to the database."""

    hints: list[tuple[str, Side, str]] = field(default_factory=list)
    stands: Health = field(default_factory=lambda: Health(()))
    reasons: Sequence[Unready] = ()
    fault: Exception | None = None
    database_calls: int = 0

    def hint(self, point_of_sale: str, side: Side, record_id: str) -> None:
        self.hints.append((point_of_sale, side, record_id))

    def health(self) -> Health:
        self._ask()
        return self.stands

    def unready(self) -> Sequence[Unready]:
        self._ask()
        return self.reasons

    def _ask(self) -> None:
        self.database_calls += 1
        if self.fault is not None:
            raise self.fault


@dataclass
class Rig:
    """A served application, a client on it, and clocks that only the test moves."""

    service: NotingService = field(default_factory=NotingService)
    metrics: Metrics = field(default_factory=lambda: Metrics(["openflex"]))
    now_s: float = NOW_S
    monotonic_s: float = 0.0
    port: int = 0
    client: httpx.Client = field(init=False)

    def app(self, doors: HookSettings, **more: Any) -> FastAPI:
        clocks: dict[str, Callable[[], float]] = {
            "now_s": lambda: self.now_s,
            "monotonic_s": lambda: self.monotonic_s,
        }
        return create_app(self.service, doors, self.metrics, **{**clocks, **more})

    def hook(self, body: bytes | object, system: str = "openflex", **more: Any) -> httpx.Response:
        """Send a hook, signed as it should be unless told otherwise."""
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        headers = more.get("headers") or signed(content, **{"at_s": self.now_s, **more})
        return self.client.post(f"/hooks/{system}", content=content, headers=headers)


def about(record_id: object = "V-1", point_of_sale: object = "PDV1") -> dict[str, Any]:
    """The body of a hook about a record."""
    return {"event": "moved", "vehicle": {"id": record_id, "vin": "not read"}, "pointOfSale": point_of_sale}


def signed(content: bytes, at_s: float = NOW_S, secret: str = SECRET) -> dict[str, str]:
    """The headers that prove a body, as a sender makes them."""
    text = b"%d." % at_s + content
    digest = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    return {"X-Timestamp": str(int(at_s)), "X-Signature": f"sha256={digest}"}


@contextmanager
def served(rig: Rig, doors: HookSettings = DOORS, **more: Any) -> Iterator[Rig]:
    """Serve on a free port; it listens before the server runs, so that no request comes too early."""
    listener = listening(LOOPBACK, 0)
    rig.port = listener.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(rig.app(doors, **more), **SERVER_OPTIONS))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        with httpx.Client(base_url=f"http://{LOOPBACK}:{rig.port}", trust_env=False) as client:
            rig.client = client
            yield rig
    finally:
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
        assert not thread.is_alive()


def plain(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers without the one that tells the time."""
    return {name: value for name, value in headers.items() if name.lower() != "date"}
