"""What an HTTP answer means: the record or page in it, or the error of ours that it stands for.

Answers alike for systems that use HTTP statuses with RFC 9457 problems and for those that wrap everything,
errors included, in an envelope sent with 200. Not here: who asks, and how often.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from stocksync.adapters.systems import strict_json
from stocksync.adapters.systems.http import Answer
from stocksync.errors import (
    AccessDenied,
    RateLimited,
    RecordNotFound,
    StaleWrite,
    StocksyncError,
    SystemUnavailable,
    UnexpectedAnswer,
    WriteRejected,
)
from stocksync.mapping.connection import Envelope
from stocksync.mapping.paths import value_at
from stocksync.stock.values import ABSENT
from stocksync.sync.ports import Clock

_DONE = frozenset({200, 201, 204})
_LONGEST_RETRY_AFTER_S = 300
_LONGEST_QUOTE = 200
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Meaning:
    """An answer read: `status` is the envelope's own where there is one, `body` is ABSENT iff there was none.

    detail: what the system says of an error, "" if nothing. fields: its own field names to its messages.
    """

    where: str
    status: int
    body: Any
    detail: str = ""
    fields: Mapping[str, str] | None = None
    retry_after_s: float | None = None

    @property
    def is_done(self) -> bool:
        """Whether the system did what it was asked."""
        return self.status in _DONE


class Interpreter:
    """Reads the answers of one system.

    sentence: makes a message of ours out of what is to be said of it. blotted: takes our secret out of what it said,
    before that is cut: half a secret could not be found any more.
    """

    def __init__(
        self,
        envelope: Envelope | None,
        sentence: Callable[[str], str],
        blotted: Callable[[str], str],
        clock: Clock,
    ) -> None:
        self._envelope = envelope
        self._sentence = sentence
        self._blotted = blotted
        self._clock = clock

    def meaning(self, answer: Answer) -> Meaning:
        """Read an answer; UnexpectedAnswer iff it says that all went well and cannot be read."""
        if answer.status not in _DONE:
            return self._failure(answer, answer.status, _parsed_or_absent(answer.content))
        body = self._parsed(answer) if answer.content else ABSENT
        if self._envelope is None:
            return Meaning(answer.where, answer.status, body)
        ok = value_at(body, self._envelope.ok)
        if ok is True:
            return Meaning(answer.where, answer.status, body)
        code = value_at(body, self._envelope.code)
        if ok is not False or type(code) is not int or code < 400:
            raise self.unexpected(answer.where, "neither success nor an error that can be read")
        return self._failure(answer, code, body)

    def error(self, meaning: Meaning, *, writing: bool) -> StocksyncError:
        """Give the error that an answer which is not done stands for."""
        status, said = meaning.status, self._said(meaning)
        if status in {401, 403}:
            return AccessDenied(self._sentence(f"does not accept our key: {said}; check the secret"))
        if status in {404, 410}:
            return RecordNotFound(self._sentence(f"has no such record: {said}; look for it there"))
        if status == 429:
            text = f"asks us to slow down: {said}; try again later"
            return RateLimited(self._sentence(text), meaning.retry_after_s)
        if status == 408 or status >= 500:
            return SystemUnavailable(self._sentence(f"does not work at present: {said}; try again later"))
        if writing and status in {412, 428}:
            return StaleWrite(self._sentence(f"holds another version by now: {said}; read it and plan again"))
        if writing and status in {400, 409, 422}:
            text = f"refused a write: {said}; correct the value or the mapping"
            return WriteRejected(self._sentence(text), dict(meaning.fields or {}), is_conflict=status == 409)
        return UnexpectedAnswer(self._sentence(f"gave an answer that is not foreseen: {said}; check the mapping"))

    def unexpected(self, where: str, what: str) -> UnexpectedAnswer:
        """Make the error for an answer that does not follow the contract."""
        return UnexpectedAnswer(self._sentence(f"answered {where} with {what}: check its address and the mapping"))

    def _parsed(self, answer: Answer) -> Any:
        try:
            return strict_json.parsed(answer.content)
        except strict_json.NotJson as error:
            came_as = self._quoted(answer.headers.get("Content-Type", "no content type"))
            raise self.unexpected(answer.where, f"{error} ({came_as}), where JSON was due") from error

    def _failure(self, answer: Answer, status: int, body: Any) -> Meaning:
        envelope = self._envelope
        if envelope is None:
            detail, errors = value_at(body, "detail"), value_at(body, "errors")
            detail = detail if isinstance(detail, str) and detail else value_at(body, "title")
            named, message = "field", "message"
        else:
            detail, errors = value_at(body, envelope.message), value_at(body, envelope.errors)
            named, message = envelope.error_field, envelope.error_message
        return Meaning(
            answer.where,
            status,
            body,
            self._quoted(detail),
            self._fields(errors, named, message),
            retry_after_s(answer.headers, self._clock.now_at()),
        )

    def _fields(self, errors: Any, named: str, message: str) -> dict[str, str]:
        result: dict[str, str] = {}
        for error in errors if isinstance(errors, list) else []:
            name = self._quoted(value_at(error, named))
            if name:
                said = self._quoted(value_at(error, message))
                result[name] = f"{result[name]}; {said}" if name in result else said
        return result

    def _quoted(self, text: Any) -> str:
        if not isinstance(text, str):
            return ""
        return _UNSEEN.sub(" ", self._blotted(text))[:_LONGEST_QUOTE].strip()

    def _said(self, meaning: Meaning) -> str:
        fields = "".join(f", {name}: {message}" for name, message in (meaning.fields or {}).items())
        quoted = (meaning.detail + fields).strip(" ,.")
        return f"{meaning.where} gave {meaning.status}" + (f" ({quoted})" if quoted else "")


def retry_after_s(headers: httpx.Headers, now_at: datetime) -> float | None:
    """Read Retry-After, seconds or a date; None iff it is absent or absurd (the past, over five minutes).

    A date is held against the Date of the same answer where there is one: the two come from the same clock.
    """
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        delay_s = float(text)
    else:
        until_at = _http_date(text)
        if until_at is None:
            return None
        delay_s = (until_at - (_http_date(headers.get("Date", "")) or now_at)).total_seconds()
    return delay_s if 0 <= delay_s <= _LONGEST_RETRY_AFTER_S else None


def _http_date(text: str) -> datetime | None:
    try:
        read = parsedate_to_datetime(text)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _parsed_or_absent(content: bytes) -> Any:
    try:
        return strict_json.parsed(content)
    except strict_json.NotJson:
        return ABSENT
