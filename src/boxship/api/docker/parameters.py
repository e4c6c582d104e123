"""Parameters of the query as Docker reads them, with its words for what is wrong."""

import re
from typing import Any, Final

from boxship.api.docker import wire
from boxship.errors import Internal, InvalidArgument
from boxship.http.query import Query
from boxship.model.filters import Filters

MAX_FILTERS: Final = 1 << 16
"""Characters: more is no filter but an attack."""


class NotANumber(Internal):
    """A number that is none: Docker answers 500, and so do we."""

    def __init__(self, function: str, text: str, why: str) -> None:
        super().__init__(f'{function}: parsing "{text}": {why}')


_INTEGER: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)
_TIMESTAMP: Final = re.compile(r"(-?[0-9]+)(?:\.([0-9]+))?", re.ASCII)


def integer(text: str, *, function: str = "strconv.Atoi") -> int:
    """A decimal number within 64 bits, or NotANumber in strconv's words."""
    if _INTEGER.fullmatch(text) is None:
        raise NotANumber(function, text, "invalid syntax")
    if len(text) > 20 or int(text) not in wire.INT64:
        raise NotANumber(function, text, "value out of range")
    return int(text)


def optional_integer(query: Query, name: str) -> int | None:
    """A number, None when the parameter is absent or empty."""
    text = query.text(name)
    return integer(text) if text else None


def number(query: Query, name: str) -> int:
    """A number that Docker takes for zero when it makes no sense (Int64ValueOrZero)."""
    try:
        return integer(query.text(name))
    except NotANumber:
        return 0


def size(query: Query, name: str, what: str) -> int:
    """A terminal's height or width."""
    text = query.text(name)
    if _INTEGER.fullmatch(text) is None or text.startswith("+"):
        raise InvalidArgument(f'invalid resize {what} "{text}": invalid syntax')
    if text.startswith("-") or len(text) > 10 or int(text) >= 1 << 32:
        raise InvalidArgument(f'invalid resize {what} "{text}": value out of range')
    return int(text)


def filters(query: Query, name: str = "filters") -> Filters:
    """Filters in either form: `{"label": ["a"]}` or, older, `{"label": {"a": true}}`."""
    text = query.text(name)
    if not text:
        return Filters()
    if len(text) > MAX_FILTERS:
        raise InvalidArgument("invalid filter")
    try:
        given = wire.parse(text.encode())
    except InvalidArgument:
        raise InvalidArgument("invalid filter") from None
    if given is None:
        return Filters()
    if not isinstance(given, dict):
        raise InvalidArgument("invalid filter")
    return Filters({key: _filter_values(values) for key, values in given.items()})


def _filter_values(values: Any) -> tuple[str, ...]:
    if isinstance(values, dict) and all(isinstance(v, bool | None) for v in values.values()):
        return tuple(values)
    if isinstance(values, list) and all(isinstance(value, str | None) for value in values):
        return tuple(value or "" for value in values)
    if values is None:
        return ()
    raise InvalidArgument("invalid filter")


def timestamp_ns(text: str) -> int | None:
    """Seconds with a fraction, as clients send times; nanoseconds since the epoch."""
    if not text:
        return None
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        whole, _, fraction = text.partition(".")
        wrong = whole if _INTEGER.fullmatch(whole) is None else fraction
        raise NotANumber("strconv.ParseInt", wrong, "invalid syntax")
    seconds = integer(match[1], function="strconv.ParseInt")
    if abs(seconds) > 1 << 40:
        raise NotANumber("strconv.ParseInt", match[1], "value out of range")
    return seconds * 10**9 + int((match[2] or "0").ljust(9, "0")[:9])


def json_list(query: Query, name: str) -> tuple[str, ...]:
    """A list of strings in JSON."""
    return tuple(_json(query, name, list) or ())


def json_map(query: Query, name: str) -> dict[str, str | None]:
    """A map of strings, or null, in JSON."""
    values = _json(query, name, dict) or {}
    return values if isinstance(values, dict) else {}


def _json(query: Query, name: str, kind: type) -> Any:
    text = query.text(name)
    if not text:
        return None
    value = wire.parse(text.encode())
    items = value.values() if isinstance(value, dict) else value or ()
    if value is not None and (
        not isinstance(value, kind) or not all(isinstance(item, str | None) for item in items)
    ):
        raise InvalidArgument(f"invalid JSON: cannot unmarshal {name}")
    return value
