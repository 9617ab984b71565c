"""`stocksync alerts`: what people were told of and is not over yet; `alerts test` tries every channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from stocksync.entrypoints import exit_codes, logs, rendering
from stocksync.errors import ConfigurationError

if TYPE_CHECKING:
    from stocksync.adapters.alert_channels import Channel
    from stocksync.entrypoints.context import Context
    from stocksync.reports.spelling import Language
    from stocksync.sync.alerts import OpenAlert

_SAID: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "none": "aucune alerte en cours",
        "told": "signalée le {at}",
        "untold": "pas encore signalée",
        "settling": "semble terminée depuis le {at}",
        "sent": "{channel} : message d'essai accepté",
        "failed": "{channel} : échec. {why}",
        "subject": "stocksync : message d'essai",
        "text": "Ceci est un essai de stocksync alerts test : les alertes arriveront ici.",
    },
    "en": {
        "none": "no alert at present",
        "told": "told on {at}",
        "untold": "not told yet",
        "settling": "seems to be over since {at}",
        "sent": "{channel}: test message accepted",
        "failed": "{channel}: failed. {why}",
        "subject": "stocksync: test message",
        "text": "This is a test by stocksync alerts test: alerts will arrive here.",
    },
}


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def alerts(ctx: click.Context, as_json: bool) -> None:
    """List the alerts that are not over yet.

    People are told of each once when it begins and once when it is over for ten minutes: by mail
    (STOCKSYNC_ALERT_SMTP_URL such as smtps://user:password@host:465, STOCKSYNC_ALERT_FROM, and STOCKSYNC_ALERT_TO with
    commas between addresses), by a webhook (STOCKSYNC_ALERT_WEBHOOK, signed if STOCKSYNC_ALERT_WEBHOOK_SECRET is set),
    or by both. The service looks every minute; without it nobody is told.
    """
    if ctx.invoked_subcommand is None:
        _list(ctx.obj, as_json=as_json)


@alerts.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def test(ctx: click.Context, as_json: bool) -> None:
    """Send a test message through every channel that is set.

    Ends with 0 if each accepted it, with 1 if one did not, with 2 if none is set or a setting is wrong.
    """
    from stocksync.adapters.alert_channels import open_channels

    obj: Context = ctx.obj
    channels = open_channels(asdict(obj.settings.alerts), clean=logs.without_secrets)
    if not channels:
        raise ConfigurationError(
            "No alert channel is set: set STOCKSYNC_ALERT_SMTP_URL with STOCKSYNC_ALERT_FROM and STOCKSYNC_ALERT_TO, "
            "or STOCKSYNC_ALERT_WEBHOOK; `stocksync alerts --help` says how."
        )
    troubles = {channel.name: _tried(channel, obj.language) for channel in channels}
    if as_json:
        shown = [{"channel": name, "accepted": why is None, "message": why} for name, why in troubles.items()]
        click.echo(rendering.as_json({"channels": shown}))
    else:
        for name, why in troubles.items():
            said = "sent" if why is None else "failed"
            click.echo(_say(obj.language, said, channel=name, why=why or ""), err=why is not None)
    ctx.exit(exit_codes.DONE if not any(troubles.values()) else exit_codes.UNFINISHED)


def _tried(channel: Channel, language: Language) -> str | None:
    """Send a test; what went wrong, None iff nothing did."""
    from stocksync.adapters.alert_messages import Notice
    from stocksync.assembly import SystemClock
    from stocksync.errors import StocksyncError

    subject, text = _say(language, "subject"), _say(language, "text")
    notice = Notice(subject, text, {"version": 1, "test": True, "begun": [], "over": []}, SystemClock().now_at())
    try:
        channel.send(notice)
    except StocksyncError as error:
        return str(error)
    return None


def _list(obj: Context, *, as_json: bool) -> None:
    from stocksync.adapters.store.alert_rows import AlertRows

    with obj.repository(only_reading=True) as repository:
        standing = AlertRows(repository.engine).standing()
    if as_json:
        click.echo(rendering.as_json({"alerts": [_data(alert) for alert in standing]}))
        return
    if not standing:
        click.echo(_say(obj.language, "none"))
    for alert in standing:
        _echo(alert, obj.language)


def _echo(alert: OpenAlert, language: Language) -> None:
    from stocksync.adapters.alert_messages import DEFAULT_ZONE, sentence
    from stocksync.reports.spelling import instant

    def local(at: Any) -> str:
        return instant(at.astimezone(DEFAULT_ZONE))

    click.echo(sentence(alert, language))
    state = _say(language, "told", at=local(alert.told_at)) if alert.told_at else _say(language, "untold")
    if alert.closed_at is not None:
        state = f"{state}, {_say(language, 'settling', at=local(alert.closed_at))}"
    click.echo(f"  {local(alert.opened_at)}, {state}")
    if alert.message:
        click.echo(f"  {alert.message}")


def _data(alert: OpenAlert) -> dict[str, Any]:
    return {
        "alert": alert.alert_id,
        "kind": alert.kind.value,
        "subject": alert.subject,
        "message": alert.message,
        "opened_at": alert.opened_at.isoformat(),
        "told_at": alert.told_at.isoformat() if alert.told_at is not None else None,
        "closed_at": alert.closed_at.isoformat() if alert.closed_at is not None else None,
    }


def _say(language: Language, key: str, **values: str) -> str:
    from stocksync.reports.wording import typeset

    return typeset(_SAID[language][key], language).format(**values)
