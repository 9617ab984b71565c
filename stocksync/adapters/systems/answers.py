"""What an HTTP answer means: the record or page in it, or the error of ours that it stands for.

Answers alike for systems that use HTTP statuses with RFC 9457 problems and for those that wrap everything,
errors included, in an envelope sent with 200. Not here: who asks, and how often.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from stocksync.adapters.systems import strict_json
from stocksync.adapters.systems.http import Answer
from stocksync.adapters.systems.slices import Sliced, sliced
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
from stocksync.mapping.connection import Envelope, ErrorsModel
from stocksync.mapping.paths import value_at
from stocksync.stock.values import ABSENT
from stocksync.sync.familiar import Familiar
from stocksync.sync.ports import Clock

_DONE = frozenset({200, 201, 204})
_LONGEST_RETRY_AFTER_S = 300
_LONGEST_QUOTE = 200
_LONGEST_TEXT = 10_000
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Meaning:
    """An answer read: `status` is the envelope's own where there is one, `body` is ABSENT iff there was none.

    answer: what it was read from. detail: what the system says of an error, "" if nothing. fields: its own field names
    to its messages. sliced: the page, where its records were cut out of the body and were not read yet.
    """

    answer: Answer
    status: int
    body: Any
    detail: str = ""
    fields: Mapping[str, str] | None = None
    retry_after_s: float | None = None
    sliced: Sliced | None = None

    @property
    def where(self) -> str:
        """The request, as messages name it."""
        return self.answer.where

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
        errors: ErrorsModel | None = None,
    ) -> None:
        self._envelope = envelope
        self._errors = _place_of_errors(envelope, errors)
        self._sentence = sentence
        self._blotted = blotted
        self._clock = clock

    def meaning(
        self,
        answer: Answer,
        *,
        lines: bool = False,
        list_at: tuple[str | None] | None = None,
        familiar: Familiar | None = None,
    ) -> Meaning:
        """Read an answer, JSON or lines of it; UnexpectedAnswer iff it says that all went well and cannot be read.

        list_at: the path of a list, None for the whole, whose items are left as they are; None where all is read.
        familiar: a page that it knows is not even looked for them, nor is what came before of any other.
        """
        if answer.status not in _DONE:
            return self._failure(answer, answer.status, _parsed_or_absent(answer.content))
        if lines:
            return Meaning(answer, answer.status, self._parsed_lines(answer))
        cut = None
        if list_at is not None:
            at = list_at[0]
            cut = (
                sliced(answer.content, at, familiar.page, lambda: familiar.runs)
                if familiar is not None
                else sliced(answer.content, at)
            )
        if cut is not None:
            body = self._parsed(answer, cut.envelope)
        else:
            body = self._parsed(answer, answer.content) if answer.content else ABSENT
        if self._envelope is None:
            return Meaning(answer, answer.status, body, sliced=cut)
        ok = value_at(body, self._envelope.ok)
        if ok is True:
            return Meaning(answer, answer.status, body, sliced=cut)
        code = value_at(body, self._envelope.code)
        if ok is not False or type(code) is not int or code < 400:
            raise self.unexpected(answer.where, "neither success nor an error that can be read")
        return self._failure(answer, code, body)

    def error(self, meaning: Meaning, *, writing: bool, stale: Collection[int] = (412, 428)) -> StocksyncError:
        """Give the error that an answer which is not done stands for; `stale`: statuses of a record that has moved."""
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
        if writing and status in stale:
            return StaleWrite(self._sentence(f"holds another version by now: {said}; read it and plan again"))
        if writing and status in {400, 409, 412, 422, 428}:
            text = f"refused a write: {said}; correct the value or the mapping"
            return WriteRejected(self._sentence(text), dict(meaning.fields or {}), is_conflict=status == 409)
        return UnexpectedAnswer(self._sentence(f"gave an answer that is not foreseen: {said}; check the mapping"))

    def unexpected(self, where: str, what: str) -> UnexpectedAnswer:
        """Make the error for an answer that does not follow the contract."""
        return UnexpectedAnswer(self._sentence(f"answered {where} with {what}: check its address and the mapping"))

    def decoded(self, meaning: Meaning, page: Sliced, familiar: set[int]) -> list[tuple[Any, int]]:
        """The records of a page that are not familiar, each with its digest. Raises UnexpectedAnswer."""
        with self._json_due(meaning.answer):
            return page.unfamiliar(familiar)

    def _parsed(self, answer: Answer, content: bytes) -> Any:
        with self._json_due(answer):
            return strict_json.parsed(content)

    @contextmanager
    def _json_due(self, answer: Answer) -> Iterator[None]:
        try:
            yield
        except strict_json.NotJson as error:
            came_as = self._quoted(answer.headers.get("Content-Type", "no content type"))
            raise self.unexpected(answer.where, f"{error} ({came_as}), where JSON was due") from error

    def _parsed_lines(self, answer: Answer) -> Any:
        # Lines have no end of their own: cut between two of them, an answer without a marked end would look whole.
        if not answer.framed:
            raise self.unexpected(answer.where, "lines whose end nothing marks (no Content-Length)")
        try:
            return strict_json.parsed_lines(answer.content)
        except strict_json.NotJson as error:
            raise self.unexpected(answer.where, f"{error}, where a line of JSON was due") from error

    def _failure(self, answer: Answer, status: int, body: Any) -> Meaning:
        place = self._errors
        detail = value_at(body, place.message)
        if not (isinstance(detail, str) and detail) and self._envelope is None:
            detail = _plain_text(answer) if body is ABSENT else value_at(body, "title")
        errors = body if isinstance(body, list) else value_at(body, place.fields) if place.fields else ABSENT
        fields, texts = self._errors_said(errors, place)
        return Meaning(
            answer,
            status,
            body,
            self._quoted(detail) or self._quoted("; ".join(texts)),
            fields,
            retry_after_s(answer.headers, self._clock.now_at()),
        )

    def _errors_said(self, errors: Any, place: ErrorsModel) -> tuple[dict[str, str], list[str]]:
        """What is wrong with which field; and what is said of none."""
        result: dict[str, list[str]] = {}
        texts: list[str] = []
        for name, said in _pairs(errors, place):
            if name := _field_name(self._quoted(name)):
                result.setdefault(name, []).append(self._quoted(said))
            elif text := self._quoted(said):
                texts.append(text)
        return {name: "; ".join(said) for name, said in result.items()}, texts

    def _quoted(self, text: Any) -> str:
        return quoted(self._blotted(text)) if isinstance(text, str) else ""

    def _said(self, meaning: Meaning) -> str:
        fields = "".join(f", {name}: {message}" for name, message in (meaning.fields or {}).items())
        quoted = (meaning.detail + fields).strip(" ,.")
        return f"{meaning.where} gave {meaning.status}" + (f" ({quoted})" if quoted else "")


def quoted(text: str) -> str:
    """What others said, on one line and short; whoever calls has taken the secrets out."""
    return _UNSEEN.sub(" ", text)[:_LONGEST_QUOTE].strip()


def _place_of_errors(envelope: Envelope | None, errors: ErrorsModel | None) -> ErrorsModel:
    if envelope is None:
        return errors or ErrorsModel()
    return ErrorsModel(
        message=envelope.message,
        fields=envelope.errors,
        field=envelope.error_field,
        field_message=envelope.error_message,
    )


def _pairs(errors: Any, place: ErrorsModel) -> Iterator[tuple[Any, Any]]:
    """Field and message, whichever of the usual forms they come in; no field where none is named."""
    if isinstance(errors, Mapping):
        for name, said in errors.items():
            yield from ((name, one) for one in (said if isinstance(said, list) else [said]))
    for error in errors if isinstance(errors, list) else []:
        is_text = isinstance(error, str)
        yield ("", error) if is_text else (value_at(error, place.field), value_at(error, place.field_message))


def _field_name(said: str) -> str:
    """A path with dots; some systems name a field by a JSON pointer (RFC 6901)."""
    if not said.startswith("/"):
        return said
    return ".".join(step.replace("~1", "/").replace("~0", "~") for step in said[1:].split("/"))


def _plain_text(answer: Answer) -> str:
    if not answer.headers.get("Content-Type", "").lower().startswith("text/plain"):
        return ""
    return answer.content[:_LONGEST_TEXT].decode("utf-8", "replace")


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
