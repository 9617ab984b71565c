"""`stocksync sandbox`: fill, serve and disturb a vehicle module and a DMS on this machine.

Only the command line is here; what the commands do is in `stocksync/sandbox/`, imported when a command
needs it.
"""

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from stocksync.sandbox.running import RunningSandbox

_STATE = click.option(
    "--state",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("sandbox"),
    show_default=True,
    help="Directory of the two state files, vehicle_module.db and dms.db; made if it is not there.",
)


@click.group(invoke_without_command=True)
@click.pass_context
def sandbox(ctx: click.Context) -> None:
    """A vehicle module and a DMS to try stocksync on: two real servers, a believable stock, people at work.

    \b
    stocksync sandbox seed  --cars 1500 --points-of-sale 2 --seed 7
    stocksync sandbox                                             (the same as `sandbox serve`)
    stocksync sandbox play  --seed 1 --events 20                  (in another terminal)

    Everything lives in the state directory (--state of each): stop and start the servers as you like, nothing is lost.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(serve)


@sandbox.command()
@_STATE
@click.option("--vehicle-module-port", default=8701, show_default=True, help="0 takes a free port.")
@click.option("--dms-port", default=8702, show_default=True, help="0 takes a free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; loopback only by default.")
@click.option("--token", default="sandbox-token", show_default=True, help="Bearer token of the vehicle module.")
@click.option("--key", default="sandbox-key", show_default=True, help="X-Api-Key of the DMS.")
def serve(directory: Path, vehicle_module_port: int, dms_port: int, host: str, token: str, key: str) -> None:
    """Serve both systems until Ctrl-C or SIGTERM.

    Prints both addresses and writes sandbox.env into the state directory: OPENFLEX_URL, OPENFLEX_TOKEN,
    ICAR_URL and ICAR_KEY, for a client to read.
    """
    from stocksync.sandbox.running import Access, RunningSandbox

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    access = Access(host, vehicle_module_port, dms_port, token, key)
    try:
        running = RunningSandbox(directory, access=access)
        with running:
            _announce(directory, running)
            stop.wait()
    except OSError as taken:
        raise click.ClickException(f"cannot listen: {taken}; another port can be given, or 0") from taken
    click.echo("stopped")


def _announce(directory: Path, running: "RunningSandbox") -> None:
    variables = directory / "sandbox.env"
    variables.write_text("".join(f"{name}={value}\n" for name, value in running.environment.items()))
    click.echo(f"vehicle module  {running.vehicle_module_url}")
    click.echo(f"DMS             {running.dms_url}")
    click.echo(f"variables       {variables}")
    if not running.vehicle_module.points_of_sale():
        click.echo("no car yet: fill both with `stocksync sandbox seed`, the servers may go on meanwhile")


@sandbox.command()
@_STATE
@click.option("--cars", type=click.IntRange(1, 5_000_000), default=1500, show_default=True, help="How many cars.")
@click.option(
    "--points-of-sale",
    type=click.IntRange(1, 500),
    default=2,
    show_default=True,
    help="PDV1.. with sites S01..; the shipped mappings know two.",
)
@click.option("--seed", "seed_", default=1, show_default=True, help="The same seed gives the same cars.")
@click.option("--force", is_flag=True, help="Replace what is there.")
def seed(directory: Path, cars: int, points_of_sale: int, seed_: int, force: bool) -> None:
    """Fill both systems with one believable French stock.

    Most cars agree; a few, in fixed proportions, do not: blanks, other mileages and prices, slips in a
    VIN, cars on one side only. 1,500 cars take a second; a million, some minutes.
    """
    from stocksync.sandbox.clock import utc_now
    from stocksync.sandbox.seed import SEED_AT, fill, is_seeded

    if is_seeded(directory) and not force:
        raise click.UsageError(f"{directory} holds cars already; --force replaces them")
    # on a clock before that day, the stock would lie in the future
    vehicles, files = fill(directory, cars, points_of_sale, seed_, min(SEED_AT, utc_now()))
    click.echo(f"{vehicles} vehicles in the module, {files} files in the DMS, {points_of_sale} points of sale")


@sandbox.command()
@_STATE
@click.option(
    "--script",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML list of steps to play.",
)
@click.option("--seed", "seed_", default=1, show_default=True, help="Seed of everything left to chance.")
@click.option("--events", type=click.IntRange(min=1), default=20, show_default=True, help="Length of a random day.")
@click.option("--lang", type=click.Choice(["fr", "en"]), default="fr", show_default=True, help="Language of the lines.")
@click.option("--steps", "list_steps", is_flag=True, help="List the steps a script can use, and stop.")
def play(directory: Path, script: Path | None, seed_: int, events: int, lang: str, list_steps: bool) -> None:
    """Let people work on both sides: a script, or a random day. One line for each thing done.

    \b
    A script is a YAML list; what a step does not say is chosen by chance:
      - new_arrival: {point_of_sale: PDV1}
      - enter_register: {file: VO004512}
      - price_campaign: {point_of_sale: PDV1, cars: 10, percent: -5}
      - mileage_on_both
      - wait: {seconds: 2}

    It works while the servers serve, and also while they do not.
    """
    from stocksync.sandbox.play import ScriptError, WorkingDay, read_script, steps
    from stocksync.sandbox.seed import is_seeded

    if list_steps:
        for name, meaning in steps().items():
            click.echo(f"{name:<18} {meaning}")
        return
    if not is_seeded(directory):
        raise click.UsageError(f"{directory} holds no car; fill it with `stocksync sandbox seed`")
    try:
        with WorkingDay(directory, seed=seed_) as day:
            for event in day.script(read_script(script)) if script else day.random_day(events):
                click.echo(event.told(lang))
    except ScriptError as wrong:
        raise click.UsageError(str(wrong)) from wrong
