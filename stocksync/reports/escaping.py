"""Texts in cells that no spreadsheet takes for a formula, and the way back, exact to the character."""

from __future__ import annotations

from typing import Final

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠", "'")


def escaped(text: str) -> str:
    """Keep a text from being taken for a formula; `unescaped` undoes it exactly."""
    is_formula = text.startswith(_FORMULA_STARTS) or text.lstrip().startswith(_FORMULA_STARTS)
    return f"'{text}" if is_formula else text


def unescaped(cell: str) -> str:
    """Take the apostrophe off that `escaped` put there."""
    return cell[1:] if cell.startswith("'") else cell
