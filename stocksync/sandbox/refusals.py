"""What both servers say alike under a fault: when to come back, and whether an ignored write is owned up to.

Pure. Each server's own words are in its module.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from stocksync.sandbox.clock import http_date
from stocksync.sandbox.faults import IgnoredWrites, TooManyRequests
from stocksync.sandbox.striking import Struck

# each of them was seen somewhere
_ABSURD = ("-1", "31536000000", "soon", "1e400", "", "12, 13", "Thu, 01 Jan 1970 00:00:00 GMT")


def retry_after(struck: Struck, now: datetime) -> Mapping[str, str]:
    """Return the Retry-After header that a request struck by too_many_requests gets, or no header."""
    fault = struck.of(TooManyRequests)
    said = fault.retry_after if fault else "absent"
    if said == "absent":
        return {}
    if said == "absurd":
        return {"Retry-After": struck.random(TooManyRequests).choice(_ABSURD)}
    if said.startswith("date"):
        return {"Retry-After": http_date(now + timedelta(seconds=int(said[4:])))}
    return {"Retry-After": said}


def is_silent(struck: Struck) -> bool:
    """Say whether a write was ignored as a whole, and its answer is to show what is there."""
    ignored = struck.of(IgnoredWrites)
    return ignored is not None and not ignored.fields and not ignored.echo
