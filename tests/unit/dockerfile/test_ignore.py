"""`.dockerignore` as moby's patternmatcher reads it."""

import time

import pytest

from boxship.dockerfile.ignore import IgnoreMatcher, read_ignore_file
from boxship.errors import InvalidArgument


def excluded(patterns: str, path: str) -> bool:
    return IgnoreMatcher(read_ignore_file(patterns.encode())).excluded(path)


def test_what_the_file_says() -> None:
    text = b"\xef\xbb\xbfa\n# comment\n\n  b  \r\n/c/\n! /d\n./e/../f\n#!\n"
    assert read_ignore_file(text) == ("a", "b", "c", "!d", "f")


@pytest.mark.parametrize(
    ("patterns", "inside", "outside"),
    [
        ("foo", ["foo", "foo/bar", "foo/a/b"], ["a/foo", "foobar", "fo"]),
        ("/foo", ["foo"], ["a/foo"]),
        ("foo/", ["foo", "foo/x"], ["a/foo"]),
        ("*.log", ["a.log", ".log"], ["a/b.log", "a.logs"]),
        ("*/b", ["a/b", "x/b/c"], ["b", "a/a/b"]),
        ("**/foo", ["foo", "a/foo", "a/b/foo/c"], ["xfoo", "a/xfoo"]),
        ("**foo", ["foo", "xfoo", "a/xfoo"], ["foox"]),
        ("foo/**", ["foo/a", "foo/a/b"], ["foo", "a/foo/b"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["b", "a/b1", "xa/b"]),
        ("**", ["a", "a/b", ".x"], []),
        ("**/*.go", ["a.go", "a/b.go"], ["a.gox"]),
        ("a?c", ["abc"], ["a/c", "ac", "abbc"]),
        ("[a-c]x", ["ax", "cx/y"], ["dx", "-x"]),
        ("[^a]x", ["bx"], ["ax"]),
        ("\\*", ["*"], ["a"]),
        ("a.b", ["a.b"], ["axb"]),
        ("*.md\n!README.md", ["a.md"], ["README.md"]),
        ("*\n!keep", ["a", "a/b"], ["keep", "keep/x"]),
        ("d\n!d/keep", ["d", "d/x"], ["d/keep", "d/keep/y"]),
        ("!keep\n*", ["keep"], []),
        ("d/*\n!d/a\nd/a/b", ["d/c", "d/a/b"], ["d/a", "d/a/c", "d"]),
        ("[ab]/*\n!a", ["a/b"], ["a"]),
    ],
)
def test_patterns(patterns: str, inside: list[str], outside: list[str]) -> None:
    assert [path for path in inside if not excluded(patterns, path)] == []
    assert [path for path in outside if excluded(patterns, path)] == []


@pytest.mark.parametrize("pattern", ["!", "[", "a[", "[]", "a\\", "[b-a]"])
def test_bad_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(InvalidArgument):
        excluded(pattern, "a")


def test_too_many_patterns_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="more than 10000 patterns"):
        read_ignore_file(b"a\n" * 20_000)


def test_hostile_patterns_end_soon() -> None:
    """What would keep a backtracking matcher busy for ever is done or refused at once."""
    started = time.monotonic()
    assert not excluded("**/a" * 40 + "/b", "a/" * 60 + "c")
    assert not excluded("*a" * 40 + "b", "a" * 200)
    with pytest.raises(InvalidArgument, match="more than 100 wildcards"):
        excluded("*a" * 200, "a")
    assert time.monotonic() - started < 1
