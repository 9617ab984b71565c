"""Tokens that are fetched with a client's id and secret (RFC 6749, 4.4), kept until shortly before their end.

Points of sale that use the same client share its token, in this process. One thread fetches, the others wait for it.

Own code and no library: Authlib's client for httpx fits where it may make the requests itself. Ours go over sockets
with a deadline and a cap, to checked addresses, and are told apart by whether they were sent at all; its synchronous
client also takes no lock while it fetches, and forgets the audience when it fetches again.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Lock
from typing import Any
from urllib.parse import quote_plus, urlencode

from stocksync.adapters.systems import strict_json
from stocksync.adapters.systems.answers import quoted, retry_after_s
from stocksync.adapters.systems.fetched import note_fetched
from stocksync.adapters.systems.http import Answer, HttpClient, Key, StandingKey, checked_base_url
from stocksync.errors import AccessDenied, RateLimited, SystemUnavailable, UnexpectedAnswer
from stocksync.sync.ports import Clock

_TOKEN = re.compile(r"[\x21-\x7e]{1,16000}")
_CAP_BYTES = 100_000
_UNSAID_LIFE_S = 300
_LONGEST_LIFE_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Who asks for a token, where, and for what.

    in_body: whether id and secret stand in the form, and not in the header. margin_s: how long before its end a token
    is no longer used.
    """

    token_url: str
    client_id: str
    secret: str = field(repr=False)
    scope: str | None = None
    audience: str | None = None
    in_body: bool = False
    margin_s: int = 60

    @property
    def basic(self) -> str:
        """Id and secret as one header carries them; each is form-encoded first (RFC 6749, 2.3.1)."""
        return base64.b64encode(f"{quote_plus(self.client_id)}:{quote_plus(self.secret)}".encode()).decode()


@dataclass(slots=True)
class _Kept:
    """The token of one client; `lock` is held while another is fetched. before: the one that this one replaced."""

    lock: Lock = field(default_factory=Lock)
    token: str = field(default="", repr=False)
    before: str = field(default="", repr=False)
    usable_until_at: datetime | None = None


_kept: dict[tuple[str, ...], _Kept] = {}
_kept_lock = Lock()


class FetchedTokens:
    """An `Access` by tokens. Raises ConfigurationError for a token address that may not be used."""

    def __init__(self, credentials: ClientCredentials, *, name: str, clock: Clock, timeout_s: float) -> None:
        self._credentials = credentials
        self._name = f"the token service of {name}"
        self._clock = clock
        self._timeout_s = timeout_s
        self._url = checked_base_url(credentials.token_url, self._name)
        with _kept_lock:
            self._kept = _kept.setdefault(_identity(credentials), _Kept())

    def __repr__(self) -> str:
        return f"FetchedTokens({self._name})"

    def key(self) -> Key:
        """A token that still lives, fetched where there is none."""
        kept = self._kept
        if not kept.lock.acquire(timeout=2 * self._timeout_s):
            raise SystemUnavailable(
                f"{self._name[:1].upper()}{self._name[1:]} keeps us waiting: try again later", unsent=True
            )
        try:
            fetches = kept.usable_until_at is None or self._clock.now_at() >= kept.usable_until_at
            if fetches:
                self._fetch(kept)
            return Key("Authorization", kept.token, prefix="Bearer ", fresh=fetches)
        finally:
            kept.lock.release()

    def renew(self, refused: Key) -> bool:
        """Have the refused token replaced, unless another thread did; no use iff it was new."""
        with self._kept.lock:
            if self._kept.token == refused.secret:
                self._kept.usable_until_at = None
        return not refused.fresh

    def hidden(self) -> tuple[str, ...]:
        """The client's secret and the last tokens; not the client's id, which is none."""
        given = self._credentials
        return tuple(
            filter(None, (given.secret, quote_plus(given.secret), given.basic, self._kept.token, self._kept.before))
        )

    def _fetch(self, kept: _Kept) -> None:
        asked_at = self._clock.now_at()
        answer, sentence = self._answer()
        said = _parsed(answer)
        if answer.status != 200:
            raise self._refusal(answer, said, sentence)
        token, kind = said.get("access_token"), said.get("token_type", "bearer")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token) or str(kind).lower() != "bearer":
            raise AccessDenied(sentence("answered without a bearer token: check its address and the client"))
        life = timedelta(seconds=_life_s(said.get("expires_in")))
        note_fetched(token)
        kept.before, kept.token = kept.token, token
        # Half its life at least, however large the margin: a token that is never used would be fetched for ever.
        kept.usable_until_at = asked_at + max(life - timedelta(seconds=self._credentials.margin_s), life / 2)

    def _answer(self) -> tuple[Answer, Callable[[str], str]]:
        given = self._credentials
        form = {"grant_type": "client_credentials", "scope": given.scope, "audience": given.audience}
        if given.in_body:
            form |= {"client_id": given.client_id, "client_secret": given.secret}
        shown = Key("", "") if given.in_body else Key("Authorization", given.basic, prefix="Basic ")
        client = HttpClient(
            str(self._url),
            name=self._name,
            access=StandingKey(shown, self.hidden()),
            timeout_s=self._timeout_s,
            body_cap_bytes=_CAP_BYTES,
            connections=1,
        )
        content = urlencode({name: value for name, value in form.items() if value is not None}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            where = self._url.path
            return client.send("POST", where, headers=headers, content=content, url=self._url), client.sentence
        except SystemUnavailable as error:
            # What was to be sent with the token was not: whoever waits for its outcome need not wonder.
            raise SystemUnavailable(str(error), unsent=True) from error
        except UnexpectedAnswer as error:
            raise AccessDenied(str(error)) from error
        finally:
            client.close()

    def _refusal(self, answer: Answer, said: Mapping[str, Any], sentence: Callable[[str], str]) -> Exception:
        why = " ".join(str(said[name]) for name in ("error", "error_description") if isinstance(said.get(name), str))
        for secret in filter(None, self.hidden()):
            why = why.replace(secret, "***")
        text = f"{answer.where} gave {answer.status}" + (f" ({quoted(why)})" if why else "")
        if answer.status == 429:
            wait_s = retry_after_s(answer.headers, self._clock.now_at())
            return RateLimited(sentence(f"asks us to slow down: {text}; try again later"), wait_s)
        if answer.status == 408 or answer.status >= 500:
            return SystemUnavailable(sentence(f"does not work at present: {text}; try again later"), unsent=True)
        return AccessDenied(sentence(f"gives us no token: {text}; check the client's id and secret"))


def _identity(credentials: ClientCredentials) -> tuple[str, ...]:
    """Whose token it is, and for what; the secret only as a digest, as this outlives its user."""
    digest = hashlib.sha256(credentials.secret.encode()).hexdigest()
    return (credentials.token_url, credentials.client_id, digest, credentials.scope or "", credentials.audience or "")


def _parsed(answer: Answer) -> Mapping[str, Any]:
    try:
        said = strict_json.parsed(answer.content)
    except strict_json.NotJson:
        return {}
    return said if isinstance(said, Mapping) else {}


def _life_s(said: Any) -> float:
    """How long a token lives; some services spell the number as a text, some say nothing."""
    if isinstance(said, str) and re.fullmatch(r"[0-9]{1,9}", said):
        said = int(said)
    if isinstance(said, bool) or not isinstance(said, int | Decimal) or said <= 0:
        return _UNSAID_LIFE_S
    return float(min(said, _LONGEST_LIFE_S))
