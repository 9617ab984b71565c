"""The pages of a stock before and after a workload's changes, one a line, for programs that are not ours.

`python -m tests.bench.dumped ORDER` prints the names of the files as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from stocksync.stock.values import Side
from tests.bench.edits import edit
from tests.bench.ground import Ground
from tests.bench.order import Order

_NAMES = {Side.VEHICLE_MODULE: "module", Side.DMS: "dms"}


def main() -> None:
    """Write them."""
    said = json.loads(sys.argv[1])
    order = Order(**{**said, "folder": Path(said["folder"])})
    ground = Ground(order.layout, in_memory=False)
    files = _written(ground, order.folder, "_before")
    if order.workload == "b":
        edit(ground, 0, on_each_side=order.cars // 100, in_conflict=max(order.cars // 500, 1))
    print(json.dumps(files | _written(ground, order.folder, "")))


def _written(ground: Ground, folder: Path, suffix: str) -> dict[str, str]:
    files = {}
    for side, name in _NAMES.items():
        file = folder / f"peers-{name}{suffix}.pages"
        with file.open("wb") as out:
            out.writelines(page + b"\n" for page in ground.servers[side].pages())
        files[name + suffix] = str(file)
    return files


if __name__ == "__main__":
    main()
