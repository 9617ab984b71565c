"""What opens a system, made of its `auth` settings and of secrets: a standing key, tokens that are fetched, or nothing.

Not here: that a key goes to its own origin only, which is `http`; how tokens are fetched, which is `oauth2`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from stocksync.adapters.systems.http import Access, Key, StandingKey
from stocksync.adapters.systems.oauth2 import ClientCredentials, FetchedTokens
from stocksync.errors import ConfigurationError
from stocksync.mapping.connection_auth import ApiKeyAuth, Auth, BasicAuth, BearerAuth, NoAuth, OAuth2Auth
from stocksync.sync.ports import Clock

_HEADER_TEXT = re.compile(r"[\x21-\x7e]+")


def open_access(
    auth: Auth, secrets: Mapping[str, str], *, base_url: str, name: str, clock: Clock, timeout_s: float
) -> Access:
    """Make what opens a system; ConfigurationError for a secret or an address that is missing or cannot be used."""
    match auth:
        case BearerAuth():
            return StandingKey(Key("Authorization", checked_secret(secrets, auth.secret, name), prefix="Bearer "))
        case ApiKeyAuth():
            secret = checked_secret(secrets, auth.secret, name)
            return StandingKey(Key(auth.header or "", secret, auth.prefix, auth.query or ""))
        case BasicAuth():
            return _basic(auth, secrets, name)
        case OAuth2Auth():
            return _fetched(auth, secrets, base_url, name, clock, timeout_s)
        case NoAuth():
            return NoKey()


class NoKey:
    """An `Access` to what is open: requests carry no key."""

    def key(self) -> Key:
        """A key that stands nowhere."""
        return Key(header="", secret="")

    def renew(self, refused: Key) -> bool:
        """There is none to be had."""
        return False

    def hidden(self) -> tuple[str, ...]:
        """Nothing is secret."""
        return ()


def checked_secret(secrets: Mapping[str, str], secret: str, name: str) -> str:
    """Give the secret of that name; ConfigurationError iff it is missing or no header can carry it."""
    value = _present(secrets, secret, name)
    if not _HEADER_TEXT.fullmatch(value):
        raise ConfigurationError(
            f"The secret {secret!r} of {name} holds a space or a character outside ASCII: copy it again"
        )
    return value


def _present(secrets: Mapping[str, str], secret: str, name: str) -> str:
    value = secrets.get(secret, "")
    if not value:
        raise ConfigurationError(f"The secret {secret!r} of {name} is missing or empty: set its variable")
    if not value.isprintable():
        raise ConfigurationError(f"The secret {secret!r} of {name} holds a line break or the like: copy it again")
    return value


def _basic(auth: BasicAuth, secrets: Mapping[str, str], name: str) -> StandingKey:
    user, password = _present(secrets, auth.user, name), _present(secrets, auth.secret, name)
    if ":" in user:
        raise ConfigurationError(
            f"The secret {auth.user!r} of {name} is a user's name, which holds no colon: correct it"
        )
    coded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return StandingKey(Key("Authorization", coded, prefix="Basic "), (password,))


def _fetched(
    auth: OAuth2Auth, secrets: Mapping[str, str], base_url: str, name: str, clock: Clock, timeout_s: float
) -> FetchedTokens:
    url = auth.token_url or _present(secrets, auth.token_url_from or "", name)
    credentials = ClientCredentials(
        token_url=base_url.rstrip("/") + url if url.startswith("/") else url,
        client_id=_present(secrets, auth.client_id, name),
        secret=_present(secrets, auth.secret, name),
        scope=auth.scope,
        audience=auth.audience,
        in_body=auth.send_as == "body",
        margin_s=auth.margin_s,
    )
    return FetchedTokens(credentials, name=name, clock=clock, timeout_s=timeout_s)
