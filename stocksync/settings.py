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
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
_A_DAY_S: Final = 24 * 3600

MAPPINGS: Final = "STOCKSYNC_MAPPINGS"
DATABASE_URL: Final = "STOCKSYNC_DATABASE_URL"
LOG_LEVEL: Final = "STOCKSYNC_LOG_LEVEL"
LANGUAGE: Final = "STOCKSYNC_LANG"
EXCHANGE: Final = "STOCKSYNC_EXCHANGE"
EXCHANGE_SETTLE_S: Final = "STOCKSYNC_EXCHANGE_SETTLE_S"


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for one command.

    environment: the process's variables over those of `.env`; never printed. exchange: the folder under which each
    point of sale has one for files, None for none. exchange_settle_s: for how long nobody must have touched a file
    that is taken in there.
    """

    mappings: Path
    database_url: str
    log_level: str
    language: Language
    environment: Mapping[str, str]
    exchange: Path | None = None
    exchange_settle_s: float = 10.0

    def __repr__(self) -> str:
        return f"Settings(mappings={self.mappings}, language={self.language})"


def read_settings(
    mappings: Path | None = None,
    database_url: str | None = None,
    log_level: str | None = None,
    language: str | None = None,
    exchange: Path | None = None,
    folder: Path | None = None,
) -> Settings:
    """Put the settings together; None for a flag that was not given.

    folder: where `.env` is looked for, the current one unless told. Raises ConfigurationError.
    """
    file = (folder or Path.cwd()) / ".env"
    environment = {**_written(file), **os.environ}
    exchange_said = exchange or environment.get(EXCHANGE)
    return Settings(
        mappings=(mappings or Path(environment.get(MAPPINGS) or "mappings")).expanduser(),
        database_url=database_url or environment.get(DATABASE_URL) or "sqlite:///stocksync.db",
        log_level=_word(log_level or environment.get(LOG_LEVEL) or "warning", LOG_LEVELS, LOG_LEVEL),
        language=_language(language or environment.get(LANGUAGE) or "fr"),
        environment=environment,
        exchange=Path(exchange_said).expanduser() if exchange_said else None,
        exchange_settle_s=_seconds(environment.get(EXCHANGE_SETTLE_S) or "10", EXCHANGE_SETTLE_S),
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


def _language(said: str) -> Language:
    return "fr" if _word(said, LANGUAGES, LANGUAGE) == "fr" else "en"
