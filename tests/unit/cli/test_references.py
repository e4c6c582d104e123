"""Image names as the command line takes them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.cli.platforms import parse_platform
from boxship.cli.references import parse_reference
from boxship.errors import InvalidArgument


@pytest.mark.parametrize(
    ("text", "name", "tag"),
    [
        ("busybox", "docker.io/library/busybox", ""),
        ("busybox:1", "docker.io/library/busybox", "1"),
        ("a/b", "docker.io/a/b", ""),
        ("localhost/a", "localhost/a", ""),
        ("localhost:5000/a/b:c", "localhost:5000/a/b", "c"),
        ("ghcr.io/x/y_z-0.1", "ghcr.io/x/y_z-0.1", ""),
        ("index.docker.io/a", "docker.io/library/a", ""),
    ],
)
def test_names(text: str, name: str, tag: str) -> None:
    reference = parse_reference(text)
    assert (reference.full_name, reference.tag) == (name, tag)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":x",
        "a b",
        "A",
        "a//b",
        "a:",
        "-a",
        "a..b",
        "a___b",
        "a@sha256:x",
        "a:" + "t" * 129,
        "a/",
    ],
)
def test_bad_names_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid reference format"):
        parse_reference(text)


def test_an_id_is_no_name() -> None:
    with pytest.raises(InvalidArgument, match="64-byte hexadecimal"):
        parse_reference("a" * 64)


def test_platforms() -> None:
    assert parse_platform("linux/arm64/v8") == {"architecture": "arm64", "os": "linux"}
    assert parse_platform("linux/arm/v7") == {"architecture": "arm", "os": "linux", "variant": "v7"}
    assert parse_platform("arm64") == {"architecture": "arm64", "os": "linux"}
    for text in ("", "a/b/c/d", "linux/", "plan9 "):
        with pytest.raises(InvalidArgument):
            parse_platform(text)


@given(st.text(alphabet="aA0:/@._-\n é", max_size=30))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidArgument):
        again = parse_reference(str(parse_reference(text)))
        assert parse_reference(str(again)).full_name == again.full_name
