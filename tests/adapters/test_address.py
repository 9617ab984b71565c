"""Database addresses: read as people type them, and never told with anything of a password."""

import pytest

from stocksync.adapters.store.address import read_address, shown_address, without_password
from stocksync.adapters.store.engine import open_engine
from stocksync.errors import ConfigurationError


@pytest.mark.parametrize(
    "password", ["a@zq/qz", "a@zqqz", "a@zq:qz", "a@zq?qz", "a@zq#qz", "a@zq@qz", "@zqqz", "zq/a@qz"]
)
def test_a_password_that_is_not_escaped_is_refused_with_the_remedy_and_nothing_of_it_is_told(password: str) -> None:
    with pytest.raises(ConfigurationError, match="%40") as refused:
        open_engine(f"postgresql://stocksync:{password}@127.0.0.1:1/stocksync")
    assert "zq" not in str(refused.value)
    assert "qz" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://stocksync:s3cr3t@127.0.0.1:1/stocksync?connect_timeout=1",
        "postgresql://stocksync:s3cr%2Ft@127.0.0.1:1/stocksync?connect_timeout=1",
        "postgresql://127.0.0.1:1/stocksync?user=stocksync&password=s3cr3t&connect_timeout=1",
        "postgresql://stocksync@127.0.0.1:1/stocksync?password=s3cr%40t&connect_timeout=1",
        "postgresql://stocksync:s3cr3t@127.0.0.1:1/stocksync?nonsense=1",
        "postgresql://stocksync:s3cr3t@127.0.0.1:port/stocksync",
        "oracle://stocksync:s3cr3t@127.0.0.1/stocksync",
    ],
)
def test_whatever_is_wrong_with_an_address_its_password_is_not_told(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        open_engine(url)
    assert "s3cr" not in str(refused.value)


def test_what_is_no_part_of_a_password_is_still_told() -> None:
    address = read_address("postgresql://stocksync:s3cr3t@db.example:5544/stock?password=0th3r")
    assert shown_address(address) == "postgresql+psycopg://stocksync:***@db.example:5544/stock?password=xxx"
    assert without_password("no s3cr3t for db.example", address) == "no xxx for db.example"


@pytest.mark.parametrize(
    ("url", "user", "password"),
    [
        ("postgresql://user@corp:s3cr3t@db.example/stock", "user@corp", "s3cr3t"),
        ("postgresql://u:p%40ss%2Fword@db.example/stock", "u", "p@ss/word"),
        ("postgresql://db.example/stock?user=u&password=p@ss", None, None),
        ("sqlite:////var/lib/a@b/stock.db", None, None),
    ],
)
def test_an_address_that_can_be_read_one_way_only_is_read(url: str, user: str | None, password: str | None) -> None:
    address = read_address(url)
    assert (address.username, address.password) == (user, password)
