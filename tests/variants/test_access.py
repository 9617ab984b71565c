"""Tokens: fetched once for all, kept, fetched again in time, and shown to nobody."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from stocksync.adapters.systems.rest import RestSystem
from stocksync.errors import (
    AccessDenied,
    ConfigurationError,
    RateLimited,
    StocksyncError,
    SystemUnavailable,
)
from tests.contract.clock import PaperClock
from tests.contract.scripted import Act, ScriptedServer, answer, reset
from tests.variants.server import SECRET, VariantServer
from tests.variants.variants import BY_NAME

OAUTH = BY_NAME["offsets by a total, OAuth2, PUT whole under a strong ETag"]
ENVELOPE = BY_NAME["one answer in an envelope, errors too, OAuth2"]
FROM_ENVIRONMENT = next(variant for variant in BY_NAME.values() if variant.habits.auth == "oauth2_body")


@pytest.fixture
def server() -> Iterator[VariantServer]:
    """A server that gives tokens."""
    with VariantServer(OAUTH.habits) as server:
        server.add(2)
        yield server


@pytest.fixture
def clock() -> PaperClock:
    """A clock on which nothing takes time."""
    return PaperClock()


def fetched(server: VariantServer) -> int:
    """How many tokens were fetched."""
    return sum(asked.path == "/token" for asked in server.asked)


def test_points_of_sale_share_a_token(server: VariantServer, clock: PaperClock) -> None:
    for _ in range(3):
        with closing(OAUTH.system(server, clock)) as system:
            assert system.read("V100") is not None
    assert fetched(server) == 1


def test_many_threads_wait_for_one_token(server: VariantServer, clock: PaperClock) -> None:
    together = threading.Barrier(8)

    def read(system: RestSystem) -> bool:
        together.wait(10)
        return system.read("V100") is not None

    with closing(OAUTH.system(server, clock)) as system, ThreadPoolExecutor(8) as threads:
        assert all(threads.map(read, [system] * 8))
    assert fetched(server) == 1


@pytest.mark.parametrize(("life_s", "usable_s"), [(3600, 3540), (100, 50), (None, 240)])
def test_a_token_is_used_until_shortly_before_its_end(
    server: VariantServer, clock: PaperClock, life_s: int | None, usable_s: int
) -> None:
    server.token_life_s = life_s
    with closing(OAUTH.system(server, clock)) as system:
        system.read("V100")
        clock.at += timedelta(seconds=usable_s - 1)
        system.read("V100")
        assert fetched(server) == 1
        clock.at += timedelta(seconds=1)
        system.read("V100")
        assert fetched(server) == 2


@pytest.mark.parametrize("variant", [OAUTH, ENVELOPE], ids=["by a status", "in an envelope"])
def test_a_token_that_was_taken_back_is_replaced_and_the_request_goes_once_more(
    variant: Any, clock: PaperClock
) -> None:
    with VariantServer(variant.habits) as server, closing(variant.system(server, clock)) as system:
        server.add(1)
        system.read("V100")
        server.tokens = dict.fromkeys(server.tokens, False)
        assert system.update("V100", {"km": 5}, None, "key-1").body["km"] == 5
        assert server.stock["V100"]["km"] == 5
        assert fetched(server) == 2


def test_a_token_that_is_refused_as_soon_as_it_is_given_is_no_matter_of_time(
    server: VariantServer, clock: PaperClock
) -> None:
    server.tokens = {}
    given = server._token

    def refused_later(asked: Any) -> Any:
        reply = given(asked)
        server.tokens = dict.fromkeys(server.tokens, False)
        return reply

    server._token = refused_later  # type: ignore[method-assign]
    with closing(OAUTH.system(server, clock)) as system:
        with pytest.raises(AccessDenied, match=r"not with Bearer \*\*\*"):
            system.read("V100")
        assert [asked.path for asked in server.asked] == ["/token", "/api/cars/V100"]


def test_no_token_is_in_a_message_a_log_or_a_representation(
    server: VariantServer, clock: PaperClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with closing(OAUTH.system(server, clock)) as system:
        system.read("V100")
        [token] = server.tokens
        server.tokens[token] = False
        server.busy = 99
        with pytest.raises(StocksyncError) as error:
            system.update("V100", {"km": 1}, None, "key-1")
        [_, second] = server.tokens
        shown = f"{error.value} {system._client._access!r} {vars(system._client._access)!r} {caplog.text}"
        assert not [text for text in (token, second, SECRET) if text in shown]


# Token services that do not work


@pytest.fixture
def play() -> Iterator[Any]:
    """Start a token service that plays acts, and a client that has its address from the environment."""
    opened: list[Any] = []

    def start(*acts: Act) -> tuple[RestSystem, VariantServer, ScriptedServer]:
        server, service = VariantServer(FROM_ENVIRONMENT.habits).__enter__(), ScriptedServer(list(acts)).__enter__()
        server.add(1)
        system = FROM_ENVIRONMENT.system(server, PaperClock(), secrets={"token_url": f"{service.url}/t"}, attempts=1)
        opened.append((system, server, service))
        return system, server, service

    yield start
    for system, *servers in opened:
        system.close()
        for server in servers:
            server.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("act", "kind", "says"),
    [
        (
            answer({"error": "invalid_scope", "error_description": SECRET}, status=400),
            AccessDenied,
            r"\(invalid_scope \*",
        ),
        (answer(status=403), AccessDenied, "gives us no token: POST /t gave 403"),
        (answer("<html>", content_type="text/html"), AccessDenied, "without a bearer token"),
        (answer({"access_token": "a b", "token_type": "bearer"}), AccessDenied, "without a bearer token"),
        (answer({"access_token": "ab", "token_type": "mac"}), AccessDenied, "without a bearer token"),
        (answer(status=302, Location="http://evil.example/"), AccessDenied, "redirect"),
        (answer(status=429, Retry_After="9"), RateLimited, "asks us to slow down"),
        (answer(status=503), SystemUnavailable, "does not work at present"),
        (reset(), SystemUnavailable, "broke off POST /t"),
        (answer('{"access_token": "' + "x" * 200_000 + '"}'), AccessDenied, "more than 100,000 bytes"),
    ],
)
def test_without_a_token_nothing_is_sent_and_that_is_known(
    play: Any, act: Act, kind: type[StocksyncError], says: str
) -> None:
    system, server, _ = play(act)
    with pytest.raises(kind, match=says) as error:
        system.create({"km": 1}, "key-1")
    assert "token service of the DMS" in str(error.value)
    assert SECRET not in str(error.value)
    assert server.asked == []
    if isinstance(error.value, SystemUnavailable):
        assert error.value.unsent


def test_our_secret_is_shown_to_the_token_service_and_only_the_token_to_the_system(play: Any) -> None:
    system, server, service = play(answer({"access_token": "abc-123-def", "token_type": "bearer"}))
    with pytest.raises(AccessDenied, match=r"not with Bearer \*\*\*"):
        system.read("V100")
    [asked] = service.asked
    assert (asked.method, asked.headers.get("Authorization")) == ("POST", None)
    assert SECRET.encode() in asked.body
    assert server.asked[0].headers["Authorization"] == "Bearer abc-123-def"


@pytest.mark.parametrize(
    "url", ["http://login.example/t", "https://u:p@login.example/t", "https://169.254.169.254/t", "ftp://x/t", "x"]
)
def test_a_token_address_that_may_not_be_used_is_a_setting_to_correct(server: VariantServer, url: str) -> None:
    with pytest.raises(ConfigurationError, match="The address of the token service of the DMS"):
        FROM_ENVIRONMENT.system(server, secrets={"token_url": url})


@pytest.mark.parametrize("secrets", [{"client": ""}, {"key": "a\nb"}, {"token_url": ""}])
def test_what_a_client_needs_and_has_not_is_a_setting_to_correct(
    server: VariantServer, secrets: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError, match=r"The secret '[a-z_]+' of the DMS"):
        FROM_ENVIRONMENT.system(server, secrets=secrets)


def test_a_user_with_a_colon_cannot_be_told_from_its_password(server: VariantServer) -> None:
    basic = next(variant for variant in BY_NAME.values() if variant.habits.auth == "basic")
    with pytest.raises(ConfigurationError, match="holds no colon"):
        basic.system(server, secrets={"user": "a:b"})
