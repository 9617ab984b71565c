"""The shipped lists: makes and models of the French market, colours, names of points of sale.

Read once from `data/`; how cars are made from them is in `cars.py`.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True)
class Model:
    """A model of a make; the price is in whole euros, when new."""

    make: str
    wmi: tuple[str, ...]
    vin_filler: str
    name: str
    first_year: int
    last_year: int
    new_price_euros: int
    versions: tuple[str, ...]


@cache
def models() -> tuple[Model, ...]:
    """List every model of every make."""
    return tuple(
        _model(make, entry, model) for make, entry in _read("catalogue.yaml").items() for model in entry["models"]
    )


@cache
def colours() -> dict[str, tuple[str, ...]]:
    """Map a DMS colour code to the spellings of the vehicle module."""
    return {code: tuple(spellings) for code, spellings in _read("colours.yaml").items()}


@cache
def points_of_sale() -> dict[str, list[str]]:
    """Return the `names` and `entities` of points of sale."""
    return _read("points_of_sale.yaml")


def _model(make: str, entry: dict[str, Any], model: list[Any]) -> Model:
    name, first_year, last_year, new_price_euros, versions = model
    identifiers, filler = tuple(entry["wmi"]), entry.get("filler", "")
    return Model(make, identifiers, filler, name, first_year, last_year, new_price_euros, tuple(versions))


def _read(name: str) -> dict[str, Any]:
    text = files("stocksync.sandbox").joinpath("data", name).read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))
