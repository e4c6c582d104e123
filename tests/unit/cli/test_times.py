"""Moments in the forms that Docker's API and command line know."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.cli.times import ansi, go_time, parse_rfc3339, rfc3339_nano_local, timestamp_query
from boxship.errors import InvalidArgument


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@given(
    st.datetimes(
        min_value=datetime(1600, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
        max_value=datetime(2400, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    )
)
def test_parsing_agrees_with_datetime(moment: datetime) -> None:
    found = parse_rfc3339(moment.isoformat().replace("+00:00", "Z"))
    assert found.seconds == int(moment.replace(microsecond=0).timestamp())
    assert found.nanos == moment.microsecond * 1000


def test_offsets_count() -> None:
    assert parse_rfc3339("2026-01-02T03:04:05.5+01:30").seconds == 1767317645
    assert parse_rfc3339("1970-01-01T00:00:00Z").seconds == 0


@pytest.mark.parametrize("text", ["", "now", "2026-01-02", "2026-13-99"])
def test_bad_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_rfc3339(text)


def test_gos_text_form() -> None:
    assert go_time(1767323045) == "2026-01-02 03:04:05 +0000 UTC"
    assert go_time(1767323045, 500_000_000) == "2026-01-02 03:04:05.5 +0000 UTC"


def test_events_have_nine_digits() -> None:
    assert rfc3339_nano_local(1767323045000000005) == "2026-01-02T03:04:05.000000005Z"


def test_version_shows_ansi_dates() -> None:
    assert ansi("2026-09-05T11:02:57.000000000+00:00") == "Sat Sep  5 11:02:57 2026"
    assert ansi("unknown") == "unknown"


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("1767323045", "1767323045"),
        ("1767323045.5", "1767323045.500000000"),
        ("2026-01-02T03:04:05Z", "1767323045.000000000"),
        ("2026-01-02T03:04:05.25Z", "1767323045.250000000"),
        ("2026-01-02", "1767312000.000000000"),
        ("2026-01-02T03", "1767322800.000000000"),
        ("2026-01-02T03:04", "1767323040.000000000"),
    ],
)
def test_since(text: str, query: str) -> None:
    assert timestamp_query(text) == query


def test_since_some_time_ago() -> None:
    assert abs(float(timestamp_query("10m")) - (time.time() - 600)) < 5


def test_nonsense_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="failed to parse value as time or duration"):
        timestamp_query("yesterday")
