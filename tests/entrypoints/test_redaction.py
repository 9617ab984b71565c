"""What must not get into a log: each kind by itself, and canaries planted everywhere while real commands run."""

import base64
import http.server
import json
import logging
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from stocksync.entrypoints import logs
from stocksync.entrypoints.known_secrets import secrets_of
from stocksync.entrypoints.redaction import LONGEST_TEXT, UNREADABLE, RedactingFilter, Redactor
from stocksync.sandbox.running import Access, RunningSandbox
from stocksync.sandbox.seed import fill
from tests.contract.clock import PaperClock
from tests.entrypoints.desk import SHIPPED
from tests.variants.server import VariantServer
from tests.variants.variants import BY_NAME

PLAIN = Redactor({})
OAUTH = BY_NAME["offsets by a total, OAuth2, PUT whole under a strong ETag"]


# --- each kind


@pytest.mark.parametrize(
    ("said", "cleaned"),
    [
        ("Authorization: Bearer abc.def-ghi", "Authorization: ***"),
        ("Proxy-Authorization: Basic dXNlcjpwYXNz", "Proxy-Authorization: ***"),
        ("X-Api-Key: abc123", "X-Api-Key: ***"),
        ("[(b'Host', b'x'), (b'X-Api-Key', b'abc123')]", "[(b'Host', b'x'), (b'X-Api-Key', b***)]"),
        ('{"password": "two words", "n": 1}', '{"password": ***, "n": 1}'),
        (r'{"body": "{\"token\": \"abc123\"}"}', r'{"body": "{\"token\": \***}'),
        ("STOCKSYNC_ALERT_WEBHOOK_SECRET=abc123 next", "STOCKSYNC_ALERT_WEBHOOK_SECRET=*** next"),
        ("mot_de_passe=abc123", "mot_de_passe=***"),
        ("sent Bearer abcdefgh to it", "sent Bearer *** to it"),
        ("smtps://user:p@ss@host:465", "smtps://***@host:465"),
        ("https://host/path?site=S01&api_key=abc&sig=def#x", "https://host/path?site=S01&api_key=***&sig=***#x"),
    ],
)
def test_secrets_are_known_by_what_stands_before_them(said: str, cleaned: str) -> None:
    assert PLAIN.text(said) == cleaned


@pytest.mark.parametrize(
    "said",
    [
        "jean.dupont@exemple.fr",
        "Jean+Neuf@Exemple.FR",
        "j@d.fr",
        "mailto:jean.dupont@exemple.co.uk",
        "jean.dupont%40exemple.fr",
        "<jéan.dupont@exemple.fr>",
    ],
)
def test_an_e_mail_address_keeps_two_letters(said: str) -> None:
    cleaned = PLAIN.text(said)
    assert "***@" in cleaned
    assert not any(word in cleaned.lower() for word in ("dupont", "neuf", "exemple"))


@pytest.mark.parametrize(
    "said",
    [
        "0612345634",
        "06 12 34 56 34",
        "06.12.34.56.34",
        "06-12-34-56-34",
        "06/12/34/56/34",
        "06\u00a012\u00a034\u00a056\u00a034",
        "06\u202f12\u202f34\u202f56\u202f34",
        "06 123 456 34",
        "+33612345634",
        "+33 6 12 34 56 34",
        "+33 (0)6 12 34 56 34",
        "+33(0)612345634",
        "0033612345634",
        "0033 6 12 34 56 34",
        "tel0612345634",
        "Tél.: 06 12 34 56 34.",
        "tel:+33-6-12-34-56-34",
    ],
)
def test_a_french_telephone_number_in_any_spelling_keeps_its_last_two_digits(said: str) -> None:
    cleaned = PLAIN.text(f"appeler {said} svp")
    assert "+33******34" in cleaned
    assert "12" not in cleaned.replace("+33******34", "")


def test_a_telephone_number_from_abroad_is_masked_too() -> None:
    assert PLAIN.text("+32 475 12 34 56") == "+******56"


@pytest.mark.parametrize("said", ["AB-123-CD", "AB 123 CD", "AB123CD", "ab-123-cd", "ab123cd"])
def test_a_number_plate_keeps_its_letters(said: str) -> None:
    assert PLAIN.text(f"plaque {said}.") == "plaque AB-***-CD."


def test_a_number_plate_of_before_2009_keeps_its_department() -> None:
    assert PLAIN.text("plaque 1234 AB 75.") == "plaque ***-***-75."


@pytest.mark.parametrize(
    "said",
    [
        "VF1AB123CD0612345",
        "WVWZZZ0612345678X",
        "run 12, 300 cars at 2026-01-22T03:36:43.123456+00:00",
        "2026-01-22 03:36:43 and 01/02/2026 12:30",
        "0195d3c0-0612-7345-8678-061234567890",
        "GET /api/v1/vehicles?page=2&site=S01",
        "dossier 00012345, n° de police 2026-00417",
        "the secret 'key' of the DMS is missing",
        "12 400 € at 98 % in 0.25 s",
    ],
)
def test_what_a_log_needs_stays_as_it_is(said: str) -> None:
    assert PLAIN.text(said) == said


def test_cleaning_what_is_clean_changes_nothing() -> None:
    said = "token=abc jean@d.fr 06 12 34 56 78 AB-123-CD smtp://a:b@c X-Api-Key: k Bearer abcdefgh"
    once = PLAIN.text(said)
    assert PLAIN.text(once) == once


@pytest.mark.parametrize("secret", ["pässwörd-1", 'quo"te\\back', "slash/plus+and space", "plain-secret"])
def test_a_known_secret_is_blotted_however_it_is_spelled(secret: str) -> None:
    redactor = Redactor({"ICAR_KEY": secret})
    spelled = [
        secret,
        json.dumps(secret),
        json.dumps(secret, ensure_ascii=False),
        repr(secret),
        str(httpx.URL("https://h/", params={"q": secret})),
        str(httpx.QueryParams({"q": secret})),
    ]
    for text in spelled:
        assert "***" in redactor.text(f"before {text} after"), text
        assert "***" in redactor.without_known(f"before {text} after"), text


def test_a_secret_is_what_the_mapping_names_what_its_name_says_and_what_an_address_holds(tmp_path: Path) -> None:
    (tmp_path / "points_of_sale.yaml").write_text(
        "points_of_sale:\n  A:\n    dms:\n      address: SOMEWHERE\n      secrets: {key: ORDINARY_NAME}\n"
        "  B:\n    dms:\n      secrets:\n        # two of them\n        key: ANOTHER\n        hook: 'THIRD'\n"
        "broken: [\n"
    )
    environment = {
        "ORDINARY_NAME": "value-one",
        "ANOTHER": "value-two",
        "THIRD": "value-three",
        "SOMEWHERE": "https://host/path",
        "UNRELATED": "value-four",
        "MY_TOKEN": "value-five",
        "SHORT_KEY": "abc",
        "PWD": "/home/anne",
        "KEYBOARD": "azerty-fr",
        "STOCKSYNC_DATABASE_URL": "postgresql://u:p%40ssword@h/d",
        "STOCKSYNC_ALERT_WEBHOOK": "https://h/services/T0123456789012/long?tok=value-six",
    }
    found = secrets_of(environment, tmp_path)
    assert {"value-one", "value-two", "value-three", "value-five", "value-six"} < found
    assert {"p%40ssword", "p@ssword", "T0123456789012"} < found
    assert not {"value-four", "abc", "https://host/path", "services", "/home/anne", "azerty-fr"} & found


def test_names_of_people_are_masked_where_they_stand_in_a_personal_attribute() -> None:
    redactor = Redactor({}, SHIPPED)
    event = {
        "event": "x",
        "trade_in_buyer": "Zoé Martin",
        "change": {"attribute": "trade_in_buyer", "before": "Zoé Martin", "after": "Al Noir", "row": 3},
        "origin": "trade_in",
    }
    cleaned = redactor.event(None, "", dict(event))
    assert cleaned["trade_in_buyer"] == "Z***"
    assert cleaned["change"] == {"attribute": "trade_in_buyer", "before": "Z***", "after": "A***", "row": 3}
    assert cleaned["origin"] == "trade_in"


def test_whatever_cannot_be_cleaned_is_left_out_and_nothing_is_raised(tmp_path: Path) -> None:
    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError("no")

        __repr__ = __str__

    endless: list[Any] = []
    endless.append(endless)
    event = PLAIN.event(None, "", {"a": Hostile(), "b": [Hostile()], "c": endless, "d": {Hostile(): 1}, "e": b"\xff"})
    assert event["a"] == event["b"] == event["d"] == UNREADABLE
    assert UNREADABLE in str(event["c"])
    assert Redactor({}, tmp_path / "nowhere").text("x") == "x"
    record = logging.LogRecord("x", logging.INFO, "", 0, "%d token=abcdef", ("many",), None)
    assert RedactingFilter(PLAIN).filter(record)
    assert record.getMessage() == UNREADABLE


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "a@" * 500_000,
        "token" * 200_000,
        "0 " * 500_000,
        "x" * 60_000 + "@",
        "://" * 300_000,
        "6.1" * 20_000,
        "a." * 30_000 + "@" + "b." * 2_000,
        '"password": "' + "\\" * 60_000,
    ],
)
def test_no_text_takes_long_or_fills_the_log(text: str) -> None:
    began_s = time.process_time()
    assert len(PLAIN.text(text)) <= LONGEST_TEXT + 10
    assert time.process_time() - began_s < 2


# --- canaries

SECRETS = {
    "OPENFLEX_TOKEN": "canary-token-of-the-module",
    "ICAR_KEY": "canary-key-of-the-dms",
    "OPENFLEX_HOOK_SECRET": "canary-hook-secret",
    "STOCKSYNC_ALERT_SMTP_URL": "smtps://robot:canary-smtp-password@mail.test:465",
    "STOCKSYNC_ALERT_FROM": "robot@group.test",
    "STOCKSYNC_ALERT_TO": "anne@group.test",
    "STOCKSYNC_ALERT_WEBHOOK": "https://chat.test/hooks/canary-webhook-token",
    "STOCKSYNC_ALERT_WEBHOOK_SECRET": "canary-webhook-secret",
    "STOCKSYNC_METRICS_TOKEN": "canary-metrics-token",
}
SECRET_CANARIES = (
    "canary-token-of",
    "canary-key-of",
    "canary-hook",
    "canary-smtp",
    "canary-webhook",
    "canary-metrics",
    "canary-database",
)
PERSON = "Zorglub Canarival, zorglub.canarival@client-prive.test, 06 98 76 54 32"
PERSONAL_CANARIES = ("canarival", "client-prive", "98 76 54", "98765432")
LOUD_PERSON = "client: zorglub.canarival@client-prive.test, tel. 06 98 76 54 32"


class Loud(http.server.BaseHTTPRequestHandler):
    """Passes reading on to a real system; refuses everything else, telling the key and a customer back."""

    behind = ""
    refuses_reading = 0

    def do_GET(self) -> None:
        if self.refuses_reading:
            self._refuse(self.refuses_reading)
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        answer = httpx.get(self.behind + self.path, headers=headers, trust_env=False, timeout=30)
        self._answer(answer.status_code, answer.content, answer.headers)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._refuse(422)

    do_PUT = do_PATCH = do_POST

    def _refuse(self, status: int) -> None:
        key = self.headers.get("Authorization") or self.headers.get("X-Api-Key")
        # So long that quoting it cuts the key in two.
        loud = f"{LOUD_PERSON}, you sent {key}, {'x' * 60} again {key} {key} {key} {key}"
        champs = [{"champ": name, "message": loud} for name in ("repreneur", "km", "prix_vente", "couleur", "immat")]
        names = ("purchase.tradeInBuyer", "mileage", "salePrice", "color", "registration")
        said = {"title": loud, "detail": loud, "errors": [{"field": name, "message": loud} for name in names]}
        envelope = {"ok": False, "code": status, "erreur": loud, "champs": champs}
        is_dms = "/icar/" in self.path
        body = json.dumps(envelope if is_dms else said).encode()
        kind = "application/json" if is_dms else "application/problem+json"
        self._answer(200 if is_dms else status, body, {"Content-Type": kind})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name in ("Content-Type", "ETag", "Date"):
            if name.lower() in {known.lower() for known in headers}:
                self.send_header(name, headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        return


@contextmanager
def loud_server(behind: str, refuses_reading: int = 0) -> Iterator[str]:
    handler = type("Handler", (Loud,), {"behind": behind, "refuses_reading": refuses_reading})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


END = "\x1e"
ONE_AFTER_THE_OTHER = """
import json, sys
from stocksync.entrypoints import logs, process
from stocksync.entrypoints.cli import cli
process.prepare()
logs.guard_tracebacks()
for arguments in json.loads(sys.argv[1]):
    try:
        cli(arguments, prog_name="stocksync")
    except SystemExit as ended:
        print(f"\\n{ended.code or 0}\\x1e", end="", flush=True)
        print("\\x1e", end="", file=sys.stderr, flush=True)
"""


class Told:
    """Everything that commands left behind: by name, what each said on both outputs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: dict[str, tuple[str, str, int]] = {}

    def run(self, environment: Mapping[str, str], **commands: Sequence[str]) -> None:
        """Run commands, by name, one after the other in one process: starting it is what takes long."""
        done = subprocess.run(
            [sys.executable, "-c", ONE_AFTER_THE_OTHER, json.dumps(list(commands.values()))],
            env={**os.environ, **environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
        )
        outs, errors = done.stdout.split(END), done.stderr.split(END)
        assert len(outs) == len(errors) == len(commands) + 1, done.stderr
        codes = [int(line.rpartition("\n")[2]) for line in outs[:-1]]
        for name, out, error, code in zip(commands, outs, errors, codes, strict=False):
            self.said[name] = (out, error, code)

    def everything(self) -> Iterator[tuple[str, str]]:
        for name, (out, error, _) in self.said.items():
            yield f"{name}: standard output", out
            yield f"{name}: standard error", error
        for file in (self.folder / "exchange").rglob("*"):
            if file.is_file():
                yield str(file), file.read_bytes().decode("utf-8", errors="replace")
        for file in self.folder.glob("memory*.db*"):
            yield str(file), file.read_bytes().decode("latin-1")
        for file in self.folder.glob("memory*.db"):
            for line in sqlite3.connect(file).iterdump():
                yield f"{file}, as text", line


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Run real commands against real systems that hold and tell canaries."""
    folder = tmp_path_factory.mktemp("canaries")
    fill(folder / "state", 20, 2, 7)
    (folder / "exchange").mkdir()
    access = Access(token=SECRETS["OPENFLEX_TOKEN"], key=SECRETS["ICAR_KEY"])
    with RunningSandbox(folder / "state", access=access) as sandbox:
        vin = _plant_person(sandbox)
        told = Told(folder)
        with (
            loud_server(sandbox.vehicle_module_url) as deaf_module,
            loud_server(sandbox.dms_url) as deaf_dms,
            loud_server("", 503) as broken,
            loud_server("", 401) as locked,
        ):
            at_ease = _environment(folder, "memory", sandbox.vehicle_module_url, sandbox.dms_url)
            refused = _environment(folder, "memory-refused", deaf_module, deaf_dms)
            failing = _environment(folder, "memory-failing", broken, broken)
            denied = _environment(folder, "memory-denied", locked, locked)
            unreachable = {**failing, "STOCKSYNC_DATABASE_URL": "sqlite+nodriver://u:canary-database-password@host/x"}
            console = ("--log-level", "debug", "--log-format", "console")
            as_json = ("--log-level", "debug", "--log-format", "json")
            with ThreadPoolExecutor(3) as pool:
                asked = [
                    pool.submit(
                        told.run,
                        refused,
                        refused_sync=[*console, "sync"],
                        conflicts_list=[*console, "conflicts", "list"],
                        conflicts_show=[*as_json, "conflicts", "show", "1"],
                    ),
                    pool.submit(
                        told.run,
                        failing,
                        failing_sync=[*as_json, "sync", "--json"],
                        failing_status=[*console, "status"],
                    ),
                    pool.submit(told.run, denied, denied_sync=[*console, "sync"]),
                    pool.submit(told.run, unreachable, no_database=[*console, "status"]),
                ]
                # Once it is done, the one whose writes are refused would have nothing left to write.
                asked[0].result()
                asked.append(
                    pool.submit(
                        told.run,
                        at_ease,
                        sync=[*as_json, "sync"],
                        check=[*as_json, "mapping", "check"],
                        plan=[*console, "plan"],
                        status=[*as_json, "status"],
                        history=[*console, "history", vin],
                        alerts_test=[*as_json, "alerts", "test"],
                    )
                )
                for each in asked:
                    each.result()
    return told


def _plant_person(sandbox: RunningSandbox) -> str:
    """Write a person into one car of the DMS that both sides have; the answer is its VIN."""
    dms = sandbox.dms
    for dossier in dms.dossiers_from("Stock", "", 500):
        file = dms.file(dossier)
        if file["ref_externe"] and sandbox.vehicle_module.find(file["ref_externe"]):
            where = f"{sandbox.dms_url}/icar/ws/v2/vo/{dossier}"
            key = {"X-Api-Key": sandbox.access.key}
            answer = httpx.put(where, json={"repreneur": PERSON}, headers=key, trust_env=False).json()
            assert answer["ok"], answer
            return str(file["chassis"])
    raise AssertionError("no car stands on both sides")


def _environment(folder: Path, database: str, module: str, dms: str) -> dict[str, str]:
    return {
        **SECRETS,
        "OPENFLEX_URL": module,
        "ICAR_URL": dms,
        "STOCKSYNC_MAPPINGS": str(SHIPPED),
        "STOCKSYNC_DATABASE_URL": f"sqlite:///{folder / database}.db",
        "STOCKSYNC_EXCHANGE": str(folder / "exchange"),
    }


def test_the_commands_did_what_they_were_to_be_watched_at(told: Told) -> None:
    codes = {name: code for name, (_, _, code) in told.said.items()}
    well = ("sync", "check", "plan", "status", "history", "conflicts_list", "conflicts_show")
    assert {name: codes[name] for name in well} == dict.fromkeys(well, 0), told.said["sync"]
    assert (codes["failing_sync"], codes["no_database"], codes["alerts_test"]) == (1, 2, 1)
    assert codes["denied_sync"] != 0
    everything = list(told.everything())
    # What was told back with the keys was read, kept and handed out; else nothing below would mean anything.
    for place in ("memory-refused.db", "memory-failing.db", "denied_sync: standard error"):
        assert any(place in where and "you sent" in text for where, text in everything), place
    assert any("exchange" in where and where.endswith(".csv") for where, _ in everything)


def test_no_secret_is_anywhere(told: Told) -> None:
    found = {(where, canary) for where, text in told.everything() for canary in SECRET_CANARIES if canary in text}
    assert found == set()


def test_nobody_who_stands_in_a_record_or_an_answer_is_on_standard_error(told: Told) -> None:
    found = {
        (name, canary)
        for name, (_, error, _) in told.said.items()
        for canary in PERSONAL_CANARIES
        if canary in error.lower()
    }
    assert found == set()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_without_the_redactor_the_canaries_would_be_in_the_log(log_format: Any) -> None:
    redactor = Redactor(SECRETS, SHIPPED)
    record = logging.LogRecord("x", logging.ERROR, "", 0, "sent %s for %s", (SECRETS["ICAR_KEY"], PERSON), None)
    naked = logs.line_formatter(log_format, None).format(record)
    cleaned = logs.line_formatter(log_format, redactor).format(record)
    for canary in ("canary-key-of", "client-prive", "98 76 54"):
        assert canary in naked
        assert canary not in cleaned


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_an_exception_is_cleaned_like_all_else(log_format: Any) -> None:
    log = logging.getLogger("canaries")
    try:
        raise httpx.ConnectError(f"GET https://h/?api_key={SECRETS['ICAR_KEY']} for {PERSON}")
    except httpx.ConnectError:
        record = log.makeRecord("x", logging.ERROR, "", 0, "failed", (), sys.exc_info())
    line = logs.line_formatter(log_format, Redactor(SECRETS, SHIPPED)).format(record)
    assert "ConnectError" in line
    assert not any(canary in line for canary in ("canary-key", "client-prive", "98 76 54"))
    assert structlog.is_configured() is False


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_token_that_was_fetched_at_run_time_is_blotted_too(log_format: Any) -> None:
    """One redactor from before, in use already: a service fetches tokens for months."""
    redactor = Redactor({})
    formatter = logs.line_formatter(log_format, redactor)
    with VariantServer(OAUTH.habits) as server:
        server.add(1)
        with closing(OAUTH.system(server, PaperClock())) as system:
            system.read("V100")
            [token] = server.tokens
            said = f"the answer had {token} in it, and {base64.b64encode(token.encode()).decode().rstrip('=')}"
            assert redactor.without_known(said) == "the answer had *** in it, and ***"
            server.tokens[token] = False
            system.read("V100")
            [_, second] = server.tokens
    record = logging.LogRecord("x", logging.ERROR, "", 0, "sent %s, then %s", (token, second), None)
    line = formatter.format(record)
    assert "sent ***, then ***" in line


def test_the_traceback_of_a_bug_is_cleaned(tmp_path: Path) -> None:
    program = (
        "import os, threading\n"
        "from stocksync.entrypoints import logs\n"
        "from stocksync.settings import read_settings\n"
        "logs.set_up(read_settings()); logs.guard_tracebacks()\n"
        "def bug(): raise RuntimeError('sent ' + os.environ['ICAR_KEY'] + ' for jean.dupont@exemple.fr')\n"
        "thread = threading.Thread(target=bug); thread.start(); thread.join()\n"
        "bug()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **SECRETS}, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.count("RuntimeError: sent *** for j***@e***") == 2
    assert "canary" not in done.stderr
