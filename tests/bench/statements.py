"""What a database is asked: statements, and the rows that writes carry."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, event


class Statements:
    """Counts what a database is asked from now on: statements, and the rows that writes carry."""

    def __init__(self, engine: Engine) -> None:
        self.statements = self.rows_written = self.transactions = 0
        event.listen(engine, "before_cursor_execute", self._asked)
        event.listen(engine, "commit", self._committed)

    def _asked(self, _c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, executemany: bool) -> None:
        self.statements += 1
        if statement.lstrip()[:6].upper() in ("INSERT", "UPDATE", "DELETE", "REPLAC"):
            self.rows_written += len(parameters) if executemany else 1

    def _committed(self, _connection: Any) -> None:
        self.transactions += 1

    def counts(self) -> dict[str, int]:
        """The figures up to now."""
        return {"statements": self.statements, "rows_written": self.rows_written, "transactions": self.transactions}
