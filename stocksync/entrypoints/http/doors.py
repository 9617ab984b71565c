"""Who may send webhooks: from the mapping files and the environment to doors, each opened by one secret.

What comes in through a door is `hooks`.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import Headers

from stocksync.errors import ConfigurationError
from stocksync.mapping.effective import MappingSet, SystemSettings
from stocksync.mapping.models import WebhookModel
from stocksync.stock.values import SIDES, Side, folded

WINDOW_S: Final = 300
"""How far a timestamp may be from our clock, either way."""

SHORTEST_SECRET: Final = 16
_HEXADECIMAL: Final = re.compile(r"[0-9A-Fa-f]{64}")
_SECONDS: Final = re.compile(r"[0-9]{1,11}")


@dataclass(frozen=True, slots=True)
class Door:
    """One webhook of one side of one pair, as one secret opens it.

    points: by the system's own code, folded, the points of sale that list this secret; it speaks for no other.
    """

    side: Side
    webhook: WebhookModel
    secret: bytes = field(repr=False)
    points: Mapping[str, str]

    def opened(self, headers: Headers, body: bytes, now_s: float) -> bytes | None:
        """Give the signature iff it proves the body and the instant it was signed at, which must be near.

        The work is the same whatever is wrong.
        """
        told = self.webhook.signature
        timestamp = _only(headers, told.timestamp_header)
        signed = timestamp.encode("latin-1") + b"." + body
        due = hmac.digest(self.secret, signed, "sha256")
        is_signed = hmac.compare_digest(due, _digest(_only(headers, told.header), told.prefix))
        return due if is_signed and _is_near(timestamp, now_s) else None


@dataclass(frozen=True, slots=True)
class HookSettings:
    """Every door, by the name of its system; a system without any is not there."""

    doors: Mapping[str, tuple[Door, ...]] = field(default_factory=dict)


def hook_settings(mappings: MappingSet, environment: Mapping[str, str]) -> HookSettings:
    """Find every door that the mapping describes and a secret in the environment opens.

    A point of sale that does not name the secret takes no webhooks. Raises ConfigurationError where it does and the
    variable is missing or short, for all of them at once.
    """
    faults: list[str] = []
    points: dict[str, dict[tuple[str, Side, bytes], dict[str, str]]] = {}
    webhooks: dict[tuple[str, Side], WebhookModel] = {}
    for point in mappings.points_of_sale.values():
        for side in SIDES:
            system = point.systems[side]
            if system.webhook is None or system.webhook.secret not in system.secrets:
                continue
            secret = environment.get(system.secrets[system.webhook.secret], "").encode()
            if fault := _fault(system, system.webhook, environment, point.id):
                faults.append(fault)
                continue
            webhooks[point.pair, side] = system.webhook
            opened = points.setdefault(system.system, {}).setdefault((point.pair, side, secret), {})
            opened[folded(system.code)] = point.id
    if faults:
        raise ConfigurationError("\n".join(faults))
    return HookSettings(
        {
            system: tuple(
                Door(side, webhooks[pair, side], secret, codes) for (pair, side, secret), codes in opened.items()
            )
            for system, opened in points.items()
        }
    )


def _fault(system: SystemSettings, webhook: WebhookModel, environment: Mapping[str, str], point: str) -> str:
    """What is wrong with the secret that a system's webhooks are signed with; "" for nothing."""
    variable = system.secrets[webhook.secret]
    secret = environment.get(variable, "")
    if len(secret) >= SHORTEST_SECRET:
        return ""
    state = f"has fewer than {SHORTEST_SECRET} characters" if secret else "is not set"
    return (
        f"{point}: {variable} {state}, and webhooks of {system.system} are signed with it; give it 32 random "
        f"characters, or take {webhook.secret} out of the secrets in points_of_sale.yaml."
    )


def _only(headers: Headers, name: str) -> str:
    """The one header of a name; nothing where it came twice, for then nobody can tell which one counts."""
    sent = headers.getlist(name)
    return sent[0] if len(sent) == 1 else ""


def _digest(sent: str, prefix: str) -> bytes:
    digits = sent.removeprefix(prefix)
    is_whole = sent.startswith(prefix) and _HEXADECIMAL.fullmatch(digits)
    return bytes.fromhex(digits) if is_whole else b""


def _is_near(timestamp: str, now_s: float) -> bool:
    return _SECONDS.fullmatch(timestamp) is not None and abs(int(timestamp) - now_s) <= WINDOW_S
