"""Every way of speaking that the settings know, each in a row at least: what settings say, and what a server does.

A row is a system as there could be one; the rows are combined so that each setting is met, not their full product.
"""

from dataclasses import dataclass
from typing import Any

import yaml

from stocksync.adapters.systems.rest import RestSystem
from stocksync.mapping.connection import RestConnection
from tests.contract.clock import PaperClock
from tests.variants.server import CLIENT, SECRET, SITE, USER, Habits, VariantServer

SECRETS = {"key": SECRET, "user": USER, "client": CLIENT}


@dataclass(frozen=True)
class Variant:
    """One row.

    settings: the `connection`, as a mapping file says it. version_path: where the records hold their version. shrinks:
    whether a record that leaves a page while others are listed has to be noticed; grows: whether one that comes has.
    """

    name: str
    settings: str
    habits: Habits
    version_path: str | None = None
    shrinks: bool = True
    grows: bool = True

    def connection(self, **changes: Any) -> RestConnection:
        """Read the settings as a mapping file is read, with some of them changed."""
        return RestConnection.model_validate({"protocol": "rest", **yaml.safe_load(self.settings), **changes})

    def system(self, server: VariantServer, clock: PaperClock | None = None, **changes: Any) -> RestSystem:
        """A client of a server of this kind."""
        secrets = SECRETS | {"token_url": f"{server.url}/token"} | changes.pop("secrets", {})
        return RestSystem(
            self.connection(**changes),
            base_url=server.url,
            secrets=secrets,
            point_of_sale_code=SITE,
            id_path="id",
            version_path=self.version_path,
            clock=clock or PaperClock(),
            name="the DMS",
        )


VARIANTS = [
    Variant(
        "pages from 0 by a total in a header, merge patch, If-Match of a field",
        """
        auth: {scheme: api_key, header: X-Key, prefix: "Key ", secret: key}
        list:
          path: /api/cars
          query: {site: "{point_of_sale}"}
          items: data.cars
          paging: {style: page, parameter: page, first: 0, size: 3, size_parameter: size, total_header: X-Total}
          changes: {parameter: since, stamp: changed, format: rfc3339, overlap_s: 0}
        read: {path: "/api/cars/{id}"}
        create: {method: POST, path: /api/cars}
        update: {method: PATCH, path: "/api/cars/{id}", content_type: application/merge-patch+json, precondition: etag}
        """,
        Habits(
            paging="page", first=0, counts=frozenset({"total_header"}), auth="header", prefix="Key ", version="quoted"
        ),
        version_path="rev",
    ),
    Variant(
        "pages by their number, records under their ids, partial PUT, 204 and Location",
        """
        auth: {scheme: bearer, secret: key}
        list:
          path: /api/cars
          query: {site: "{point_of_sale}", size: 3}
          items: data.cars
          form: keyed
          paging: {style: page, parameter: page, pages: pages}
        read: {path: "/api/cars/{id}"}
        create: {method: POST, path: /api/cars, answer: location}
        update: {method: PUT, path: "/api/cars/{id}", answer: nothing}
        errors: {message: message, fields: errors}
        """,
        Habits(
            counts=frozenset({"pages"}),
            form="keyed",
            takes="partial",
            method="PUT",
            answers="location",
            errors="mapping",
        ),
        shrinks=False,
    ),
    Variant(
        "pages until a short one, a list and nothing else, PUT whole, seconds since 1970",
        """
        auth: {scheme: api_key, query: key, secret: key}
        list:
          path: /api/cars
          query: {site: "{point_of_sale}"}
          paging: {style: page, parameter: page, size: 3, size_parameter: size, complete_when: short_page}
          changes: {parameter: since, stamp: changed, format: epoch_s, overlap_s: 0}
        read: {path: "/api/cars/{id}"}
        create: {method: POST, path: /api/cars}
        update: {method: PUT, path: "/api/cars/{id}", send: whole, leave_out: [changed]}
        errors: {message: errors, fields: errors, field: source.pointer, field_message: detail}
        limits: {per_second: 100, burst: 20, per_day: 1000}
        """,
        Habits(
            counts=frozenset(),
            items=None,
            auth="query",
            takes="whole",
            method="PUT",
            errors="pointers",
            stamps="epoch_s",
        ),
        shrinks=False,
    ),
    Variant(
        "pages until an empty one, records inside items, a verb path, the version in the body",
        """
        auth: {scheme: basic, user: user, secret: key}
        list:
          path: /api/cars
          query: {site: "{point_of_sale}", size: 3}
          items: data.cars
          each: item.car
          paging: {style: page, parameter: page, complete_when: empty_page}
        read: {path: "/api/cars/{id}", item: item.car}
        create:
          method: POST
          path: /api/cars
          wrap: car
          extra: {by: "stocksync of {point_of_sale}"}
          answer: id
          id_at: made.number
        update:
          method: POST
          path: "/api/cars/{id}/update"
          wrap: car
          extra: {by: "stocksync of {point_of_sale}"}
          precondition: field
          version_type: number
          stale_statuses: [409]
          answer: id
        errors: {message: errors, fields: errors, field: source.pointer, field_message: detail}
        """,
        Habits(
            counts=frozenset(),
            each="item.car",
            auth="basic",
            version="field",
            method="POST",
            verb="update",
            wrap="car",
            wants=("by", f"stocksync of {SITE}"),
            answers="id",
            errors="pointers",
        ),
        version_path="rev",
        shrinks=False,
    ),
    Variant(
        "offsets by a total, OAuth2, PUT whole under a strong ETag",
        """
        auth:
          {scheme: oauth2, token_url: /token, client_id: client, secret: key, scope: stock.write, audience: cars}
        list:
          path: /api/cars
          query: {site: "{point_of_sale}"}
          items: data.cars
          paging: {style: offset, parameter: offset, size: 3, size_parameter: size, total: total}
        read: {path: "/api/cars/{id}"}
        create: {method: POST, path: /api/cars}
        update: {method: PUT, path: "/api/cars/{id}", send: whole, precondition: etag_header}
        """,
        Habits(paging="offset", auth="oauth2_basic", version="strong", takes="whole", method="PUT"),
    ),
    Variant(
        "offsets until a short page, keyed and nothing else, OAuth2 in the form, top-level patch under a weak ETag",
        """
        auth:
          scheme: oauth2
          token_url_from: token_url
          client_id: client
          secret: key
          scope: stock.write
          audience: cars
          send_as: body
        list:
          path: /api/cars
          query: {site: "{point_of_sale}"}
          form: keyed
          paging: {style: offset, parameter: offset, size: 3, size_parameter: size, complete_when: short_page}
        read: {path: "/api/cars/{id}"}
        create: {method: POST, path: /api/cars, answer: location}
        update: {method: PATCH, path: "/api/cars/{id}", send: top_level, precondition: etag_header, answer: nothing}
        """,
        Habits(
            paging="offset",
            counts=frozenset(),
            form="keyed",
            items=None,
            auth="oauth2_body",
            version="weak",
            takes="top_level",
            answers="location",
            errors="plain",
        ),
        shrinks=False,
    ),
    Variant(
        "offsets until an empty page, no key",
        """
        auth: {scheme: none}
        list:
          path: /api/cars
          query: {site: "{point_of_sale}", size: 3}
          items: data.cars
          paging: {style: offset, parameter: offset, complete_when: empty_page}
        read: {path: "/api/cars/{id}"}
        create: {method: POST, path: /api/cars}
        update: {method: PATCH, path: "/api/cars/{id}"}
        """,
        Habits(paging="offset", counts=frozenset(), auth="none", largest_page=2),
        shrinks=False,
    ),
    Variant(
        "a cursor that is left out at the end, the version as it is, milliseconds since 1970",
        """
        auth: {scheme: bearer, secret: key}
        list:
          path: /api/cars
          query: {site: "{point_of_sale}", size: 3}
          items: data.cars
          paging: {style: cursor, parameter: after, next: next, complete_when: no_next}
          changes:
            parameter: changedAfter
            template: "gt:{since}"
            stamp: changed
            format: epoch_ms
            inclusive: false
            overlap_s: 0
        read: {path: "/api/cars/{id}"}
        create: {method: POST, path: /api/cars}
        update: {method: PATCH, path: "/api/cars/{id}", precondition: etag_as_is}
        """,
        Habits(
            paging="cursor",
            counts=frozenset(),
            version="as_is",
            stamps="epoch_ms",
            since="changedAfter",
            since_operator="gt:",
        ),
        version_path="rev",
        shrinks=False,
        grows=False,
    ),
    Variant(
        "a link in each answer, with a total, read by a parameter",
        """
        auth: {scheme: bearer, secret: key}
        list:
          path: /api/cars
          query: {site: "{point_of_sale}", size: 3}
          items: data.cars
          paging: {style: next_link, next: "@page.next", total: total}
        read: {path: /api/cars, query: {id: "{id}"}, item: data.cars}
        create: {method: POST, path: /api/cars, answer: id, id_at: made.number}
        update: {method: PATCH, path: "/api/cars/{id}", query: {site: "{point_of_sale}"}, answer: nothing}
        """,
        Habits(paging="next_link", reads_by_query=True, answers="id"),
    ),
    Variant(
        "a link in each answer until there is none",
        """
        auth: {scheme: bearer, secret: key}
        list:
          path: /api/cars
          query: {site: "{point_of_sale}", size: 3}
          items: data.cars
          paging: {style: next_link, next: "@page.next", complete_when: no_next}
        read: {path: "/api/cars/{id}"}
        create: {method: POST, path: /api/cars}
        update: {method: PATCH, path: "/api/cars/{id}"}
        """,
        Habits(paging="next_link", counts=frozenset()),
        shrinks=False,
    ),
    Variant(
        "the header Link with a total, top-level patch",
        """
        auth: {scheme: bearer, secret: key}
        list:
          path: /api/cars
          query: {site: "{point_of_sale}", size: 3}
          paging: {style: link_header, total_header: X-Total}
        read: {path: "/api/cars/{id}"}
        create: {method: POST, path: /api/cars}
        update: {method: PATCH, path: "/api/cars/{id}", send: top_level}
        """,
        Habits(paging="link_header", counts=frozenset({"total_header"}), items=None, takes="top_level", errors="texts"),
    ),
    Variant(
        "the header Link until there is none, a record a line",
        """
        auth: {scheme: bearer, secret: key}
        list:
          path: "/api/cars"
          query: {site: "{point_of_sale}", size: 3}
          form: lines
          each: car
          paging: {style: link_header, complete_when: no_next}
        read: {path: "/api/cars/{id}", item: car}
        create: {method: POST, path: /api/cars}
        update: {method: PATCH, path: "/api/cars/{id}", item: car}
        """,
        Habits(paging="link_header", counts=frozenset(), form="lines", each="car"),
        shrinks=False,
    ),
    Variant(
        "one answer with a record a line",
        """
        auth: {scheme: bearer, secret: key}
        list:
          path: /api/cars
          query: {site: "{point_of_sale}"}
          form: lines
          paging: {style: none, total_header: X-Total}
        read: {path: "/api/cars/{id}"}
        create: {method: POST, path: /api/cars}
        update: {method: PATCH, path: "/api/cars/{id}"}
        """,
        Habits(paging="none", counts=frozenset({"total_header"}), form="lines"),
        grows=False,
    ),
    Variant(
        "one answer in an envelope, errors too, OAuth2",
        """
        auth:
          {scheme: oauth2, token_url: /token, client_id: client, secret: key, scope: stock.write, audience: cars}
        list:
          path: /api/cars
          query: {site: "{point_of_sale}"}
          items: data.cars
          paging: {style: none, cut_at: 50}
        read: {path: "/api/cars/{id}"}
        create: {method: POST, path: /api/cars}
        update: {method: PATCH, path: "/api/cars/{id}"}
        envelope:
          ok: fine
          code: why.code
          message: why.text
          errors: why.all
          error_field: name
          error_message: text
          item: result.car
        """,
        Habits(paging="none", counts=frozenset(), auth="oauth2_basic", errors="envelope"),
        grows=False,
    ),
]
BY_NAME = {variant.name: variant for variant in VARIANTS}
