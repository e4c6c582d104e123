"""Query strings as Go's net/url reads them, with its words for what is wrong."""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from boxship.errors import InvalidArgument

_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
_FALSE: Final = frozenset({"", "0", "no", "false", "none"})

MAX_PARAMETERS: Final = 10_000


def unescape(text: str) -> str:
    """Undo %xx; raise InvalidArgument in Go's words for a broken escape."""
    if "%" not in text:
        return text
    if bad := _BAD_ESCAPE.search(text):
        raise InvalidArgument(f'invalid URL escape "{bad[0]}"')
    return unquote_to_bytes(text).decode("utf-8", "replace")


class Query:
    """The parameters of a request: the first value of each counts, as in Go's FormValue."""

    __slots__ = ("_values",)

    def __init__(self, text: str = "") -> None:
        self._values: dict[str, list[str]] = {}
        if not text:
            return
        pairs = text.split("&")
        if len(pairs) > MAX_PARAMETERS:
            raise InvalidArgument("too many query parameters")
        for pair in pairs:
            if ";" in pair:
                raise InvalidArgument("invalid semicolon separator in query")
            if pair:
                key, _, value = pair.partition("=")
                self._values.setdefault(_component(key), []).append(_component(value))

    def __repr__(self) -> str:
        return f"Query({self._values!r})"

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str, default: str = "") -> str:
        """The first value."""
        values = self._values.get(name)
        return values[0] if values else default

    def all(self, name: str) -> list[str]:
        """Every value, in order."""
        return self._values.get(name, [])

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Docker's truth: anything but "", 0, no, false and none; *default* when absent."""
        values = self._values.get(name)
        return values[0].strip().lower() not in _FALSE if values else default


def _component(text: str) -> str:
    return unescape(text.replace("+", " ")) if "+" in text else unescape(text)
