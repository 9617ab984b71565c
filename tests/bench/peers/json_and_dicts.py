"""What one would write in an afternoon: json, and a loop over dictionaries that knows what both sides said last."""

from __future__ import annotations

import json

from tests.bench.peers.stock import Car, Pages, cars_of_dms, cars_of_module, measure


def work(pages: Pages) -> int:
    """Compare three ways; the last state is at hand."""
    module = {car["id"]: car for car in cars_of_module(pages.module, json.loads)}
    dms = {car["id"]: car for car in cars_of_dms(pages.dms, json.loads)}
    writes: list[tuple[str, str, str, object]] = []
    conflicts: list[tuple[str, str]] = []
    for id_, ours in module.items():
        theirs = dms.get(id_)
        if theirs is None:
            continue
        last = _BASE.get(id_, {})
        for name, value in ours.items():
            if value == theirs[name]:
                continue
            moved, moved_there = value != last.get(name), theirs[name] != last.get(name)
            if name == "police_number" or (moved and moved_there):
                conflicts.append((id_, name))
            elif moved:
                writes.append(("dms", id_, name, value))
            else:
                writes.append(("module", id_, name, theirs[name]))
    return len(writes) + len(conflicts)


_BASE: dict[str, Car] = {}


def with_base(pages: Pages) -> int:
    """The last state is read once, as a long-running process has it."""
    if not _BASE:
        _BASE.update({car["id"]: car for car in cars_of_module(pages.module_before, json.loads)})
    return work(pages)


if __name__ == "__main__":
    measure("json + dicts", "read, compare three ways with a state in memory", with_base)
