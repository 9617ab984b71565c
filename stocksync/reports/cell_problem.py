"""What is wrong with one cell of a report that came back, as its reader is told it.

Which cells those are is for `returned_file` (rows that are out of joint) and `typed_values` (values) to say.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CellProblem:
    """A cell that cannot be used; all three texts are in the reader's language.

    column: its header, or its letter. found: what stands there, short and printable. allowed: what is due instead, with
    an example.
    """

    column: str
    found: str
    allowed: str
