"""`stocksync sandbox`: fill, serve, disturb and break a vehicle module and a DMS on this machine.

Only the command line is here; what the commands do is in `stocksync/sandbox/`, imported when a command
needs it.
"""

import json
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from stocksync.sandbox.breaks import Breaks
    from stocksync.sandbox.running import RunningSandbox

_STATE = click.option(
    "--state",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("sandbox"),
    show_default=True,
    help="Directory of the two state files, vehicle_module.db and dms.db; made if it is not there.",
)
_SERVED_STATE = click.option(
    "--state",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("sandbox"),
    show_default=True,
    help="Directory of the two state files, as `sandbox serve` has it.",
)
_SYSTEMS: tuple[Literal["vehicle_module", "dms"], ...] = ("vehicle_module", "dms")
_SYSTEM = click.Choice(_SYSTEMS)


@click.group(invoke_without_command=True)
@click.pass_context
def sandbox(ctx: click.Context) -> None:
    """A vehicle module and a DMS to try stocksync on: two real servers, a believable stock, people at work.

    \b
    stocksync sandbox seed  --cars 1500 --points-of-sale 2 --seed 7
    stocksync sandbox                                             (the same as `sandbox serve`)
    stocksync sandbox play  --seed 1 --events 20                  (in another terminal)
    stocksync sandbox break dms latency --ms 200-800 --share 0.3  (while it serves; `mend` takes it away)

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
@click.option(
    "--faults",
    "faults_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file of faults to start with, in place of those that are set.",
)
def serve(
    directory: Path,
    vehicle_module_port: int,
    dms_port: int,
    host: str,
    token: str,
    key: str,
    faults_file: Path | None,
) -> None:
    """Serve both systems until Ctrl-C or SIGTERM.

    Prints both addresses and writes sandbox.env into the state directory: OPENFLEX_URL, OPENFLEX_TOKEN,
    ICAR_URL and ICAR_KEY, for a client to read.

    \b
    A file of faults names a system, its faults, and what is said of each (`sandbox breaks` lists them all):
      dms:
        latency: {ms: 200-800, share: 0.3}
        apply_then_drop: {share: 0.05, calls: [update], times: 3}
      vehicle_module:
        nightly_batch:

    Faults stay in the state directory until they are mended, also when the servers stop.
    """
    if faults_file is not None:
        _set_from(faults_file, directory)
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
    if lines := _active_lines(directory):
        click.echo("\n".join(["set to fail, until `stocksync sandbox mend`:", *lines]))


def _set_from(faults_file: Path, directory: Path) -> None:
    from stocksync.sandbox.breaks import Breaks
    from stocksync.sandbox.fault_file import FaultFileError, read_faults

    try:
        found = read_faults(faults_file)
    except FaultFileError as wrong:
        raise click.UsageError(str(wrong)) from wrong
    for system, faults in found.items():
        Breaks(directory, system).replace(faults)


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


class _BreakCommand(click.Command):
    """Its options are those of the faults, read when the command is used and not when the program starts."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the options of every fault beside its own."""
        from stocksync.sandbox.fault_words import option_meanings

        options: list[click.Parameter] = []
        for name, meaning in option_meanings().items():
            flag = f"--{name.replace('_', '-')}"
            # nothing given is nothing said: what a fault then takes is its own to say
            options.append(click.Option([flag, name], help=meaning, is_flag=name == "echo", default=None))
        own = super().get_params(ctx)
        return [*own[:-1], *options, own[-1]]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the faults."""
        from stocksync.sandbox.fault_words import fault_lines

        with formatter.section("Faults, and the options that each takes beside the common ones"):
            for line in fault_lines():
                formatter.write(f"  {line}\n")


@sandbox.command(name="break", cls=_BreakCommand)
@_SERVED_STATE
@click.argument("system", type=_SYSTEM)
@click.argument("fault")
def break_(directory: Path, system: Literal["vehicle_module", "dms"], fault: str, **options: Any) -> None:
    """Set a fault of one system, in place of any of that name; a server that runs shows it at its next request.

    \b
    stocksync sandbox break dms latency --ms 200-800 --share 0.3
    stocksync sandbox break dms apply_then_drop --share 0.05 --calls update --times 3
    stocksync sandbox break vehicle_module too_many_requests --retry-after date+30 --times 5
    stocksync sandbox break dms short_listing --record VO000012
    stocksync sandbox break dms clock_skew --seconds -3600

    Without --share, every request that it concerns; the same --seed strikes the same requests. Several faults may be
    set at once; of those that answer in the system's place, the first that strikes does.
    """
    from stocksync.sandbox.faults import FaultError

    try:
        _breaks(directory, system).set(fault, **{name: said for name, said in options.items() if said is not None})
    except FaultError as wrong:
        raise click.UsageError(str(wrong)) from wrong
    click.echo("\n".join(_active_lines(directory)))


@sandbox.command()
@_SERVED_STATE
@click.argument("system", type=_SYSTEM, required=False)
@click.argument("fault", required=False)
def mend(directory: Path, system: Literal["vehicle_module", "dms"] | None, fault: str | None) -> None:
    """Take faults away: all of them, those of one system, or one.

    \b
    stocksync sandbox mend
    stocksync sandbox mend dms
    stocksync sandbox mend dms latency
    """
    from stocksync.sandbox.faults import FaultError

    try:
        gone = {each: _breaks(directory, each).clear(fault) for each in ((system,) if system else _SYSTEMS)}
    except FaultError as wrong:
        raise click.UsageError(str(wrong)) from wrong
    mended = [f"mended: {each} {name}" for each, names in gone.items() for name in names]
    click.echo("\n".join(mended or ["nothing to mend"]))


@sandbox.command()
@_SERVED_STATE
@click.option("--json", "as_json", is_flag=True, help="The same for a program.")
def breaks(directory: Path, as_json: bool) -> None:
    """List the faults that are set, then every fault that there is, with its meaning and its options."""
    from stocksync.sandbox import fault_words

    if as_json:
        active = {system: fault_words.active_data(_breaks(directory, system).active()) for system in _SYSTEMS}
        click.echo(json.dumps({"active": active, "faults": fault_words.fault_data()}, ensure_ascii=False, indent=2))
        return
    click.echo("\n".join(_active_lines(directory) or ["no fault is set"]))
    click.echo("\nFaults, and the options that each takes beside the common ones (`sandbox break --help`):")
    click.echo("\n".join(fault_words.fault_lines()))


@sandbox.command(name="points-of-sale")
@click.option("--points-of-sale", "count", type=click.IntRange(1, 500), default=2, show_default=True, help="How many.")
def points_of_sale(count: int) -> None:
    """Write the mapping file for the points of sale that `seed` fills, to standard output.

    \b
    stocksync sandbox seed --cars 30000 --points-of-sale 300
    stocksync sandbox points-of-sale --points-of-sale 300 > mappings/points_of_sale.yaml

    A cycle every five minutes; nightly ones spread over three hours. The variables are those of sandbox.env.
    """
    from stocksync.sandbox.mapping_file import points_of_sale_file

    for piece in points_of_sale_file(count):
        click.echo(piece, nl=False)


def _breaks(directory: Path, system: Literal["vehicle_module", "dms"]) -> "Breaks":
    from stocksync.sandbox.breaks import STATE_FILES, Breaks

    if not (directory / STATE_FILES[system]).exists():
        raise click.UsageError(f"{directory} is no sandbox; `stocksync sandbox seed` or `serve` makes one")
    return Breaks(directory, system)


def _active_lines(directory: Path) -> list[str]:
    from stocksync.sandbox.fault_words import active_lines

    return [line for system in _SYSTEMS for line in active_lines(system, _breaks(directory, system).active())]
