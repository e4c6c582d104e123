"""Points in time as filters name them: `24h`, `1700000000.5`, `2025-01-02T15:04:05Z`. Pure."""

import re
from datetime import UTC, datetime
from typing import Final

from boxship.errors import InvalidArgument

_UNITS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_STAMP: Final = re.compile(r"-?\d{1,12}(?:\.\d{1,9})?")


def parse_moment(text: str, now_ns: int) -> int:
    """Nanoseconds since the epoch; a duration counts back from now."""
    if text and _PART.sub("", text) == "":
        return now_ns - sum(
            int(float(number) * _UNITS[unit]) for number, unit in _PART.findall(text)
        )
    if _STAMP.fullmatch(text):
        return int(float(text) * 10**9)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidArgument(f'failed to parse value as time or duration: "{text}"') from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 10**9)
