"""Query strings and the escaping of what goes into a URL."""

from boxship.client.codec import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")


def escape(text: str, also: bytes = b"") -> str:
    """Percent-encode for a query or, with *also* = b"/:@", for a path."""
    data = text.encode("utf-8", "surrogateescape")
    return "".join(chr(b) if b in _UNRESERVED or b in also else f"%{b:02X}" for b in data)


def query_of(values: "dict[str, Any]") -> str:
    """`?a=1&b=x`; None is left out, booleans become 1 and 0, lists repeat, dicts become JSON."""
    parts = []
    for key, value in values.items():
        if value is None:
            continue
        if isinstance(value, dict):
            items = [dumps(value)]
        elif isinstance(value, bool):
            items = ["1" if value else "0"]
        else:
            items = value if isinstance(value, list) else [str(value)]
        parts += [f"{escape(key)}={escape(item)}" for item in items]
    return "?" + "&".join(parts) if parts else ""
