"""Moments: RFC 3339 as the API sends them, Go's text form, and what --since takes."""

import time

from boxship.cli.values import parse_duration
from boxship.errors import InvalidArgument

_EPOCH_DAYS = 719163  # days from year 1 to 1970


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the proleptic Gregorian calendar."""
    if month <= 2:
        year -= 1
        month += 12
    days = 365 * year + year // 4 - year // 100 + year // 400
    return days + (153 * (month - 3) + 2) // 5 + day - 306 - _EPOCH_DAYS


class Moment:
    """Seconds since 1970, nanoseconds, and the offset it was written with."""

    __slots__ = ("nanos", "offset", "seconds")

    def __init__(self, seconds: int, nanos: int = 0, offset: int = 0) -> None:
        self.seconds = seconds
        self.nanos = nanos
        self.offset = offset

    @property
    def unix(self) -> float:
        return self.seconds + self.nanos / 1e9


def parse_rfc3339(text: str) -> Moment:
    """`2026-01-02T03:04:05.678Z`; ValueError otherwise."""
    if len(text) < 20 or text[10] not in "Tt ":
        raise ValueError(text)
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    hour, minute, second = int(text[11:13]), int(text[14:16]), int(text[17:19])
    rest = text[19:]
    nanos = 0
    if rest.startswith("."):
        digits = rest[1:].rstrip("Zz")
        for sign in "+-":
            digits = digits.partition(sign)[0]
        nanos = int(digits.ljust(9, "0")[:9])
        rest = rest[1 + len(digits) :]
    offset = 0
    if rest not in {"Z", "z"}:
        direction = {"+": 1, "-": -1}[rest[:1]]
        offset = direction * (int(rest[1:3]) * 3600 + int(rest[4:6]) * 60)
    total = _days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
    return Moment(total, nanos, offset)


def go_time(seconds: int, nanos: int = 0) -> str:
    """Go's Time.String() of a local time: `2006-01-02 15:04:05.999 +0000 UTC`."""
    local = time.localtime(seconds)
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    text = (
        f"{local.tm_year:04d}-{local.tm_mon:02d}-{local.tm_mday:02d} "
        f"{local.tm_hour:02d}:{local.tm_min:02d}:{local.tm_sec:02d}"
    )
    return f"{text}{fraction} {_offset(local.tm_gmtoff or 0)} {local.tm_zone}"


def _offset(seconds: int, colon: str = "") -> str:
    sign = "-" if seconds < 0 else "+"
    minutes = abs(seconds) // 60
    return f"{sign}{minutes // 60:02d}{colon}{minutes % 60:02d}"


def rfc3339_local(seconds: int) -> str:
    """`2006-01-02T15:04:05Z` in local time."""
    local = time.localtime(seconds)
    zone = _offset(local.tm_gmtoff, ":") if local.tm_gmtoff else "Z"
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + zone


def rfc3339_nano_local(nanos: int) -> str:
    """As `docker events` prints a moment: local time with all nine digits."""
    seconds, rest = divmod(nanos, 1_000_000_000)
    local = time.localtime(seconds)
    zone = _offset(local.tm_gmtoff, ":") if local.tm_gmtoff else "Z"
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + f".{rest:09d}{zone}"


def ansi(text: str) -> str:
    """An API timestamp as `docker version` shows it: `Mon Jan _2 15:04:05 2006`."""
    try:
        moment = parse_rfc3339(text)
    except (ValueError, KeyError):
        return text
    there = time.gmtime(moment.seconds + moment.offset)
    return (
        time.strftime("%a %b ", there)
        + f"{there.tm_mday:2d}"
        + time.strftime(" %H:%M:%S %Y", there)
    )


def timestamp_query(value: str) -> str:
    """What --since and --until send: unix seconds of an RFC 3339 time, a date, or `10m` ago."""
    try:
        nanos = time.time_ns() - parse_duration(value)
    except ValueError:
        pass
    else:
        return f"{nanos // 1_000_000_000}.{nanos % 1_000_000_000:09d}"
    number, dot, fraction = value.partition(".")
    if number.lstrip("-").isdigit() and (not dot or fraction.isdigit()):
        return f"{number}.{fraction[:9].ljust(9, '0')}" if dot else number
    return _calendar(value)


def _calendar(value: str) -> str:
    text = value
    layouts = {10: "T00:00:00", 13: ":00:00", 16: ":00"}
    zone = ""
    if text.endswith("Z"):
        text, zone = text[:-1], "Z"
    elif len(text) > 16 and text[-6] in "+-" and text[-3] == ":":
        text, zone = text[:-6], text[-6:]
    text += layouts.get(len(text), "")
    try:
        moment = parse_rfc3339(text + (zone or "Z"))
    except (ValueError, KeyError, IndexError):
        raise InvalidArgument(f'failed to parse value as time or duration: "{value}"') from None
    seconds = moment.seconds
    if not zone:
        seconds -= time.localtime(seconds).tm_gmtoff
    return f"{seconds}.{moment.nanos:09d}"
