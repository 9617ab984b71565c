"""What people read about faults: which are set, which there are, and what can be said of each.

Answers in lines of text and as plain data; nothing is read or set here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from stocksync.sandbox.breaks import Active
from stocksync.sandbox.faults import CALLS, FAULTS, CallFault, ChanceFault

_COMMON = tuple(CallFault.model_fields)


def active_lines(system: str, active: Mapping[str, Active]) -> Iterator[str]:
    """Yield a line for each fault that is set."""
    for name, each in active.items():
        said = [f"{option} {_text(value)}" for option, value in each.said().items()]
        left = [] if each.left is None else [f"{each.left} left"]
        yield f"{system:<15} {name:<19} {', '.join([*said, *left])}".rstrip()


def fault_lines() -> Iterator[str]:
    """Yield each fault with its meaning and what can be said of it beside the common options."""
    for name, kind in FAULTS.items():
        yield f"{name:<19} {kind.meaning()}"
        own = ", ".join(option for option in kind.options() if option not in _COMMON)
        calls = "" if kind.fits == CALLS or len(kind.fits) == 1 else f"of {', '.join(kind.fits)}"
        more = "; ".join(part for part in (own, calls) if part)
        if more:
            yield f"{'':<19}   {more}"


def option_meanings() -> dict[str, str]:
    """Map every option of any fault to its meaning, the common ones first, and to the faults that take it."""
    takers: dict[str, dict[str, list[str]]] = {name: {} for name in _COMMON}
    for name, kind in FAULTS.items():
        for option, meaning in kind.options().items():
            takers.setdefault(option, {}).setdefault(meaning, []).append(name)
    return {
        option: " ".join(meanings)
        if option in _COMMON
        else " ".join(f"[{', '.join(names)}] {meaning}" for meaning, names in meanings.items())
        for option, meanings in takers.items()
    }


def active_data(active: Mapping[str, Active]) -> list[dict[str, Any]]:
    """Return the faults that are set, for a program."""
    return [{"fault": name, "set": each.said(), "left": each.left} for name, each in active.items()]


def fault_data() -> dict[str, Any]:
    """Return every fault, for a program."""
    return {
        name: {
            "meaning": kind.meaning(),
            "calls": list(kind.fits) if issubclass(kind, ChanceFault) else [],
            "options": kind.options(),
        }
        for name, kind in FAULTS.items()
    }


def _text(value: object) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)
