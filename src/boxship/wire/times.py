"""Times and durations in Go's words."""

import re
from datetime import UTC, datetime
from typing import Final

from boxship.errors import InvalidArgument

SECOND: Final = 10**9
ZERO_TIME: Final = "0001-01-01T00:00:00Z"


def human(nanoseconds: int) -> str:
    """go-units' HumanDuration: `3 minutes`, `About an hour`, `Less than a second`."""
    seconds = max(nanoseconds, 0) // SECOND
    minutes, hours = seconds // 60, (seconds + 1800) // 3600
    if seconds < 60:
        return ("Less than a second", "1 second")[seconds] if seconds < 2 else f"{seconds} seconds"
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    return _long(hours)


def _long(hours: int) -> str:
    days = hours // 24
    if hours < 24 * 7 * 2:
        return f"{days} days"
    if hours < 24 * 30 * 2:
        return f"{days // 7} weeks"
    if hours < 24 * 365 * 2:
        return f"{days // 30} months"
    return f"{days // 365} years"


def rfc3339(nanoseconds: int) -> str:
    """Go's RFC3339Nano in UTC: as many digits as needed; 0 is Go's zero time."""
    if not nanoseconds:
        return ZERO_TIME
    seconds, fraction = divmod(nanoseconds, SECOND)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    digits = f".{fraction:09d}".rstrip("0") if fraction else ""
    return f"{text}{digits}Z"


def rfc3339_seconds(nanoseconds: int) -> str:
    """RFC 3339 without a fraction."""
    return rfc3339(nanoseconds - nanoseconds % SECOND)


_STAMP: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def parse_rfc3339(text: str) -> int:
    """Nanoseconds since the epoch; 0 for Go's zero time and for what is no time."""
    match = _STAMP.fullmatch(text)
    if match is None or text.startswith("0001-"):
        return 0
    zone = "+00:00" if match[4] in "Zz" else match[4]
    try:
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}")
    except ValueError:
        return 0
    return int(moment.timestamp()) * SECOND + int((match[3] or "").ljust(9, "0"))


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s?([kKmMgGtTpP]?)(?:i?[bB])?", re.ASCII)


def parse_size(text: str) -> int:
    """go-units' RAMInBytes: `64m`, `1.5GiB`, powers of 1024."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InvalidArgument(f"invalid size: '{text}'")
    number: float = float(match[1])
    return int(number * 1024 ** ("kmgtp".find(match[2].lower()) + 1 if match[2] else 0))
