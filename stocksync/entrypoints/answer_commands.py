"""`stocksync explain` and `history`: what people ask about a car; nothing is sent, nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from stocksync.entrypoints import exit_codes, rendering

if TYPE_CHECKING:
    from stocksync.adapters.store.questions import Questions
    from stocksync.entrypoints.context import Context
    from stocksync.entrypoints.lookup import SeveralCars
    from stocksync.sync.answers import FoundCar

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
