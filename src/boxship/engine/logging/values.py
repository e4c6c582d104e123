"""Values of log options, refused in the words of Go's parsers. Pure."""

import re
from typing import Final

from boxship.errors import InvalidArgument
from boxship.model.filters import FALSE, TRUE
from boxship.model.sizes import parse_size

_DECIMAL: Final = re.compile(r"(\d+(?:\.\d+)?) ?([kmgtp]?)b?", re.IGNORECASE)
_SCHEME: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://")


def boolean(text: str) -> bool:
    """Go's strconv.ParseBool."""
    if text not in TRUE | FALSE or not text:
        raise InvalidArgument(f'strconv.ParseBool: parsing "{text}": invalid syntax')
    return text in TRUE


def integer(text: str) -> int:
    """Go's strconv.Atoi."""
    if not re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        raise InvalidArgument(f'strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)


def unsigned(text: str) -> int:
    """Go's strconv.ParseUint."""
    if not re.fullmatch(r"\d+", text, re.ASCII):
        raise InvalidArgument(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    return int(text)


def binary_size(text: str) -> int:
    """Bytes, in powers of 1024; no negative ones."""
    if text.startswith("-"):
        raise InvalidArgument(f"invalid size: '{text}'")
    return parse_size(text)


def decimal_size(text: str) -> int:
    """Bytes, in powers of 1000, as json-file counts."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise InvalidArgument(f"invalid size: '{text}'")
    return int(float(match[1]) * 1000 ** " kmgtp".index(match[2].lower() or " "))


class Address:
    """A URL of a collector, taken apart as Go does; raises InvalidArgument in its words."""

    __slots__ = ("host", "path", "port", "scheme")

    def __init__(self, text: str) -> None:
        match = _SCHEME.match(text)
        self.scheme = match[1].lower() if match else ""
        rest = text[match.end() :] if match else text
        authority, slash, path = rest.partition("/")
        self.path = slash + path.partition("?")[0]
        self.host, self.port = authority, ""
        if authority.startswith("["):
            host, bracket, port = authority[1:].partition("]")
            if not bracket:
                raise InvalidArgument(f"parse \"{text}\": missing ']' in host")
            self.host = host
        else:
            host, colon, port = authority.rpartition(":")
            self.host, port = (host, colon + port) if colon else (authority, "")
        if port and not re.fullmatch(r":\d*", port, re.ASCII):
            raise InvalidArgument(f'parse "{text}": invalid port "{port}" after host')
        self.port = port[1:]
