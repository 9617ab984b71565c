"""`stocksync explain`, `history` and `status`: what people ask; nothing is sent, nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from stocksync.entrypoints import exit_codes, rendering

if TYPE_CHECKING:
    from stocksync.adapters.store.questions import Questions
    from stocksync.entrypoints.context import Context
    from stocksync.entrypoints.lookup import SeveralCars
    from stocksync.mapping.effective import MappingSet
    from stocksync.sync.answers import FoundCar

_RECENT_RUNS: Final = 10
_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.command()
@click.argument("vehicle")
@click.argument("attribute", required=False)
@_JSON
@click.pass_obj
def explain(obj: Context, vehicle: str, attribute: str | None, as_json: bool) -> None:
    """Tell why VEHICLE's values are what they are.

    VEHICLE is a VIN, a plate, a police number, or an id of either system or of stocksync. ATTRIBUTE is its name or
    label; without it, the car's card is printed. Decided on what was last read, with the mapping files as they are.
    """
    from stocksync.entrypoints.car_data import attribute_data, card_data
    from stocksync.entrypoints.car_view import CarView
    from stocksync.entrypoints.lookup import find_attribute, tell

    mappings = obj.load_mappings()
    with obj.questions() as questions:
        found = _the_car(questions, vehicle, obj, as_json=as_json)
        told = tell(questions, found, mappings)
    view = CarView(told, obj.language)
    if attribute is None:
        if as_json:
            click.echo(rendering.as_json(card_data(view)))
        else:
            view.echo_card()
        return
    name = find_attribute(attribute, told.mapping.vocabulary).name
    name = "stage" if name == "dms_status" else name
    if as_json:
        click.echo(rendering.as_json(attribute_data(view, name)))
    else:
        view.echo_attribute(name)


@click.command()
@click.argument("vehicle")
@_JSON
@click.pass_obj
def history(obj: Context, vehicle: str, as_json: bool) -> None:
    """Tell what happened to VEHICLE, oldest first.

    Everything that stocksync decided, wrote and reported, in the time of the point of sale.
    """
    from stocksync.entrypoints.context import mapping_of
    from stocksync.entrypoints.history_view import HistoryView
    from stocksync.entrypoints.lookup import line_of
    from stocksync.stock.values import Side

    mappings = obj.load_mappings()
    with obj.questions() as questions:
        found = _the_car(questions, vehicle, obj, as_json=as_json)
        journal = tuple(questions.journal(found.id))
    mapping, never_in_dms = mapping_of(mappings, found.point_of_sale), Side.DMS not in found.record_ids
    view = HistoryView(journal, mapping, obj.language, never_in_dms)
    if as_json:
        click.echo(rendering.as_json({"car": found.id, "vin": found.vin, "facts": view.as_data()}))
        return
    click.echo(line_of(found, obj.language))
    for line in view.lines():
        click.echo(line)


@click.command()
@click.option("--point-of-sale", "wanted", multiple=True, metavar="ID", help="This one in full; may be given again.")
@click.option("--all", "everything", is_flag=True, help="A line for each point of sale, however many there are.")
@_JSON
@click.pass_obj
def status(obj: Context, wanted: Sequence[str], everything: bool, as_json: bool) -> None:
    """Tell how each point of sale stands.

    First who needs somebody, and the command that goes on: halted by a guard, failing, late, never synchronised,
    paused. Then a line for each: when its last good run ended and of which kind, how long ago that began, what is on
    its way, what waits for a decision. With many points of sale the quiet ones are only counted. No request is sent;
    ends with 0 whatever it tells.
    """
    from stocksync.adapters.store.health_rows import health, known_points, recent_runs
    from stocksync.assembly import SystemClock
    from stocksync.entrypoints.status_data import status_data
    from stocksync.entrypoints.status_view import StatusView

    mappings, now_at = obj.load_mappings(), SystemClock().now_at()
    with obj.repository(only_reading=True) as repository:
        engine = repository.engine
        points = _points_asked_for(wanted, mappings, known_points(engine))
        recent = {point: recent_runs(engine, point, _RECENT_RUNS) for point in points} if wanted else {}
        view = StatusView(health(engine, points, now_at), mappings, now_at, obj.language, recent)
    if as_json:
        click.echo(rendering.as_json(status_data(view)))
    else:
        view.echo(everything=everything)


def _points_asked_for(wanted: Sequence[str], mappings: MappingSet, known: Sequence[str]) -> list[str]:
    """Those that were named; else those of the mapping files, then those that only the database knows."""
    from stocksync.entrypoints.context import chosen_points

    if wanted:
        gone = [point for point in dict.fromkeys(wanted) if point in known and point not in mappings.points_of_sale]
        named = [point for point in wanted if point not in gone]
        return [*(chosen_points(mappings, named) if named else ()), *gone]
    return list(dict.fromkeys([*mappings.points_of_sale, *known]))


def _the_car(questions: Questions, vehicle: str, obj: Context, *, as_json: bool) -> FoundCar:
    """Find the car that was named; where several are, list them for a program too."""
    from stocksync.entrypoints.lookup import SeveralCars, find_car

    try:
        return find_car(questions, vehicle, obj.language)
    except SeveralCars as several:
        if not as_json:
            raise
        click.echo(rendering.as_json(_matches(several)))
        raise click.exceptions.Exit(exit_codes.WRONG_USE) from None


def _matches(several: SeveralCars) -> dict[str, list[dict[str, object]]]:
    from stocksync.entrypoints.lookup import records_of

    return {
        "matches": [
            {
                "car": car.id,
                "vin": car.vin,
                "point_of_sale": car.point_of_sale,
                "closed": car.closed,
                "records": records_of(car),
            }
            for car in several.cars
        ]
    }
