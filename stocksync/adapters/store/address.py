"""The address of a database as people type it: read, and told without anything of its password."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from stocksync.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import URL

UNESCAPED: Final = (
    "The database address holds an @ that does not stand before the host. In a user's name, a password and a "
    "database's name write @ as %40, / as %2F, : as %3A, ? as %3F, # as %23 and % as %25."
)
UNREADABLE: Final = (
    "The database address cannot be read; give one like sqlite:///stocksync.db or "
    "postgresql://user:password@host/stocksync with --database or STOCKSYNC_DATABASE_URL. In a password write @ as %40 "
    "and / as %2F."
)
_PERSON: Final = re.compile(r"(?:[^:/]*(?::[^@]*)?@)?")
"""User and password, as SQLAlchemy reads them."""
_SHORTEST: Final = 3
_BLOT: Final = "xxx"
"""Of letters: asterisks would be escaped in the options of an address."""


class Unescaped(ConfigurationError):
    """A part of a password would be taken for a host, and be told as one."""


def read_address(url: str) -> URL:
    """Read an address, with the driver that this program brings. Raises ConfigurationError, which quotes none of it."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    if _is_unescaped(url):
        raise Unescaped(UNESCAPED)
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError(UNREADABLE) from None
    is_plain = address.drivername in ("postgresql", "postgres")
    return address.set(drivername="postgresql+psycopg") if is_plain else address


def shown_address(address: URL) -> str:
    """An address without its password, wherever that stands."""
    query = {name: _BLOT if "password" in name else value for name, value in address.query.items()}
    return address.set(query=query).render_as_string(hide_password=True)


def without_password(text: str, address: URL) -> str:
    """What a driver says of an address, without the password should that be in it."""
    said = [address.password, *(value for name, value in address.query.items() if "password" in name)]
    for password in (part for part in said if isinstance(part, str) and len(part) >= _SHORTEST):
        text = text.replace(password, _BLOT)
    return text


def _is_unescaped(url: str) -> bool:
    scheme, _, rest = url.partition("://")
    if scheme.partition("+")[0] == "sqlite":
        return False
    person = _PERSON.match(rest)
    assert person is not None
    # Where nobody is named before the host, a password may stand among the options.
    return bool(person.group()) and "@" in rest[person.end() :]
