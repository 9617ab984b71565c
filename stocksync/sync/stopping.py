"""Being told to stop: asked between two steps, so that what was begun is ended and nothing new is begun."""

from __future__ import annotations

from collections.abc import Callable

from stocksync.errors import Stopping

Stop = Callable[[], bool]
"""Tells whether somebody asked to stop."""


def nobody_stops() -> bool:
    """Nobody asked."""
    return False


def check(stop: Stop) -> None:
    """Go on iff nobody asked to stop. Raises Stopping."""
    if stop():
        raise Stopping("stocksync was told to stop; nothing is lost, the next run goes on from here")
