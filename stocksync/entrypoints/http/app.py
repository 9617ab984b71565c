"""What is answered over HTTP: webhooks taken in, liveness, readiness, figures for Prometheus.

Nobody is told more than that: there are no pages, no documentation of itself, no cars. Addresses in X-Forwarded-*
mean nothing here. Not here: the server and its sockets, but for SERVER_OPTIONS.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stocksync.entrypoints.http.bounds import Monotonic, Remembered
from stocksync.entrypoints.http.doors import HookSettings
from stocksync.entrypoints.http.hooks import MAX_BODY_BYTES, HookDesk, Outcome, Unreadable
from stocksync.entrypoints.http.metrics import Metrics
from stocksync.entrypoints.http.service import Service, Unready

SERVER_OPTIONS: Final[Mapping[str, Any]] = {
    # An address that a caller may write itself is no address.
    "proxy_headers": False,
    "server_header": False,
    "access_log": False,
    "log_config": None,
    "lifespan": "off",
    "ws": "none",
    "http": "h11",
    "h11_max_incomplete_event_size": 16 * 1024,
    "limit_concurrency": 256,
    "timeout_keep_alive": 5,
    "timeout_graceful_shutdown": 3,
}
"""What `uvicorn.Config` must be given besides the application and its address."""

READ_BODY_S: Final = 5.0
READY_FOR_S: Final = 1.0

_HEADERS: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_STATUS: Final = {
    Outcome.ACCEPTED: HTTPStatus.ACCEPTED,
    Outcome.REPEATED: HTTPStatus.ACCEPTED,
    Outcome.NOT_OURS: HTTPStatus.ACCEPTED,
    Outcome.UNREADABLE: HTTPStatus.BAD_REQUEST,
    Outcome.REFUSED: HTTPStatus.UNAUTHORIZED,
    Outcome.UNKNOWN_SYSTEM: HTTPStatus.NOT_FOUND,
    Outcome.TOO_SLOW: HTTPStatus.REQUEST_TIMEOUT,
    Outcome.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Outcome.TOO_MANY: HTTPStatus.TOO_MANY_REQUESTS,
}
_log = logging.getLogger(__name__)


def create_app(
    service: Service,
    hooks: HookSettings,
    metrics: Metrics,
    *,
    host: str = "127.0.0.1",
    metrics_token: str | None = None,
    read_body_s: float = READ_BODY_S,
    now_s: Callable[[], float] = time.time,
    monotonic_s: Monotonic = time.monotonic,
) -> FastAPI:
    """Put the application together, once for each `metrics`.

    host: the address that the server listens on. metrics_token: what opens /metrics as a bearer token; without one it
    is open on a loopback address and shut on any other. now_s, monotonic_s: what timestamps are held against, and what
    rates are counted by. The application's `state.hooks` takes the doors of edited mapping files over (`adopt`).
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_middleware(_Sober)
    app.add_exception_handler(Exception, _failed)
    metrics.show(service.health)
    _add_probes(app, service)
    _add_metrics(app, metrics, metrics_token, is_open=metrics_token is None and _is_loopback(host))
    app.state.hooks = HookDesk(hooks, service.hint, now_s, monotonic_s)
    _add_hooks(app, app.state.hooks, metrics, read_body_s)
    return app


def _add_probes(app: FastAPI, service: Service) -> None:
    unready = Remembered(service.unready, READY_FOR_S)

    @app.get("/healthz")
    async def alive() -> Response:
        """The loop turns: that is all, whatever becomes of the database."""
        return JSONResponse({"alive": True})

    @app.get("/readyz")
    async def ready() -> Response:
        """The service can work; else why not."""
        try:
            reasons = list(await run_in_threadpool(unready.get))
        except Exception as error:
            # Its text may hold an address with a password.
            _log.warning("whether the service is ready cannot be told: %s", type(error).__name__)
            reasons = [Unready.UNKNOWN]
        status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
        return JSONResponse({"ready": not reasons, "reasons": [str(reason) for reason in reasons]}, status)


def _add_metrics(app: FastAPI, metrics: Metrics, token: str | None, *, is_open: bool) -> None:
    due = f"Bearer {token}".encode() if token else None

    @app.get("/metrics")
    async def figures(request: Request) -> Response:
        """Everything that Prometheus asks for."""
        if not is_open and not _is_sent(due, request.headers.getlist("authorization")):
            return JSONResponse(
                {"detail": "a bearer token is due: the one in STOCKSYNC_METRICS_TOKEN"},
                HTTPStatus.UNAUTHORIZED,
                {"WWW-Authenticate": "Bearer"},
            )
        return Response(await run_in_threadpool(metrics.text), media_type=CONTENT_TYPE_LATEST)


def _add_hooks(app: FastAPI, desk: HookDesk, metrics: Metrics, read_body_s: float) -> None:
    @app.post("/hooks/{system}")
    async def hook(system: str, request: Request) -> Response:
        """Take in a webhook: on this thread, for there is nothing to wait for once its body is here."""
        outcome, detail = desk.turns_away(system), ""
        if outcome is None:
            body = await _body(request, read_body_s)
            try:
                outcome = desk.judge(system, request.headers, body) if isinstance(body, bytes) else body
            except Unreadable as error:
                outcome, detail = Outcome.UNREADABLE, str(error)
        metrics.hook_came(system, outcome)
        return _answer(outcome, detail)


async def _body(request: Request, within_s: float) -> bytes | Outcome:
    """The body, never more of it than is allowed, nor for longer; else why not."""
    body = bytearray()
    try:
        async with asyncio.timeout(within_s):
            async for chunk in request.stream():
                if len(body) + len(chunk) > MAX_BODY_BYTES:
                    return Outcome.TOO_LARGE
                body += chunk
    except TimeoutError:
        return Outcome.TOO_SLOW
    except ClientDisconnect:
        return Outcome.UNREADABLE
    return bytes(body)


def _answer(outcome: Outcome, detail: str) -> Response:
    """The answer to a webhook: nothing to read where all is well, and no word on what a refused one lacks."""
    status = _STATUS[outcome]
    headers = {}
    if outcome is Outcome.TOO_MANY:
        headers["Retry-After"] = "30"
    if outcome in (Outcome.TOO_LARGE, Outcome.TOO_SLOW, Outcome.TOO_MANY, Outcome.UNKNOWN_SYSTEM):
        # Its body was not read to the end, and nobody is going to.
        headers["Connection"] = "close"
    if status is HTTPStatus.ACCEPTED:
        return Response(status_code=status)
    return JSONResponse({"detail": detail or status.phrase}, status, headers)


def _is_sent(due: bytes | None, sent: list[str]) -> bool:
    return due is not None and len(sent) == 1 and hmac.compare_digest(sent[0].encode("latin-1"), due)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _failed(request: Request, error: Exception) -> Response:
    """A fault of ours; its traceback goes to the log, not to the caller."""
    return JSONResponse({"detail": "Internal Server Error"}, HTTPStatus.INTERNAL_SERVER_ERROR, _HEADERS)


class _Sober:
    """Says on every answer that it is neither to be kept nor to be taken for another kind."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sober(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, sober)
