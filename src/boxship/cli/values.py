"""Texts of flags to values: numbers, sizes, durations, with Go's error texts."""

from boxship.cli.quoting import go_quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3600_000_000_000,
}
_BINARY = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}


def _integer(text: str, low: int, high: int, function: str) -> int:
    digits = text[1:] if text[:1] in {"-", "+"} and low < 0 else text
    base = 10
    body = digits.lower()
    if body.startswith("0x"):
        base = 16
    elif body.startswith("0b"):
        base = 2
    elif body.startswith("0o") or (len(body) > 1 and body.startswith("0")):
        base = 8
    try:
        if not digits or not digits[0].isalnum():
            raise ValueError  # noqa: TRY301 - one text for all that is no number
        plain = body[2:] if body[:2] in {"0x", "0b", "0o"} else body
        value = int(plain, base)
    except ValueError:
        raise ValueError(f"strconv.{function}: parsing {go_quote(text)}: invalid syntax") from None
    value = -value if text.startswith("-") else value
    if not low <= value <= high:
        raise ValueError(f"strconv.{function}: parsing {go_quote(text)}: value out of range")
    return value


def parse_int(text: str) -> int:
    """A flag of kind int."""
    return _integer(text, -(1 << 63), (1 << 63) - 1, "ParseInt")


def parse_uint(text: str) -> int:
    """A flag of kind uint."""
    return _integer(text, 0, (1 << 64) - 1, "ParseUint")


def parse_uint16(text: str) -> int:
    """A flag of kind uint16."""
    return _integer(text, 0, (1 << 16) - 1, "ParseUint")


def parse_size(text: str) -> int:
    """`512m`, `1.5g`, `64KiB`: bytes, with 1024 to the kilobyte."""
    last = len(text)
    while last and text[last - 1] not in "0123456789. ":
        last -= 1
    if not last:
        raise ValueError(f"invalid size: '{text}'")
    number, suffix = text[:last], text[last:]
    number = number.removesuffix(" ")
    try:
        if not number or number[0] in "+-" or not all(c in "0123456789." for c in number):
            raise ValueError  # noqa: TRY301 - likewise
        value = float(number)
    except ValueError:
        raise ValueError(f"invalid size: '{text}'") from None
    unit = suffix.lower()
    if (unit.endswith("ib") and len(unit) == 3) or (unit.endswith("b") and len(unit) == 2):
        unit = unit[0]
    if unit not in _BINARY or len(unit) > 1:
        raise ValueError(f"invalid suffix: '{suffix}'")
    return int(value * _BINARY[unit])


def parse_swap(text: str) -> int:
    """A size, or -1 for no limit."""
    return -1 if text == "-1" else parse_size(text)


def parse_cpus(text: str) -> int:
    """A decimal number of CPUs in billionths."""
    from fractions import Fraction

    try:
        nanos = Fraction(text) * 1_000_000_000
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"failed to parse {text} as a rational number") from None
    if nanos.denominator != 1:
        raise ValueError("value is too precise")
    return int(nanos)


def parse_duration(text: str) -> int:
    """Go's time.ParseDuration, in nanoseconds."""
    rest = text
    sign = 1
    if rest[:1] in {"+", "-"}:
        sign = -1 if rest[0] == "-" else 1
        rest = rest[1:]
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(f"time: invalid duration {go_quote(text)}")
    total = 0
    while rest:
        size = 0
        while size < len(rest) and rest[size] in "0123456789.":
            size += 1
        number, rest = rest[:size], rest[size:]
        if not number or number == "." or number.count(".") > 1:
            raise ValueError(f"time: invalid duration {go_quote(text)}")
        size = 0
        while size < len(rest) and rest[size] not in "0123456789.":
            size += 1
        unit, rest = rest[:size], rest[size:]
        if not unit:
            raise ValueError(f"time: missing unit in duration {go_quote(text)}")
        if unit not in _UNITS:
            raise ValueError(f"time: unknown unit {go_quote(unit)} in duration {go_quote(text)}")
        whole, _, fraction = number.partition(".")
        total += int(whole or "0") * _UNITS[unit]
        if fraction:
            total += int(fraction) * _UNITS[unit] // 10 ** len(fraction)
    return sign * total


PARSERS: "dict[str, Callable[[str], Any]]" = {
    "int": parse_int,
    "int64": parse_int,
    "uint": parse_uint,
    "uint16": parse_uint16,
    "bytes": parse_size,
    "decimal": parse_cpus,
    "duration": parse_duration,
}
