"""The mapping file `points_of_sale.yaml` for a sandbox of many points of sale, as text.

Codes and names are those that `seed` gives; addresses and secrets are the variables of `sandbox.env`.
"""

from collections.abc import Iterator

from stocksync.sandbox.seed import module_points, site_code

_HEAD = """\
# The {count} points of sale of `stocksync sandbox seed --points-of-sale {count}`: each one's code in each system, where
# each system is, and when its cycles run. Addresses and secrets are names of environment variables, never the values.

points_of_sale:
"""
_POINT = """\
  {code}:
    name: {name}
    pair: openflex-icar
    time_zone: Europe/Paris
    schedule: {{quick_every_min: 5, complete_at: "{complete_at}"}}
    vehicle_module:
      code: {code}
      address: OPENFLEX_URL
      secrets: {{token: OPENFLEX_TOKEN}}
    dms:
      code: {site}
      address: ICAR_URL
      secrets: {{key: ICAR_KEY}}
"""
# Nightly cycles start between 03:00 and 05:59, where no change of the clocks takes an hour away or repeats one.
_NIGHT_FROM_MIN, _NIGHT_MIN = 3 * 60, 180
_FIRST_MIN, _STEP_MIN = 30, 15


def points_of_sale_file(count: int) -> Iterator[str]:
    """Yield the file in pieces, for the points of sale PDV1 to PDV<count>."""
    yield _HEAD.format(count=count)
    for number, point in enumerate(module_points(count)):
        yield "\n" * bool(number) + _POINT.format(
            code=point["id"], name=point["name"], site=site_code(number + 1), complete_at=_complete_at(number)
        )


def _complete_at(number: int) -> str:
    # a quarter of an hour apart, and a minute further at each turn, so that every minute of the night is used
    since_from_min = (_FIRST_MIN + _STEP_MIN * number + number * _STEP_MIN // _NIGHT_MIN) % _NIGHT_MIN
    hours, minutes = divmod(_NIGHT_FROM_MIN + since_from_min, 60)
    return f"{hours:02d}:{minutes:02d}"
