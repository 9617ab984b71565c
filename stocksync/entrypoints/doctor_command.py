"""`stocksync doctor`: everything that can be known before anything runs; nothing is written to any system."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stocksync.entrypoints import rendering

if TYPE_CHECKING:
    from stocksync.entrypoints.context import Context
    from stocksync.entrypoints.doctor import Finding
    from stocksync.mapping.effective import MappingSet


@click.command()
@click.option(
    "--point-of-sale", "wanted", multiple=True, metavar="ID", help="Only this one; may be given several times."
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(1, 120),
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="How long a system may take for one answer.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def doctor(ctx: click.Context, wanted: Sequence[str], timeout_s: float, as_json: bool) -> None:
    """Look for whatever would keep a synchronisation from going well, before it runs.

    Mapping files with what `mapping check` warns of, variables, both systems (name, connection, TLS, key, code of the
    point of sale, the fields of the first page, one car read by its id, clock; where files are exchanged: folders, SFTP
    login, age and readiness of the newest listing, its fields, what lies about), the database, the disk and the
    machine: all at once, each fault with how it is mended. Systems are only read; whether writing is allowed is not
    tried, but for a hidden empty file of our own in folders that we are to write to, which is removed at once.
    Ends with 2 if something has to be changed here, else with 1 if a system does not answer, else with 0.
    """
    from stocksync.entrypoints.doctor import exit_code
    from stocksync.entrypoints.doctor_view import DoctorView

    obj: Context = ctx.obj
    findings = _examined(obj, wanted, timeout_s)
    view = DoctorView(findings, obj.language)
    if as_json:
        click.echo(rendering.as_json(view.as_data()))
    else:
        view.echo()
    ctx.exit(exit_code(findings))


def _examined(obj: Context, wanted: Sequence[str], timeout_s: float) -> list[Finding]:
    from stocksync.entrypoints import doctor_checks as configuration
    from stocksync.entrypoints.context import chosen_points

    mappings, findings = configuration.check_mappings(obj.mappings)
    names = chosen_points(mappings, wanted) if mappings is not None else []
    points = [mappings.points_of_sale[name] for name in names] if mappings is not None else []
    environment = obj.settings.environment
    findings += configuration.check_env_file(Path.cwd() / ".env")
    findings += configuration.check_variables(points, environment)
    findings += configuration.check_addresses(points, environment)
    findings += _systems(obj, mappings, names, timeout_s)
    return [*findings, *_around(obj, names, {point.time_zone for point in points})]


def _systems(obj: Context, mappings: MappingSet | None, names: Sequence[str], timeout_s: float) -> list[Finding]:
    from stocksync.assembly import SystemClock
    from stocksync.entrypoints.doctor_checks_database import known_records
    from stocksync.entrypoints.doctor_checks_files import check_file_systems
    from stocksync.entrypoints.doctor_checks_systems import Asking, check_systems
    from stocksync.entrypoints.doctor_words import SCREEN

    if mappings is None:
        return []
    points = [mappings.points_of_sale[name] for name in names]

    def say(where: str) -> None:
        if sys.stderr.isatty():
            click.echo(SCREEN[obj.language]["asking"].format(where=where), err=True)

    known = known_records(obj.settings.database_url, points)
    asking = Asking(obj.settings.environment, SystemClock(), timeout_s, known, say)
    return [*check_systems(points, asking), *check_file_systems(points, asking)]


def _around(obj: Context, names: Sequence[str], time_zones: set[str]) -> list[Finding]:
    from stocksync.assembly import SystemClock
    from stocksync.entrypoints.doctor_checks_database import check_database
    from stocksync.entrypoints.doctor_checks_folders import check_exchange
    from stocksync.entrypoints.doctor_checks_machine import check_machine

    return [
        *check_database(obj.settings.database_url),
        *check_exchange(obj.settings.exchange, names),
        *check_machine(sorted(time_zones), SystemClock()),
    ]
