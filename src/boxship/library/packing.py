"""Files of this machine as tar streams, and back. Blocking work is done in threads."""

import io
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from boxship.concurrency import ThreadSource, consume, from_thread
from boxship.dockerfile.ignore import IgnoreMatcher, read_ignore_file
from boxship.errors import InvalidArgument, NotFound

BUFFER: Final = 1 << 17


class _Sink(io.RawIOBase):
    """A file that hands on what is written to it."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        self._put = put

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override] # tarfile gives bytes only
        self._put(bytes(data))
        return len(data)


def pack(source: Path, name: str) -> AsyncIterator[bytes]:
    """A file or folder as a tar whose top entry is called *name*, owned by root as `docker cp` does."""

    def work(put: Callable[[bytes], None]) -> None:
        with tarfile.open(fileobj=_Sink(put), mode="w|", bufsize=BUFFER) as archive:
            try:
                archive.add(source, name, filter=_owned_by_root)
            except FileNotFoundError as error:
                raise NotFound(f"{error.filename}: no such file or directory") from error

    return from_thread(work)


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def pack_context(folder: Path, dockerfile: str) -> AsyncIterator[bytes]:
    """A build context: a folder without what its .dockerignore names."""
    if not folder.is_dir():
        raise InvalidArgument(f"unable to prepare context: path {str(folder)!r} is no folder")
    matcher = _ignored(folder, dockerfile)

    def work(put: Callable[[bytes], None]) -> None:
        with tarfile.open(fileobj=_Sink(put), mode="w|", bufsize=BUFFER) as archive:
            for path in _walk(folder):
                name = path.relative_to(folder).as_posix()
                if name in _ALWAYS or name == dockerfile or not matcher.excluded(name):
                    archive.add(path, name, recursive=False, filter=_owned_by_root)

    return from_thread(work)


_ALWAYS: Final = frozenset({".dockerignore", "Dockerfile"})


def _ignored(folder: Path, dockerfile: str) -> IgnoreMatcher:
    for name in (f"{dockerfile or 'Dockerfile'}.dockerignore", ".dockerignore"):
        try:
            return IgnoreMatcher(read_ignore_file((folder / name).read_bytes()))
        except FileNotFoundError:
            continue
    return IgnoreMatcher(())


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)


def packed(name: str, data: bytes, mode: int) -> bytes:
    """One file as a tar."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(entry, io.BytesIO(data))
    return archive.getvalue()


async def unpack(chunks: AsyncIterator[bytes], folder: Path) -> None:
    """Take a tar apart below *folder*: nothing is written outside of it, nor made a device.

    Files belong to whoever runs this program.
    """

    def work(source: ThreadSource) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=source, mode="r|", bufsize=BUFFER) as archive:  # type: ignore[call-overload] # it reads only
            try:
                archive.extractall(folder, filter="data")
            except tarfile.FilterError as error:
                raise InvalidArgument(f"cannot unpack into {folder}: {error}") from error

    await consume(chunks, work)


async def read_only_file(chunks: AsyncIterator[bytes], path: str) -> bytes:
    """The content of the one regular file in a tar."""

    def work(source: ThreadSource) -> bytes:
        with tarfile.open(fileobj=source, mode="r|", bufsize=BUFFER) as archive:  # type: ignore[call-overload] # it reads only
            entry = archive.next()
            content = archive.extractfile(entry) if entry is not None and entry.isfile() else None
            if content is None:
                raise InvalidArgument(f"{path} is no regular file")
            data: bytes = content.read()
            return data

    return await consume(chunks, work)


def split(path: str) -> tuple[str, str]:
    """A path's folder and last name."""
    pure = PurePosixPath("/", path)
    if not pure.name:
        raise InvalidArgument(f"{path!r} names no file")
    return str(pure.parent), pure.name


async def once(data: bytes) -> AsyncIterator[bytes]:
    """Bytes as a body."""
    yield data


async def read_file(path: Path) -> AsyncIterator[bytes]:
    """A file of this machine as a body."""

    def work(put: Callable[[bytes], None]) -> None:
        try:
            with path.open("rb") as source:
                while data := source.read(BUFFER):
                    put(data)
        except FileNotFoundError as error:
            raise NotFound(f"open {path}: no such file or directory") from error

    async for data in from_thread(work):
        yield data
