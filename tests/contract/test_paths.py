"""Where values stand in nested records."""

import pytest

from stocksync.mapping.paths import merged, put_at, value_at
from stocksync.stock.values import ABSENT

RECORD = {"id": "1", "sale": {"price": 5, "tax": None}, "order": None, "tags": ["a"]}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id", "1"),
        ("sale.price", 5),
        ("sale.tax", None),
        ("order", None),
        ("sale", {"price": 5, "tax": None}),
        ("sale.invoiced", ABSENT),
        ("costs.reconditioning", ABSENT),
        ("order.id", ABSENT),
        ("id.x", ABSENT),
        ("tags.0", ABSENT),
    ],
)
def test_what_stands_at_a_path_is_found_and_absence_is_not_blankness(path: str, value: object) -> None:
    found = value_at(RECORD, path)
    assert found is value if value is ABSENT or value is None else found == value


def test_what_is_put_at_a_path_is_found_there_beside_the_rest() -> None:
    body: dict[str, object] = {"sale": {"price": 5}}
    put_at(body, "sale.tax", 1)
    put_at(body, "a.b.c", None)
    assert body == {"sale": {"price": 5, "tax": 1}, "a": {"b": {"c": None}}}


def test_nothing_is_put_through_what_is_no_object() -> None:
    with pytest.raises(ValueError, match="leads through 'id'"):
        put_at({"id": "1"}, "id.x", 1)


def test_a_merge_touches_neither_side() -> None:
    changes = {"sale": {"price": 6}, "order": {"id": "o"}, "tags": []}
    result = merged(RECORD, changes)
    result["order"]["id"] = "changed"
    assert result["sale"] == {"price": 6, "tax": None}
    assert result["tags"] == []
    assert (RECORD["order"], RECORD["sale"], changes["order"]) == (
        None,
        {"price": 5, "tax": None},
        {"id": "o"},
    )
