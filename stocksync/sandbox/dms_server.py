"""The DMS over HTTP, as `contracts/dms.openapi.yaml` says it.

Errors arrive with HTTP 200, but for 401 and 429. Answers who may ask and what a page number means. What the
changes do is in `dms.py`.
"""

import hmac
from collections.abc import Mapping

import orjson
from starlette.applications import Starlette

from stocksync.sandbox.altered import as_stored
from stocksync.sandbox.clock import http_date, read_paris_text
from stocksync.sandbox.dms import Dms, unknown_file
from stocksync.sandbox.dms_rules import DmsError
from stocksync.sandbox.exchange import JSON, Call, Handler, Reply, application, json_reply
from stocksync.sandbox.faults import KeyRevoked, NightlyBatch, TooManyRequests
from stocksync.sandbox.lens import Lens
from stocksync.sandbox.refusals import is_silent, retry_after
from stocksync.sandbox.striking import Asked

MAX_SIZE = 500
# past any table's end, and small enough for the arithmetic of SQLite
_MAX_PAGE = 10**12


def dms_app(dms: Dms, key: str) -> Starlette:
    """Build the server's application."""
    server = _Server(dms, key)
    handlers: dict[str, dict[str, Handler]] = {
        "/icar/ws/v2/vo": {"GET": server.list_files, "POST": server.create},
        "/icar/ws/v2/vo/{dossier}": {"GET": server.read, "PUT": server.change},
    }
    return application(handlers, server.around, server.refused)


def asked(method: str, path: str, query: Mapping[str, str]) -> Asked:
    """Say what a request asks, as faults see it."""
    if not path.startswith("/icar/ws/v2/vo"):
        return Asked(None)
    record = path.removeprefix("/icar/ws/v2/vo").strip("/")
    if record:
        return Asked("update" if method == "PUT" else "read", record)
    if method == "POST":
        return Asked("create")
    page = query.get("page", "1")
    return Asked("list", listing=query.get("site", ""), page=page, is_first_page=page == "1")


class _Server:
    def __init__(self, dms: Dms, key: str) -> None:
        self.dms = dms
        self.lens = Lens(dms)
        self.key = key.encode()

    def around(self, call: Call, handler: Handler) -> Reply:
        """Let a call through unless it is refused, and date every answer by the DMS's clock."""
        try:
            reply = self._refusal(call) or handler(call)
        except DmsError as error:
            reply = error_reply(error)
        return self._dated(reply)

    def refused(self, status: int, detail: str) -> Reply:
        return self._dated(error_reply(DmsError(status, detail), status))

    def _dated(self, reply: Reply) -> Reply:
        headers = {**reply.headers, "Date": http_date(self.dms.now())}
        return Reply(reply.status, reply.body, reply.media_type, headers)

    def _refusal(self, call: Call) -> Reply | None:
        given = call.headers.get("x-api-key", "").encode("latin-1", "replace")
        if not hmac.compare_digest(given, self.key):
            return error_reply(DmsError(401, "clé invalide"), 401)
        if revoked := call.struck.of(KeyRevoked):
            return error_reply(DmsError(int(revoked.status), "clé révoquée"), int(revoked.status))
        if call.struck.of(NightlyBatch):
            raise DmsError(503, "fermé pour le traitement de nuit")
        if call.struck.of(TooManyRequests):
            headers = retry_after(call.struck, self.dms.now())
            return error_reply(DmsError(429, "trop de requêtes"), 429, headers)
        return None

    # -- handlers

    def list_files(self, call: Call) -> Reply:
        site = call.query.get("site")
        if site is None:
            raise _invalid("site", "obligatoire")
        since = _since(call.query.get("modifie_depuis"))
        number = _count("page", call.query.get("page"), 1, _MAX_PAGE)
        size = _count("taille", call.query.get("taille"), 100, MAX_SIZE)
        page = self.dms.page(site, since, number, size, self.lens.listing(call, site))
        numbers = b'"page":%d,"nb_pages":%d,"total":%d' % (number, page.pages, page.total)
        return Reply(200, b'{"ok":true,"vo":[%b],%b}' % (b",".join(page.files), numbers))

    def read(self, call: Call) -> Reply:
        dossier = call.path_parameters["dossier"]
        old = self.lens.record(call, dossier)
        if old is None:
            return _answer(self.dms.file(dossier))
        if old[0] is None:
            raise unknown_file(dossier)
        return _answer(orjson.loads(old[0]))

    def create(self, call: Call) -> Reply:
        sent = _json_body(call)
        return self.lens.carried_out(call, None, lambda: _answer(self.dms.create(sent)))

    def change(self, call: Call) -> Reply:
        dossier, sent = call.path_parameters["dossier"], _json_body(call)
        reply = self.lens.carried_out(call, dossier, lambda: _answer(self.dms.change(dossier, sent)))
        return _answer(self.dms.file(dossier)) if is_silent(call.struck) else reply


def error_reply(error: DmsError, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Write an error as the DMS does, with HTTP 200 unless it is one of transport."""
    content = {"ok": False, "code": error.code, "erreur": error.reason, "champs": error.fields}
    return json_reply(status, content, headers)


def _answer(file: Mapping[str, str]) -> Reply:
    return json_reply(200, {"ok": True, "vo": file})


def _invalid(field: str, message: str) -> DmsError:
    return DmsError(422, "paramètres invalides", [{"champ": field, "message": message}])


def _json_body(call: Call) -> object:
    if call.media_type != JSON:
        raise DmsError(422, "le corps doit être en application/json")
    try:
        return as_stored(orjson.loads(call.body), call.struck)
    except orjson.JSONDecodeError as malformed:
        raise DmsError(422, "le corps n'est pas du JSON") from malformed


def _since(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return read_paris_text(text)
    except ValueError as unreadable:
        raise _invalid("modifie_depuis", "jj/mm/aaaa hh:mm:ss est attendu") from unreadable


def _count(name: str, text: str | None, default: int, maximum: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 13 and 1 <= int(text) <= maximum):
        raise _invalid(name, f"un entier entre 1 et {maximum} est attendu")
    return int(text)
