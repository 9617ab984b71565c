"""The faults that can be ordered for either system: what each is called, what it does, what can be said of it.

Pure. When one strikes is in `striking.py`, which are set in `breaks.py`; what they do to an answer on its way is in
`wire.py`, to what is shown of the records in `lens.py` and to what is stored in `altered.py`. Every fault is a model
whose name, first sentence and fields are what the command line and the settings file offer; there is no other list.
"""

import re
from collections.abc import Iterator, Mapping
from random import Random
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, get_args
from zlib import crc32

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

SystemName = Literal["vehicle_module", "dms"]
CallName = Literal["list", "read", "create", "update", "reserve"]
SYSTEMS: tuple[SystemName, ...] = get_args(SystemName)
CALLS: tuple[CallName, ...] = get_args(CallName)
WRITES: tuple[CallName, ...] = ("create", "update", "reserve")

_MAX_MS = 600_000
_YEAR_S = 366 * 24 * 3600
_MS = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?")
_RETRY_AFTER = r"^(\d{1,7}|date[+-]\d{1,7}|absent|absurd)$"
_MAX_WORDS = 40


class FaultError(ValueError):
    """A fault that cannot be set as it was said: one sentence for each thing that is wrong."""

    def __init__(self, problems: list[tuple[tuple[str | int, ...], str]]) -> None:
        super().__init__("; ".join(said(keys, message) for keys, message in problems))
        self.problems = problems


def said(keys: tuple[str | int, ...], message: str) -> str:
    """Put a place and what is wrong there into words."""
    return f"{'.'.join(map(str, keys))}: {message}" if keys else message


def _words(given: object) -> object:
    """Take `a,b` for a list: the command line has no other way to say it."""
    return [word.strip() for word in given.split(",") if word.strip()] if isinstance(given, str) else given


def _range_text(given: object) -> object:
    """Write milliseconds as `200` or `200-800`; ValueError for anything else."""
    text = str(given) if isinstance(given, int | float) and not isinstance(given, bool) else given
    found = _MS.fullmatch(text) if isinstance(text, str) else None
    if found is None or not int(found[1]) <= int(found[2] or found[1]) <= _MAX_MS:
        raise ValueError(f"must be milliseconds, 200 or 200-800, at most {_MAX_MS}")
    return text


def _text_of_number(given: object) -> object:
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given


def _number_words(given: object) -> object:
    words = _words(_text_of_number(given))
    return [_text_of_number(word) for word in words] if isinstance(words, list) else words


_Calls = Annotated[tuple[CallName, ...], BeforeValidator(_words)]
_Fields = Annotated[tuple[str, ...], BeforeValidator(_words), Field(max_length=_MAX_WORDS)]
_Statuses = Annotated[tuple[Literal["500", "502", "503", "504"], ...], BeforeValidator(_number_words)]


class Fault(BaseModel):
    """A fault that holds all the time, for every request."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: ClassVar[str]
    fits: ClassVar[tuple[CallName, ...]] = CALLS

    @classmethod
    def meaning(cls) -> str:
        """Say in one sentence what it does."""
        return (cls.__doc__ or "").partition("\n")[0]

    @classmethod
    def options(cls) -> dict[str, str]:
        """Map what can be said of it to what that means."""
        return {name: info.description or "" for name, info in cls.model_fields.items()}


class ChanceFault(Fault):
    """A fault that strikes some requests; the same seed strikes the same ones."""

    share: float = Field(1.0, ge=0, le=1, description="How probable for each request, 0 to 1.")
    times: int | None = Field(None, ge=1, le=1_000_000, description="Strike so many times at most.")
    seed: int = Field(1, ge=0, le=2**31, description="The same seed strikes the same requests.")


class CallFault(ChanceFault):
    """A fault that strikes certain calls, or one record only."""

    calls: _Calls = Field((), description=f"Only these calls, of {', '.join(CALLS)}; several with commas.")
    record: str | None = Field(None, min_length=1, max_length=100, description="Only this record, by its id.")

    @model_validator(mode="after")
    def _calls_fit(self) -> "CallFault":
        if strange := [call for call in self.calls if call not in self.fits]:
            raise ValueError(f"{self.name} does not concern {', '.join(strange)}; only {', '.join(self.fits)}")
        return self


class Latency(CallFault):
    """Every answer takes so long, or somewhere between two bounds."""

    name = "latency"
    ms: Annotated[str, BeforeValidator(_range_text)] = Field(description="Milliseconds: 200, or 200-800.")
    hold: Literal["answer", "request"] = Field(
        "answer",
        description="Hold the answer back, or the request: it is then carried out late, even with nobody left.",
    )

    def seconds(self, random: Random) -> float:
        """Draw how long this time."""
        low, _, high = self.ms.partition("-")
        return random.uniform(int(low), int(high or low)) / 1000


class Drip(CallFault):
    """The body comes in small pieces, one after another."""

    name = "drip"
    bytes: int = Field(16, ge=1, le=1_000_000, description="Bytes of each piece.")
    every_ms: int = Field(50, ge=1, le=_MAX_MS, description="Milliseconds between two pieces.")


class KeyRevoked(CallFault):
    """Requests are refused as if the key had been taken back."""

    name = "key_revoked"
    status: Annotated[Literal["401", "403"], BeforeValidator(_text_of_number)] = Field("401", description="401 or 403.")


class NightlyBatch(CallFault):
    """The system is closed: the DMS says 503 inside a 200, the vehicle module answers 503."""

    name = "nightly_batch"


class TooManyRequests(CallFault):
    """Requests are refused with 429."""

    name = "too_many_requests"
    retry_after: Annotated[str, BeforeValidator(_text_of_number)] = Field(
        "1",
        pattern=_RETRY_AFTER,
        description="Retry-After: seconds, date+30 (an HTTP date by the system's clock), absent, or absurd.",
    )


class ServerError(CallFault):
    """A gateway in front answers 500, 502, 503 or 504 with a page of its own; nothing is carried out."""

    name = "server_error"
    status: _Statuses = Field(
        ("500",), min_length=1, description="One of 500, 502, 503, 504, or several with commas: one is drawn."
    )


class LoginPage(CallFault):
    """An HTML page with 200 instead of an answer, as of a login or a captive portal; nothing is carried out."""

    name = "login_page"


class Reset(CallFault):
    """The connection is reset before the answer; nothing is carried out."""

    name = "reset"


class DropBeforeApply(CallFault):
    """The connection is closed without an answer and the write never happens."""

    name = "drop_before_apply"
    fits = WRITES


class ApplyThenDrop(CallFault):
    """The write is carried out, and the connection is closed without an answer."""

    name = "apply_then_drop"
    fits = WRITES


class _CutShort(CallFault):
    at: float = Field(
        0.5, ge=0, lt=1, description="How much of the body is sent, 0 to 1; an empty body: nothing at all."
    )


class ResetMidBody(_CutShort):
    """The connection is reset in the middle of the body; a write is carried out."""

    name = "reset_mid_body"


class Cut(_CutShort):
    """The connection closes in the middle of a body whose Content-Length promised more."""

    name = "cut"


class CutUnmarked(_CutShort):
    """A body without Content-Length that ends in the middle with the connection: only its JSON is broken."""

    name = "cut_unmarked"


class EmptyListing(ChanceFault):
    """Listings are well-formed and empty; drawn at a first page, it holds to the last."""

    name = "empty_listing"
    fits = ("list",)

    def leaves_out(self, record: str) -> bool:
        """Say whether a record is missing from the listing."""
        return True


class ShortListing(ChanceFault):
    """Listings leave records out, the same ones each time, and add up all the same."""

    name = "short_listing"
    fits = ("list",)
    part: float = Field(0.1, gt=0, le=1, description="How many of the records are left out, 0 to 1.")
    record: str | None = Field(None, min_length=1, max_length=100, description="Leave out only this record.")

    def leaves_out(self, record: str) -> bool:
        """Say whether a record is missing from the listing."""
        if self.record is not None:
            return record == self.record
        return crc32(f"{self.seed} {record}".encode()) < self.part * 2**32


class StaleReads(CallFault):
    """After a write, reads and listings show the record as it was before, for a while."""

    name = "stale_reads"
    fits = WRITES
    for_s: float | None = Field(None, gt=0, le=_YEAR_S, description="For so many seconds.")
    reads: int | None = Field(
        None, ge=1, le=1_000_000, description="For so many reads: of the record, or pages of its point of sale."
    )

    @model_validator(mode="after")
    def _ends(self) -> "StaleReads":
        if self.for_s is None and self.reads is None:
            raise ValueError("needs for_s or reads, or both: whichever ends first")
        return self


class StoredDifferently(CallFault):
    """Values are stored differently from what was sent; the answer shows what was stored."""

    name = "stored_differently"
    fits = ("create", "update")
    how: Literal["whole_euros", "upper_case", "cut"] = Field(
        description="whole_euros rounds amounts; upper_case and cut change free texts."
    )
    length: int = Field(8, ge=1, le=1000, description="Characters that `cut` leaves.")
    fields: _Fields = Field((), description="Only these fields, by the system's own last name: price, km.")


class IgnoredWrites(CallFault):
    """Writes are answered with success and change nothing."""

    name = "ignored_writes"
    fits = ("update", "reserve")
    fields: _Fields = Field((), description="Ignore only these fields, by the system's own last name: price, km.")
    echo: bool = Field(False, description="The answer claims the change all the same.")


class ClockSkew(Fault):
    """The system's clock is off: its stamps and its Date header; can be set again while it runs."""

    name = "clock_skew"
    seconds: float = Field(ge=-_YEAR_S, le=_YEAR_S, description="How far ahead; negative for behind.")


# Those that answer, or fail to answer, in the system's place; in this order, and one at most strikes a request.
INSTEAD: tuple[type[CallFault], ...] = (
    KeyRevoked,
    NightlyBatch,
    TooManyRequests,
    ServerError,
    LoginPage,
    Reset,
    DropBeforeApply,
    ApplyThenDrop,
    ResetMidBody,
    Cut,
    CutUnmarked,
)
# Of those, the ones after which the system still does its work.
CARRIED_OUT: tuple[type[CallFault], ...] = (ApplyThenDrop, ResetMidBody, Cut, CutUnmarked)
_BESIDE: tuple[type[Fault], ...] = (EmptyListing, ShortListing, StaleReads, StoredDifferently, IgnoredWrites, Drip)
_KINDS: tuple[type[Fault], ...] = (Latency, *INSTEAD, *_BESIDE, ClockSkew)
FAULTS: Mapping[str, type[Fault]] = MappingProxyType({kind.name: kind for kind in _KINDS})
# What can be true of one request, in the order in which it is drawn.
DRAWN: tuple[str, ...] = tuple(name for name, kind in FAULTS.items() if issubclass(kind, ChanceFault))


def made(name: str, options: Mapping[str, Any]) -> Fault:
    """Make a fault from its name and what was said of it; FaultError."""
    kind = FAULTS.get(name)
    if kind is None:
        raise FaultError([((name,), f"no such fault; there are {', '.join(FAULTS)}")])
    try:
        return kind.model_validate(dict(options))
    except ValidationError as invalid:
        raise FaultError(list(_problems(kind, invalid))) from invalid


def _problems(kind: type[Fault], invalid: ValidationError) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for error in invalid.errors(include_url=False, include_input=False):
        place = tuple(part for part in error["loc"][:1])
        if error["type"] == "extra_forbidden":
            takes = ", ".join(kind.options()) or "nothing"
            yield (kind.name, *place), f"{kind.name} takes no such option; it takes {takes}"
        elif error["type"] == "missing":
            yield (kind.name, *place), f"is required. {kind.options()[str(place[0])]}"
        elif error["type"] == "string_pattern_mismatch":
            yield (kind.name, *place), f"is not understood. {kind.options()[str(place[0])]}"
        else:
            message = error["msg"].removeprefix("Value error, ")
            yield (kind.name, *place), message[:1].lower() + message[1:]
