"""A few places of a kept record are read as the whole record would be."""

from itertools import product

import pytest

from stocksync.adapters.store import codec
from stocksync.adapters.store.picking import picking, spelling
from stocksync.mapping.paths import value_at
from stocksync.stock.values import ABSENT

PATHS = ("id", "sale.price", "sale.terms.days", "characteristics", "characteristics.mileage", "nowhere", "a.b")
RECORDS = (
    '{"id":"OF-1","other":[1,{"x":2}],"sale":{"price":6990.10,"terms":{"days":30,"more":1},"more":2},"a":{"b":null}}',
    '{"id":7,"characteristics":{"mileage":12,"colour":"noir"},"id":8}',
    '{"sale":null,"id":true}',
    '{"sale":"none","characteristics":[1],"a":{"b":{"c":1}}}',
    '{"sale":{"terms":[]},"a":1.50}',
    "{}",
    "[]",
    "null",
)


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("kept", [str, str.encode], ids=["text", "bytes"])
def test_each_place_says_what_it_says_in_the_whole_record(record: str, kept: type[str]) -> None:
    whole, picked = codec.load(kept(record)), picking(PATHS)(kept(record))
    for path in PATHS:
        said = value_at(picked, path)
        assert (said, type(said)) == (value_at(whole, path), type(value_at(whole, path))), path


@pytest.mark.parametrize("record", [*RECORDS, '{"l\'\\"ann\\u00e9e\\u0001":{"":1.50}}'])
def test_what_stands_at_some_places_is_given_as_it_is_spelled(record: str) -> None:
    whole = codec.load(record)
    for paths in product((*PATHS, "sale", "l'\"année\x01."), repeat=2):
        said = [ABSENT if one is None else codec.load(one) for one in spelling(paths)(record.encode())]
        assert repr(said) == repr([value_at(whole, path) for path in paths]), paths


def test_what_no_path_names_is_not_read() -> None:
    assert picking(PATHS)(RECORDS[0]).keys() == {"id", "sale", "a"}


@pytest.mark.parametrize("key", ["Année", "Prix d'achat (€)", "里程", "l'\"année\x01", "é\\"])
def test_a_place_is_found_by_its_name_in_any_letters(key: str) -> None:
    record = codec.dump_bytes({"other": 1, key: {key: "said"}})
    assert picking([f"{key}.{key}"])(record) == {key: {key: "said"}}
    assert spelling([f"{key}.{key}"])(record) == (b'"said"',)


def test_what_is_no_json_is_refused_as_it_is_where_all_is_read() -> None:
    with pytest.raises(ValueError, match="truncated"):
        picking(PATHS)('{"id":')
