"""Wildcards of COPY sources and ignore files, matched in time linear in pattern and path.

`*` and `?` stop at slashes, `[a-z]` is a class, a backslash escapes (Go's filepath.Match); with *deep*,
`**` spans folders as in moby/patternmatcher. A regular expression would do the same and let a hostile
pattern take for ever.
"""

import re
from enum import Enum
from typing import Final

from boxship.errors import InvalidArgument

MAX_WILDCARDS: Final = 100
"""More than anybody means; keeps the work for one path bounded."""

_CLASS: Final = re.compile(r"\[\^?(?:\\.|[^\\\]])+\]", re.DOTALL)

_PLAIN_END: Final = re.compile(r"\*\*[^/*?\[\]\\][^*?\[\]\\]*", re.DOTALL)
"""`**x` with nothing special behind it: patternmatcher compares ends, folders or not."""


class _Wild(Enum):
    STAR = "*"  # anything up to the next slash
    ONE = "?"
    FOLDERS = "**/"  # any number of whole folders
    REST = "**"  # anything at all, to the end
    ANYTHING = "**x"  # anything at all, before a plain end


class Glob:
    """A pattern, ready to match."""

    def __init__(self, pattern: str, *, deep: bool = False) -> None:
        self.pattern = pattern
        self._tokens = _tokens(pattern, deep=deep)
        if sum(not isinstance(token, str) for token in self._tokens) > MAX_WILDCARDS:
            raise InvalidArgument(f"more than {MAX_WILDCARDS} wildcards in pattern: {pattern[:80]}")

    def __repr__(self) -> str:
        return f"Glob({self.pattern!r})"

    @property
    def literal(self) -> bool:
        """True when it has no wildcard."""
        return all(isinstance(token, str) for token in self._tokens)

    def matches(self, path: str) -> bool:
        """Whether all of *path* matches."""
        positions = {0}
        for token in self._tokens:
            positions = _step(token, path, positions)
            if not positions:
                return False
        return len(path) in positions


def has_wildcards(pattern: str) -> bool:
    """Whether a COPY source is a pattern and not just a name."""
    return re.search(r"[*?\[\\]", pattern) is not None


Token = str | _Wild | re.Pattern[str]


def _step(token: Token, path: str, positions: set[int]) -> set[int]:
    """Where in *path* a match may stand after the token."""
    match token:
        case str():
            return {at + len(token) for at in positions if path.startswith(token, at)}
        case _Wild.STAR:
            return _up_to_slashes(path, positions)
        case _Wild.ONE:
            return {at + 1 for at in positions if at < len(path) and path[at] != "/"}
        case _Wild.FOLDERS:
            first = min(positions)
            return positions | {i + 1 for i in range(first, len(path)) if path[i] == "/"}
        case _Wild.ANYTHING:
            return set(range(min(positions), len(path) + 1))
        case _Wild.REST:
            return {len(path)}
        case re.Pattern():
            return {at + 1 for at in positions if token.match(path, at)}
        case _:
            raise AssertionError(token)


def _up_to_slashes(path: str, positions: set[int]) -> set[int]:
    """Everything from each position to the next slash, each part of the path once."""
    reached: set[int] = set()
    done = -1
    for at in sorted(positions):
        if at > done:
            slash = path.find("/", at)
            done = slash if slash >= 0 else len(path)
            reached.update(range(at, done + 1))
    return reached


def _tokens(pattern: str, *, deep: bool) -> list[Token]:
    tokens: list[Token] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        token: Token = character
        width = 1
        if deep and pattern.startswith("**", at):
            width = 3 if pattern.startswith("**/", at) else 2
            token = _Wild.FOLDERS if at + width < len(pattern) else _Wild.REST
            if at == 0 and _PLAIN_END.fullmatch(pattern):
                token = _Wild.ANYTHING
        elif character == "*":
            token = _Wild.STAR
        elif character == "?":
            token = _Wild.ONE
        elif character == "[":
            token, width = _character_class(pattern, at)
        elif character == "\\":
            if at + 1 == len(pattern):
                raise InvalidArgument(f"syntax error in pattern: {pattern}")
            token, width = pattern[at + 1], 2
        at += width
        if isinstance(token, str) and tokens and isinstance(tokens[-1], str):
            tokens[-1] += token
        elif not (isinstance(token, _Wild) and token is not _Wild.ONE and tokens[-1:] == [token]):
            tokens.append(token)
    return tokens


def _character_class(pattern: str, at: int) -> tuple[re.Pattern[str], int]:
    match = _CLASS.match(pattern, at)
    if match is None:
        raise InvalidArgument(f"syntax error in pattern: {pattern}")
    inside = match[0][1:-1].replace("[", r"\[").replace("&&", r"&\&").replace("||", r"|\|")
    inside = inside.replace("--", r"-\-").replace(
        "~~", r"~\~"
    )  # no set operations of later Pythons
    try:
        return re.compile(f"[{inside}]"), len(match[0])
    except re.error as error:
        raise InvalidArgument(f"syntax error in pattern: {pattern}") from error
