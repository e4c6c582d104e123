"""Blobs by digest, as an OCI image layout: `oci-layout`, `index.json`, `blobs/<algorithm>/<hex>`.

A blob is written to `ingest/`, verified, flushed and renamed: under its digest there is never anything
else than its whole content. Only a well-formed digest ever becomes a path.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO, Final

from boxship.errors import Internal, InvalidArgument, NotFound
from boxship.model.digest import BlobDigest, Digest, digest_hex, is_digest, parse_digest

LAYOUT: Final = b'{"imageLayoutVersion": "1.0.0"}'
_ALGORITHMS: Final = ("sha256", "sha512")
_CHUNK: Final = 1 << 20


class NoSuchBlob(NotFound):
    """The content store has no blob with this digest."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"no such blob: {digest}")
        self.digest = digest


class DigestMismatch(InvalidArgument):
    """The bytes are not what their digest or size promised."""


class BlobWriter:
    """A blob on its way in; `commit` makes it visible, closing without it leaves nothing."""

    def __init__(self, content: "Content", algorithm: str = "sha256") -> None:
        self._content = content
        self._hash = hashlib.new(algorithm)
        fd, name = tempfile.mkstemp(dir=content.ingest)
        self.path = Path(name)
        self._file: IO[bytes] = open(fd, "wb", buffering=0)  # noqa: SIM115
        self.size = 0

    @property
    def digest(self) -> BlobDigest:
        """Of what was written until now."""
        return BlobDigest(Digest(f"{self._hash.name}:{self._hash.hexdigest()}"))

    def write(self, data: bytes | memoryview) -> None:
        """Append."""
        self._hash.update(data)
        self.size += len(data)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]

    def commit(
        self, digest: str | None = None, size: int | None = None, *, flush: bool = True
    ) -> BlobDigest:
        """Verify against what was promised, flush, and show the blob under its digest.

        Without *flush*, the caller flushes the file system before any row names the blob: after a power
        cut, blobs that no row names are swept.
        """
        actual = self.digest
        if size is not None and size != self.size:
            raise DigestMismatch(f"blob has {self.size} bytes, expected {size}")
        if digest is not None and digest != actual:
            raise DigestMismatch(f"blob has digest {actual}, expected {digest}")
        if flush:
            os.fdatasync(self._file.fileno())
        self._file.close()
        self._content.adopt(self.path, actual, flush=flush)
        return actual

    def close(self) -> None:
        """Let go; what was not committed disappears."""
        self._file.close()
        self.path.unlink(missing_ok=True)


class Content:
    """The blobs below one directory. Blocking; safe to use from several threads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ingest = root / "ingest"
        for algorithm in _ALGORITHMS:
            (root / "blobs" / algorithm).mkdir(parents=True, exist_ok=True)
        self.ingest.mkdir(exist_ok=True)
        if not (root / "oci-layout").exists():
            (root / "index.json").write_bytes(b'{"schemaVersion":2,"manifests":[]}')
            (root / "oci-layout").write_bytes(LAYOUT)

    def __repr__(self) -> str:
        return f"Content({self.root})"

    def statistics(self) -> dict[str, int]:
        """How many blobs, and their bytes."""
        sizes = [size for _, size in self.list()]
        return {"blobs": len(sizes), "bytes": sum(sizes)}

    def recover(self) -> None:
        """Remove what a crash left half-written."""
        for stale in self.ingest.iterdir():
            stale.unlink()

    def path(self, digest: str) -> Path:
        """Where the blob is; raises InvalidArgument for anything but a digest."""
        algorithm, _, hexadecimal = parse_digest(digest).partition(":")
        return self.root / "blobs" / algorithm / hexadecimal

    def exists(self, digest: str) -> bool:
        """Tell whether the whole blob is here."""
        return self.path(digest).exists()

    def size(self, digest: str) -> int:
        """Bytes; raise NoSuchBlob."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            raise NoSuchBlob(digest) from None

    @contextlib.contextmanager
    def open(self, digest: str) -> Iterator[BinaryIO]:
        """The blob, to be read unbuffered; raise NoSuchBlob."""
        try:
            file = open(self.path(digest), "rb", buffering=0)  # noqa: SIM115
        except FileNotFoundError:
            raise NoSuchBlob(digest) from None
        with file:
            yield file

    def read(self, digest: str, limit: int) -> bytes:
        """A small blob, verified again; raise InvalidArgument when it is larger than *limit*."""
        with self.open(digest) as file:
            data = file.read(limit + 1)
            if len(data) > limit:
                raise InvalidArgument(f"blob {digest} is larger than {limit} bytes")
        algorithm, _, hexadecimal = digest.partition(":")
        if hashlib.new(algorithm, data).hexdigest() != hexadecimal:
            raise Internal(f"blob {digest} is damaged on disk")
        return data

    @contextlib.contextmanager
    def writer(self, algorithm: str = "sha256") -> Iterator[BlobWriter]:
        """Begin a blob; leaving the block without `commit` removes it."""
        writer = BlobWriter(self, algorithm)
        try:
            yield writer
        finally:
            writer.close()

    def write(self, data: bytes) -> BlobDigest:
        """Store a small blob; cheap when it is here already."""
        digest = BlobDigest(Digest(f"sha256:{hashlib.sha256(data).hexdigest()}"))
        if not self.exists(digest):
            with self.writer() as writer:
                writer.write(data)
                writer.commit(digest)
        return digest

    def ingest_stream(
        self, stream: IO[bytes], digest: str | None = None, size: int | None = None
    ) -> tuple[BlobDigest, int]:
        """Store a whole stream; return its digest and size."""
        algorithm = parse_digest(digest).partition(":")[0] if digest else "sha256"
        with self.writer(algorithm) as writer:
            while chunk := stream.read(_CHUNK):
                writer.write(chunk)
                if size is not None and writer.size > size:
                    raise DigestMismatch(f"blob has more than {size} bytes")
            return writer.commit(digest, size), writer.size

    def adopt(self, path: Path, digest: BlobDigest, *, flush: bool = True) -> None:
        """Make a file of `ingest` the blob; its digest was verified by the caller."""
        target = self.path(digest)
        path.chmod(0o644)
        path.rename(target)
        if flush:
            _sync_directory(target.parent)

    def delete(self, digest: str) -> int:
        """Remove a blob; return the bytes it had, 0 when it was not here."""
        detached = self.detach(digest)
        if detached is None:
            return 0
        path, size = detached
        path.unlink()
        return size

    def detach(self, digest: str) -> tuple[Path, int] | None:
        """The quick half of `delete`: its file, for the caller to remove, and its bytes."""
        aside = self.ingest / f"deleted-{os.urandom(8).hex()}"
        try:
            self.path(digest).rename(aside)
        except FileNotFoundError:
            return None
        return aside, aside.stat().st_size

    def list(self) -> Iterator[tuple[BlobDigest, int]]:
        """Every blob and its size."""
        for algorithm in _ALGORITHMS:
            with os.scandir(self.root / "blobs" / algorithm) as entries:
                for entry in entries:
                    digest = f"{algorithm}:{entry.name}"
                    if is_digest(digest):
                        yield BlobDigest(Digest(digest)), entry.stat().st_size


def blob_name(digest: str) -> str:
    """The blob's path inside an image layout."""
    return f"blobs/{digest.partition(':')[0]}/{digest_hex(digest)}"


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
