"""Variables and quotes in Dockerfile words, as BuildKit's shell lexer reads them.

Follows moby/buildkit frontend/dockerfile/shell/lex.go: `$x`, `${x}`, `${x:-w}`, `${x:+w}`, `${x:?w}` and
their forms without the colon, `${x#p}`, `${x##p}`, `${x%p}`, `${x%%p}`, `${x/p/r}`, `${x//p/r}`.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Final

from boxship.dockerfile.patterns import ShellPattern
from boxship.dockerfile.quoting import quote
from boxship.errors import InvalidArgument

_SPACE: Final = re.compile(r"\s")
_ORDINARY: Final = re.compile(r"[^'\"$\\`}/]+")
_SPECIAL: Final = frozenset("@*#?-$!0")
_NOTHING: Final = "\ufffd"
"""What Go prints of a character that is not there."""

MAX_DEPTH: Final = 50

MAX_LENGTH: Final = 1 << 20
"""How long an expanded word may get: `${x//a/$y}` on itself grows fast."""


def expand(text: str, environment: Mapping[str, str], escape: str = "\\") -> str:
    """One word: variables expanded, quotes and escapes resolved."""
    with _explained(text):
        return _Lexer(text, environment, escape).word()


def expand_words(text: str, environment: Mapping[str, str], escape: str = "\\") -> list[str]:
    """As `expand`, but unquoted white space - also from variables - separates words."""
    with _explained(text):
        lexer = _Lexer(text, environment, escape)
        lexer.word()
        return lexer.words()


def expand_raw(text: str, environment: Mapping[str, str]) -> str:
    """The content of a here-document: variables and backslashes count, quotes do not."""
    with _explained(text):
        return _Lexer(text, environment, "\\", quotes=False).word()


@contextlib.contextmanager
def _explained(text: str) -> Iterator[None]:
    try:
        yield
    except InvalidArgument as error:
        raise InvalidArgument(f"failed to process {quote(text)}: {error}") from error


class _Lexer:
    """Reads a word character by character; keeps track of where unquoted white space splits it."""

    def __init__(
        self, text: str, environment: Mapping[str, str], escape: str, *, quotes: bool = True
    ) -> None:
        self._text = text
        self._at = 0
        self._environment = environment
        self._escape = escape
        self._quotes = quotes
        self._words: list[str] = []
        self._word: list[str] = []
        self._depth = 0

    def word(self) -> str:
        return self._until("", raw_escapes=False)

    def words(self) -> list[str]:
        if word := "".join(self._word):  # `""` alone is no word
            self._words.append(word)
        self._word.clear()
        return self._words

    # what becomes of characters, for the list of words

    def _add(self, text: str) -> None:
        self._word.append(text)

    def _add_split(self, text: str) -> None:
        first, *others = _SPACE.split(text)
        self._word.append(first)
        for part in others:
            self.words()
            self._word.append(part)

    # reading

    def _peek(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else ""

    def _next(self) -> str:
        character = self._peek()
        self._at += 1
        return character

    def _until(self, stop: str, *, raw_escapes: bool) -> str:
        """Everything up to *stop*; "" is the end of the text."""
        parts: list[str] = []
        length = 0
        while (character := self._peek()) and character != stop:
            if character == "'" and self._quotes:
                part = self._single_quoted()
                self._add(part)
            elif character == '"' and self._quotes:
                part = self._double_quoted()
                self._add(part)
            elif character == "$":
                part = self._dollar()
                self._add_split(part)
            else:
                part = self._plain(raw_escapes=raw_escapes)
            parts.append(part)
            length += len(part)
            if length > MAX_LENGTH:
                raise InvalidArgument("expanded value is too long")
        if stop and self._next() != stop:
            raise InvalidArgument(f"unexpected end of statement while looking for matching {stop}")
        return "".join(parts)

    def _plain(self, *, raw_escapes: bool) -> str:
        if run := _ORDINARY.match(self._text, self._at):
            self._at = run.end()
            self._add_split(run[0])
            return run[0]
        character = self._next()
        if character == self._escape:
            if raw_escapes:
                escaped = self._next()
                self._add(character + escaped)
                return character + escaped
            character = self._next()  # at the end of the text, an escape vanishes
            self._add(character)
            return character
        self._add_split(character)
        return character

    def _single_quoted(self) -> str:
        self._next()
        end = self._text.find("'", self._at)
        if end < 0:
            self._at = len(self._text)
            raise InvalidArgument(
                "unexpected end of statement while looking for matching single-quote"
            )
        content, self._at = self._text[self._at : end], end + 1
        return content

    def _double_quoted(self) -> str:
        self._next()
        parts: list[str] = []
        while True:
            character = self._peek()
            if not character:
                raise InvalidArgument(
                    "unexpected end of statement while looking for matching double-quote"
                )
            if character == '"':
                self._next()
                return "".join(parts)
            if character == "$":
                parts.append(self._dollar())
                continue
            self._next()
            if character == self._escape:
                escaped = self._peek()
                if not escaped:
                    continue
                if escaped in ('"', "$", self._escape):
                    character = self._next()
            parts.append(character)

    def _dollar(self) -> str:
        self._next()
        if self._peek() != "{":
            name = self._name()
            return self._environment.get(name, "") if name else "$"
        self._next()
        if not self._peek():
            raise InvalidArgument("syntax error: missing '}'")
        if self._peek() in "{}:":
            raise InvalidArgument("syntax error: bad substitution")
        return self._substitution(self._name())

    def _name(self) -> str:
        first = self._peek()
        if first in _SPECIAL and first:
            return self._next()
        start = self._at
        if first.isdigit():
            while self._peek().isdigit():
                self._at += 1
        else:
            while (character := self._peek()) and (character.isalnum() or character == "_"):
                self._at += 1
        return self._text[start : self._at]

    def _substitution(self, name: str) -> str:
        value = self._environment.get(name)
        modifier = operator = self._next() or _NOTHING
        if modifier == "}":
            return value or ""
        if modifier == "/":
            return self._replace(value or "")
        if modifier == ":":
            operator = self._next() or _NOTHING
            modifier += operator
        elif operator not in "+-?#%":
            raise InvalidArgument(f"unsupported modifier ({modifier}) in substitution")
        word = self._aside("}", "syntax error: missing '}'", raw_escapes=operator in "#%")
        return self._apply(name, modifier, value, word)

    def _aside(self, stop: str, complaint: str, *, raw_escapes: bool) -> str:
        """A part of `${…}`, read without its white space splitting words yet."""
        saved = self._words, self._word
        self._words, self._word = [], []
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidArgument("substitutions are nested too deeply")
        try:
            return self._until(stop, raw_escapes=raw_escapes)
        except InvalidArgument as error:
            raise (error if self._peek() else InvalidArgument(complaint)) from error
        finally:
            self._words, self._word = saved
            self._depth -= 1

    def _apply(self, name: str, modifier: str, value: str | None, word: str) -> str:
        # with a colon, empty counts as unset
        is_set = value is not None and (bool(value) or not modifier.startswith(":"))
        value = value or ""
        match modifier[-1]:
            case "-":
                return value if is_set else word
            case "+":
                return word if is_set else ""
            case "?":
                if is_set:
                    return value
                state = "empty" if name in self._environment else "unset"
                raise InvalidArgument(f"{name}: {word or f'is not allowed to be {state}'}")
            case "#" | "%" as operator if modifier == operator:
                longest = word.startswith(operator)
                pattern = ShellPattern(word[1:] if longest else word)
                if operator == "#":
                    return pattern.without_prefix(value, longest=longest)
                return pattern.without_suffix(value, longest=longest)
            case _:
                raise InvalidArgument(f"unsupported modifier ({modifier}) in substitution")

    def _replace(self, value: str) -> str:
        everywhere = self._peek() == "/"
        if everywhere:
            self._next()
        pattern = self._aside("/", "syntax error: missing '/' in ${}", raw_escapes=True)
        replacement = self._aside("}", "syntax error: missing '}'", raw_escapes=True)
        found = ShellPattern(pattern).replaced(
            value, replacement, everywhere=everywhere, limit=MAX_LENGTH
        )
        if found is None:
            raise InvalidArgument("expanded value is too long")
        return found
