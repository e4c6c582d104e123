"""Shell patterns of `${x#p}`, `${x%p}` and `${x/p/r}`: `*`, `?` and escapes, found in linear time.

A pattern is pieces of fixed length with stars between them. As in BuildKit, which makes regular
expressions of them, neither star nor question mark matches a line's end; unlike those expressions in
Python, a hostile pattern cannot take for ever.
"""

import re
from typing import NamedTuple

from boxship.errors import InvalidArgument


class Span(NamedTuple):
    """Where a match is."""

    start: int
    end: int


class ShellPattern:
    """A pattern, ready to be found."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._pieces = [""]
        characters = iter(text)
        for character in characters:
            if character == "*":
                self._pieces.append("")
            elif character == "\\":
                self._pieces[-1] += self._escaped(next(characters, "\ufffd"))
            else:
                self._pieces[-1] += "." if character == "?" else re.escape(character)

    def __repr__(self) -> str:
        return f"ShellPattern({self._text!r})"

    def _escaped(self, character: str) -> str:
        # `}` and `/` are escaped for the sake of `${}`; the rest must have needed it
        if character not in "*?\\}/":
            raise InvalidArgument(
                f"invalid pattern ({self._text}) in substitution: invalid escape '\\{character}'"
            )
        return re.escape(character)

    def without_prefix(self, value: str, *, longest: bool) -> str:
        """The value without the shortest or longest matching beginning."""
        end = _match(self._pieces, value, 0, longest=longest)
        return value if end is None else value[end:]

    def without_suffix(self, value: str, *, longest: bool) -> str:
        """The value without the shortest or longest matching end."""
        pieces = [_backwards(piece) for piece in reversed(self._pieces)]
        end = _match(pieces, value[::-1], 0, longest=longest)
        return value if end is None else value[: len(value) - end]

    def replaced(self, value: str, replacement: str, *, everywhere: bool, limit: int) -> str | None:
        """The value with the first or every longest match replaced; None when longer than *limit*."""
        parts: list[str] = []
        length = len(value)
        at = copied = 0
        while at <= len(value) and (span := self._find(value, at)) is not None:
            # Go leaves out an empty match right behind another one
            if not (span.start == span.end == copied and parts):
                parts += [value[copied : span.start], replacement]
                copied = span.end
                length += len(replacement) - (span.end - span.start)
            if length > limit:
                return None
            if not everywhere:
                break
            at = max(span.end, span.start + (span.start == span.end))
        return "".join(parts) + value[copied:]

    def _find(self, value: str, at: int) -> Span | None:
        first = re.compile(self._pieces[0])
        while (match := first.search(value, at)) is not None:
            end = _match(self._pieces, value, match.start(), longest=True)
            if end is not None:
                return Span(match.start(), end)
            # what failed here fails everywhere up to the end of the line
            line_end = value.find("\n", match.start())
            if line_end < 0 or len(self._pieces) == 1:
                return None
            at = line_end + 1
        return None


def _match(pieces: list[str], value: str, start: int, *, longest: bool) -> int | None:
    """Where a match that begins at *start* ends: every piece as early as can be, the last one is free."""
    match = re.compile(pieces[0]).match(value, start)
    if match is None:
        return None
    end = match.end()
    for number, piece in enumerate(pieces[1:], 2):
        newline = value.find("\n", end)
        # the piece itself may hold a newline that was written in the pattern
        last_start = len(value) if newline < 0 else newline
        is_last = number == len(pieces)
        found = _piece(piece, value, end, last_start, latest=is_last and longest)
        if found is None:
            return None
        end = found
    return end


def _piece(piece: str, value: str, start: int, last_start: int, *, latest: bool) -> int | None:
    """Where the first or last occurrence that starts in the range ends."""
    if not piece:
        return last_start if latest else start
    length = len(re.sub(r"\\(.)", r"\1", piece, flags=re.DOTALL))
    expression = re.compile(rf".*({piece})" if latest else piece)
    limit = min(len(value), last_start + length)
    if latest:
        match = expression.match(value, start, limit)
    else:
        match = expression.search(value, start, limit)
    return None if match is None else match.end()


def _backwards(piece: str) -> str:
    """The same piece for a reversed text: its characters, each with its escape, in reverse."""
    return "".join(reversed(re.findall(r"\\.|.", piece, re.DOTALL)))
