"""Alerts told over real sockets: an SMTP server, an HTTP server, a real database; time is handed in."""

import email
import hashlib
import hmac
import http.server
import json
import logging
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from sqlalchemy import Engine, create_engine, event

from stocksync.adapters.alert_channels import SIGNATURE, TIMESTAMP, Mail, Webhook, open_channels
from stocksync.adapters.alert_messages import LONGEST_SUBJECT, MOST_LINES, Notice, duration, notice_of
from stocksync.adapters.alerting import Alerting
from stocksync.adapters.store.alert_rows import AlertRows
from stocksync.adapters.store.engine import open_engine
from stocksync.errors import ConfigurationError, SystemUnavailable
from stocksync.sync.alerts import AlertKind, AlertRules, OpenAlert, Telling
from stocksync.sync.health import GateHealth, GateState, Health, PointHealth, RunShown
from stocksync.sync.recording import RunKind, RunStatus

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PASSWORD = "pa ss/word@1"


# --- servers


@dataclass
class Post:
    """A mail server that keeps what it takes; `refusing`: what it says instead of taking a mail."""

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    refusing: str = ""
    address: str = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refusing:
            return self.refusing
        self.mails.append(email.message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        self.recipients.append(envelope.rcpt_tos)
        return "250 OK"

    def authenticated(self, server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
        self.logins.append((login.login, login.password))
        return AuthResult(success=login.password == PASSWORD.encode())


class Server(Controller):
    """aiosmtpd on a free port; it tries itself before it counts as started, and has to know where."""

    def __init__(self, handler: Post, **more: Any) -> None:
        super().__init__(handler, hostname="127.0.0.1", port=0, **more)

    @property
    def taken_port(self) -> int:
        assert self.server is not None
        return int(self.server.sockets[0].getsockname()[1])

    def _trigger_server(self) -> None:
        self.port = self.taken_port
        super()._trigger_server()


@dataclass
class Hook:
    """An HTTP server that keeps what it is sent; `status`: what it answers."""

    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    status: int = 204
    location: str = ""
    url: str = ""


@pytest.fixture
def post() -> Iterator[Post]:
    made = Post()
    controller = Server(made)
    controller.start()
    made.address = f"smtp://127.0.0.1:{controller.taken_port}"
    yield made
    controller.stop()


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.requests.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(made.status)
            if made.location:
                self.send_header("Location", made.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}/alerts/T0KEN-IN-THE-PATH?k=1"
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("tls")
    both = folder / "both.pem"
    said = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*said, *name, *files], check=True, capture_output=True)
    both.write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return both


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path / 'memory.db'}")
    yield made
    made.dispose()


def mail(post: Post) -> Mail:
    return Mail(post.address, "stocksync@group.test", "anne@group.test, bob@group.test")


NOTICE = Notice("Sujet à lire", "Texte\n", {"version": 1}, NOW)
GOOD = PointHealth("PDV1", last_good=RunShown(1, RunKind.DELTA, RunStatus.DONE, NOW, NOW))
HALTED = Health((replace(GOOD, halted=RunShown(2, RunKind.DELTA, RunStatus.HALTED, NOW, NOW, "too many cars")),))
WELL = Health((GOOD,))
RULES = AlertRules(stale_after={"PDV1": timedelta(days=30)})


def alerting(engine: Engine, *channels: Any, clean: Callable[[str], str] = str) -> Alerting:
    return Alerting(AlertRows(engine), channels, RULES, "fr", clean=clean)


def an_alert(kind: AlertKind = AlertKind.HALTED, subject: str = "PDV1", number: int = 1, **more: Any) -> OpenAlert:
    return OpenAlert(number, kind, subject, "run 2: too many cars", NOW, **more)


# --- a database that keeps no alert


def test_a_database_that_cannot_be_written_is_told_once_and_once_when_it_has_been_over_for_a_while(
    tmp_path: Path, hook: Hook
) -> None:
    file = f"sqlite:///{tmp_path / 'memory.db'}"
    open_engine(file).dispose()
    engine = create_engine(file)
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only=ON"))
    told = alerting(engine, Webhook(hook.url))
    full = replace(WELL, storage="The database 'memory.db' cannot be used: there is no room left on its disk")
    for minutes, health in ((0, full), (1, full), (2, WELL), (3, full), (4, WELL), (13, WELL), (14, WELL), (15, WELL)):
        told.look(health, NOW + timedelta(minutes=minutes))
    engine.dispose()
    begun, over = (json.loads(body) for _, body in hook.requests)
    assert [(alert["kind"], alert["subject"]) for alert in begun["begun"]] == [("storage", "database")]
    assert "there is no room left on its disk" in begun["text"]
    assert begun["over"] == []
    assert [(alert["kind"], alert["lasted_s"]) for alert in over["over"]] == [("storage", 240)]


def test_a_database_that_cannot_even_be_read_ends_no_other_alert(engine: Engine, hook: Hook) -> None:
    told = alerting(engine, Webhook(hook.url))
    told.look(HALTED, NOW)
    told.look(Health((), storage="The database does not answer."), NOW + timedelta(minutes=1))
    assert [alert.closed_at for alert in AlertRows(engine).standing()] == [None]
    assert len(hook.requests) == 2


# --- mail


def test_a_mail_reaches_every_recipient_and_says_that_a_program_sent_it(post: Post) -> None:
    mail(post).send(NOTICE)
    (got,) = post.mails
    assert (got["Subject"], got["From"], got["Auto-Submitted"]) == (
        "Sujet à lire",
        "stocksync@group.test",
        "auto-generated",
    )
    assert post.recipients == [["anne@group.test", "bob@group.test"]]
    assert got["Message-ID"].endswith("@group.test>")
    assert got.get_content().strip() == "Texte"


def test_no_header_can_be_smuggled_in_by_a_subject(post: Post) -> None:
    mail(post).send(replace(NOTICE, subject="PDV1\r\nBcc: thief@evil.test\r\n\r\nbody"))
    (got,) = post.mails
    assert got["Bcc"] is None
    assert post.recipients == [["anne@group.test", "bob@group.test"]]
    assert got.get_content().strip() == "Texte"


@pytest.mark.parametrize(
    "said",
    ["anne", "anne@", "@group.test", "a@b\r\nBcc: c@d.test", "a b@group.test", "<a@b.test>", "", " , ", "é@b.test"],
)
def test_an_address_that_is_none_is_a_fault_of_configuration(said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Mail("smtps://host", "stocksync@group.test", said)
    assert "STOCKSYNC_ALERT_TO" in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "host:25",
        "http://host",
        "smtp://",
        "smtps://user:s3cret@host:99999",
        "smtp://a:s3cret@[x",
        "smtp://a:s3cret%C3%B6@h",
        "smtp://h\r\n.x",
    ],
)
def test_a_wrong_mail_address_is_told_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Mail(url, "a@b.test", "a@b.test")
    assert "s3cret" not in str(refused.value)


def test_a_refused_mail_is_not_accepted_and_says_what_the_server_said(post: Post) -> None:
    post.refusing = "451 try later"
    with pytest.raises(SystemUnavailable, match="451 try later"):
        mail(post).send(NOTICE)


def test_a_mail_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(SystemUnavailable) as failed:
        Mail("smtp://user:s3cret@127.0.0.1:9", "a@b.test", "a@b.test").send(NOTICE)
    assert "s3cret" not in str(failed.value)


@pytest.mark.parametrize("scheme", ["smtps", "smtp"])
def test_a_password_goes_over_tls_only_and_as_it_was_meant(
    certificate: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    made = Post()
    tls: dict[str, Any] = {"ssl_context": context} if scheme == "smtps" else {}

    more = {"auth_require_tls": False} if scheme == "smtps" else {"tls_context": context, "auth_require_tls": True}
    controller = Server(made, authenticator=made.authenticated, auth_required=scheme == "smtp", **tls, **more)
    controller.start()
    try:
        there = f"us%40er:pa%20ss%2Fword%401@localhost:{controller.taken_port}"
        Mail(f"{scheme}://{there}", "a@b.test", "a@b.test").send(NOTICE)
    finally:
        controller.stop()
    assert made.logins == [(b"us@er", PASSWORD.encode())]
    assert len(made.mails) == 1


def test_a_server_elsewhere_that_offers_no_encryption_gets_neither_password_nor_mail(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stocksync.adapters.alert_channels.is_loopback", lambda host: False)
    with pytest.raises(SystemUnavailable, match="STARTTLS"):
        mail(post).send(NOTICE)
    assert post.mails == []


# --- webhook


def test_a_webhook_gets_signed_json_that_its_receiver_can_check(hook: Hook) -> None:
    Webhook(hook.url, "s3cret").send(NOTICE)
    ((headers, body),) = hook.requests
    signed = hmac.new(b"s3cret", f"{int(NOW.timestamp())}.".encode() + body, hashlib.sha256).hexdigest()
    assert (headers[SIGNATURE], headers[TIMESTAMP]) == (f"sha256={signed}", str(int(NOW.timestamp())))
    assert json.loads(body) == {"text": "Sujet à lire\nTexte\n", "version": 1}


def test_without_a_secret_nothing_is_signed(hook: Hook) -> None:
    Webhook(hook.url).send(NOTICE)
    assert SIGNATURE not in hook.requests[0][0]


@pytest.mark.parametrize("status", [302, 400, 404, 500])
def test_any_answer_but_success_is_no_acceptance_and_no_redirect_is_followed(hook: Hook, status: int) -> None:
    hook.status, hook.location = status, hook.url
    with pytest.raises(SystemUnavailable, match=f"answered {status}") as refused:
        Webhook(hook.url).send(NOTICE)
    assert len(hook.requests) == 1
    assert "T0KEN" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://chat.test/x",
        "https://user:s3cret@chat.test/x",
        "ftp://chat.test",
        "https://169.254.169.254/x",
        "chat.test",
    ],
)
def test_an_address_that_may_not_be_posted_to_is_a_fault_of_configuration(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Webhook(url)
    assert "s3cret" not in str(refused.value)


def test_recipients_without_a_mail_server_are_a_fault_of_configuration() -> None:
    said = {"smtp_url": "", "sender": "a@b.test", "recipients": "a@b.test", "webhook": "", "webhook_secret": ""}
    with pytest.raises(ConfigurationError, match="STOCKSYNC_ALERT_SMTP_URL"):
        open_channels(said)


# --- the message


def test_one_mail_lists_all_that_begins_and_all_that_ends_in_both_languages() -> None:
    over = an_alert(AlertKind.GATE_CLOSED, "icar", 2, closed_at=NOW + timedelta(hours=2, minutes=10))
    notice = notice_of(Telling((an_alert(),), (over,)), "fr", NOW)
    said = notice.text.translate(str.maketrans({"\u00a0": " ", "\u202f": " "}))
    assert notice.subject == "stocksync, 1 alerte, 1 alerte terminée (PDV1, icar)"
    assert "Commence :\n- PDV1 : une sécurité a arrêté" in said
    assert "terminé après 2 h 10 (du 02/03/2026 11:00 au 02/03/2026 13:10)" in said
    assert "recovered after 2 h 10" in said
    assert said.index("Commence") < said.index("Begins")
    assert notice_of(Telling((an_alert(),)), "en", NOW).text.startswith("Begins:")


def test_three_hundred_points_of_sale_make_a_mail_that_can_be_read() -> None:
    notice = notice_of(Telling(tuple(an_alert(subject=f"PDV{i}", number=i) for i in range(300))), "fr", NOW)
    assert notice.text.count("une sécurité a arrêté") == MOST_LINES
    assert "et 250 autres" in notice.text
    assert len(notice.subject) <= LONGEST_SUBJECT
    assert len(notice.data["begun"]) == 300


def test_what_a_system_said_is_cleaned_put_on_one_line_and_cut() -> None:
    loud = replace(an_alert(), message="key=s3cret\r\nBcc: x\x1b[31m " + "y" * 1000)
    notice = notice_of(Telling((loud,)), "fr", NOW, clean=lambda text: text.replace("s3cret", "***"))
    quoted = next(line for line in notice.text.splitlines() if "Bcc" in line)
    assert quoted.startswith("  key=*** Bcc: x [31m yyy")
    assert len(quoted) <= 302
    assert "s3cret" not in json.dumps(notice.data)


@pytest.mark.parametrize(
    ("minutes", "said"), [(0, "0 min"), (59, "59 min"), (60, "1 h 00"), (130, "2 h 10"), (3000, "50 h 00")]
)
def test_a_length_of_time_is_said_in_hours_and_minutes(minutes: int, said: str) -> None:
    assert duration(minutes * MINUTE) == said


# --- looking


def test_a_trouble_is_told_once_when_it_begins_and_once_when_it_is_over_also_over_restarts(
    engine: Engine, post: Post
) -> None:
    for minute in range(5):
        alerting(engine, mail(post)).look(HALTED, NOW + minute * MINUTE)
    for minute in range(5, 30):
        alerting(engine, mail(post)).look(WELL, NOW + minute * MINUTE)
    assert [got["Subject"] for got in post.mails] == [
        "stocksync, 1 alerte (PDV1)",
        "stocksync, 1 alerte terminée (PDV1)",
    ]
    assert "terminé après 5 min" in post.mails[1].get_content()


def test_a_trouble_that_comes_and_goes_within_ten_minutes_is_one_alert(engine: Engine, post: Post) -> None:
    looking = alerting(engine, mail(post))
    for minute in range(60):
        looking.look(HALTED if minute % 4 < 2 else WELL, NOW + minute * MINUTE)
    assert len(post.mails) == 1


def test_a_channel_that_does_not_accept_is_asked_again_less_and_less_often_until_it_does(
    engine: Engine, post: Post
) -> None:
    tries: list[int] = []

    class Counted(Mail):
        def send(self, notice: Notice) -> None:
            tries.append(minute)
            super().send(notice)

    looking = alerting(engine, Counted(post.address, "a@b.test", "a@b.test"))
    post.refusing = "451 no"
    for minute in range(20):
        looking.look(HALTED, NOW + minute * MINUTE)
    assert tries == [0, 1, 3, 7, 15]
    post.refusing = ""
    for minute in range(20, 40):
        looking.look(HALTED, NOW + minute * MINUTE)
    assert len(post.mails) == 1


def test_an_alert_that_nobody_could_be_told_of_while_it_lasted_is_told_with_its_end(engine: Engine, post: Post) -> None:
    looking = alerting(engine, mail(post))
    post.refusing = "451 no"
    looking.look(HALTED, NOW)
    post.refusing = ""
    looking.look(WELL, NOW + MINUTE)
    looking.look(WELL, NOW + 12 * MINUTE)
    assert [got["Subject"] for got in post.mails] == ["stocksync, 1 alerte terminée (PDV1)"]


def test_what_one_channel_took_and_another_did_not_is_told_once_by_each(engine: Engine, post: Post, hook: Hook) -> None:
    looking = alerting(engine, mail(post), Webhook(hook.url))
    hook.status = 500
    looking.look(HALTED, NOW)
    hook.status = 204
    for minute in range(1, 10):
        looking.look(HALTED, NOW + minute * MINUTE)
    assert len(post.mails) == 1
    assert [status for status in (json.loads(body)["begun"][0]["kind"] for _, body in hook.requests)] == ["halted"] * 2


def test_trouble_with_a_channel_is_logged_and_never_raised(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        name = "broken"

        def send(self, notice: Notice) -> None:
            raise RuntimeError("s3cret in a bug")

    alerting(engine, Broken()).look(HALTED, NOW)
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert any("not told by broken" in line for line in said)
    assert not any("s3cret" in line for line in said)


def test_a_database_that_does_not_answer_stops_nothing(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alert")
    alerting(engine).look(HALTED, NOW)
    assert "alerts could not be kept" in caplog.text


def test_without_a_channel_alerts_are_kept_and_told_once_one_is_set(engine: Engine, post: Post) -> None:
    alerting(engine).look(HALTED, NOW)
    alerting(engine, mail(post)).look(HALTED, NOW + MINUTE)
    assert len(post.mails) == 1


def test_a_system_that_refuses_our_key_is_told_with_its_name(engine: Engine, post: Post) -> None:
    denied = Health((GOOD,), (GateHealth("icar", GateState.DENIED, "403", NOW),))
    alerting(engine, mail(post)).look(denied, NOW)
    assert "icar" in post.mails[0]["Subject"]
