"""Sizes and durations as go-units rounds them."""

import pytest

from boxship.cli.units import bytes_size, human_duration, human_size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0B"),
        (999, "999B"),
        (1000, "1kB"),
        (1024, "1.024kB"),
        (1984223, "1.984MB"),
        (5e18, "5EB"),
    ],
)
def test_human_sizes(size: float, text: str) -> None:
    assert human_size(size) == text


def test_fewer_digits() -> None:
    assert human_size(1984223, 3) == "1.98MB"
    assert human_size(999_999, 3) == "1e+03kB"


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0B"), (1024, "1KiB"), (339968, "332KiB"), (25_275_793_408, "23.54GiB")]
)
def test_binary_sizes(size: float, text: str) -> None:
    assert bytes_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (119, "About a minute"),
        (120, "2 minutes"),
        (3599, "59 minutes"),
        (3600, "About an hour"),
        (5399, "About an hour"),
        (5400, "2 hours"),
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
def test_durations(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text
