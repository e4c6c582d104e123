"""JSON by the C scanner alone: `json` itself costs several milliseconds of imports."""

from _json import make_encoder, make_scanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

_CONSTANTS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_SPACE = " \t\r\n"


class _Reading:
    """What `make_scanner` asks of a decoder."""

    strict = False
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = _CONSTANTS.__getitem__
    memo: "dict[str, str]" = {}  # noqa: RUF012 - the scanner clears it itself


_scan = make_scanner(_Reading)  # type: ignore[arg-type] # it reads attributes only


class BadJSON(ValueError):
    """Text that is not one JSON value."""


def loads(text: "str | bytes") -> "Any":
    """Parse one JSON value; raise BadJSON."""
    value, end = scan(text if isinstance(text, str) else text.decode("utf-8", "replace"), 0)
    if end is None:
        raise BadJSON("unexpected end of JSON input")
    return value


def scan(text: str, start: int) -> "tuple[Any, int | None]":
    """Parse the JSON value that begins at *start*: the value and where it ends."""
    while start < len(text) and text[start] in _SPACE:
        start += 1
    if start == len(text):
        return None, None
    try:
        value, end = _scan(text, start)
    except StopIteration:
        raise BadJSON(f"invalid JSON at {start}") from None
    except ValueError as error:  # json.JSONDecodeError, imported by the scanner when it fails
        raise BadJSON(str(error)) from None
    return value, end


def json_lines(chunks: "Iterable[bytes]") -> "Iterator[Any]":
    """The values of a stream of JSON texts, one a line, as Docker sends progress and events."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield loads(line)
    if rest.strip():
        yield loads(rest)


def quote(text: str) -> str:
    """A JSON string as Go writes it without HTML escapes: only what must be escaped is."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    out = ['"']
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif char in _SHORT:
            out.append(_SHORT[char])
        elif char < " " or char in "\u2028\u2029":
            out.append(f"\\u{ord(char):04x}")
        else:
            out.append(char)
    out.append('"')
    return "".join(out)


_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def _unknown(value: object) -> object:
    raise TypeError(f"{type(value).__name__} is no JSON value")


# the last are: sort keys, skip bad keys, allow NaN
_encode = make_encoder(None, _unknown, quote, None, ":", ",", False, False, False)  # noqa: FBT003
_encode_sorted = make_encoder(None, _unknown, quote, None, ":", ",", True, False, False)  # noqa: FBT003


def dumps(value: object, *, sort: bool = False, html: bool = False) -> str:
    """Compact JSON; *html* escapes <, > and & as Go's encoder does by default."""
    if value is True:
        text = "true"
    elif value is False:
        text = "false"
    elif value is None:
        text = "null"
    elif isinstance(value, str):
        text = quote(value)
    elif isinstance(value, int):
        text = str(value)
    else:
        text = "".join((_encode_sorted if sort else _encode)(value, 0))
    if html:
        for char in "<>&":
            text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def indent(text: str, unit: str = "    ", prefix: str = "") -> str:
    """Lay out JSON text anew without touching its tokens, as Go's json.Indent does."""
    out: list[str] = []
    depth = 0
    position, size = 0, len(text)
    fresh = False  # just behind an opening bracket
    while position < size:
        char = text[position]
        if char in _SPACE:
            position += 1
            continue
        if fresh and char not in "]}":
            depth += 1
            out.append("\n" + prefix + unit * depth)
        if char == '"':
            end = position + 1
            while text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            out.append(text[position : end + 1])
            position = end + 1
            fresh = False
            continue
        if char in "[{":
            out.append(char)
            fresh = True
            position += 1
            continue
        if char == ",":
            out.append(",\n" + prefix + unit * depth)
        elif char == ":":
            out.append(": ")
        elif char in "]}":
            if not fresh:
                depth -= 1
                out.append("\n" + prefix + unit * depth)
            out.append(char)
        else:
            out.append(char)
        fresh = False
        position += 1
    return "".join(out)
