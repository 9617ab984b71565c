"""What time it is, for both systems of the sandbox, and how each of them writes it.

The vehicle module stamps UTC instants to the microsecond; the DMS stamps Paris local time to the second,
without an offset, so one hour a year comes twice there. No clock is read anywhere else in the sandbox.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]

PARIS = ZoneInfo("Europe/Paris")
TICK = timedelta(microseconds=1)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")

_PARIS_TEXT = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2})")


def utc_now() -> datetime:
    """Read the machine's clock."""
    return datetime.now(UTC)


def instant_text(at: datetime) -> str:
    """Write an instant as the module does: RFC 3339 in UTC, fixed width, so that text order is time order."""
    in_utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return f"{in_utc.isoformat(timespec='microseconds')[:-6]}Z"


def read_instant(text: str) -> datetime:
    """Read an RFC 3339 instant; ValueError without an offset or for an impossible date."""
    if not _RFC3339.fullmatch(text):
        raise ValueError("not an RFC 3339 instant with an offset")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError as overflow:
        raise ValueError("out of range") from overflow


def http_date(at: datetime) -> str:
    """Write the Date header (RFC 9110, IMF-fixdate)."""
    return format_datetime(at.astimezone(UTC), usegmt=True)


def paris_sortable(at: datetime) -> str:
    """Write an instant in DMS local time, to the second, sortable as text; the offset is lost on purpose."""
    return at.astimezone(PARIS).strftime("%Y-%m-%d %H:%M:%S")


def paris_text(at: datetime) -> str:
    """Write an instant as the DMS shows it: dd/mm/yyyy hh:mm:ss, local, no offset."""
    # `strftime` takes three times as long, and a stock is stamped a million times
    here = at.astimezone(PARIS)
    return f"{here.day:02d}/{here.month:02d}/{here.year:04d} {here.hour:02d}:{here.minute:02d}:{here.second:02d}"


def read_paris_text(text: str) -> str:
    """Turn dd/mm/yyyy hh:mm:ss into the sortable form; ValueError when it is not one."""
    found = _PARIS_TEXT.fullmatch(text)
    if found is None:
        raise ValueError("not dd/mm/yyyy hh:mm:ss")
    day, month, year, hour, minute, second = map(int, found.groups())
    # ValueError too where the calendar or the day has no such moment
    return datetime(year, month, day, hour, minute, second).isoformat(sep=" ")
