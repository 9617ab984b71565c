"""How a system is asked for what changed since: its own clock, its spelling, and the hour that comes twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocksync.adapters.systems.stamps import since_text, stamp_of
from stocksync.mapping.connection import ChangesModel

LOCAL = ChangesModel(
    parameter="modifie_depuis", stamp="maj_le", format="dd/mm/yyyy hh:mi:ss", time_zone="Europe/Paris", overlap_s=120
)
UTC_STAMPS = ChangesModel(parameter="updatedSince", stamp="meta.updatedAt", overlap_s=60)
PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ("2026-11-20T09:12:33Z", datetime(2026, 11, 20, 9, 12, 33)),
        ("2026-11-20T10:12:33.250+01:00", datetime(2026, 11, 20, 9, 12, 33, 250_000)),
        ("2026-11-20T09:12:33.123456789z", datetime(2026, 11, 20, 9, 12, 33, 123_456)),
        ("2026-11-20T09:12:33", None),
        ("2026-11-31T09:12:33Z", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1_763_629_953, None),
    ],
)
def test_a_stamp_with_an_offset_is_read_as_utc_and_nothing_is_guessed(text: object, stamp: datetime | None) -> None:
    assert stamp_of({"meta": {"updatedAt": text}}, UTC_STAMPS) == stamp


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ("20/11/2026 09:12:33", datetime(2026, 11, 20, 9, 12, 33)),
        ("2026-11-20 09:12:33", None),
        ("31/02/2026 09:12:33", None),
        ("20/11/2026", None),
    ],
)
def test_a_local_stamp_stays_as_local_as_it_is(text: str, stamp: datetime | None) -> None:
    assert stamp_of({"maj_le": text}, LOCAL) == stamp


@given(
    st.sampled_from(["dd/mm/yyyy hh:mi:ss", "yyyymmddhhmi", "yyyy-mm-dd ss", "mm.dd.yyyy hh"]),
    st.tuples(st.integers(0, 10_000), *[st.integers(0, 70)] * 5),
    st.sampled_from(["%02d", "%d", " %d", "%02d "]),
)
def test_a_local_stamp_is_what_the_standard_library_reads(form: str, parts: tuple[int, ...], spelled: str) -> None:
    year, month, day, hour, minute, second = (spelled % part for part in parts)
    letters = {"yyyy": year, "mm": month, "dd": day, "hh": hour, "mi": minute, "ss": second}
    text, pattern = form, form
    for name, code in zip(letters, ("%Y", "%m", "%d", "%H", "%M", "%S"), strict=True):
        text, pattern = text.replace(name, letters[name]), pattern.replace(name, code)
    try:
        expected = datetime.strptime(text, pattern)
    except ValueError:
        expected = None
    changes = ChangesModel.model_construct(parameter="since", stamp="at", format=form, stamp_format=None)
    assert stamp_of({"at": text}, changes) == expected


def test_a_record_of_a_system_that_gives_no_stamps_has_none() -> None:
    assert stamp_of({"maj_le": "20/11/2026 09:12:33"}, None) is None


def test_what_became_visible_late_is_asked_for_again() -> None:
    assert since_text(datetime(2026, 11, 20, 9, 12, 33), LOCAL) == "20/11/2026 09:10:33"
    assert since_text(datetime(2026, 11, 20, 9, 12, 33), UTC_STAMPS) == "2026-11-20T09:11:33.000000Z"


def test_no_change_of_the_night_in_which_an_hour_comes_twice_is_left_out() -> None:
    """Asked every five minutes with the highest stamp so far, every change of that night is asked for after it."""
    began_at = datetime(2026, 10, 24, 22, tzinfo=UTC)
    instants = [began_at + timedelta(minutes=minute) for minute in range(0, 8 * 60, 1)]
    stamps = [at.astimezone(PARIS).replace(tzinfo=None) for at in instants]
    for run in range(5, len(instants), 5):
        mark = max(stamps[:run])
        asked_from = datetime.strptime(since_text(mark, LOCAL), "%d/%m/%Y %H:%M:%S")
        new = stamps[run : run + 5]
        assert all(stamp >= asked_from for stamp in new), (mark, new)


@pytest.mark.parametrize("wrong", [{"format": "dd/mm/yyyy"}, {"format": "%d/%m"}, {"time_zone": "Paris"}])
def test_settings_that_nobody_could_follow_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="is due"):
        ChangesModel(parameter="since", stamp="at", **wrong)


SECONDS = ChangesModel(parameter="since", stamp="at", format="epoch_s", overlap_s=0)
MILLISECONDS = ChangesModel(parameter="since", stamp="at", format="epoch_ms", overlap_s=0)


@pytest.mark.parametrize(
    ("said", "changes", "stamp"),
    [
        (1_795_165_953, SECONDS, datetime(2026, 11, 20, 9, 12, 33)),
        ("1795165953", SECONDS, datetime(2026, 11, 20, 9, 12, 33)),
        (Decimal("1795165953.25"), SECONDS, datetime(2026, 11, 20, 9, 12, 33, 250_000)),
        (1_795_165_953_250, MILLISECONDS, datetime(2026, 11, 20, 9, 12, 33, 250_000)),
        (10**17, MILLISECONDS, None),
        (True, SECONDS, None),
        ("1e9", SECONDS, None),
        ("2026-11-20T09:12:33Z", SECONDS, None),
        (None, SECONDS, None),
    ],
)
def test_a_count_since_1970_is_read_as_utc(said: object, changes: ChangesModel, stamp: datetime | None) -> None:
    assert stamp_of({"at": said}, changes) == stamp


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (SECONDS, "1795165953"),
        (MILLISECONDS, "1795165953250"),
        (SECONDS.model_copy(update={"inclusive": False}), "1795165952"),
        (MILLISECONDS.model_copy(update={"inclusive": False}), "1795165953249"),
        (MILLISECONDS.model_copy(update={"template": "at > {since}"}), "at > 1795165953250"),
        (UTC_STAMPS.model_copy(update={"inclusive": False}), "2026-11-20T09:11:33.249999Z"),
        (LOCAL.model_copy(update={"inclusive": False, "time_zone": None}), "20/11/2026 09:10:32"),
    ],
)
def test_an_instant_is_asked_from_in_the_systems_own_spelling(changes: ChangesModel, text: str) -> None:
    assert since_text(datetime(2026, 11, 20, 9, 12, 33, 250_000), changes) == text


def test_records_may_spell_an_instant_otherwise_than_the_parameter() -> None:
    changes = SECONDS.model_copy(update={"stamp_format": "rfc3339"})
    assert stamp_of({"at": "2026-11-20T09:12:33Z"}, changes) == datetime(2026, 11, 20, 9, 12, 33)
    assert since_text(datetime(2026, 11, 20, 9, 12, 33), changes) == "1795165953"
