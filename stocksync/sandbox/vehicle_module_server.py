"""The vehicle module over HTTP, as `contracts/vehicle-module.openapi.yaml` says it.

Answers who may ask, when a cursor is dead, when a change is stale and when an answer is a repeated one.
What the changes do is in `vehicle_module.py`.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import orjson
from starlette.applications import Starlette

from stocksync.sandbox.altered import as_stored
from stocksync.sandbox.clock import http_date, instant_text, read_instant
from stocksync.sandbox.exchange import JSON, Call, Handler, Reply, application, json_reply
from stocksync.sandbox.faults import KeyRevoked, NightlyBatch, TooManyRequests
from stocksync.sandbox.lens import Lens
from stocksync.sandbox.refusals import is_silent, retry_after
from stocksync.sandbox.striking import Asked
from stocksync.sandbox.vehicle_module import Position, VehicleModule, unknown_vehicle
from stocksync.sandbox.vehicle_module_rules import Problem

CURSOR_LIFE = timedelta(minutes=15)
API_USER = "api:dms"
MAX_LIMIT = 1000
_MERGE_PATCH = "application/merge-patch+json"
# Decided: a precondition that failed is not kept under the key, the caller may come back with a fresh
# If-Match.
_KEPT_UNDER_KEY = frozenset({200, 404, 409, 422})


def vehicle_module_app(module: VehicleModule, token: str) -> Starlette:
    """Build the server's application."""
    server = _Server(module, token)
    handlers: dict[str, dict[str, Handler]] = {
        "/api/v1/points-of-sale": {"GET": server.points_of_sale},
        "/api/v1/vehicles": {"GET": server.list_vehicles, "POST": server.create},
        "/api/v1/vehicles/{id}": {"GET": server.read, "PATCH": server.patch},
        "/api/v1/vehicles/{id}/reservation": {"PUT": server.reserve, "DELETE": server.unreserve},
    }
    return application(handlers, server.around, server.refused)


def asked(method: str, path: str, query: Mapping[str, str]) -> Asked:
    """Say what a request asks, as faults see it."""
    _, _, rest = path.partition("/api/v1/vehicles")
    _, record, part = (*rest.split("/"), "", "")[:3]
    if not path.startswith("/api/v1/vehicles"):
        return Asked(None)
    if not record:
        is_first = not query.get("cursor")
        listing = query.get("pointOfSale", "")
        return Asked("create") if method == "POST" else Asked("list", listing=listing, is_first_page=is_first)
    if part:
        return Asked("reserve", record)
    return Asked("update" if method == "PATCH" else "read", record)


class _Server:
    def __init__(self, module: VehicleModule, token: str) -> None:
        self.module = module
        self.lens = Lens(module)
        self.authorization = f"Bearer {token}".encode()

    def around(self, call: Call, handler: Handler) -> Reply:
        """Let a call through unless it is refused, and date every answer by the module's clock."""
        try:
            self._admit(call)
            reply = handler(call)
        except Problem as problem:
            reply = problem_reply(problem)
        return self._dated(reply)

    def refused(self, status: int, detail: str) -> Reply:
        return self._dated(problem_reply(Problem(status, detail)))

    def _dated(self, reply: Reply) -> Reply:
        headers = {**reply.headers, "Date": http_date(self.module.now())}
        return Reply(reply.status, reply.body, reply.media_type, headers)

    def _admit(self, call: Call) -> None:
        scheme, _, secret = call.headers.get("authorization", "").partition(" ")
        given = f"{scheme.capitalize()} {secret.strip()}".encode("latin-1", "replace")
        if not hmac.compare_digest(given, self.authorization):
            raise Problem(401, "a valid bearer token is needed", headers={"WWW-Authenticate": "Bearer"})
        if revoked := call.struck.of(KeyRevoked):
            headers = {"WWW-Authenticate": "Bearer"} if revoked.status == "401" else {}
            raise Problem(int(revoked.status), "this token was revoked", headers=headers)
        if call.struck.of(NightlyBatch):
            raise Problem(503, "closed for maintenance")
        if call.struck.of(TooManyRequests):
            raise Problem(429, "too many requests", headers=retry_after(call.struck, self.module.now()))

    # -- handlers

    def points_of_sale(self, call: Call) -> Reply:
        return json_reply(200, {"items": self.module.points_of_sale()})

    def list_vehicles(self, call: Call) -> Reply:
        point_of_sale = call.query.get("pointOfSale")
        if point_of_sale is None:
            raise _invalid("pointOfSale", "is required")
        limit = _limit(call.query.get("limit"))
        since = _since(call.query.get("updatedSince"))
        if not self.module.knows_point_of_sale(point_of_sale):
            raise Problem(404, f"no point of sale {point_of_sale}")
        start = Position(since, "")
        if (text := call.query.get("cursor")) is not None:
            cursor = self._live_cursor(text)
            if cursor.point_of_sale != point_of_sale or ("updatedSince" in call.query and cursor.since != since):
                raise _invalid("cursor", "belongs to another listing")
            since, start = cursor.since, cursor.position
        items, more = self.module.page(point_of_sale, start, limit, self.lens.listing(call, point_of_sale))
        following = more and _Cursor(instant_text(self.module.now()), point_of_sale, since, more).text()
        return Reply(200, b'{"items":[%b],"nextCursor":%b}' % (b",".join(items), orjson.dumps(following)))

    def read(self, call: Call) -> Reply:
        id_ = call.path_parameters["id"]
        old = self.lens.record(call, id_)
        if old == (None,):
            raise unknown_vehicle(id_)
        return _shown(old[0] if old and old[0] else self.module.vehicle_bytes(id_))

    def create(self, call: Call) -> Reply:
        sent = _json_body(call, JSON)

        def change() -> Reply:
            vehicle = self.module.create(sent, API_USER)
            return json_reply(201, vehicle, {"ETag": _etag(vehicle), "Location": f"/api/v1/vehicles/{vehicle['id']}"})

        return self.lens.carried_out(call, None, change)

    def patch(self, call: Call) -> Reply:
        id_ = call.path_parameters["id"]
        sent = _json_body(call, _MERGE_PATCH)

        def change() -> Reply:
            self._require_fresh(call)
            vehicle = self.module.patch(id_, sent, API_USER)
            return json_reply(200, vehicle, {"ETag": _etag(vehicle)})

        reply = self.lens.carried_out(call, id_, lambda: self._once(call, change))
        ignored = reply.status == 200 and is_silent(call.struck)
        return _shown(self.module.vehicle_bytes(id_)) if ignored else reply

    def reserve(self, call: Call) -> Reply:
        sent = _json_body(call, JSON)

        def change() -> Reply:
            self.module.reserve(call.path_parameters["id"], sent, API_USER)
            return Reply(200, media_type=None)

        return self.lens.carried_out(call, call.path_parameters["id"], lambda: self._once(call, change))

    def unreserve(self, call: Call) -> Reply:
        def change() -> Reply:
            self.module.unreserve(call.path_parameters["id"], API_USER)
            return Reply(204, media_type=None)

        return self.lens.carried_out(call, call.path_parameters["id"], change)

    # -- rules of the protocol

    def _require_fresh(self, call: Call) -> None:
        vehicle = self.module.vehicle(call.path_parameters["id"])
        condition = call.headers.get("if-match")
        if condition is None:
            raise Problem(428, "If-Match is required")
        if condition.strip() != "*" and _etag(vehicle) not in (tag.strip() for tag in condition.split(",")):
            raise Problem(412, f"the vehicle is at version {vehicle['version']}")

    def _live_cursor(self, text: str) -> "_Cursor":
        try:
            cursor = _Cursor.read(text)
            issued_at = read_instant(cursor.issued_at)
        except (ValueError, TypeError) as unreadable:
            raise _invalid("cursor", "is not one of ours") from unreadable
        if self.module.now() - issued_at >= CURSOR_LIFE:
            raise Problem(410, "the cursor is older than 15 minutes; start the listing again")
        return cursor

    def _once(self, call: Call, change: Callable[[], Reply]) -> Reply:
        """Do a change once per Idempotency-Key; the key, the change and its answer are one transaction."""
        key = call.headers.get("idempotency-key")
        if key is None:
            return change()
        fingerprint = hashlib.sha256(b"\0".join((call.method.encode(), call.path.encode(), call.body))).digest()
        with self.module.writing():
            kept = self._answer_under(key, fingerprint)
            if kept is not None:
                return kept
            try:
                reply = change()
            except Problem as problem:
                reply = problem_reply(problem)
            if reply.status in _KEPT_UNDER_KEY:
                self._keep(key, fingerprint, reply)
        return reply

    def _answer_under(self, key: str, fingerprint: bytes) -> Reply | None:
        query = "SELECT fingerprint, answer FROM answers WHERE key = ?"
        row = self.module.state.sql.execute(query, (key,)).fetchone()
        if row is None:
            return None
        if row[0] != fingerprint:
            raise _invalid("Idempotency-Key", "was used for another request")
        status, body, media_type, headers = orjson.loads(row[1])
        return Reply(status, body.encode(), media_type, headers)

    def _keep(self, key: str, fingerprint: bytes, reply: Reply) -> None:
        answer = orjson.dumps([reply.status, reply.body.decode(), reply.media_type, reply.headers])
        self.module.state.sql.execute("INSERT INTO answers VALUES (?, ?, ?)", (key, fingerprint, answer))


@dataclass(frozen=True)
class _Cursor:
    issued_at: str
    point_of_sale: str
    since: str
    position: Position

    def text(self) -> str:
        fields = [self.issued_at, self.point_of_sale, self.since, *self.position]
        return urlsafe_b64encode(orjson.dumps(fields)).decode()

    @classmethod
    def read(cls, text: str) -> "_Cursor":
        fields = orjson.loads(urlsafe_b64decode(text.encode("ascii")))
        issued_at, point_of_sale, since, updated_at, id_ = map(str, fields)
        return cls(issued_at, point_of_sale, since, Position(updated_at, id_))


def problem_reply(problem: Problem) -> Reply:
    """Write a problem as RFC 9457 has it."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "errors": problem.errors,
    }
    return Reply(problem.status, orjson.dumps(content), "application/problem+json", problem.headers)


def _invalid(field: str, message: str) -> Problem:
    return Problem(422, "invalid request", [{"field": field, "message": message}])


def _shown(body: bytes) -> Reply:
    return Reply(200, body, JSON, {"ETag": _etag(orjson.loads(body))})


def _etag(vehicle: dict[str, Any]) -> str:
    return f'"{vehicle["version"]}"'


def _json_body(call: Call, media_type: str) -> object:
    if call.media_type != media_type:
        raise Problem(415, f"the body must be {media_type}")
    try:
        return as_stored(orjson.loads(call.body), call.struck)
    except orjson.JSONDecodeError as malformed:
        raise Problem(400, "the body is not JSON") from malformed


def _limit(text: str | None) -> int:
    if text is None:
        return 200
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= MAX_LIMIT):
        raise _invalid("limit", f"must be an integer between 1 and {MAX_LIMIT}")
    return int(text)


def _since(text: str | None) -> str:
    if text is None:
        return ""
    try:
        return instant_text(read_instant(text))
    except ValueError as unreadable:
        raise _invalid("updatedSince", "must be an RFC 3339 instant with an offset") from unreadable
