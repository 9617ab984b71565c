"""What no log may carry, taken out: secrets, addresses and telephone numbers of people, number plates, names.

Secrets whose values are known (see `known_secrets`; and the tokens that this process fetched) are blotted wherever and
however spelled; others by the words that stand before them. VINs stay: a log without them helps nobody. Nothing here
ever raises: what cannot be cleaned is left out. Not here: how a line is rendered, which is `logs`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, MutableMapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from stocksync.adapters.systems.fetched import fetched_tokens
from stocksync.entrypoints.known_secrets import SHORTEST_SECRET, personal_attributes, secrets_of, spellings_of

BLOT: Final = "***"
UNREADABLE: Final = "[left out: it could not be cleaned]"
LONGEST_TEXT: Final = 16_000
"""Characters of one text; the rest is cut, so that no answer of a system fills a disk."""
_LONGEST_READ: Final = 4 * LONGEST_TEXT
_DEEPEST: Final = 6
_AS_THEY_ARE: Final = frozenset({"timestamp", "level", "logger"})
_VALUE_KEYS: Final = frozenset({"value", "values", "before", "after", "expected", "vehicle_module", "dms", "base"})

_NAME = (
    r"(?:proxy-)?authorization|[\w-]{0,40}(?:api[-_]?key|token|passw(?:or)?d|pwd|secret|credential|mot[-_]de[-_]passe)"
    r"[\w-]{0,40}"
)
_IS_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
_GAP = r"[ \t.\u00a0\u202f]"
_PAIRS = r"(?P<{0}>[ \t.\-/\u2011\u2013\u00a0\u202f]{{0,2}})\d\d(?:(?P={0})\d\d){{2}}(?P={0})"
_START, _END = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_PLATE_LETTERS = r"[A-HJ-NP-TV-Z]{2}"


def _last_two(found: re.Match[str]) -> str:
    return f"+33******{re.sub(r'[^0-9]', '', found.group())[-2:]}"


def _abroad(found: re.Match[str]) -> str:
    return f"+******{re.sub(r'[^0-9]', '', found.group())[-2:]}"


def _plate(found: re.Match[str]) -> str:
    compact = re.sub(r"[^0-9A-Za-z]", "", found.group()).upper()
    return f"{compact[:2]}-***-{compact[-2:]}"


_Replacement = str | Callable[[re.Match[str]], str]

_PATTERNS: Final[tuple[tuple[re.Pattern[str], _Replacement], ...]] = (
    # A name and its value: as a header, in JSON (also within JSON), as a pair of Python, in a query.
    (
        re.compile(
            rf"(?<![\w-])({_NAME})(\\{{0,3}}[\"']?\s{{0,3}}[:=]\s{{0,3}}(?:b(?=[\"']))?\\{{0,3}}"
            r"|[\"']\s{0,3},\s{0,3}(?:b(?=[\"']))?)"
            r"(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
            r"|(?:(?:bearer|basic|token|digest|apikey)\s{1,3})?[^\s\"',;&{}()\[\]<>]+)",
            re.IGNORECASE,
        ),
        rf"\1\2{BLOT}",
    ),
    (re.compile(r"\b(bearer)\s{1,3}[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {BLOT}"),
    (re.compile(r"\b(basic)\s{1,3}(?=\S*[0-9=+/])[A-Za-z0-9+/]{6,}={0,2}", re.IGNORECASE), rf"\1 {BLOT}"),
    (re.compile(r"\b([a-z][a-z0-9+.-]{1,20}://)[^\s/\"'<>]{0,300}@", re.IGNORECASE), rf"\1{BLOT}@"),
    (re.compile(r"([?&][\w.-]{0,40}(?:key|sig|signature|auth)=)[^\s&\"'#]+", re.IGNORECASE), rf"\1{BLOT}"),
    # People.
    (re.compile(r"([^\W_])[\w.!#$%&'+/=?^`{|}~-]{0,63}(?:@|%40)([^\W_])(?:[\w-]{0,62}\.)+\w{2,24}"), r"\1***@\2***"),
    (
        re.compile(
            rf"{_START}(?:\+|\(\+|00)33\)?[\s.\-/]{{0,2}}(?:\(0\)[\s.\-/]{{0,2}})?0?[1-9](?:[\s.\-/]{{0,2}}\d){{8}}{_END}"
        ),
        _last_two,
    ),
    (re.compile(rf"(?:{_START}|(?<=tel)|(?<=tél))0[1-9]{_PAIRS.format('gap')}\d\d{_END}", re.IGNORECASE), _last_two),
    (re.compile(rf"{_START}0{_GAP}?[1-9](?:{_GAP}?\d){{8}}{_END}"), _last_two),
    (re.compile(rf"{_START}\+(?!33)[1-9](?:[ .\-]?\d){{7,13}}{_END}"), _abroad),
    (re.compile(rf"{_START}{_PLATE_LETTERS}-?\d{{3}}-?{_PLATE_LETTERS}{_END}", re.IGNORECASE), _plate),
    (re.compile(rf"{_START}{_PLATE_LETTERS} \d{{3}} {_PLATE_LETTERS}{_END}"), _plate),
    (re.compile(rf"{_START}\d{{1,4}}[ -][A-Z]{{2,3}}[ -](\d\d|2[AB]|97\d){_END}"), r"***-***-\1"),
)


class Redactor:
    """Cleans texts and values; safe to share between threads.

    environment: where secrets stand. mappings: whose files name variables and people's attributes, valid or not; None
    for none. Both are read when something is cleaned for the first time.
    """

    def __init__(self, environment: Mapping[str, str], mappings: Path | None = None) -> None:
        self._environment = environment
        self._mappings = mappings
        self._fetched: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    def __repr__(self) -> str:
        return "Redactor()"

    def text(self, text: str) -> str:
        """Clean a text of all that is known or looks like a secret or like somebody's own."""
        try:
            cleaned = self.without_known(text[:_LONGEST_READ])
            for pattern, replacement in _PATTERNS:
                cleaned = pattern.sub(replacement, cleaned)
            return cleaned if len(cleaned) <= LONGEST_TEXT else f"{cleaned[:LONGEST_TEXT]}... [cut]"
        except Exception:
            return UNREADABLE

    def without_known(self, text: str) -> str:
        """Blot only the secrets whose values are known; for what people read, and for a line already rendered."""
        try:
            cleaned = self._known.sub(BLOT, text) if self._known is not None else text
            for spelled in self._spelled_tokens():
                cleaned = cleaned.replace(spelled, BLOT)
            return cleaned
        except Exception:
            return UNREADABLE

    def value(self, value: Any, name: str = "", depth: int = 0) -> Any:
        """Clean a value of a structured event, whatever is nested in it; name: what it stands under."""
        if value is None or isinstance(value, bool | int | float):
            return BLOT if value is not None and _IS_SECRET_NAME.fullmatch(name) else value
        if _IS_SECRET_NAME.fullmatch(name):
            return BLOT
        if name in self._personal:
            return _initial(value)
        if depth >= _DEEPEST:
            return UNREADABLE
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item, "", depth + 1) for item in value]
        return self.text(value if isinstance(value, str) else str(value))

    def event(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Clean an event, as a processor of structlog."""
        for name in list(event):
            if name in _AS_THEY_ARE:
                continue
            try:
                event[name] = self.value(event[name], name)
            except Exception:
                event[name] = UNREADABLE
        return event

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        is_about_a_person = any(value.get(key) in self._personal for key in ("attribute", "subject"))
        return {
            self.text(str(key)): _initial(item)
            if is_about_a_person and key in _VALUE_KEYS
            else self.value(item, str(key), depth + 1)
            for key, item in value.items()
        }

    def _spelled_tokens(self) -> tuple[str, ...]:
        """Every spelling of the tokens fetched so far, the longest first; made anew once another one is fetched."""
        tokens, spelled = self._fetched
        if tokens is not (now := fetched_tokens()):
            every = {text for token in now if len(token) >= SHORTEST_SECRET for text in spellings_of(token)}
            spelled = tuple(sorted(every, key=lambda text: (-len(text), text)))
            self._fetched = (now, spelled)
        return spelled

    @cached_property
    def _known(self) -> re.Pattern[str] | None:
        spelled = {text for secret in secrets_of(self._environment, self._mappings) for text in spellings_of(secret)}
        # The longest first: one secret may begin as another does.
        longest_first = sorted(spelled, key=lambda text: (-len(text), text))
        return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    @cached_property
    def _personal(self) -> frozenset[str]:
        return personal_attributes(self._mappings)


class RedactingFilter(logging.Filter):
    """Cleans records for handlers that others install; what it passes on is text, nothing is left to be filled in."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean a record; it is never held back."""
        if isinstance(record.msg, dict):
            # An event of structlog, which its own chain cleans.
            return True
        try:
            said = record.getMessage()
        except Exception:
            said = UNREADABLE
        record.msg, record.args = self._redactor.text(said), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self._redactor.text(record.exc_text)
        if record.stack_info:
            record.stack_info = self._redactor.text(record.stack_info)
        return True


def _initial(value: Any) -> str:
    first = str(value).strip()[:1]
    return f"{first}{BLOT}" if first else ""
