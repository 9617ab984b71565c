"""One system asked: the requests of one point of sale, what their answers mean, and when a question is put again.

No write is ever sent twice by what is here but one: a request that was refused for a token which had run out goes
again with a new one, as the first was not carried out. Not here: what is asked, which is `records`, `paging` and
`writing`; connections, which is `http`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from stocksync.adapters.systems import strict_json
from stocksync.adapters.systems.answers import Interpreter, Meaning
from stocksync.adapters.systems.http import Answer, HttpClient
from stocksync.adapters.systems.limits import DayUsedUp
from stocksync.errors import RateLimited, RecordNotFound, TransientError
from stocksync.mapping.connection import WriteOperation
from stocksync.sync.familiar import Familiar
from stocksync.sync.ports import Clock

_BACK_OFF = wait_random_exponential(multiplier=0.5, max=30)
"""Full jitter: anything from nothing to 0.5 s, 1 s, 2 s and so on."""

Answered = TypeVar("Answered")


@dataclass(frozen=True, slots=True)
class Requests:
    """How one point of sale asks its system; code: the system's own of the point of sale; attempts: of a read."""

    client: HttpClient
    interpreter: Interpreter
    clock: Clock
    code: str
    attempts: int

    def read(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        url: httpx.URL | None = None,
        lines: bool = False,
        list_at: tuple[str | None] | None = None,
        familiar: Familiar | None = None,
    ) -> Meaning:
        """Ask for something, once; url: in place of path and query; for the others see `Interpreter.meaning`."""
        read = partial(self.interpreter.meaning, lines=lines, list_at=list_at, familiar=familiar)
        return self._meaning(lambda: self.client.send("GET", path, query=query, url=url), read)

    def write(
        self, operation: WriteOperation, path: str, record_id: str, body: Mapping[str, Any], headers: dict[str, str]
    ) -> Meaning:
        """Send a write; raises what its refusal stands for."""
        content = strict_json.written(body)
        query = self.query(operation.query, record_id)
        headers = headers | {"Content-Type": operation.content_type}
        meaning = self._meaning(
            lambda: self.client.send(operation.method, path, query=query, headers=headers, content=content),
            self.interpreter.meaning,
        )
        if not meaning.is_done:
            raise self.interpreter.error(meaning, writing=True, stale=operation.stale_statuses)
        return meaning

    def retried(self, call: Callable[[], Answered]) -> Answered:
        """Call until it no longer fails for a passing reason, a few times at most; never for a write."""
        retrying = Retrying(
            retry=retry_if_exception(_passes),
            stop=stop_after_attempt(self.attempts),
            wait=_wait_s,
            sleep=self.clock.pause,
            reraise=True,
        )
        return retrying(call)

    def path(self, template: str, record_id: str) -> str:
        """The path of one record; RecordNotFound for an id that no path can carry."""
        # However quoted, a dot segment is no id to the servers on the way, and "" is the whole collection.
        if record_id in {"", ".", ".."} or not record_id.isprintable():
            raise RecordNotFound(self.client.sentence(f"cannot have a record {record_id!r}: correct the id"))
        return self.listing_path(template).replace("{id}", quote(record_id, safe=""))

    def listing_path(self, template: str) -> str:
        """The path of something that belongs to the point of sale."""
        return template.replace("{point_of_sale}", quote(self.code, safe=""))

    def query(self, template: Mapping[str, str | int], record_id: str = "") -> dict[str, str]:
        """Parameters with what belongs to this request filled in."""
        return {name: str(self.filled(value, record_id)) for name, value in template.items()}

    def filled(self, value: str | int | bool, record_id: str) -> str | int | bool:
        """Fill `{id}` and `{point_of_sale}` in, in a text."""
        # One pass: what was filled in is never looked at again.
        if not isinstance(value, str):
            return value
        parts = value.split("{point_of_sale}")
        return self.code.join(part.replace("{id}", record_id) for part in parts)

    def _meaning(self, ask: Callable[[], Answer], read: Callable[[Answer], Meaning]) -> Meaning:
        answer = ask()
        meaning = read(answer)
        # Some systems say it by a status, some inside an answer.
        if meaning.status == 401 and self.client.renew(answer.key):
            meaning = read(ask())
        return meaning


def _passes(error: BaseException) -> bool:
    return isinstance(error, TransientError) and not isinstance(error, DayUsedUp)


def _wait_s(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked_s = error.retry_after_s if isinstance(error, RateLimited) else None
    return _BACK_OFF(state) if asked_s is None else asked_s
