"""Image archives as `docker save` and OCI tools write them: members staged as blobs, to be looked up.

The archive is a stranger's: member names are only ever keys here, never paths; every member is hashed as it
comes, so that what is later called a digest is one.
"""

import contextlib
import posixpath
from collections.abc import Iterator
from typing import Final, TypeVar

import msgspec

from boxship.errors import InvalidArgument
from boxship.model.digest import BlobDigest
from boxship.store.archive.compression import (
    MAGIC_LENGTH,
    CorruptArchive,
    Source,
    decompressed,
    detect,
)
from boxship.store.archive.entry import LINK, REGULAR, SYMLINK, Entry
from boxship.store.archive.pipeline import plain
from boxship.store.archive.reader import TarReader
from boxship.store.content import Content
from boxship.store.leases import Lease

T = TypeVar("T")

_MAX_MEMBERS: Final = 100_000
_MAX_DOCUMENT: Final = 8 << 20
_MAX_LINKS: Final = 10


class Member(msgspec.Struct, frozen=True):
    """A regular member: its blob, and the compression of what is in it."""

    digest: BlobDigest
    size: int
    compression: str


class ImageArchive:
    """The members of an archive that was staged."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._members: dict[str, Member] = {}
        self._links: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"ImageArchive({len(self._members)} members)"

    def add(self, name: str, member: Member) -> None:
        """Take in a member; raise for a second one of the same name."""
        if name in self._members or name in self._links:
            raise InvalidArgument(f"invalid archive: more than one {name!r}")
        self._members[name] = member

    def link(self, name: str, target: str) -> None:
        """Take in a symbolic or hard link between members."""
        self._links[name] = target

    def find(self, name: str) -> Member | None:
        """The member of this name, links followed inside the archive."""
        name = member_name(name)
        for _ in range(_MAX_LINKS):
            if name in self._members:
                return self._members[name]
            if name not in self._links:
                return None
            name = self._links[name]
        raise InvalidArgument(f"invalid archive: too many links at {name!r}")

    def get(self, name: str) -> Member:
        """The same; raise InvalidArgument when it is not there."""
        member = self.find(name)
        if member is None:
            raise InvalidArgument(f"open {name}: no such file or directory")
        return member

    def read(self, name: str) -> bytes:
        """A small member."""
        member = self.get(name)
        if member.size > _MAX_DOCUMENT:
            raise InvalidArgument(f"invalid archive: {name} is larger than {_MAX_DOCUMENT} bytes")
        return self._content.read(member.digest, _MAX_DOCUMENT)

    def document(self, name: str, kind: type[T]) -> T:
        """A small member as a JSON document."""
        return decode_document(self.read(name), kind, name)


def decode_document(data: bytes, kind: type[T], name: str) -> T:
    """Read JSON that a stranger wrote; raise InvalidArgument, naming it, when it is none or of another form."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidArgument(f"invalid {name}: {error}") from error


def member_name(name: str) -> str:
    """A member's name as a key: relative, without `.` and `..`."""
    return posixpath.normpath("/" + name).lstrip("/")


def stage(source: Source, content: Content, lease: Lease, max_bytes: int) -> ImageArchive:
    """Store every member of an archive, in any compression, as a blob that *lease* holds."""
    archive = ImageArchive(content)
    total = 0
    with contextlib.closing(plain(source)) as chunks:
        reader = TarReader(chunks)
        for number, entry in enumerate(reader):
            total += entry.size
            if total > max_bytes or number >= _MAX_MEMBERS:
                raise InvalidArgument("archive is too large: no space left on device")
            name = _decoded(entry)
            if entry.type == REGULAR and entry.sparse is None:
                archive.add(name, _stage_member(reader, content, lease))
            elif entry.type == SYMLINK:
                target = posixpath.join("/", posixpath.dirname(name), _text(entry.link))
                archive.link(name, member_name(target))
            elif entry.type == LINK:
                archive.link(name, member_name(_text(entry.link)))
    return archive


def _stage_member(reader: TarReader, content: Content, lease: Lease) -> Member:
    head = b""
    with content.writer() as writer:
        for piece in reader.data():
            if len(head) < MAGIC_LENGTH:
                head += bytes(piece[:MAGIC_LENGTH])
            writer.write(piece)
        lease.keep(writer.digest)
        digest = writer.digest if content.exists(writer.digest) else writer.commit(flush=False)
        return Member(digest, writer.size, detect(head))


def as_stored_layer(content: Content, member: Member, lease: Lease) -> Member:
    """The same layer in a compression that manifests have a media type for."""
    if member.compression in ("", "gzip", "zstd"):
        return member
    with content.open(member.digest) as file, content.writer() as writer:
        for chunk in decompressed(file):
            writer.write(chunk)
        lease.keep(writer.digest)
        return Member(writer.commit(flush=False), writer.size, "")


def _decoded(entry: Entry) -> str:
    return member_name(_text(entry.name))


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        raise CorruptArchive(f"invalid member name {name[:60]!r}") from error


def layer_chunks(content: Content, blob: BlobDigest) -> Iterator[bytes]:
    """A layer's plain tar."""
    with content.open(blob) as file:
        yield from decompressed(file)
