"""One HTTP exchange as both servers see it: a call in, a reply out, and the application around them.

Handlers are plain functions on plain data; they run on the server's own event loop, one at a time,
because each takes milliseconds on a local file. What is answered is in `vehicle_module_server.py` and
`dms_server.py`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from stocksync.sandbox.striking import NOTHING, Struck

JSON = "application/json"
# where in a scope the faults of a request are
STRUCK = "stocksync.struck"


@dataclass(frozen=True)
class Call:
    """A request, read whole, and the faults that strike it; header names are lower case."""

    method: str
    path: str
    path_parameters: Mapping[str, Any]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    struck: Struck = NOTHING

    @property
    def media_type(self) -> str:
        """The media type of the body, without its parameters, lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class Reply:
    """An answer; no media type means an empty body."""

    status: int
    body: bytes = b""
    media_type: str | None = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Reply]


def json_reply(status: int, content: object, headers: Mapping[str, str] | None = None) -> Reply:
    """Answer with JSON."""
    return Reply(status, orjson.dumps(content), JSON, headers or {})


def application(
    handlers: Mapping[str, Mapping[str, Handler]],
    around: Callable[[Call, Handler], Reply],
    refused: Callable[[int, str], Reply],
) -> Starlette:
    """Build it: path -> method -> handler; `around` wraps every call, `refused` says 404 and 405."""

    async def on_http_exception(request: Request, failure: Exception) -> Response:
        assert isinstance(failure, HTTPException)
        reply = refused(failure.status_code, failure.detail)
        headers = {**(failure.headers or {}), **reply.headers}
        return _response(Reply(reply.status, reply.body, reply.media_type, headers))

    routes = [
        Route(path, _endpoint(by_method, around), methods=list(by_method)) for path, by_method in handlers.items()
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: on_http_exception})


def _endpoint(
    by_method: Mapping[str, Handler], around: Callable[[Call, Handler], Reply]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            body = await request.body()
        except ClientDisconnect:
            # Nobody is there to be answered any more.
            return Response(status_code=400)
        call = Call(
            request.method,
            request.url.path,
            request.path_params,
            request.query_params,
            request.headers,
            body,
            request.scope.get(STRUCK, NOTHING),
        )
        # Starlette answers HEAD wherever GET is
        return _response(around(call, by_method["GET" if call.method == "HEAD" else call.method]))

    return endpoint


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, dict(reply.headers), reply.media_type)
