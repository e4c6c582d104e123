"""Statements, directives, continuations and here-documents."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.dockerfile.parser import (
    MAX_LINE,
    MAX_SIZE,
    Dockerfile,
    DockerfileError,
    parse,
    parse_statement,
)
from boxship.dockerfile.reading import read_instructions
from boxship.errors import BoxshipError


def originals(text: str) -> list[str]:
    return [statement.original for statement in parse(text.encode()).statements]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a\nRUN b\n", ["FROM a", "RUN b"]),
        ("from a", ["from a"]),
        ("\ufeffFROM a\r\nRUN b\r\n", ["FROM a", "RUN b"]),
        ("  FROM a  \n\n\n# comment\n\tRUN b", ["FROM a", "RUN b"]),
        ("RUN a \\\n  b", ["RUN a   b"]),
        ("RUN a \\  \n  b", ["RUN a   b"]),
        ("RUN a \\\n# comment\n  b", ["RUN a   b"]),
        ("RUN a\\\\\nRUN b", ["RUN a\\\\", "RUN b"]),
        ("RUN a \\", ["RUN a"]),
        ("# escape=`\nRUN a `\nb\nRUN c:\\", ["RUN a b", "RUN c:\\"]),
        ("RUN a # no comment", ["RUN a # no comment"]),
    ],
)
def test_statements(text: str, expected: list[str]) -> None:
    assert originals(text) == expected


def test_lines_are_known() -> None:
    statements = parse(b"# c\nFROM a\n\nRUN b \\\n\n c\nCMD d").statements
    assert [(each.line, each.end_line) for each in statements] == [(2, 2), (4, 6), (7, 7)]


@pytest.mark.parametrize(
    ("text", "escape", "syntax"),
    [
        ("FROM a", "\\", ""),
        ("# escape=`\nFROM a", "`", ""),
        ("#escape = `\nFROM a", "`", ""),
        ("# syntax=docker/dockerfile:1\n# escape=`\nFROM a", "`", "docker/dockerfile:1"),
        ("# check=skip=all\n# ESCAPE=`\nFROM a", "`", ""),
        ("# about\n# escape=`\nFROM a", "\\", ""),
        ("\n# escape=`\nFROM a", "\\", ""),
        ("# unknown=x\n# escape=`\nFROM a", "\\", ""),
        ("FROM a\n# escape=`", "\\", ""),
    ],
)
def test_directives(text: str, escape: str, syntax: str) -> None:
    found = parse(text.encode())
    assert (found.escape, found.syntax) == (escape, syntax)


def test_flags_and_the_rest() -> None:
    statement = parse_statement('COPY --from=a --chown="x y" --chmod=1\\ 2 -- --b /', 3)
    assert statement.flags == ("--from=a", "--chown=x y", "--chmod=1 2")
    assert statement.rest == "--b /"
    assert statement.line == 3


def test_here_documents() -> None:
    text = "RUN cat <<A <<-'B' > x\n one $X\nA\n\t\ttwo\n\tB\nCMD c"
    first, second = parse(text.encode()).statements
    assert [(each.name, each.content, each.expand) for each in first.heredocs] == [
        ("A", " one $X\n", True),
        ("B", "two\n", False),
    ]
    assert (first.original, first.end_line) == ("RUN cat <<A <<-'B' > x", 5)
    assert second.keyword == "CMD"


@pytest.mark.parametrize(
    "text", ["CMD cat <<A", "RUN cat '<<A'", "RUN cat <<", "RUN a <<<b", "ENV a=<<A"]
)
def test_what_is_no_here_document(text: str) -> None:
    assert parse(f"{text}\nFROM a\n".encode()).statements[0].heredocs == ()


def test_empty_lines_in_statements_are_warned_of() -> None:
    assert parse(b"RUN a \\\n\n b").warnings == (
        "[WARNING]: Empty continuation line found in: RUN a  b",
        "[WARNING]: Empty continuation lines will become errors in a future release.",
    )
    assert parse(b"RUN a \\\n# c\n b").warnings == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the Dockerfile (Dockerfile) cannot be empty"),
        ("# only\n\n", "failed to parse Dockerfile: file with no instructions"),
        (
            "# escape=x\nFROM a",
            "failed to parse Dockerfile: invalid escape token 'x' does not match ` or \\",
        ),
        (
            "# escape=`\n# escape=`\nFROM a",
            "failed to parse Dockerfile: only one escape parser directive can be used",
        ),
        ("RUN <<A\nb", "failed to parse Dockerfile: unterminated heredoc"),
    ],
)
def test_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(DockerfileError) as raised:
        parse(text.encode())
    assert str(raised.value) == complaint


def test_size_has_bounds() -> None:
    for data in (
        b"x" * (MAX_SIZE + 1),
        b"RUN " + b"x" * MAX_LINE,
        b"RUN x \\\n" + b"y \\\n" * MAX_LINE,
    ):
        with pytest.raises(DockerfileError, match=r"larger|longer"):
            parse(data)


@pytest.mark.parametrize(
    "text",
    [
        "RUN " + "\\ " * 200_000,
        "RUN " + "<<A" * 100_000,
        "RUN " + "'" * 300_001,
        "ENV " + "a=b " * 100_000,
        "COPY " + "--x=" * 100_000,
        "COPY [" + '"a",' * 100_000,
        "CMD " + "[" * 400_000,
        "#" + " " * 500_000 + "=\nFROM a",
        "# a=" + " " * 500_000 + "\nFROM a",
        "HEALTHCHECK --interval=" + "1" * 400_000 + " CMD a",
        "HEALTHCHECK --retries=" + "1" * 400_000 + " CMD a",
        "ONBUILD " * 100_000,
        "LABEL " + '"' * 500_001,
    ],
    ids=lambda text: text[:12],
)
def test_hostile_text_is_read_or_refused_soon(text: str) -> None:
    started = time.monotonic()
    with contextlib.suppress(BoxshipError):
        read_instructions(parse(text.encode()))
    assert time.monotonic() - started < 5


@given(st.text(alphabet="FROMUNCPYENVDAL <>\\`'\"=#-\n[]{}:,$1", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text.encode())
        read_instructions(found)
    except BoxshipError:
        return
    assert isinstance(found, Dockerfile)


@given(st.lists(st.sampled_from(["FROM a", "RUN b c", "COPY --from=x a b", "ENV a=b"]), min_size=1))
def test_statements_survive_line_ends_and_comments(lines: list[str]) -> None:
    assert originals("\n# c\n".join(lines)) == lines
    assert originals("\r\n\r\n".join(lines)) == lines
