"""Files in containers: cp, diff, export, commit."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from boxship.model.digest import ImageID


class PathStat(msgspec.Struct, frozen=True, kw_only=True):
    """What `HEAD …/archive` tells; `mode` is Go's fs.FileMode, `mtime_ns` since the epoch."""

    name: str
    size: int
    mode: int
    mtime_ns: int
    link_target: str = ""


class Archive(msgspec.Struct, frozen=True):
    """A path of a container as a tar stream; the archive must be read to its end or closed."""

    stat: PathStat
    chunks: AsyncIterator[bytes]


class Change(msgspec.Struct, frozen=True):
    """One row of `docker diff`; kind 0 modified, 1 added, 2 deleted."""

    path: str
    kind: int


class CommitRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `commit` is asked for; `changes` are Dockerfile instructions."""

    repository: str = ""
    tag: str = ""
    author: str = ""
    comment: str = ""
    pause: bool = True
    changes: tuple[str, ...] = ()
    config: bytes | None = None  # a RunConfig in JSON of the model, merged over the container's


class Files(Protocol):
    """Read and write a container's file system, running or not; paths cannot leave its root."""

    async def stat(self, name: str, path: str) -> PathStat:
        """Look at one path; raise NotFound with Docker's words."""
        ...

    async def read_archive(self, name: str, path: str) -> Archive:
        """Pack a file or folder as a tar."""
        ...

    async def write_archive(
        self,
        name: str,
        path: str,
        body: AsyncIterator[bytes],
        *,
        no_overwrite_dir_non_dir: bool = False,
        copy_uid_gid: bool = False,
    ) -> None:
        """Unpack a tar (plain, gzip, bzip2, xz or zstd) into a folder."""
        ...

    async def changes(self, name: str) -> Sequence[Change]:
        """What differs from the image, sorted by path."""
        ...

    async def export(self, name: str) -> AsyncIterator[bytes]:
        """The whole root file system as a tar, without volumes."""
        ...

    async def commit(self, name: str, request: CommitRequest) -> ImageID:
        """Make an image of the container's present state."""
        ...
