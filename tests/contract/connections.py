"""How the two reference systems are reached, word for word as the shipped mapping says it."""

import yaml

from stocksync.mapping.connection import RestConnection

VEHICLE_MODULE = """
connection:
  protocol: rest
  auth: {scheme: bearer, secret: token}
  list:
    path: /api/v1/vehicles
    query: {pointOfSale: "{point_of_sale}", limit: 500}
    items: items
    paging: {style: cursor, parameter: cursor, next: nextCursor}
    changes: {parameter: updatedSince, stamp: updatedAt, format: rfc3339, overlap_s: 120}
  read: {path: "/api/v1/vehicles/{id}"}
  create: {method: POST, path: /api/v1/vehicles}
  update:
    method: PATCH
    path: "/api/v1/vehicles/{id}"
    content_type: application/merge-patch+json
    precondition: etag
  reserve:
    method: PUT
    path: "/api/v1/vehicles/{id}/reservation"
    body:
      kind: UNLIMITED
      blocksSale: true
      blocksPublication: true
      reason: "Vendu dans le DMS, hors Opportunités"
      by: stocksync
  idempotency_header: Idempotency-Key
"""

DMS = """
connection:
  protocol: rest
  auth: {scheme: api_key, header: X-Api-Key, secret: key}
  list:
    path: /icar/ws/v2/vo
    query: {site: "{point_of_sale}", taille: 500}
    items: vo
    paging: {style: page, parameter: page, pages: nb_pages, total: total}
    changes:
      parameter: modifie_depuis
      stamp: maj_le
      format: dd/mm/yyyy hh:mi:ss
      time_zone: Europe/Paris
      overlap_s: 120
  read: {path: "/icar/ws/v2/vo/{id}"}
  create: {method: POST, path: /icar/ws/v2/vo}
  update: {method: PUT, path: "/icar/ws/v2/vo/{id}"}
  envelope:
    ok: ok
    code: code
    message: erreur
    errors: champs
    error_field: champ
    error_message: message
    item: vo
"""


def connection(text: str, **changes: object) -> RestConnection:
    """Read the settings as a mapping file is read, with some of them changed."""
    return RestConnection.model_validate(yaml.safe_load(text)["connection"] | changes)


def with_page_size(settings: RestConnection, parameter: str, size: int) -> RestConnection:
    """Change how many records come on a page."""
    listing = settings.list.model_copy(update={"query": settings.list.query | {parameter: size}})
    return settings.model_copy(update={"list": listing})
