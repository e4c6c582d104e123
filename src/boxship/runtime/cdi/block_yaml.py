"""The YAML that generators of device descriptions write: block mappings and sequences, and scalars.

Anchors, tags and block scalars do not occur there and are refused.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

_KEY: Final = re.compile(
    r"""(?P<key>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'\[\]{},#&*!|>%@`-][^#]*?|-[^\s#][^#]*?)\s*:(?:\s+(?P<value>.*)|$)"""
)
_COMMENT: Final = re.compile(
    r"""^((?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^"'#]|(?<=\S)[#"'])*?)\s+#.*$"""
)
_INTEGER: Final = re.compile(r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOW_TOKEN: Final = re.compile(
    r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[\[\]{},]|:(?=\s)|[^\[\]{},]+?(?=\s*(?:[\[\]{},]|:\s|$)))"""
)
_WORDS: Final[dict[str, Any]] = {
    "": None, "~": None, "null": None, "true": True, "True": True, "false": False, "False": False,
}  # fmt: skip
_DEEPEST: Final = 50


class _Line(NamedTuple):
    number: int
    indent: int
    text: str


def parse(text: str) -> Any:
    """The document's value; raise ValueError with the line for what is not understood."""
    lines = list(_lines(text))
    if not lines:
        return None
    reader = _Reader(lines)
    value = reader.block(lines[0].indent, 0)
    if reader.rest:
        raise ValueError(f"line {reader.rest[-1].number}: unexpected indentation")
    return value


def _lines(text: str) -> Iterator[_Line]:
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.lstrip(" ")
        if bare.startswith("\t"):
            raise ValueError(f"line {number}: tabs do not indent")
        content = _without_comment(bare.rstrip())
        if content and content not in ("---", "..."):
            yield _Line(number, len(line) - len(bare), content)


def _without_comment(text: str) -> str:
    if text.startswith("#"):
        return ""
    match = _COMMENT.match(text)
    return match[1].rstrip() if match else text


class _Reader:
    def __init__(self, lines: list[_Line]) -> None:
        self._lines = lines[::-1]  # taken from the end

    @property
    def rest(self) -> list[_Line]:
        """What is left, the next line last."""
        return self._lines

    def block(self, indent: int, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError(f"line {self._lines[-1].number}: nested too deeply")
        line = self._lines[-1]
        if _is_item(line.text):
            return self._sequence(indent, depth)
        if _KEY.fullmatch(line.text):
            return self._mapping(indent, depth)
        self._lines.pop()
        return scalar(line.text, line.number)

    def _sequence(self, indent: int, depth: int) -> list[Any]:
        items = []
        while self._lines and self._lines[-1].indent == indent and _is_item(self._lines[-1].text):
            line = self._lines.pop()
            inner = line.text[1:].lstrip(" ")
            if inner:
                at = line.indent + len(line.text) - len(inner)
                self._lines.append(_Line(line.number, at, inner))
                items.append(self.block(at, depth + 1))
            else:
                items.append(self._nested(indent + 1, depth))
        return items

    def _mapping(self, indent: int, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while self._lines and self._lines[-1].indent == indent:
            line = self._lines[-1]
            match = _KEY.fullmatch(line.text)
            if match is None or _is_item(line.text):
                break
            self._lines.pop()
            key = str(scalar(match["key"], line.number))
            if key in result:
                raise ValueError(f'line {line.number}: key "{key}" is given twice')
            value = match["value"]
            if value:
                result[key] = scalar(value, line.number)
            elif (
                self._lines and self._lines[-1].indent == indent and _is_item(self._lines[-1].text)
            ):
                result[key] = self._sequence(indent, depth + 1)
            else:
                result[key] = self._nested(indent + 1, depth)
        return result

    def _nested(self, least: int, depth: int) -> Any:
        if self._lines and self._lines[-1].indent >= least:
            return self.block(self._lines[-1].indent, depth + 1)
        return None


def _is_item(text: str) -> bool:
    return text == "-" or text.startswith("- ")


def scalar(text: str, number: int) -> Any:
    """A value on one line."""
    if text[:1] in ("[", "{"):
        return _flow(text, number)
    if text[:1] == '"':
        return _quoted(text, number)
    if text[:1] == "'":
        if len(text) < 2 or text[-1] != "'":
            raise ValueError(f"line {number}: a quote is not closed")
        return text[1:-1].replace("''", "'")
    if text[:1] in ("&", "*", "!", "|", ">", "%", "@", "`"):
        raise ValueError(f"line {number}: {text[0]} is not supported")
    if text in _WORDS:
        return _WORDS[text]
    return int(text, 0 if text[:2] in ("0x", "0o") else 10) if _INTEGER.fullmatch(text) else text


def _quoted(text: str, number: int) -> str:
    try:
        return str(json.loads(text))
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from error


def _flow(text: str, number: int) -> Any:
    tokens = [match[1] for match in _FLOW_TOKEN.finditer(text)][::-1]
    value = _flow_value(tokens, number, 0)
    if tokens:
        raise ValueError(f"line {number}: unexpected {tokens[-1]}")
    return value


def _flow_value(tokens: list[str], number: int, depth: int) -> Any:
    if not tokens or depth > _DEEPEST:
        raise ValueError(f"line {number}: a bracket is not closed")
    word = tokens.pop()
    if word not in ("[", "{"):
        return scalar(word.strip(), number)
    end = "]" if word == "[" else "}"
    items: list[tuple[Any, Any]] = []
    while tokens and tokens[-1] != end:
        key = _flow_value(tokens, number, depth + 1)
        value = None
        if end == "}" and tokens and tokens[-1] == ":":
            tokens.pop()
            value = _flow_value(tokens, number, depth + 1)
        items.append((key, value))
        if tokens and tokens[-1] == ",":
            tokens.pop()
    if not tokens:
        raise ValueError(f"line {number}: a bracket is not closed")
    tokens.pop()
    return {str(key): value for key, value in items} if end == "}" else [key for key, _ in items]
