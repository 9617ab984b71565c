"""Which values of the environment are secrets, and how each may be spelled in a text.

A secret is what the mapping files name under `secrets`, what a variable's own name says it is, the password in an
address, and all of the alert webhook's address but its host. The mapping files are read as text: also a mapping that
cannot be loaded must not show its secrets in the complaint.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

SHORTEST_SECRET: Final = 6
"""Anything shorter would blot words and figures that mean nothing."""
_SHORTEST_IN_PATH: Final = 12
"""Shorter parts of a path are words, such as `services`."""
_MAX_BYTES: Final = 4 * 1024 * 1024
_SAYS_SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|(?:^|_)(?:API)?(?:KEY|AUTH|PASS|PWD)(?:_|$)", re.IGNORECASE)
_NO_SECRETS: Final = frozenset({"PWD", "SSH_AUTH_SOCK"})
"""Variables of the machine itself that hold paths."""
_WEBHOOK: Final = "STOCKSYNC_ALERT_WEBHOOK"
_SECRETS_BLOCK = re.compile(r"^[^\n#]*\bsecrets:[ \t]*(\{[^}]*\}|[^\n]*(?:\n[ \t]+[^\n]*)*)", re.MULTILINE)
_NAMED = re.compile(r":[ \t]*[\"']?([A-Za-z_][A-Za-z0-9_]*)")


def secrets_of(environment: Mapping[str, str], mappings: Path | None) -> frozenset[str]:
    """Every secret of the environment that is long enough to be told from a word; never raises."""
    named = _named_by(mappings)
    found = set()
    for variable, value in environment.items():
        if variable in named or (_SAYS_SECRET.search(variable) and variable not in _NO_SECRETS):
            found.add(value.strip())
        found.update(_in_address(value, whole=variable == _WEBHOOK))
    return frozenset(secret for secret in found if len(secret) >= SHORTEST_SECRET)


def spellings_of(secret: str) -> Iterator[str]:
    """A secret as it is, and as JSON, Python, an address and Basic authentication spell it."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield quote(secret, safe="")
    yield quote(secret)
    yield quote_plus(secret)
    yield base64.b64encode(secret.encode(errors="replace")).decode().rstrip("=")


def personal_attributes(mappings: Path | None) -> frozenset[str]:
    """The attributes that vehicle.yaml marks as personal; none where it cannot be read."""
    from stocksync.mapping.source import read_source

    raw = _bytes_of(mappings / "vehicle.yaml") if mappings is not None else b""
    try:
        data = read_source(raw, "vehicle.yaml").data
        attributes = data["attributes"].items()
        return frozenset(name for name, said in attributes if isinstance(said, dict) and said.get("personal") is True)
    except (KeyError, TypeError, AttributeError, RecursionError, ValueError):
        return frozenset()


def _named_by(mappings: Path | None) -> frozenset[str]:
    text = _bytes_of(mappings / "points_of_sale.yaml").decode(errors="replace") if mappings is not None else ""
    return frozenset(name for block in _SECRETS_BLOCK.findall(text) for name in _NAMED.findall(block))


def _in_address(value: str, *, whole: bool) -> Iterator[str]:
    if "://" not in value:
        return
    # Also one that is not escaped as it should be: it ends before the last @.
    told = value.partition("://")[2].rpartition("@")[0].partition(":")[2].strip()
    if told:
        yield told
        yield unquote(told)
    try:
        parts = urlsplit(value.strip())
        password = parts.password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)
    if whole:
        yield from (part for part in (*parts.path.split("/"), parts.path.strip("/")) if len(part) >= _SHORTEST_IN_PATH)
        yield from (pair.partition("=")[2] for pair in parts.query.split("&"))


def _bytes_of(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_MAX_BYTES)
    except (OSError, ValueError):
        return b""
