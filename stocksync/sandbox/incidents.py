"""Bad moments that a person can order for either system: too many requests, closed for the nightly batch.

They live in the state file, so a script can start one while the servers run. What each system answers in
such a moment is in its server's module.
"""

from typing import cast

from stocksync.sandbox.state import StateFile

_REFUSALS = "refuse_requests"
_CLOSED = "closed"


def refuse_requests(state: StateFile, count: int, retry_after_s: int) -> None:
    """Let the next `count` requests be answered 429 with that Retry-After."""
    state.set_setting(_REFUSALS, [count, retry_after_s] if count > 0 else None)


def retry_after_s(state: StateFile) -> int | None:
    """Use up one ordered refusal: its Retry-After in seconds, or None when requests are welcome."""
    if state.setting(_REFUSALS) is None:
        return None
    with state.writing():
        order = cast("list[int] | None", state.setting(_REFUSALS))
        if order is None:
            return None
        refuse_requests(state, order[0] - 1, order[1])
        return order[1]


def close_for_batch(state: StateFile, closed: bool) -> None:
    """Close the system for its nightly batch, or open it again."""
    state.set_setting(_CLOSED, True if closed else None)


def is_closed(state: StateFile) -> bool:
    """Say whether the nightly batch runs."""
    return state.setting(_CLOSED) is not None
