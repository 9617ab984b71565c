"""Bad moments that a script can order in one word: too many requests, closed for the nightly batch.

Both are faults like any other (`faults.py`), kept where all are (`breaks.py`).
"""

from stocksync.sandbox import breaks
from stocksync.sandbox.faults import NightlyBatch, TooManyRequests, made
from stocksync.sandbox.state import StateFile


def refuse_requests(state: StateFile, count: int, retry_after_s: int) -> None:
    """Let the next `count` requests be answered 429 with that Retry-After; FaultError for an absurd one."""
    if count > 0:
        breaks.set_fault(state, made(TooManyRequests.name, {"times": count, "retry_after": retry_after_s}))
    else:
        breaks.clear(state, TooManyRequests.name)


def close_for_batch(state: StateFile, closed: bool) -> None:
    """Close the system for its nightly batch, or open it again."""
    if closed:
        breaks.set_fault(state, made(NightlyBatch.name, {}))
    else:
        breaks.clear(state, NightlyBatch.name)
