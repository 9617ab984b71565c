"""datacompy: both sides as data frames, joined on the id, mismatches by column."""

from __future__ import annotations

import datacompy
import orjson
import pandas as pd

from tests.bench.peers.stock import Pages, cars_of_dms, cars_of_module, measure


def work(pages: Pages) -> int:
    """Compare both sides."""
    module = pd.DataFrame.from_records(list(cars_of_module(pages.module, orjson.loads)))
    dms = pd.DataFrame.from_records(list(cars_of_dms(pages.dms, orjson.loads)))
    compared = datacompy.PandasCompare(module, dms, join_columns=["id"], df1_name="module", df2_name="dms")
    return len(compared.all_mismatch())


if __name__ == "__main__":
    measure("datacompy", "read, compare both sides", work)
