"""How faults are set, drawn and taken away: at run time, from a file, from the command line."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
import yaml
from click.testing import CliRunner

from stocksync.entrypoints import sandbox_commands
from stocksync.entrypoints.sandbox_commands import sandbox as command
from stocksync.mapping.load import load_mappings
from stocksync.sandbox.breaks import Breaks
from stocksync.sandbox.fault_file import FaultFileError, read_faults
from stocksync.sandbox.faults import FAULTS, FaultError, made
from stocksync.sandbox.running import RunningSandbox
from stocksync.sandbox.seed import fill
from stocksync.sandbox.striking import Asked, chance, concerns

FILES = "/icar/ws/v2/vo"
# the least that can be said of each fault
LEAST = {
    "latency": {"ms": 1},
    "stale_reads": {"reads": 1},
    "stored_differently": {"how": "cut"},
    "clock_skew": {"seconds": 60},
}


def statuses(dms, count=30):
    return [dms.get(FILES, params={"site": "S01"}).status_code for _ in range(count)]


# -- chance


def test_the_same_seed_strikes_the_same_requests_again(sandbox, dms):
    runs = []
    for seed in (5, 5, 6):
        sandbox.breaks("dms").set("server_error", share=0.3, seed=seed)
        runs.append(statuses(dms))
    assert runs[0] == runs[1] != runs[2]
    assert 3 < runs[0].count(500) < 16


def test_which_requests_are_struck_does_not_depend_on_their_order(sandbox, dms):
    files = [dms.opened()["dossier"] for _ in range(12)]
    runs = []
    for order in (files, files[::-1]):
        sandbox.breaks("dms").set("server_error", share=0.5, calls="read")
        runs.append({file: dms.get(f"{FILES}/{file}").status_code for file in order})
    assert runs[0] == runs[1]
    assert set(runs[0].values()) == {200, 500}


def test_a_share_of_nothing_never_strikes_and_a_share_of_one_always_does():
    asked = Asked("list", listing="S01")
    for share, struck in ((0, 0), (1, 100)):
        fault = made("reset", {"share": share})
        assert sum(chance(fault, asked, nth) is not None for nth in range(100)) == struck


def test_a_fault_strikes_so_many_times_at_most_and_says_how_many_are_left(sandbox, dms):
    sandbox.breaks("dms").set("server_error", times=2)
    assert statuses(dms, 4) == [500, 500, 200, 200]
    assert sandbox.breaks("dms").active()["server_error"].left == 0
    sandbox.breaks("dms").set("server_error", times=1)
    assert statuses(dms, 2) == [500, 200]


def test_times_hold_over_a_restart(tmp_path):
    answers = []
    for _ in range(3):
        with RunningSandbox(tmp_path) as sandbox:
            if not answers:
                sandbox.breaks("dms").set("server_error", times=2)
            answers.append(httpx.get(f"{sandbox.dms_url}{FILES}?site=S01").status_code)
    assert answers == [500, 500, 401]


def test_a_poisoned_record_spoils_no_other(sandbox, dms):
    poisoned, other = dms.opened()["dossier"], dms.opened()["dossier"]
    sandbox.breaks("dms").set("server_error", record=poisoned)
    assert [dms.get(f"{FILES}/{file}").status_code for file in (poisoned, other)] == [500, 200]
    assert dms.listed()["total"] == 2


CALLS = {
    "list": ("GET", "/api/v1/vehicles?pointOfSale=PDV1"),
    "read": ("GET", "/api/v1/vehicles/OF-000001"),
    "create": ("POST", "/api/v1/vehicles"),
    "update": ("PATCH", "/api/v1/vehicles/OF-000001"),
    "reserve": ("PUT", "/api/v1/vehicles/OF-000001/reservation"),
    "unreserve": ("DELETE", "/api/v1/vehicles/OF-000001/reservation"),
    "points of sale": ("GET", "/api/v1/points-of-sale"),
}
DMS_CALLS = {
    "list": ("GET", f"{FILES}?site=S01"),
    "read": ("GET", f"{FILES}/VO000001"),
    "create": ("POST", FILES),
    "update": ("PUT", f"{FILES}/VO000001"),
}


@pytest.mark.parametrize("call", ["list", "read", "create", "update", "reserve"])
def test_a_fault_of_one_call_strikes_no_other(sandbox, module, dms, call):
    for system in ("vehicle_module", "dms"):
        sandbox.breaks(system).set("server_error", status=504, calls=call)
    struck = {name for name, asked in CALLS.items() if module.request(*asked).status_code == 504}
    assert struck == {call} | ({"unreserve"} if call == "reserve" else set())
    assert {name for name, asked in DMS_CALLS.items() if dms.request(*asked).status_code == 504} == {call} - {"reserve"}


def test_without_calls_every_request_is_concerned_and_with_a_record_only_its_own():
    everything = made("reset", {})
    assert all(concerns(everything, Asked(call)) for call in (None, "list", "read", "create", "update", "reserve"))
    of_one = made("reset", {"record": "VO000001"})
    assert concerns(of_one, Asked("read", "VO000001"))
    assert not any(concerns(of_one, asked) for asked in (Asked(None), Asked("list"), Asked("read", "VO000002")))


def test_of_two_faults_in_the_systems_place_one_strikes_and_latency_strikes_with_it(sandbox, dms):
    sandbox.breaks("dms").set("latency", ms=1, times=5)
    sandbox.breaks("dms").set("server_error", times=5)
    sandbox.breaks("dms").set("login_page", times=5)
    assert statuses(dms, 3) == [500, 500, 500]
    assert [each.left for each in sandbox.breaks("dms").active().values()] == [2, 2, 5]


# -- setting and mending


def test_a_change_takes_effect_at_the_next_request_and_mending_brings_the_very_same_answers_back(sandbox, dms):
    dms.opened()
    before = dms.get(FILES, params={"site": "S01"})
    for name in FAULTS:
        sandbox.breaks("dms").set(name, **LEAST.get(name, {}))
    assert statuses(dms, 1) == [401]
    sandbox.breaks("dms").clear("key_revoked")
    assert dms.listed()["code"] == 503
    assert len(sandbox.breaks("dms").clear()) == len(FAULTS) - 1
    after = dms.get(FILES, params={"site": "S01"})
    assert (after.content, dict(after.headers)) == (before.content, dict(before.headers))


def test_faults_of_one_system_leave_the_other_alone(sandbox, module, dms):
    sandbox.breaks("dms").set("reset")
    assert module.listed()["items"] == []


def test_filling_the_sandbox_anew_mends_it(tmp_path):
    Breaks(tmp_path, "dms").set("reset")
    fill(tmp_path, cars=5, points_of_sale=1, seed=1)
    assert Breaks(tmp_path, "dms").active() == {}


@pytest.mark.parametrize("name", list(FAULTS))
def test_every_fault_explains_itself_and_comes_back_from_the_state_file_as_it_was_set(tmp_path, name):
    kind = FAULTS[name]
    assert kind.meaning().endswith(".")
    assert all(kind.options().values())
    set_ = Breaks(tmp_path, "dms").set(name, **LEAST.get(name, {}))
    assert Breaks(tmp_path, "dms").active() == {name: set_}


@pytest.mark.parametrize(
    ("name", "said", "told"),
    [
        ("nothing", {}, "no such fault; there are latency, key_revoked"),
        ("latency", {}, "latency.ms: is required"),
        ("latency", {"ms": "800-200"}, "latency.ms: must be milliseconds, 200 or 200-800"),
        ("latency", {"ms": True}, "must be milliseconds"),
        ("latency", {"ms": 10**9}, "at most 600000"),
        ("reset", {"share": 1.5}, "reset.share: input should be less than or equal to 1"),
        ("reset", {"share": "nan"}, "reset.share"),
        ("reset", {"times": 0}, "reset.times"),
        ("reset", {"ms": 5}, "reset takes no such option; it takes share, times, seed, calls, record"),
        ("reset", {"calls": "lists"}, "reset.calls"),
        ("apply_then_drop", {"calls": "list"}, "does not concern list; only create, update, reserve"),
        ("too_many_requests", {"retry_after": "tomorrow"}, "Retry-After: seconds, date+30"),
        ("server_error", {"status": 418}, "server_error.status"),
        ("server_error", {"status": []}, "server_error.status"),
        ("stale_reads", {}, "needs for_s or reads"),
        ("clock_skew", {"seconds": "1e12"}, "clock_skew.seconds"),
        ("clock_skew", {"seconds": 1, "share": 0.5}, "clock_skew takes no such option; it takes seconds"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_what_is_allowed(name, said, told):
    with pytest.raises(FaultError) as refused:
        made(name, said)
    assert told in str(refused.value)


# -- the settings file


def write(tmp_path, text):
    path = tmp_path / "faults.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_settings_file_says_the_same_as_the_commands(tmp_path):
    path = write(
        tmp_path,
        """
dms:
  latency: {ms: 200-800, share: 0.3}
  apply_then_drop: {share: 0.05, calls: [update, create], times: 3}
  server_error: {status: [502, 504]}
vehicle_module:
  nightly_batch:
""",
    )
    found = read_faults(path)
    assert found["dms"] == {
        "latency": made("latency", {"ms": "200-800", "share": "0.3"}),
        "apply_then_drop": made("apply_then_drop", {"share": "0.05", "calls": "update,create", "times": "3"}),
        "server_error": made("server_error", {"status": "502,504"}),
    }
    assert found["vehicle_module"] == {"nightly_batch": made("nightly_batch", {})}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dms:\n  latency: {ms: 5}\n  latncy: {ms: 5}\n", "line 3: dms: no such fault 'latncy'; there are latency,"),
        ("icar:\n  reset:\n", "line 1: no such system 'icar'; there are vehicle_module, dms"),
        ("dms:\n  reset:\n    share: 1\n    times: 0\n", "line 4: dms.reset.times"),
        ("dms:\n  reset:\n    share: 2\n    ms: 0\n", "line 3: dms.reset.share: input should be less"),
        ("dms:\n  reset:\n    share: 2\n    ms: 0\n", "line 4: dms.reset.ms: reset takes no such option"),
        ("dms:\n\n  latency:\n", "line 3: dms.latency.ms: is required"),
        ("dms:\n  reset: 5\n", "line 2: dms.reset holds options by name"),
        ("- dms\n", "line 1: the file holds vehicle_module and dms"),
        ("dms:\n  reset:\n  reset:\n", "line 3: 'reset' stands here twice"),
        ("dms: &a\n  reset:\nvehicle_module: *a\n", "line 1: anchors and aliases are not taken"),
        ("dms:\n  reset: {record: {a: b}}\n", "line 2: a plain value, or a list of them"),
        ("dms:\n  reset: {record: !!python/name:os.system x}\n", "line 2: a plain value"),
        ("dms:\n  [reset\n", "line 3: is not YAML"),
        (b"dms:\n  \xe9\n", "line 2: is not UTF-8"),
        ("[" * 5000 + "]" * 5000, "is nested too deeply"),
        ("#" * 70_000, "line 1: is larger than 64 KB"),
        ("dms:\n  reset: {record: 2026-99-99}\n", "line 2"),
    ],
)
def test_a_mistake_in_a_settings_file_is_told_with_its_line(tmp_path, text, told):
    with pytest.raises(FaultFileError) as refused:
        read_faults(write(tmp_path, text))
    assert told in str(refused.value)


# -- the commands


def run(*words, code=0):
    result = CliRunner().invoke(command, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def state(tmp_path):
    with RunningSandbox(tmp_path) as running:
        yield "--state", tmp_path, running


def test_break_and_mend_reach_a_server_that_runs(state):
    *where, running = state

    def status():
        return httpx.get(f"{running.dms_url}{FILES}?site=S01", headers={"X-Api-Key": "sandbox-key"}).status_code

    shown = run("break", "dms", "server_error", "--status", "503", "--times", "2", *where)
    assert "dms             server_error        times 2, status 503, 2 left" in shown
    assert status() == 503
    assert "1 left" in run("breaks", *where)
    assert run("mend", *where) == "mended: dms server_error\n"
    assert status() == 200
    assert run("mend", "dms", "reset", *where) == "nothing to mend\n"


def test_mend_takes_away_one_fault_or_those_of_one_system(state):
    *where, running = state
    for system in ("vehicle_module", "dms"):
        run("break", system, "clock_skew", "--seconds", "-3600", *where)
        run("break", system, "stored_differently", "--how", "cut", "--fields", "vin,chassis", *where)
    run("mend", "dms", "clock_skew", *where)
    assert list(running.breaks("dms").active()) == ["stored_differently"]
    run("mend", "vehicle_module", *where)
    assert (running.breaks("vehicle_module").active(), len(running.breaks("dms").active())) == ({}, 1)


def test_breaks_shows_what_is_set_and_every_fault_also_to_a_program(state):
    *where, _ = state
    run("break", "dms", "ignored_writes", "--echo", "--share", "0.5", *where)
    said = json.loads(run("breaks", "--json", *where))
    assert said["active"] == {
        "vehicle_module": [],
        "dms": [{"fault": "ignored_writes", "set": {"share": 0.5, "echo": True}, "left": None}],
    }
    assert list(said["faults"]) == list(FAULTS)
    assert said["faults"]["drip"]["options"]["every_ms"]
    shown = run("breaks", *where)
    assert all(f"{name:<19} {kind.meaning()}" in shown for name, kind in FAULTS.items())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("break", "dms", "latncy"), "no such fault"),
        (("break", "dms", "reset", "--ms", "5"), "reset takes no such option"),
        (("break", "icar", "reset"), "vehicle_module"),
        (("mend", "dms", "latncy"), "no such fault"),
    ],
)
def test_a_wrong_word_ends_with_code_two_and_sets_nothing(state, words, told):
    *where, running = state
    assert told in run(*words, *where, code=2)
    assert running.breaks("dms").active() == {}


@pytest.mark.parametrize("words", [("break", "dms", "reset"), ("mend",), ("breaks",)])
def test_a_folder_that_is_no_sandbox_is_not_made_one(tmp_path, words):
    assert "is no sandbox" in run(*words, "--state", tmp_path / "elsewhere", code=2)
    assert list(tmp_path.iterdir()) == []


def test_serve_takes_its_faults_from_a_file_in_place_of_those_that_were_set(tmp_path, monkeypatch):
    Breaks(tmp_path, "vehicle_module").set("reset")
    faults = write(tmp_path, "dms:\n  login_page: {share: 0.5}\n")
    at_once = SimpleNamespace(set=None, wait=lambda: True)
    monkeypatch.setattr(sandbox_commands, "threading", SimpleNamespace(Event=lambda: at_once))
    monkeypatch.setattr(sandbox_commands, "signal", SimpleNamespace(signal=lambda *_: None, SIGINT=2, SIGTERM=15))
    shown = run("serve", "--state", tmp_path, "--faults", faults, "--dms-port", 0, "--vehicle-module-port", 0)
    assert "set to fail, until `stocksync sandbox mend`:\ndms             login_page          share 0.5\n" in shown
    assert list(Breaks(tmp_path, "dms").active()) == ["login_page"]
    assert Breaks(tmp_path, "vehicle_module").active() == {}


def test_serve_refuses_a_wrong_file_before_it_listens(tmp_path):
    faults = write(tmp_path, "dms:\n  latncy:\n")
    assert "faults.yaml, line 2: dms: no such fault" in run("serve", "--state", tmp_path, "--faults", faults, code=2)
    assert [path.name for path in tmp_path.iterdir()] == ["faults.yaml"]


@pytest.mark.parametrize("words", [("break",), ("mend",), ("breaks",), ("points-of-sale",), ("serve",)])
def test_help_teaches_with_examples(words):
    shown = run(*words, "--help")
    assert "Usage" in shown
    assert words == ("breaks",) or words[0] in shown.split("Options:")[0]


def test_help_of_break_names_every_fault_and_every_option():
    shown = run("break", "--help")
    for name, kind in FAULTS.items():
        assert name in shown
        assert all(f"--{option.replace('_', '-')}" in shown for option in kind.options())


# -- the mapping file


def test_the_points_of_sale_of_a_seed_are_a_mapping_that_loads(tmp_path):
    shutil.copytree(Path(__file__).parents[2] / "mappings", tmp_path / "mappings")
    (tmp_path / "mappings" / "points_of_sale.yaml").write_text(run("points-of-sale", "--points-of-sale", 300), "utf-8")
    points = load_mappings(tmp_path / "mappings").points_of_sale
    assert list(points) == [f"PDV{number}" for number in range(1, 301)]


def test_the_first_two_points_of_sale_are_those_of_the_shipped_mapping():
    shipped = yaml.safe_load((Path(__file__).parents[2] / "mappings" / "points_of_sale.yaml").read_text("utf-8"))
    assert yaml.safe_load(run("points-of-sale")) == shipped


def test_nightly_cycles_of_many_points_of_sale_are_spread_over_the_night():
    points = yaml.safe_load(run("points-of-sale", "--points-of-sale", 180))["points_of_sale"].values()
    at = [point["schedule"]["complete_at"] for point in points]
    assert len(set(at)) == 180
    assert (min(at), max(at)) == ("03:00", "05:59")
