"""One line for each event, on standard error: where from, how grave, what happened, in which run.

`event` is a word that stays the same from one version to the next; records of libraries, and of our own modules that
write sentences, come as the event `message`. Every line passes the redactor last (see `redaction`). structlog is only
imported once something is written: most commands write nothing. Not here: what the program tells people.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import click

from stocksync.entrypoints.redaction import RedactingFilter, Redactor

if TYPE_CHECKING:
    import structlog

    from stocksync.settings import LogFormat, Settings

FIRST: Final = ("timestamp", "level", "event", "logger", "point_of_sale", "run", "car")
"""What a line begins with, in this order, as far as it is known."""
LAST: Final = ("exception", "stack")
_FROM_EXTRA: Final = ("point_of_sale", "run", "car")

QUIET: Final = ("alembic", "apscheduler", "asyncio", "httpcore", "httpx", "sqlalchemy", "transitions")
"""Never below warning, whatever the level: they write whole addresses, values of records, or a line for every tick."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ODD_IN_A_NAME = re.compile(r"[^\w.-]")
_BARE = re.compile(r"[^\s=\"\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")

_redactor = Redactor({})


class ToStandardError(logging.Handler):
    """Writes each record as one line to whatever standard error is now; trouble of its own never stops anything."""

    def __init__(self, log_format: LogFormat, redactor: Redactor) -> None:
        super().__init__()
        self._log_format = log_format
        self._redactor = redactor
        self._is_ready = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            if not self._is_ready:
                self.setFormatter(line_formatter(self._log_format, self._redactor))
                self._is_ready = True
            click.echo(self.format(record), err=True)
        except (OSError, ValueError):
            # Nobody takes standard error any more.
            return
        except Exception as error:
            # What could not be rendered is not shown either: it was not cleaned.
            lost = {"level": "error", "event": "line_lost", "logger": record.name, "because": type(error).__name__}
            click.echo((_as_json if self._log_format == "json" else _as_pairs)(lost), err=True)


def set_up(settings: Settings, *, serving: bool = False) -> Redactor:
    """Send all logging of this process through one handler, and give its redactor.

    serving: whether this is the service, whose lines are JSON where nobody sits at a terminal. Called again, it takes
    the place of what it set up before; handlers of others stay, behind the redactor.
    """
    from stocksync.settings import DATABASE_URL

    global _redactor
    _redactor = Redactor({**settings.environment, DATABASE_URL: settings.database_url}, settings.mappings)
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, ToStandardError):
            root.removeHandler(handler)
        elif not any(isinstance(known, RedactingFilter) for known in handler.filters):
            handler.addFilter(RedactingFilter(_redactor))
    root.addHandler(ToStandardError(_chosen(settings.log_format, serving=serving), _redactor))
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    return _redactor


def without_secrets(text: str) -> str:
    """A text for people, with every secret blotted whose value is known."""
    return _redactor.without_known(text)


def cleaned(text: str) -> str:
    """A text that quotes what a system answered, cleaned as a line of the log is."""
    return _redactor.text(text)


def guard_tracebacks() -> None:
    """Clean also what a bug prints as the process or a thread ends; a bug keeps its traceback."""

    def told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        lines = traceback.format_exception(kind, error, trace)
        click.echo("".join(map(_redactor.text, lines)).rstrip("\n"), err=True)

    def told_of_thread(ended: threading.ExceptHookArgs) -> None:
        if ended.exc_value is not None and not isinstance(ended.exc_value, SystemExit):
            name = ended.thread.name if ended.thread is not None else ""
            failure = (ended.exc_type, ended.exc_value, ended.exc_traceback)
            logger(__name__).error("thread_died", thread=name, exc_info=failure)

    sys.excepthook = told
    threading.excepthook = told_of_thread


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose events are words with values: `logger(__name__).info("run_began", kind="delta")`."""
    import structlog

    bound: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[
            structlog.stdlib.filter_by_level,
            *_common(),
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return bound


def line_formatter(log_format: LogFormat, redactor: Redactor | None) -> logging.Formatter:
    """What makes a line of a record, ours or a library's; without a redactor nothing is cleaned."""
    import structlog

    render = _as_json if log_format == "json" else _as_pairs

    def clean(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return redactor.event(_, __, event) if redactor is not None else event

    def rendered(_: Any, __: str, event: Mapping[str, Any]) -> str:
        line = render(_in_order(event))
        # Once more on the whole line: a secret may stand in parts that no rule looks at.
        return redactor.without_known(line) if redactor is not None else line

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_common(), structlog.stdlib.ExtraAdder(allow=_FROM_EXTRA), _as_message],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            clean,
            rendered,
        ],
    )


def _common() -> list[Any]:
    import structlog

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _chosen(said: LogFormat | None, *, serving: bool) -> LogFormat:
    if said is not None:
        return said
    return "json" if serving and not sys.stderr.isatty() else "console"


def _as_message(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["message"] = event.get("event", "")
    event["event"] = "message"
    return event


def _in_order(event: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in event.items() if value is not None}
    middle = [name for name in said if name not in FIRST and name not in LAST]
    return {name: said[name] for name in (*FIRST, *middle, *LAST) if name in said}


def _as_json(event: Mapping[str, Any]) -> str:
    return _printable(json.dumps(event, ensure_ascii=False, default=str))


def _as_pairs(event: Mapping[str, Any]) -> str:
    return " ".join(f"{_ODD_IN_A_NAME.sub('_', str(name))}={_word(value)}" for name, value in event.items())


def _word(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if _BARE.fullmatch(text) else _printable(json.dumps(text, ensure_ascii=False))


def _printable(line: str) -> str:
    """Spell out what would end a line, command a terminal or be refused by an encoding."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", line)
