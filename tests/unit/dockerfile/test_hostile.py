"""Whatever bytes a Dockerfile holds: instructions or our error, soon."""

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxship.build.frontend import plan_build
from boxship.dockerfile.expand import expand, expand_words
from boxship.dockerfile.glob import Glob
from boxship.dockerfile.ignore import IgnoreMatcher, read_ignore_file
from boxship.dockerfile.parser import parse
from boxship.dockerfile.reading import read_instructions, read_text
from boxship.errors import BoxshipError

PIECES = [
    *(
        "FROM ",
        "RUN ",
        "COPY ",
        "ADD ",
        "ENV ",
        "ARG ",
        "LABEL ",
        "ONBUILD ",
        "HEALTHCHECK ",
        "CMD ",
    ),
    *(
        "# escape=`\n",
        "# syntax=x\n",
        "SHELL ",
        "EXPOSE ",
        "VOLUME ",
        "USER ",
        "WORKDIR ",
        "a",
        "=",
        "\n",
    ),
    *(
        "\\\n",
        "`\n",
        " ",
        "\t",
        "\r",
        "\0",
        "'",
        '"',
        "$",
        "${",
        "}",
        "a:-",
        "#",
        "%",
        "/",
        "//",
        "*",
        "?",
    ),
    *(
        "<<E",
        "<<-'E'",
        "\nE\n",
        "[",
        "]",
        '["a"]',
        ",",
        "--from=",
        "--chown=1 ",
        "--",
        "é",
        "\ud7ff",
        "!",
        "**",
    ),
    *("scratch", " AS ", "NONE", "-1s", "\ufeff", "\x0b", "\x85", "\u2028"),
]
texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def whole(data: bytes) -> None:
    parsed = parse(data)
    instructions = read_instructions(parsed)
    plan_build(
        instructions,
        escape=parsed.escape,
        target="",
        build_args={"a": "b"},
        platform_args={},
        labels={},
    )


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=300), texts.map(str.encode)))
def test_any_dockerfile_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(BoxshipError):
        whole(data)


@settings(max_examples=300, deadline=None)
@given(texts)
def test_any_word_expands_or_is_refused(text: str) -> None:
    for function in (expand, expand_words):
        with contextlib.suppress(BoxshipError):
            function(text, {"a": "b/c d", "E": "x" * 50})


@settings(max_examples=300, deadline=None)
@given(texts, st.text(max_size=30))
def test_any_pattern_matches_or_is_refused(pattern: str, path: str) -> None:
    with contextlib.suppress(BoxshipError):
        Glob(pattern, deep=True).matches(path)
        Glob(pattern).matches(path)
        IgnoreMatcher(read_ignore_file(pattern.encode(errors="replace"))).excluded(path)


@settings(max_examples=200, deadline=None)
@given(texts)
def test_any_change_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(BoxshipError):
        read_text(text)


@pytest.mark.parametrize(
    "data",
    [
        b"FROM a\nRUN " + b"a " * 400_000,
        b"FROM a\nRUN \\\n" * 100_000,
        b"FROM a\nRUN a \\\n" + b"\n" * 300_000,
        b"FROM a\nRUN a \\\n" + b"# c\n" * 200_000,
        b"FROM a\nCOPY " + b"<<E " * 20_000 + b"/x\n" + b"E\n" * 20_000,
        b"FROM a\nENV " + b"A=b " * 200_000,
        b"FROM a\nENV A=" + b"${A:-" * 100_000,
        b"FROM a\nENV A='" + b"\\'" * 300_000,
        b"FROM a\nLABEL a=" + b'"x" ' * 100_000,
        b"FROM a\n" + b"RUN --mount=x " * 60_000 + b"\n",
        b"FROM a\nCMD " + b"[" * 900_000,
        b'FROM a\nCMD ["' + b'a","' * 100_000 + b'"]\n',
        b"ARG A=x\n" * 50_000 + b"FROM ${A}\n",
        b"FROM a\n" * 50_000,
        b"FROM a AS x\nFROM x\n" * 20_000,
        b"A" * 1_000_000,
        b"#" + b" " * 900_000 + b"=x\nFROM a\n",
        b"# " + b"a" * 900_000 + b"\nFROM a\n",
        b"FROM a\nHEALTHCHECK --interval=" + b"1" * 500_000 + b" CMD x\n",
        b"FROM a\nHEALTHCHECK --retries=" + b"1" * 500_000 + b" CMD x\n",
        b"FROM a\nFROMMMM" + b"M" * 500_000 + b"\n",
        b"FROM a\nRUN --" + b"m" * 500_000 + b"=x y\n",
        b"FROM a" + b"-a" * 300_000 + b"\n",
        b"FROM a AS " + b"a-" * 300_000 + b"!\n",
    ],
    ids=lambda data: f"{data[:24]!r}",
)
def test_large_nonsense_is_quick(data: bytes) -> None:
    began = time.process_time()
    with contextlib.suppress(BoxshipError):
        whole(data)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "pattern", ["*a" * 49 + "b", "**/*a" * 30 + "b", "*[a]" * 49 + "b", "*?" * 49]
)
@pytest.mark.parametrize("path", ["a" * 4000, "a/" * 2000], ids=["long", "deep"])
def test_patterns_match_in_linear_time(pattern: str, path: str) -> None:
    began = time.process_time()
    Glob(pattern, deep=True).matches(path)
    assert time.process_time() - began < 2


def test_two_dashes_in_a_class_are_a_range_and_no_warning() -> None:
    assert Glob("[FROM --from=]").matches("+")
