"""From flags, the environment and a `.env` file to frozen settings; the flag wins, then the environment.

Addresses and secrets of systems are not settings: the mapping names the variables that hold them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from dotenv import dotenv_values

from stocksync.errors import ConfigurationError

Language = Literal["fr", "en"]
LANGUAGES: Final = ("fr", "en")
LogFormat = Literal["console", "json"]
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
LOG_FORMATS: Final = ("console", "json")
_A_DAY_S: Final = 24 * 3600
_MOST_WORKERS: Final = 32

MAPPINGS: Final = "STOCKSYNC_MAPPINGS"
DATABASE_URL: Final = "STOCKSYNC_DATABASE_URL"
LOG_LEVEL: Final = "STOCKSYNC_LOG_LEVEL"
LOG_FORMAT: Final = "STOCKSYNC_LOG_FORMAT"
LANGUAGE: Final = "STOCKSYNC_LANG"
EXCHANGE: Final = "STOCKSYNC_EXCHANGE"
EXCHANGE_SETTLE_S: Final = "STOCKSYNC_EXCHANGE_SETTLE_S"
WORKERS: Final = "STOCKSYNC_WORKERS"
QUICK_EVERY_S: Final = "STOCKSYNC_QUICK_EVERY_S"
ALERT_SMTP_URL: Final = "STOCKSYNC_ALERT_SMTP_URL"
ALERT_FROM: Final = "STOCKSYNC_ALERT_FROM"
ALERT_TO: Final = "STOCKSYNC_ALERT_TO"
ALERT_WEBHOOK: Final = "STOCKSYNC_ALERT_WEBHOOK"
ALERT_WEBHOOK_SECRET: Final = "STOCKSYNC_ALERT_WEBHOOK_SECRET"


@dataclass(frozen=True, slots=True, repr=False)
class AlertSettings:
    """Where alerts go; "" for what is not set. Read only once an alert channel is opened, see `adapters.alerting`.

    recipients: addresses with commas between them.
    """

    smtp_url: str = ""
    sender: str = ""
    recipients: str = ""
    webhook: str = ""
    webhook_secret: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for one command.

    environment: the process's variables over those of `.env`; never printed. exchange: the folder under which each
    point of sale has one for files, None for none. exchange_settle_s: for how long nobody must have touched a file
    that is taken in there. log_format: None where nobody chose: each command's own. workers: how many points of sale
    the service works at once. quick_every_s: in place of every interval of the mapping, for rehearsals.
    """

    mappings: Path
    database_url: str
    log_level: str
    language: Language
    environment: Mapping[str, str]
    exchange: Path | None = None
    exchange_settle_s: float = 10.0
    log_format: LogFormat | None = None
    alerts: AlertSettings = AlertSettings()
    workers: int = 4
    quick_every_s: float | None = None

    def __repr__(self) -> str:
        return f"Settings(mappings={self.mappings}, language={self.language})"


def read_settings(
    mappings: Path | None = None,
    database_url: str | None = None,
    log_level: str | None = None,
    language: str | None = None,
    exchange: Path | None = None,
    folder: Path | None = None,
    *,
    log_format: str | None = None,
    serving: bool = False,
) -> Settings:
    """Put the settings together; None for a flag that was not given.

    folder: where `.env` is looked for, the current one unless told. serving: for the service, which logs more unless
    told. Raises ConfigurationError.
    """
    file = (folder or Path.cwd()) / ".env"
    environment = {**_written(file), **os.environ}
    exchange_said = exchange or environment.get(EXCHANGE)
    return Settings(
        mappings=(mappings or Path(environment.get(MAPPINGS) or "mappings")).expanduser(),
        database_url=database_url or environment.get(DATABASE_URL) or "sqlite:///stocksync.db",
        log_level=_word(
            log_level or environment.get(LOG_LEVEL) or ("info" if serving else "warning"), LOG_LEVELS, LOG_LEVEL
        ),
        language=_language(language or environment.get(LANGUAGE) or "fr"),
        environment=environment,
        exchange=Path(exchange_said).expanduser() if exchange_said else None,
        exchange_settle_s=_seconds(environment.get(EXCHANGE_SETTLE_S) or "10", EXCHANGE_SETTLE_S),
        log_format=_log_format(log_format or environment.get(LOG_FORMAT)),
        alerts=AlertSettings(
            smtp_url=environment.get(ALERT_SMTP_URL, ""),
            sender=environment.get(ALERT_FROM, ""),
            recipients=environment.get(ALERT_TO, ""),
            webhook=environment.get(ALERT_WEBHOOK, ""),
            webhook_secret=environment.get(ALERT_WEBHOOK_SECRET, ""),
        ),
        workers=_workers(environment.get(WORKERS) or "4"),
        quick_every_s=_quick_every_s(environment.get(QUICK_EVERY_S)),
    )


def _written(file: Path) -> dict[str, str]:
    """What `.env` holds; editors of Windows put a byte order mark before it."""
    if not file.is_file():
        return {}
    try:
        said = dotenv_values(file, encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is not UTF-8 (byte {error.start}): save it as UTF-8.") from None
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror or error}.") from None
    return {name: value for name, value in said.items() if value is not None}


def _word(said: str, allowed: tuple[str, ...], name: str) -> str:
    if said.lower() not in allowed:
        raise ConfigurationError(f"{name} is {said!r}; use one of {', '.join(allowed)}.")
    return said.lower()


def _seconds(said: str, name: str) -> float:
    try:
        seconds_s = float(said)
    except ValueError:
        seconds_s = math.nan
    if not 0 <= seconds_s <= _A_DAY_S:
        raise ConfigurationError(f"{name} is {said!r}; give seconds, such as 10, and a day at most.")
    return seconds_s


def _workers(said: str) -> int:
    if not (said.isascii() and said.isdecimal() and 1 <= int(said) <= _MOST_WORKERS):
        raise ConfigurationError(f"{WORKERS} is {said!r}; give a number from 1 to {_MOST_WORKERS}.")
    return int(said)


def _quick_every_s(said: str | None) -> float | None:
    seconds_s = _seconds(said, QUICK_EVERY_S) if said else None
    if seconds_s is not None and seconds_s < 1:
        raise ConfigurationError(f"{QUICK_EVERY_S} is {said!r}; give one second at least.")
    return seconds_s


def _language(said: str) -> Language:
    return "fr" if _word(said, LANGUAGES, LANGUAGE) == "fr" else "en"


def _log_format(said: str | None) -> LogFormat | None:
    if not said:
        return None
    return "json" if _word(said, LOG_FORMATS, LOG_FORMAT) == "json" else "console"
