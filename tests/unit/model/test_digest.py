"""Digests are checked before anything uses them."""

import hashlib

import pytest

from boxship.errors import InvalidArgument
from boxship.model.digest import DiffID, Digest, parse_digest, short_id
from boxship.model.image import chain_ids


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        "sha256:" + "g" * 64,
        "sha256:" + "A" * 64,
        "md5:" + "a" * 32,
        "../" + "a" * 61,
        "sha256:" + "a" * 64 + "\n",
        "sha512:" + "a" * 64,
    ],
)
def test_malformed_digests_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_digest(text)


def test_sha512_is_a_digest() -> None:
    assert parse_digest("sha512:" + "b" * 128)


def test_chain_of_one_layer_is_its_diff_id() -> None:
    first, second = (DiffID(Digest(f"sha256:{letter * 64}")) for letter in "ab")
    chain = chain_ids([first, second])
    assert str(chain[0]) == first
    assert str(chain[1]) == "sha256:" + hashlib.sha256(f"{first} {second}".encode()).hexdigest()


def test_short_id_drops_the_algorithm() -> None:
    assert short_id("sha256:" + "c" * 64) == "c" * 12
