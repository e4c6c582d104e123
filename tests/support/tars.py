"""Tar archives for tests: any member, also those no honest program writes."""

import io
from collections.abc import Iterable

from boxship.store.archive.entry import (
    CHARACTER,
    DIRECTORY,
    FIFO,
    LINK,
    REGULAR,
    SYMLINK,
    Entry,
)
from boxship.store.archive.writer import TarWriter

Item = tuple[Entry, bytes]


def file(name: str, data: bytes = b"", **attributes: object) -> Item:
    return Entry(name.encode(), REGULAR, size=len(data), **attributes), data  # type: ignore[arg-type]


def directory(name: str, mode: int = 0o755, **attributes: object) -> Item:
    return Entry(name.encode(), DIRECTORY, mode=mode, **attributes), b""  # type: ignore[arg-type]


def symlink(name: str, target: str) -> Item:
    return Entry(name.encode(), SYMLINK, mode=0o777, link=target.encode()), b""


def hardlink(name: str, target: str) -> Item:
    return Entry(name.encode(), LINK, link=target.encode()), b""


def device(name: str, major: int, minor: int) -> Item:
    return Entry(name.encode(), CHARACTER, major=major, minor=minor), b""


def fifo(name: str) -> Item:
    return Entry(name.encode(), FIFO), b""


def tar(*items: Item) -> bytes:
    """The archive of these members."""
    output = io.BytesIO()
    writer = TarWriter(output.write)
    for entry, data in items:
        writer.add(entry)
        writer.write(data)
    writer.close()
    return output.getvalue()


def tar_of(files: dict[str, bytes]) -> bytes:
    """The archive of these files."""
    return tar(*(file(name, data) for name, data in files.items()))


def chunks(data: bytes, size: int = 1000) -> Iterable[bytes]:
    """The bytes as a stream."""
    return (data[at : at + size] for at in range(0, len(data), size))
