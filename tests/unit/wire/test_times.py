"""Times in Go's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.errors import InvalidArgument
from boxship.wire.times import (
    SECOND,
    human,
    parse_rfc3339,
    parse_size,
    rfc3339,
    rfc3339_seconds,
)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-5, "Less than a second"),
        (0.9, "Less than a second"),
        (1, "1 second"),
        (45, "45 seconds"),
        (60, "About a minute"),
        (119, "About a minute"),
        (120, "2 minutes"),
        (3599, "59 minutes"),
        (3600, "About an hour"),
        (3 * 3600, "3 hours"),
        (47 * 3600, "47 hours"),
        (48 * 3600, "2 days"),
        (13 * 86400, "13 days"),
        (14 * 86400, "2 weeks"),
        (59 * 86400, "8 weeks"),
        (60 * 86400, "2 months"),
        (729 * 86400, "24 months"),
        (730 * 86400, "2 years"),
    ],
)
def test_human(seconds: float, expected: str) -> None:
    assert human(int(seconds * SECOND)) == expected


def test_rfc3339() -> None:
    assert rfc3339(0) == "0001-01-01T00:00:00Z"
    assert rfc3339(1_700_000_000 * SECOND) == "2023-11-14T22:13:20Z"
    assert rfc3339(1_700_000_000 * SECOND + 120) == "2023-11-14T22:13:20.00000012Z"
    assert rfc3339_seconds(1_700_000_000 * SECOND + 120) == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("32", 32),
        ("64m", 64 << 20),
        ("1.5k", 1536),
        ("2GiB", 2 << 30),
        ("2 kB", 2048),
        ("5b", 5),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "-1", "1x", "1kx", "1,5"])
def test_bad_sizes(text: str) -> None:
    with pytest.raises(InvalidArgument, match=f"invalid size: '{text}'"):
        parse_size(text)


@given(st.integers(0, 4 * 10**18))
def test_no_nanosecond_is_lost_on_the_way(moment: int) -> None:
    assert parse_rfc3339(rfc3339(moment)) == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2001-09-09T03:46:40.5+02:00", 10**18 + SECOND // 2),
        ("0001-01-01T00:00:00Z", 0),
        ("", 0),
        ("yesterday", 0),
        ("2001-13-01T00:00:00Z", 0),
    ],
)
def test_times_of_other_engines(text: str, moment: int) -> None:
    assert parse_rfc3339(text) == moment
