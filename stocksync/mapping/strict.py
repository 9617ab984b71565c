"""What every part of a mapping file is made of: a closed model, and words that recur in them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


class Strict(BaseModel):
    """A part of a mapping file: unknown keys are refused, values are never coerced into other types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _header(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", name):
        raise ValueError("a header's name is due, such as X-Api-Key: letters, digits and hyphens")
    return name


def _parameter(name: str) -> str:
    if not name or len(name) > 100 or not name.isprintable():
        raise ValueError("the name of a parameter is due, such as page")
    return name


Header = Annotated[str, AfterValidator(_header)]
Parameter = Annotated[str, AfterValidator(_parameter)]
