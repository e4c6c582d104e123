"""A Dockerfile's text as a list of statements: directives, continuations, comments, here-documents.

Follows moby/buildkit frontend/dockerfile/parser. What the statements mean is in `instructions`.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from boxship.errors import InvalidArgument

MAX_SIZE: Final = 16 << 20
MAX_LINE: Final = 1 << 20
_DIRECTIVE: Final = re.compile(r"#[ \t]*([A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*(.+?)[ \t]*")
_DIRECTIVES: Final = frozenset({"escape", "syntax", "check"})
_HEREDOC: Final = re.compile(r"[0-9]*<<(-?)([^<]+)")
_WITH_HEREDOC: Final = frozenset({"ADD", "COPY", "RUN"})


class DockerfileError(InvalidArgument):
    """What is wrong with a Dockerfile, and where."""

    def __init__(self, text: str, line: int | None = None) -> None:
        where = f"dockerfile parse error on line {line}: " if line is not None else ""
        super().__init__(where + text)
        self.line = line


class Heredoc(msgspec.Struct, frozen=True):
    """A here-document: `expand` unless its name was quoted."""

    name: str
    content: str
    expand: bool


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One instruction: its keyword in capitals, `--flags`, and the rest of its joined lines.

    `original` is the statement in one line, as `Step 1/5 : …` shows it.
    """

    keyword: str
    flags: tuple[str, ...]
    rest: str
    original: str
    line: int
    end_line: int
    heredocs: tuple[Heredoc, ...] = ()


class Dockerfile(msgspec.Struct, frozen=True):
    """All statements, with the directives above them."""

    statements: tuple[Statement, ...]
    escape: str = "\\"
    syntax: str = ""
    warnings: tuple[str, ...] = ()


def parse(data: bytes, name: str = "Dockerfile") -> Dockerfile:
    """Split a Dockerfile into statements; raise DockerfileError."""
    if len(data) > MAX_SIZE:
        raise DockerfileError(f"the Dockerfile ({name}) is larger than {MAX_SIZE} bytes")
    text = data.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    directives = _directives(lines)
    escape = directives.get("escape", "\\")
    reader = _Reader(lines, escape)
    statements = tuple(reader.statements())
    if not data:
        raise DockerfileError(f"the Dockerfile ({name}) cannot be empty")
    if not statements:
        raise DockerfileError("failed to parse Dockerfile: file with no instructions")
    return Dockerfile(statements, escape, directives.get("syntax", ""), reader.warnings)


def parse_statement(text: str, line: int, escape: str = "\\") -> Statement:
    """One statement alone, as ONBUILD and `--change` carry it."""
    for statement in _Reader(text.split("\n"), escape, line).statements():
        return statement
    raise DockerfileError("file with no instructions", line)


def _directives(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        match = _DIRECTIVE.fullmatch(line.strip())
        if match is None or match[1].lower() not in _DIRECTIVES:
            break
        name = match[1].lower()
        if name in found:
            raise DockerfileError(
                f"failed to parse Dockerfile: only one {name} parser directive can be used"
            )
        found[name] = match[2]
        if name == "escape" and match[2] not in ("\\", "`"):
            raise DockerfileError(
                f"failed to parse Dockerfile: invalid escape token '{match[2]}' does not match ` or \\"
            )
    return found


class _Reader:
    """Walks over physical lines."""

    def __init__(self, lines: list[str], escape: str, first: int = 1) -> None:
        self._lines = lines
        self._at = 0
        self._first = first
        self._escape = escape
        token = re.escape(escape)
        self._gaps: list[str] = []
        self._continued = re.compile(rf"([^{token}]){token}[ \t]*$|^{token}[ \t]*$")

    def statements(self) -> Iterator[Statement]:
        while self._at < len(self._lines):
            line = self._line().lstrip()
            if line and not line.startswith("#"):
                yield self._statement(line)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What Docker says of statements with empty lines in them."""
        if not self._gaps:
            return ()
        listed = (f"[WARNING]: Empty continuation line found in: {each}" for each in self._gaps)
        return (
            *listed,
            "[WARNING]: Empty continuation lines will become errors in a future release.",
        )

    @property
    def _number(self) -> int:
        """Of the line that was read last."""
        return self._at + self._first - 1

    def _line(self) -> str:
        line = self._lines[self._at]
        self._at += 1
        if len(line) > MAX_LINE:
            raise DockerfileError(f"line is longer than {MAX_LINE} characters", self._number)
        return line

    def _statement(self, line: str) -> Statement:
        start = self._number
        joined, goes_on = self._cut(line)
        parts = [joined]
        length = len(joined)
        has_gap = False
        while goes_on and self._at < len(self._lines):
            line = self._line()
            has_gap = has_gap or not line.strip()
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            joined, goes_on = self._cut(line)
            parts.append(joined)
            length += len(joined)
            if length > MAX_LINE:
                raise DockerfileError(f"statement is longer than {MAX_LINE} characters", start)
        original = "".join(parts).strip()
        if has_gap:
            self._gaps.append(original)
        return self._split(original, start)

    def _cut(self, line: str) -> tuple[str, bool]:
        match = self._continued.search(line)
        if match is None:
            return line, False
        return line[: match.start()] + (match[1] or ""), True

    def _split(self, original: str, start: int) -> Statement:
        keyword, *rests = original.split(None, 1) or [""]
        flags, rest = split_flags(rests[0] if rests else "", self._escape)
        heredocs = self._heredocs(original) if _takes_heredoc(original) else ()
        return Statement(
            keyword=keyword.upper(),
            flags=flags,
            rest=rest,
            original=original,
            line=start,
            end_line=self._number,
            heredocs=heredocs,
        )

    def _heredocs(self, original: str) -> tuple[Heredoc, ...]:
        found: list[Heredoc] = []
        for word in heredoc_words(original):
            match = _HEREDOC.fullmatch(word)
            if match is None:
                continue
            raw = match[2]
            name = raw.strip("\"'")
            if not name or re.search(r"[\"'\s]", name):
                continue
            content = self._heredoc_content(name, chomp=bool(match[1]))
            found.append(Heredoc(name, content, expand=raw == name))
        return tuple(found)

    def _heredoc_content(self, name: str, *, chomp: bool) -> str:
        lines: list[str] = []
        while self._at < len(self._lines):
            line = self._line()
            if chomp:
                line = line.lstrip("\t")
            if line == name:
                return "".join(f"{line}\n" for line in lines)
            lines.append(line)
        raise DockerfileError("failed to parse Dockerfile: unterminated heredoc")


def _takes_heredoc(original: str) -> bool:
    words = original.upper().split(None, 2)
    if words[:1] == ["ONBUILD"]:
        del words[0]
    return "<<" in original and words[0] in _WITH_HEREDOC


def heredoc_words(text: str) -> list[str]:
    """Words of a command line with their quotes kept, as far as the search for here-documents goes."""
    return [match[0] for match in re.finditer(r"(?:[^\s\"']|\"[^\"]*\"|'[^']*')+", text)]


def split_flags(rest: str, escape: str) -> tuple[tuple[str, ...], str]:
    """Take the `--flag` words off the front; quotes keep white space in one, `--` ends them."""
    flags: list[str] = []
    at = 0
    while rest.startswith("--", at):
        word, end = _word(rest, at, escape)
        if word == "--":
            return tuple(flags), rest[end:].lstrip()
        flags.append(word)
        at = end
        while at < len(rest) and rest[at].isspace():
            at += 1
    return tuple(flags), rest[at:]


def _word(text: str, at: int, escape: str) -> tuple[str, int]:
    """A word without its quotes, and where it ends."""
    parts: list[str] = []  # a string that grows by one character at a time is copied each time
    quote = ""
    while at < len(text):
        character = text[at]
        if character == escape and at + 1 < len(text):
            parts.append(text[at + 1] if text[at + 1] in ('"', "'", " ") else text[at : at + 2])
            at += 2
            continue
        if quote:
            if character == quote:
                quote = ""
            else:
                parts.append(character)
        elif character in "\"'":
            quote = character
        elif character.isspace():
            break
        else:
            parts.append(character)
        at += 1
    return "".join(parts), at
