"""What the settings of a REST system refuse, and what each of them says of itself."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from stocksync.mapping import connection as connection_models
from stocksync.mapping import connection_auth, connection_paging, connection_writing
from stocksync.mapping.connection import RestConnection
from stocksync.mapping.grammar import read_as
from stocksync.mapping.models import SideFile
from stocksync.mapping.source import read_source
from tests.contract.connections import DMS, VEHICLE_MODULE, connection
from tests.variants.variants import VARIANTS

SHIPPED = Path(__file__).resolve().parents[2] / "mappings" / "pairs" / "openflex-icar" / "dms.yaml"
UPDATE = {"method": "PATCH", "path": "/cars/{id}"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"auth": {"scheme": "api_key", "secret": "key"}}, "header or query is due"),
        ({"auth": {"scheme": "api_key", "secret": "key", "header": "X-K", "query": "k"}}, "header or query is due"),
        ({"auth": {"scheme": "api_key", "secret": "key", "header": "X K"}}, "a header's name is due"),
        ({"auth": {"scheme": "oauth2", "client_id": "a", "secret": "b"}}, "token_url or token_url_from is due"),
        (
            {"auth": {"scheme": "oauth2", "client_id": "a", "secret": "b", "token_url": "t"}},
            "a path at the system's own",
        ),
        (
            {"auth": {"scheme": "oauth2", "client_id": "a", "secret": "b", "token_url": "https://u:p@x/t"}},
            "a path at the system's own",
        ),
        ({"paging": {"style": "page", "parameter": "page"}}, "what shows that no page is missing"),
        ({"paging": {"style": "offset", "parameter": "from"}}, "what shows that no page is missing"),
        ({"paging": {"style": "next_link", "next": "next"}}, "what shows that no page is missing"),
        ({"paging": {"style": "link_header"}}, "what shows that no page is missing"),
        ({"paging": {"style": "page", "parameter": "p", "complete_when": "short_page"}}, "size is due"),
        ({"paging": {"style": "page", "parameter": "p", "pages": "n", "size_parameter": "s"}}, "size is due"),
        ({"paging": {"style": "none", "total": "n", "total_header": "X-N"}}, "total or total_header is due, not both"),
        ({"paging": {"style": "page", "parameter": "p", "pages": "n", "first": 2}}, "0 or 1"),
        ({"form": "lines", "items": "cars"}, "lines are records themselves"),
        ({"form": "lines", "paging": {"style": "none", "total": "n"}}, "lines hold nothing but records"),
        ({"form": "lines", "envelope": yaml.safe_load(DMS)["connection"]["envelope"]}, "lines have no envelope"),
        ({"envelope": yaml.safe_load(DMS)["connection"]["envelope"], "errors": {}}, "leave out errors"),
        ({"limits": {"burst": 3}}, "per_second or per_day is due"),
        ({"limits": {"per_second": 0}}, "greater than 0"),
        ({"update": UPDATE | {"version_field": "rev"}}, "goes with `precondition: field`"),
        ({"update": UPDATE | {"id_at": "id"}}, "goes with `answer: id`"),
        ({"update": UPDATE | {"leave_out": ["id"]}}, "leave_out goes with"),
        ({"update": UPDATE | {"stale_statuses": [200]}}, "greater than or equal to 400"),
        ({"changes": {"parameter": "s", "stamp": "at", "format": "epoch"}}, "rfc3339, epoch_s or epoch_ms is due"),
        ({"changes": {"parameter": "s", "stamp": "at", "template": "at>="}}, "{since} is due in it, once"),
    ],
)
def test_settings_that_cannot_work_together_are_refused_with_what_is_due(changes: dict[str, Any], says: str) -> None:
    listing: dict[str, Any] = {"path": "/cars", "paging": {"style": "none"}}
    in_listing = {name: changes[name] for name in ("paging", "form", "items", "changes") if name in changes}
    settings = {
        "protocol": "rest",
        "auth": {"scheme": "bearer", "secret": "key"},
        "list": listing | in_listing,
        "read": {"path": "/cars/{id}"},
        "update": UPDATE,
    }
    RestConnection.model_validate(settings | {"list": listing})
    with pytest.raises(ValidationError) as error:
        RestConnection.model_validate(settings | {name: changes[name] for name in changes.keys() - in_listing.keys()})
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("said", "instead", "where", "says"),
    [
        (", pages: nb_pages, total: total", "", "connection.list.paging", "what shows that no page is missing?"),
        ("style: page", "style: pages", "connection.list.paging.style", "unknown value"),
        ("total: total}", "totl: total}", "connection.list.paging.totl", "unknown key"),
        ("scheme: api_key, header: X-Api-Key", "scheme: api_key", "connection.auth", "header or query is due"),
        ("precondition: none", "stale_statuses: [9]", "connection.update.stale_statuses.0", "greater than or equal"),
        ("precondition: none", "stale_statuses: 409", "connection.update.stale_statuses", "must be a list"),
        ("precondition: none", "limits: {}", "connection.update.limits", "unknown key"),
    ],
)
def test_a_mistake_in_a_mapping_file_is_told_where_it_stands(said: str, instead: str, where: str, says: str) -> None:
    text = SHIPPED.read_text("utf-8")
    assert text.count(said) == 1
    source = read_source(text.replace(said, instead).encode(), "dms.yaml")
    assert read_as(SideFile, source) is None
    assert [problem.where for problem in source.problems] == [where]
    assert says in source.problems[0].message


def test_every_setting_says_what_it_means() -> None:
    modules = (connection_models, connection_auth, connection_paging, connection_writing)
    models = {
        model
        for module in modules
        for model in vars(module).values()
        if isinstance(model, type) and issubclass(model, BaseModel) and model.__name__ != "MemoryConnection"
    }
    silent = [f"{m.__name__}.{name}" for m in models for name, it in m.model_fields.items() if not it.description]
    assert [name for name in silent if not name.startswith("Files")] == []


def test_every_setting_that_changes_what_is_spoken_is_in_a_row() -> None:
    """A new word of the language needs a row."""
    words: set[str] = set()
    for variant in VARIANTS:
        _collect(variant.connection(), words)
    schema = RestConnection.model_json_schema()
    due = {
        f"{name}.{key}={word}"
        for name, part in schema["$defs"].items()
        for key, it in part["properties"].items()
        for word in (*it.get("enum", ()), *_inner(it))
        if (name, key) not in {("ReserveOperation", "method")}
    }
    assert due - words == set()


def _inner(it: dict[str, Any]) -> list[Any]:
    found = [word for option in it.get("anyOf", ()) for word in option.get("enum", ())]
    found += [option["const"] for option in it.get("anyOf", ()) if "const" in option]
    return [*found, it["const"]] if "const" in it else found


def _collect(model: BaseModel, words: set[str]) -> None:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            _collect(value, words)
        elif isinstance(value, str | int):
            words.add(f"{type(model).__name__}.{name}={value}")


def test_each_scheme_names_every_secret_it_needs() -> None:
    names = {variant.connection().auth.secret_names for variant in VARIANTS}
    assert names == {(), ("key",), ("user", "key"), ("client", "key"), ("client", "key", "token_url")}
    assert connection(VEHICLE_MODULE).auth.secret_names == ("token",)
