"""References read as Docker reads them."""

import pytest

from boxship.errors import InvalidArgument
from boxship.model.reference import parse_reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("busybox", "docker.io/library/busybox", "busybox"),
        ("busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"),
        ("library/busybox", "docker.io/library/busybox", "busybox"),
        ("user/app:v1", "docker.io/user/app:v1", "user/app:v1"),
        ("index.docker.io/user/app", "docker.io/user/app", "user/app"),
        ("localhost/app", "localhost/app", "localhost/app"),
        ("127.0.0.1:5000/a/b:c", "127.0.0.1:5000/a/b:c", "127.0.0.1:5000/a/b:c"),
        ("[::1]:5000/app", "[::1]:5000/app", "[::1]:5000/app"),
        (f"app@{DIGEST}", f"docker.io/library/app@{DIGEST}", f"app@{DIGEST}"),
        (f"app:t@{DIGEST}", f"docker.io/library/app:t@{DIGEST}", f"app:t@{DIGEST}"),
        ("a__b/c-d.e", "docker.io/a__b/c-d.e", "a__b/c-d.e"),
    ],
)
def test_full_and_familiar_form(text: str, full: str, familiar: str) -> None:
    reference = parse_reference(text)
    assert str(reference) == full
    assert reference.familiar == familiar
    assert parse_reference(full) == reference


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "invalid reference format"),
        ("UPPER", "invalid reference format: repository name (library/UPPER) must be lowercase"),
        ("a//b", "invalid reference format"),
        ("a:", "invalid reference format"),
        ("a@sha256:abc", "invalid reference format"),
        ("../etc", "invalid reference format"),
        ("a b", "invalid reference format"),
        ("a\n", "invalid reference format"),
        ("b" * 256, "repository name must not be more than 255 characters"),
        ("a" * 64, "cannot specify 64-byte hexadecimal strings"),
    ],
)
def test_malformed_references_are_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_reference(text)
    assert words in str(caught.value)


def test_default_tag() -> None:
    assert parse_reference("a").with_default_tag().tag == "latest"
    assert parse_reference("a:b").with_default_tag().tag == "b"
    assert parse_reference(f"a@{DIGEST}").with_default_tag().tag is None
