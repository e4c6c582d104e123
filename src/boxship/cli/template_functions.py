"""What templates may call, and the rows of listings as templates see them."""

from boxship.cli import gofmt
from boxship.cli.gofmt import shown
from boxship.client.codec import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Record:
    """A row of a listing: its fields are computed when a template asks for them.

    *fields* maps a name to a function of the row; those in *calls* take arguments instead and are
    no part of the JSON form.
    """

    __slots__ = ("calls", "fields", "row", "type_name")

    def __init__(
        self,
        row: "Any",
        fields: "dict[str, Callable[[Any], Any]]",
        type_name: str,
        calls: "dict[str, Callable[..., Any]] | None" = None,
    ) -> None:
        self.row = row
        self.fields = fields
        self.type_name = type_name
        self.calls = calls or {}

    def as_json(self) -> str:
        """All fields by name."""
        values = {name: self.fields[name](self.row) for name in sorted(self.fields)}
        return dumps(values, html=True)


def truth(value: "Any") -> bool:
    """Whether `if` takes it for true."""
    return bool(value) if not isinstance(value, gofmt.Struct) else True


def _length(value: "Any") -> int:
    if value is None:
        return 0  # a nil slice or map
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, (list, dict)):
        return len(value)
    raise ValueError(f"len of type {gofmt.type_name(value)}")


def _index(value: "Any", *keys: "Any") -> "Any":
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key)
            if value is None:
                value = ""
        elif isinstance(value, (list, str)):
            if not isinstance(key, int):
                raise ValueError(f"cannot index slice/array with type {gofmt.type_name(key)}")  # noqa: TRY004 - the runner reports ValueError
            if not 0 <= key < len(value):
                raise ValueError(f"index out of range: {key}")
            value = value[key]
        elif value is None:
            raise ValueError("index of untyped nil")
        else:
            raise ValueError(f"can't index item of type {gofmt.type_name(value)}")
    return value


def _slice(value: "Any", *bounds: int) -> "Any":
    low = bounds[0] if bounds else 0
    high = bounds[1] if len(bounds) > 1 else len(value)
    if not 0 <= low <= high <= len(value):
        raise ValueError(f"index out of range: {high}")
    return value[low:high]


def _kinds(a: "Any", b: "Any") -> None:
    if type(a) is not type(b) and a is not None and b is not None:
        raise ValueError("incompatible types for comparison")


def _equal(first: "Any", *others: "Any") -> bool:
    for other in others:
        _kinds(first, other)
    return any(first == other for other in others)


def _less(a: "Any", b: "Any") -> bool:
    _kinds(a, b)
    return bool(a < b)


def _pad(text: str, before: int, after: int) -> str:
    return " " * before + text + " " * after if text else text


def _join(values: "Any", separator: str) -> str:
    if isinstance(values, str):
        raise ValueError("wrong type for value; expected []string; got string")  # noqa: TRY004
    return separator.join(shown(value) for value in values or [])


def to_json(value: "Any") -> str:
    """The `json` function."""
    if isinstance(value, Record):
        return value.as_json()
    if isinstance(value, list) and any(isinstance(item, Record) for item in value):
        return "[" + ",".join(map(to_json, value)) + "]"
    if isinstance(value, gofmt.Struct) and any(isinstance(item, list) for item in value.values()):
        return "{" + ",".join(f"{dumps(key)}:{to_json(item)}" for key, item in value.items()) + "}"
    return dumps(value)


def _html(text: "Any") -> str:
    from html import escape

    return escape(shown(text)).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


_JS = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    **{char: f"\\u{ord(char):04X}" for char in "<>&="},
    **{chr(code): f"\\u{code:04X}" for code in range(32)},
}


def _js(*values: "Any") -> str:
    return "".join(_JS.get(char, char) for char in _print(*values))


def _urlquery(*values: "Any") -> str:
    from boxship.client.query import escape

    return escape(_print(*values), b" ").replace(" ", "+")


def _print(*values: "Any") -> str:
    """Go's Sprint: a blank between two operands of which neither is a string."""
    text = ""
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            text += " "
        text += shown(value)
    return text


FUNCTIONS: "dict[str, Callable[..., Any]]" = {
    "and": lambda *_: None,  # evaluated by the runner
    "or": lambda *_: None,
    "not": lambda value: not truth(value),
    "len": _length,
    "index": _index,
    "slice": _slice,
    "print": _print,
    "printf": gofmt.sprintf,
    "println": lambda *values: " ".join(shown(v) for v in values) + "\n",
    "html": _html,
    "js": _js,
    "urlquery": _urlquery,
    "eq": _equal,
    "ne": lambda a, b: not _equal(a, b),
    "lt": _less,
    "le": lambda a, b: not _less(b, a),
    "gt": lambda a, b: _less(b, a),
    "ge": lambda a, b: not _less(a, b),
    "json": to_json,
    "split": lambda text, separator: text.split(separator) if separator else list(text),
    "join": _join,
    "title": lambda text: " ".join(w[:1].upper() + w[1:] for w in text.split(" ")),
    "lower": lambda text: text.lower(),
    "upper": lambda text: text.upper(),
    "pad": _pad,
    "truncate": lambda text, length: text[:length],
}
HEADER_FUNCTIONS: "dict[str, Callable[..., Any]]" = {
    **FUNCTIONS,
    "json": lambda value: value,
    "split": lambda value, _: value,
    "join": lambda value, _: value,
    "title": lambda value: value,
    "lower": lambda value: value,
    "upper": lambda value: value,
    "truncate": lambda value, _: value,
}
