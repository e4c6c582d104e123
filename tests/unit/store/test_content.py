"""Blobs by digest."""

import hashlib
import io
import os
from pathlib import Path

import pytest

from boxship.errors import Internal, InvalidArgument, NotFound
from boxship.store.content import Content, DigestMismatch

DATA = b"data"
DIGEST = "sha256:" + hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def content(tmp_path: Path) -> Content:
    return Content(tmp_path)


def test_a_blob_comes_back(content: Content) -> None:
    assert content.write(DATA) == DIGEST
    assert content.write(DATA) == DIGEST
    assert content.exists(DIGEST)
    assert content.size(DIGEST) == 4
    assert content.read(DIGEST, 4) == DATA
    with content.open(DIGEST) as file:
        assert file.read() == DATA
    assert list(content.list()) == [(DIGEST, 4)]
    assert content.statistics() == {"blobs": 1, "bytes": 4}
    assert (content.root / "blobs/sha256" / DIGEST[7:]).read_bytes() == DATA
    assert (content.root / "oci-layout").exists()
    assert content.delete(DIGEST) == 4
    assert content.delete(DIGEST) == 0
    assert not content.exists(DIGEST)


def test_sha512_is_a_digest_too(content: Content) -> None:
    digest = "sha512:" + hashlib.sha512(DATA).hexdigest()
    assert content.ingest_stream(io.BytesIO(DATA), digest, 4) == (digest, 4)
    assert content.read(digest, 10) == DATA


@pytest.mark.parametrize(
    ("digest", "size"),
    [(DIGEST, 5), (DIGEST, 3), ("sha256:" + "0" * 64, 4), ("sha512:" + "0" * 128, None)],
)
def test_broken_promises_leave_nothing(content: Content, digest: str, size: int | None) -> None:
    with pytest.raises(DigestMismatch):
        content.ingest_stream(io.BytesIO(DATA), digest, size)
    assert list(content.list()) == []
    assert os.listdir(content.ingest) == []


def test_an_unfinished_blob_is_invisible_and_swept(content: Content) -> None:
    with content.writer() as writer:
        writer.write(DATA)
        assert not content.exists(DIGEST)
    assert os.listdir(content.ingest) == []
    (content.ingest / "left-by-a-crash").write_bytes(b"x")
    content.recover()
    assert os.listdir(content.ingest) == []


@pytest.mark.parametrize(
    "digest",
    ["", "sha256:", "sha256:../../../etc/passwd", "sha256:" + "A" * 64, "md5:" + "0" * 32, DIGEST + "/..", "sha256:" + "0" * 65],
)  # fmt: skip
def test_only_digests_become_paths(content: Content, digest: str) -> None:
    for action in (content.path, content.exists, content.size, content.delete):
        with pytest.raises(InvalidArgument):
            action(digest)


def test_missing_and_damaged_blobs_are_told_apart(content: Content) -> None:
    with pytest.raises(NotFound):
        content.size(DIGEST)
    with pytest.raises(NotFound), content.open(DIGEST):
        pass
    content.write(DATA)
    content.path(DIGEST).write_bytes(b"DATA")
    with pytest.raises(Internal, match="damaged"):
        content.read(DIGEST, 10)
    with pytest.raises(InvalidArgument, match="larger"):
        content.read(DIGEST, 3)
