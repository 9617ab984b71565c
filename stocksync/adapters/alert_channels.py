"""How an alert leaves: as a mail over SMTP, and as a signed POST to a webhook.

A channel says SystemUnavailable where a notice was not accepted, and never more than its host and what was answered.
Nothing goes unencrypted but to this machine itself. Not here: when something is told, which is `alerting`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import smtplib
import ssl
from collections.abc import Callable, Mapping
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import Final, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

import httpx

from stocksync.adapters.alert_messages import Notice
from stocksync.adapters.systems.guarded import GuardedTransport, deadline, is_forbidden, is_loopback
from stocksync.errors import ConfigurationError, SystemUnavailable

TIMEOUT_S: Final = 15.0
SIGNATURE: Final = "X-Stocksync-Signature"
TIMESTAMP: Final = "X-Stocksync-Timestamp"
_PORTS: Final = {"smtps": 465, "smtp": 587}
_MOST_RECIPIENTS: Final = 50
_LONGEST_ANSWER: Final = 200
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

Clean = Callable[[str], str]


class Channel(Protocol):
    """One way out; name: as people are told of it."""

    name: str

    def send(self, notice: Notice) -> None:
        """Hand a notice over; it is accepted once this returns. Raises SystemUnavailable."""
        ...


def open_channels(said: Mapping[str, str], clean: Clean = str) -> list[Channel]:
    """Every channel that the settings name; said: `smtp_url`, `sender`, `recipients`, `webhook`, `webhook_secret`.

    clean: takes secrets out of what a server answers. Raises ConfigurationError for a setting that cannot be used.
    """
    channels: list[Channel] = []
    if said["smtp_url"]:
        channels.append(Mail(said["smtp_url"], said["sender"], said["recipients"], clean))
    elif said["sender"] or said["recipients"]:
        raise ConfigurationError("STOCKSYNC_ALERT_SMTP_URL is not set: alerts cannot be sent by mail without it.")
    if said["webhook"]:
        channels.append(Webhook(said["webhook"], said["webhook_secret"], clean))
    return channels


class Mail:
    """Alerts by mail: smtps:// is encrypted from the start, smtp:// by STARTTLS, without which nothing is sent."""

    name = "mail"

    def __init__(self, url: str, sender: str, recipients: str, clean: Clean = str) -> None:
        parts = _address(url, "STOCKSYNC_ALERT_SMTP_URL", _PORTS, "smtps://user:password@host:465")
        self._is_encrypted = parts.scheme == "smtps"
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        if not (self._user + self._password).isascii():
            raise ConfigurationError("STOCKSYNC_ALERT_SMTP_URL holds a user or a password with signs outside ASCII.")
        self._from = _mailbox(sender, "STOCKSYNC_ALERT_FROM")
        self._to = [_mailbox(each, "STOCKSYNC_ALERT_TO") for each in recipients.split(",") if each.strip()]
        if not 0 < len(self._to) <= _MOST_RECIPIENTS:
            raise ConfigurationError(
                f"STOCKSYNC_ALERT_TO needs 1 to {_MOST_RECIPIENTS} addresses, with commas between."
            )
        self._clean = clean

    def send(self, notice: Notice) -> None:
        """Send one mail to all recipients; those whom the server refuses are told of only if it refuses all."""
        message = self._message(notice)
        try:
            with self._connected() as server:
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise SystemUnavailable(
                f"The mail server {self._host}:{self._port} did not take the alert: {_reason(error, self._clean)}"
            ) from None

    def _message(self, notice: Notice) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        try:
            message["Subject"] = _UNSEEN.sub(" ", notice.subject)
            message["From"] = self._from
            message["To"] = tuple(self._to)
            message["Date"] = format_datetime(notice.at)
            message["Message-ID"] = make_msgid(domain=self._from.domain)
            message["Auto-Submitted"] = "auto-generated"
            message["X-Auto-Response-Suppress"] = "All"
            message.set_content(notice.text)
        except (MessageError, ValueError) as error:
            raise SystemUnavailable(f"The alert could not be made a mail: {type(error).__name__}") from None
        return message

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._is_encrypted:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT_S, context=context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_S)
        try:
            server.ehlo_or_helo_if_needed()
            if not self._is_encrypted and (server.has_extn("starttls") or not is_loopback(self._host)):
                server.starttls(context=context)
            if self._user:
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server


class Webhook:
    """Alerts as JSON, POSTed; signed is `<timestamp>.<body>` with HMAC-SHA256, if there is a secret.

    `text` in the body is what chat programs show. Redirects are not followed.
    """

    name = "webhook"

    def __init__(self, url: str, secret: str = "", clean: Clean = str, timeout_s: float = TIMEOUT_S) -> None:
        parts = _address(url, "STOCKSYNC_ALERT_WEBHOOK", {"https": 443, "http": 80}, "https://host/path")
        host = parts.hostname or ""
        if parts.username or parts.password:
            raise ConfigurationError(
                "STOCKSYNC_ALERT_WEBHOOK holds a user or a password: use a token or the signature."
            )
        if parts.scheme == "http" and not is_loopback(host):
            raise ConfigurationError(
                "STOCKSYNC_ALERT_WEBHOOK is not encrypted: write https, as http is for this machine."
            )
        if is_forbidden(host):
            raise ConfigurationError(f"STOCKSYNC_ALERT_WEBHOOK leads to {host}, which takes no alerts: correct it.")
        self._host, self._secret, self._clean, self._timeout_s = host, secret.encode(), clean, timeout_s
        try:
            self._url = httpx.URL(url.strip())
        except httpx.InvalidURL:
            raise ConfigurationError("STOCKSYNC_ALERT_WEBHOOK is no address: write https://host/path.") from None

    def send(self, notice: Notice) -> None:
        """POST a notice; any answer of 200 to 299 accepts it."""
        said = {"text": f"{notice.subject}\n{notice.text}", **notice.data}
        body = json.dumps(said, ensure_ascii=False).encode()
        try:
            with self._client() as client, deadline(self._timeout_s):
                request = client.build_request("POST", self._url, content=body, headers=self._headers(body, notice))
                # Its status is all that counts: a body of any length is left unread.
                response = client.send(request, stream=True)
                status = response.status_code
                response.close()
        except (httpx.HTTPError, ConfigurationError, OSError) as error:
            raise SystemUnavailable(
                f"The alert webhook at {self._host} did not take the alert: {_reason(error, self._clean)}"
            ) from None
        if not 200 <= status < 300:
            raise SystemUnavailable(f"The alert webhook at {self._host} did not take the alert: it answered {status}")

    def _headers(self, body: bytes, notice: Notice) -> dict[str, str]:
        timestamp = str(int(notice.at.timestamp()))
        headers = {"Content-Type": "application/json; charset=utf-8", TIMESTAMP: timestamp}
        if self._secret:
            signed = hmac.new(self._secret, f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
            headers[SIGNATURE] = f"sha256={signed}"
        return headers

    def _client(self) -> httpx.Client:
        return httpx.Client(
            transport=GuardedTransport(self._url, connections=1),
            timeout=self._timeout_s,
            follow_redirects=False,
            trust_env=False,
        )


def _address(url: str, variable: str, schemes: Mapping[str, int], example: str) -> SplitResult:
    """Read an address without repeating it in a complaint: a password may stand in it."""
    try:
        parts = urlsplit(url.strip())
        is_whole = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or _UNSEEN.search(url.strip()):
        raise ConfigurationError(
            f"{variable} is no address: write {example}, with signs such as @ or / in a password as %40 or %2F."
        )
    return parts


def _mailbox(said: str, variable: str) -> Address:
    try:
        address = Address(addr_spec=said.strip())
    except (MessageError, ValueError, IndexError):
        raise ConfigurationError(f"{variable} holds something that is no mail address: write name@host.") from None
    if not address.username or not re.fullmatch(r"[A-Za-z0-9.-]+", address.domain) or not said.strip().isascii():
        raise ConfigurationError(f"{variable} holds something that is no mail address: write name@host.")
    return address


def _reason(error: Exception, clean: Clean) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "it refused every recipient"
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return _UNSEEN.sub(" ", f"{error.smtp_code} {clean(said)}")[:_LONGEST_ANSWER]
    return _UNSEEN.sub(" ", clean(str(error)) or type(error).__name__)[:_LONGEST_ANSWER]
