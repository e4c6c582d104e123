"""Durations as Go writes them."""

import re
from typing import Final

from boxship.errors import InvalidArgument

_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")


def parse_duration(text: str) -> int:
    """`1m30s` in nanoseconds (Go's time.ParseDuration)."""
    sign = -1 if text.startswith("-") else 1
    body = text.lstrip("+-") if text[:1] in "+-" else text
    if body == "0":
        return 0
    if not body or not re.fullmatch(rf"(?:{_PART.pattern})+", body):
        unit = re.fullmatch(r"[\d.]+", body)
        problem = "missing unit in" if unit else "invalid"
        raise InvalidArgument(f'time: {problem} duration "{text}"')
    total = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(body))
    if total >= 1 << 63:
        raise InvalidArgument(f'time: invalid duration "{text}"')
    return sign * round(total)


def format_duration(nanoseconds: int) -> str:
    """`1m30s`, as Go prints a duration."""
    if nanoseconds == 0:
        return "0s"
    sign = "-" if nanoseconds < 0 else ""
    value = abs(nanoseconds)
    for unit, size in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if value < size * 1_000:
            return f"{sign}{_decimal(value, size)}{unit}"
    minutes, rest = divmod(value, _UNITS["m"])
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, _UNITS['s'])}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else f"{sign}{text}"


def _decimal(value: int, size: int) -> str:
    whole, rest = divmod(value, size)
    digits = f"{rest:0{len(str(size)) - 1}d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)
