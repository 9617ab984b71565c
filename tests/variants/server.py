"""One small stock behind a server that can speak in every way that the settings know, on a real socket.

`Habits` says in which. Nothing here knows the adapter: the server is written from what such systems do.
"""

import base64
import copy
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

Record = dict[str, Any]
SITE = "S01"
SECRET = "opens-sesame-0123456789"
USER, CLIENT = "stocksync-user", "stocksync-client"
START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Habits:
    """How the server speaks.

    expired_token_in_envelope: errors come with HTTP 200, in an object of their own.
    """

    paging: Literal["page", "offset", "cursor", "next_link", "link_header", "none"] = "page"
    counts: frozenset[str] = frozenset({"total"})
    first: int = 1
    form: Literal["list", "keyed", "lines"] = "list"
    items: str | None = "data.cars"
    each: str | None = None
    auth: Literal["bearer", "header", "query", "basic", "oauth2_basic", "oauth2_body", "none"] = "bearer"
    prefix: str = ""
    version: Literal["quoted", "as_is", "strong", "weak", "field", "none"] = "none"
    takes: Literal["merge", "top_level", "partial", "whole"] = "merge"
    method: str = "PATCH"
    verb: str = ""
    wrap: str | None = None
    wants: tuple[str, str] | None = None
    answers: Literal["record", "nothing", "id", "location"] = "record"
    errors: Literal["problem", "pointers", "mapping", "texts", "plain", "envelope"] = "problem"
    reads_by_query: bool = False
    stamps: Literal["rfc3339", "epoch_s", "epoch_ms"] = "rfc3339"
    since: str = "since"
    since_operator: str = ""
    largest_page: int = 1000


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass
class Reply:
    """One answer on its way out."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None
    kind: str = "application/json"


class Refusal(Exception):
    """An error that the server answers."""

    def __init__(self, status: int, text: str = "no", fields: Mapping[str, str] | None = None, **headers: str) -> None:
        super().__init__(text)
        self.status, self.text, self.fields, self.headers = status, text, dict(fields or {}), headers


class VariantServer:
    """A context manager: one stock, answering in one way."""

    def __init__(self, habits: Habits) -> None:
        self.habits = habits
        self.stock: dict[str, Record] = {}
        self.asked: list[Asked] = []
        self.tokens: dict[str, bool] = {}
        self.token_life_s: int | None = 3600
        self.busy = 0
        self.between: Callable[[], object] | None = None
        self._lock = threading.RLock()
        self._now = START
        self._made = 100

    def __enter__(self) -> "VariantServer":
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"front": self}))
        self._http.daemon_threads = False
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    # What people do there

    def add(self, count: int = 1, *, at_front: bool = False) -> list[str]:
        """Put records into the stock."""
        with self._lock:
            ids = [f"V{self._made + number}" for number in range(count)]
            self._made += count
            for record_id in ids:
                new = self._stored({"id": record_id, "km": 1000, "colour": "Gris"})
                self.stock = {record_id: new, **self.stock} if at_front else {**self.stock, record_id: new}
        return ids

    def edit(self, record_id: str, **changes: Any) -> None:
        """Change a record, as a user of the system does."""
        with self._lock:
            self.stock[record_id] |= changes
            self._moved(self.stock[record_id])

    @property
    def writes(self) -> list[Asked]:
        """Every request that was to change something."""
        return [asked for asked in self.asked if asked.method != "GET" and asked.path != "/token"]

    def _stored(self, record: Record) -> Record:
        new: Record = {
            "site": SITE,
            "sale": {"price": 12500.5, "vat": "margin"},
            "unknown": {"deep": [1, {"x": None}], "word": "é"},
            **record,
            "rev": 0,
        }
        self._moved(new)
        return new

    def _moved(self, record: Record) -> None:
        self._now += timedelta(seconds=10)
        record["rev"] += 1
        record["changed"] = self._spelled(self._now)

    def _spelled(self, at: datetime) -> Any:
        if self.habits.stamps == "rfc3339":
            return at.isoformat().replace("+00:00", "Z")
        return int(at.timestamp() * (1000 if self.habits.stamps == "epoch_ms" else 1))

    # What is answered

    def reply(self, asked: Asked) -> Reply:
        """Answer one request."""
        with self._lock:
            self.asked.append(asked)
            try:
                if asked.path == "/token":
                    return self._token(asked)
                self._check_access(asked)
                if self.busy:
                    self.busy -= 1
                    raise Refusal(429, "slowly", Retry_After="7")
                return self._routed(asked)
            except Refusal as refusal:
                return self._refused(refusal)

    def _routed(self, asked: Asked) -> Reply:
        steps = [unquote(step) for step in asked.path.strip("/").split("/")]
        if steps[:2] != ["api", "cars"]:
            raise Refusal(404)
        if asked.method == "GET" and len(steps) == 2 and "id" not in asked.query:
            return self._listing(asked)
        if asked.method == "GET":
            record_id = asked.query.get("id") or steps[2]
            if self.habits.reads_by_query:
                found = [self._shown(self.stock[record_id])] if record_id in self.stock else []
                return Reply(body=_at(self.habits.items, found))
            return self._one(record_id)
        if asked.method == "POST" and len(steps) == 2:
            return self._created(asked)
        if steps[3:] == ([self.habits.verb] if self.habits.verb else []) and asked.method == self.habits.method:
            return self._changed(asked, steps[2])
        raise Refusal(405)

    def _one(self, record_id: str) -> Reply:
        if record_id not in self.stock:
            raise Refusal(404, f"{record_id} is not here")
        record = self.stock[record_id]
        return Reply(body=self._wrapped_answer(self._shown(record)), headers=self._tag(record))

    def _wrapped_answer(self, shown: Any) -> Any:
        if self.habits.errors == "envelope":
            return {"fine": True, "result": {"car": shown}}
        return _at(self.habits.each, shown)

    def _shown(self, record: Record) -> Record:
        shown = copy.deepcopy(record)
        if self.habits.form == "keyed":
            del shown["id"]
        if self.habits.version in {"strong", "weak", "none"}:
            del shown["rev"]
        if self.habits.version == "as_is":
            shown["rev"] = f'W/"{shown["rev"]}"'
        return shown

    def _tag(self, record: Record) -> dict[str, str]:
        form = {"strong": '"r{}"', "weak": 'W/"r{}"'}.get(self.habits.version)
        return {"ETag": form.format(record["rev"])} if form else {}

    # Listings

    def _listing(self, asked: Asked) -> Reply:
        habits = self.habits
        if asked.query.get("site") != SITE and "after" not in asked.query:
            raise Refusal(404, "no such site")
        records = [record for record in self.stock.values() if self._is_since(record, asked)]
        size = min(int(asked.query.get("size", 3)), habits.largest_page)
        if habits.paging == "none":
            start, size = 0, len(records) or 1
        elif habits.paging == "page":
            start = (int(asked.query["page"]) - habits.first) * size
        elif habits.paging == "cursor":
            # By id, not by place: what comes and goes before it moves nothing.
            ids = [record["id"] for record in records]
            start = ids.index(asked.query["after"]) + 1 if "after" in asked.query else 0
        else:
            start = int(asked.query.get("offset", 0))
        page = records[start : start + size]
        more = start + size < len(records)
        reply = self._page(page, len(records), -(-len(records) // size))
        if habits.paging == "cursor" and more:
            reply.body["next"] = page[-1]["id"]
        if habits.paging in {"next_link", "link_header"} and more:
            link = f"{self.url}{asked.path}?{urlencode({**asked.query, 'offset': start + size})}"
            if habits.paging == "next_link":
                reply.body["@page.next"] = link
            else:
                reply.headers["Link"] = f'<{self.url}/first>; rel="first", <{link}>; rel="next"; title="more, yet"'
        if more and self.between is not None:
            self.between()
        return reply

    def _is_since(self, record: Record, asked: Asked) -> bool:
        said = asked.query.get(self.habits.since)
        if said is None:
            return True
        said = said.removeprefix(self.habits.since_operator)
        if self.habits.stamps == "rfc3339":
            return datetime.fromisoformat(record["changed"]) >= datetime.fromisoformat(said)
        # With an operator it is "later than", and not "from".
        is_since: bool = record["changed"] > int(said) if self.habits.since_operator else record["changed"] >= int(said)
        return is_since

    def _page(self, records: list[Record], total: int, pages: int) -> Reply:
        habits = self.habits
        shown = [_at(habits.each, self._shown(record)) for record in records]
        headers = {"X-Total": str(total)} if "total_header" in habits.counts else {}
        if habits.form == "lines":
            content = b"".join(json.dumps(record).encode() + b"\n" for record in shown)
            return Reply(content=content, headers=headers, kind="application/x-ndjson")
        found: Any = shown
        if habits.form == "keyed":
            found = {record["id"]: item for record, item in zip(records, shown, strict=True)}
        body = _at(habits.items, found)
        if habits.errors == "envelope":
            body["fine"] = True
        if "total" in habits.counts:
            body["total"] = total
        if "pages" in habits.counts:
            body["pages"] = pages
        return Reply(body=body, headers=headers)

    # Writes

    def _created(self, asked: Asked) -> Reply:
        fields = self._fields(asked)
        self._check_values(fields)
        record_id = f"N{len(self.stock) + 1}"
        self.stock[record_id] = self._stored({**fields, "id": record_id})
        return self._written(record_id, 201)

    def _changed(self, asked: Asked, record_id: str) -> Reply:
        if record_id not in self.stock:
            raise Refusal(404, f"{record_id} is not here")
        fields, record = self._fields(asked), self.stock[record_id]
        self._check_version(asked, fields, record)
        self._check_values(fields)
        kept = {"id": record_id, "rev": record["rev"], "changed": record["changed"], "site": SITE}
        if self.habits.takes == "whole":
            record.clear()
        if self.habits.takes == "merge":
            fields = _merged(record, fields)
        if self.habits.takes == "partial":
            fields = _merged(record, fields)
        record |= {**fields, **kept}
        self._moved(record)
        return self._written(record_id, 200)

    def _fields(self, asked: Asked) -> Record:
        body = asked.body
        if self.habits.wants is not None and body.get(self.habits.wants[0]) != self.habits.wants[1]:
            raise Refusal(400, f"{self.habits.wants[0]} is missing")
        fields: Record = copy.deepcopy(body if self.habits.wrap is None else body[self.habits.wrap])
        return fields

    def _check_version(self, asked: Asked, fields: Record, record: Record) -> None:
        named, rev = asked.headers.get("If-Match"), record["rev"]
        due = {"quoted": f'"{rev}"', "as_is": f'W/"{rev}"', "strong": f'"r{rev}"', "weak": f'W/"r{rev}"'}
        if self.habits.version in due:
            if named is None:
                raise Refusal(428, "name a version")
            if named != due[self.habits.version]:
                raise Refusal(412, "another version")
        if self.habits.version == "field" and fields.get("rev") != rev:
            raise Refusal(409, "another version")

    def _check_values(self, fields: Record) -> None:
        if fields.get("colour") == "vert bouteille":
            raise Refusal(422, "cannot be taken", {"colour": "no colour of ours"})

    def _written(self, record_id: str, status: int) -> Reply:
        record = self.stock[record_id]
        if status == 201 and self.habits.answers == "location":
            return Reply(status=201, headers={"Location": f"{self.url}/api/cars/{quote(record_id)}?v=1"})
        if status == 201 and self.habits.answers == "id":
            return Reply(status=201, body={"made": {"number": record_id}})
        if self.habits.answers in {"nothing", "location"}:
            return Reply(status=204)
        if self.habits.answers == "id":
            return Reply(body={"made": {"number": record_id}})
        return Reply(status=status, body=self._wrapped_answer(self._shown(record)), headers=self._tag(record))

    # Access and errors

    def _check_access(self, asked: Asked) -> None:
        said = asked.headers.get("Authorization", "")
        allowed = {
            "bearer": said == f"Bearer {SECRET}",
            "header": asked.headers.get("X-Key") == self.habits.prefix + SECRET,
            "query": asked.query.get("key") == SECRET,
            "none": not said and "X-Key" not in asked.headers and "key" not in asked.query,
            "basic": said == "Basic " + base64.b64encode(f"{USER}:{SECRET}".encode()).decode(),
        }
        if self.habits.auth in allowed:
            is_open = allowed[self.habits.auth]
        else:
            is_open = self.tokens.get(said.removeprefix("Bearer "), False)
        if not is_open:
            raise Refusal(401, f"not with {said or asked.headers.get('X-Key') or asked.query.get('key')}")

    def _token(self, asked: Asked) -> Reply:
        given = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        basic = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if self.habits.auth == "oauth2_basic":
            is_known = asked.headers.get("Authorization") == basic
        else:
            is_known = (given.get("client_id"), given.get("client_secret")) == (CLIENT, SECRET)
        is_right = given.get("grant_type") == "client_credentials" and given.get("scope") == "stock.write"
        if not (is_known and is_right and given.get("audience") == "cars"):
            # Some echo what they were given.
            shown = f"{given.get('client_secret')} {asked.headers.get('Authorization')}"
            return Reply(status=401, body={"error": "invalid_client", "error_description": f"not with {shown}"})
        token = f"token-{len(self.tokens) + 1}-of-{id(self)}"
        self.tokens[token] = True
        life = {} if self.token_life_s is None else {"expires_in": self.token_life_s}
        return Reply(body={"access_token": token, "token_type": "Bearer", **life})

    def _refused(self, refusal: Refusal) -> Reply:
        shape, fields = self.habits.errors, refusal.fields
        headers = {name.replace("_", "-"): value for name, value in refusal.headers.items()}
        reply = Reply(status=refusal.status, headers=headers)
        prefix = f"/{self.habits.wrap}/" if self.habits.wrap else "/"
        match shape:
            case "problem":
                listed: list[Any] = [{"field": name, "message": said} for name, said in fields.items()]
                reply.kind = "application/problem+json"
                reply.body = {"title": "No", "detail": refusal.text, "errors": listed}
            case "pointers":
                listed = [{"detail": said, "source": {"pointer": f"{prefix}{name}"}} for name, said in fields.items()]
                reply.body = {"errors": listed or [{"detail": refusal.text}]}
            case "mapping":
                reply.body = {"message": refusal.text, "errors": {name: [said] for name, said in fields.items()}}
            case "texts":
                reply.body = [f"{name}: {said}" for name, said in fields.items()] or [refusal.text]
            case "plain":
                reply.content, reply.kind = f"{refusal.text} {fields or ''}".encode(), "text/plain; charset=utf-8"
            case "envelope":
                listed = [{"name": name, "text": said} for name, said in fields.items()]
                reply.status = 200 if refusal.status != 429 else 429
                reply.body = {"fine": False, "why": {"code": refusal.status, "text": refusal.text, "all": listed}}
        return reply


def _at(path: str | None, value: Any) -> Any:
    for step in reversed(path.split(".") if path else []):
        value = {step: value}
    return value


def _merged(record: Record, changes: Record) -> Record:
    result = dict(record)
    for name, change in changes.items():
        is_object = isinstance(change, dict) and isinstance(record.get(name), dict)
        result[name] = _merged(record[name], change) if is_object else change
    return result


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: apart, each answer waits for the other side's delayed acknowledgement.
    wbufsize = 1 << 16
    front: VariantServer

    def _answer(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = raw if parts.path == "/token" else json.loads(raw) if raw else None
        reply = self.front.reply(Asked(self.command, parts.path, query, dict(self.headers.items()), body))
        content = reply.content
        if content is None:
            content = b"" if reply.body is None else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in {"Content-Type": reply.kind, **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = _answer

    def log_message(self, *args: Any) -> None:
        """Say nothing."""
