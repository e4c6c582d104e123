"""Variables and quotes in Dockerfile words, as BuildKit's shell lexer reads them.

Follows moby/buildkit frontend/dockerfile/shell/lex.go: `$x`, `${x}`, `${x:-w}`, `${x:+w}`, `${x:?w}` and
their forms without the colon, `${x#p}`, `${x##p}`, `${x%p}`, `${x%%p}`, `${x/p/r}`, `${x//p/r}`.
"""

import re
from collections.abc import Mapping
from typing import Final

from boxship.errors import InvalidArgument

_SPECIAL: Final = frozenset("@*#?-$!0")
MAX_LENGTH: Final = 1 << 20
"""How long an expanded word may get: `${x//a/$y}` on itself grows fast."""


def expand(text: str, environment: Mapping[str, str], escape: str = "\\") -> str:
    """One word: variables expanded, quotes and escapes resolved."""
    return _Lexer(text, environment, escape).word()


def expand_words(text: str, environment: Mapping[str, str], escape: str = "\\") -> list[str]:
    """As `expand`, but unquoted white space - also from variables - separates words."""
    lexer = _Lexer(text, environment, escape)
    lexer.word()
    return lexer.words()


class _Lexer:
    """Reads a word character by character; keeps track of where unquoted white space splits it."""

    def __init__(self, text: str, environment: Mapping[str, str], escape: str) -> None:
        self._text = text
        self._at = 0
        self._environment = environment
        self._escape = escape
        self._words: list[str] = []
        self._word = ""
        self._in_word = False

    def word(self) -> str:
        result, _ = self._until("", raw_escapes=False)
        return result

    def words(self) -> list[str]:
        if self._in_word:
            self._words.append(self._word)
            self._word, self._in_word = "", False
        return self._words

    # what becomes of characters, for the list of words

    def _add(self, text: str) -> None:
        self._word += text
        self._in_word = True

    def _add_split(self, text: str) -> None:
        for character in text:
            if character.isspace():
                self.words()
            else:
                self._add(character)

    # reading

    def _peek(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else ""

    def _next(self) -> str:
        character = self._peek()
        self._at += 1
        return character

    def _until(self, stop: str, *, raw_escapes: bool) -> tuple[str, bool]:
        """Everything up to *stop* ("" is the end of the text), and whether it was found."""
        parts: list[str] = []
        length = 0
        while (character := self._peek()) and character != stop:
            if character == "'":
                part = self._single_quoted()
                self._add(part)
            elif character == '"':
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
        found = bool(stop) and self._next() == stop
        if stop and not found:
            raise InvalidArgument(f"unexpected end of statement while looking for matching {stop}")
        return "".join(parts), found

    def _plain(self, *, raw_escapes: bool) -> str:
        character = self._next()
        if character == self._escape:
            if raw_escapes:
                escaped = self._next()
                self._add(character + escaped)
                return character + escaped
            if not self._peek():
                self._add(character)
                return character
            character = self._next()
            self._add(character)
            return character
        self._add_split(character)
        return character

    def _single_quoted(self) -> str:
        self._next()
        end = self._text.find("'", self._at)
        if end < 0:
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
        modifier = operator = self._next()
        if modifier == "}":
            return value or ""
        if modifier == ":":
            operator = self._next()
            modifier += operator
            value = value or None  # with a colon, empty counts as unset
        if operator and operator in "+-?#%":
            saved = self._words, self._word, self._in_word
            self._words, self._word, self._in_word = [], "", False
            try:
                word, _ = self._until("}", raw_escapes=operator in "#%")
            except InvalidArgument as error:
                raise InvalidArgument("syntax error: missing '}'") from error
            finally:
                self._words, self._word, self._in_word = saved
            return self._apply(name, modifier, value, word)
        if modifier == "/":
            return self._replace(value or "")
        raise InvalidArgument(f"unsupported modifier ({modifier}) in substitution")

    def _apply(self, name: str, modifier: str, value: str | None, word: str) -> str:
        match modifier[-1]:
            case "-":
                return word if value is None else value
            case "+":
                return "" if value is None else word
            case "?":
                if value is None:
                    what = (
                        "to be empty"
                        if modifier == ":?" and name in self._environment
                        else "to be unset"
                    )
                    raise InvalidArgument(f"{name}: {word or f'not allowed {what}'}")
                return value
            case operator:
                greedy = word.startswith(operator)
                pattern = word[1:] if greedy else word
                cut = _trim_prefix if operator == "#" else _trim_suffix
                return cut(value or "", pattern, greedy=greedy)

    def _replace(self, value: str) -> str:
        everywhere = self._peek() == "/"
        if everywhere:
            self._next()
        saved = self._words, self._word, self._in_word
        try:
            pattern, _ = self._until("/", raw_escapes=True)
            replacement, _ = self._until("}", raw_escapes=True)
        finally:
            self._words, self._word, self._in_word = saved
        matcher = re.compile(_regex(pattern, greedy=True), re.DOTALL)
        return matcher.sub(lambda _: replacement, value, count=0 if everywhere else 1)


def _trim_prefix(value: str, pattern: str, *, greedy: bool) -> str:
    match = re.match(_regex(pattern, greedy=greedy), value, re.DOTALL)
    return value[match.end() :] if match else value


def _trim_suffix(value: str, pattern: str, *, greedy: bool) -> str:
    expression = re.compile(_regex(pattern, greedy=True) + r"\Z", re.DOTALL)
    starts = range(len(value) + 1) if greedy else range(len(value), -1, -1)
    for start in starts:
        if expression.match(value, start):
            return value[:start]
    return value


def _regex(pattern: str, *, greedy: bool) -> str:
    """A shell pattern - `*`, `?` and escapes - as a regular expression."""
    parts: list[str] = []
    characters = iter(
        re.sub(r"\*+", "*", pattern)
    )  # one star says what several do, and cannot explode
    for character in characters:
        match character:
            case "*":
                parts.append(".*" if greedy else ".*?")
            case "?":
                parts.append(".")
            case "\\":
                parts.append(re.escape(next(characters, "\\")))
            case _:
                parts.append(re.escape(character))
    return "".join(parts)
