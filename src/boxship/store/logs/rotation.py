"""Log files that are begun anew when they are full: NAME, NAME.1 or NAME.1.gz, NAME.2.gz … as Docker's."""

import contextlib
import itertools
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from isal import igzip

log = logging.getLogger(__name__)

_MODE: Final = 0o640
_COPY: Final = 1 << 20
_LEVEL: Final = 2  # of isal's four: as small as gzip's default in a fifth of the time

Rotated = Callable[[], None]
Split = Callable[[bytes], list[bytes]]
"""Gives the entries of a piece one by one."""


class LogFileSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Where a log is kept, and how much of it; `max_bytes` 0 for no limit."""

    path: Path
    max_bytes: int = 0
    max_files: int = 1
    compress: bool = False

    def older(self) -> Iterator[tuple[Path, Path]]:
        """The files rotated away, oldest first: plain and compressed name of each."""
        for number in range(self.max_files - 1, 0, -1):
            plain = Path(f"{self.path}.{number}")
            yield plain, Path(f"{plain}.gz")


class RotatingFile:
    """Appends entries to a log; `before` and `after` are called around each change to a new file.

    `lock` is held while files change their names: who opens several of them holds it too.
    """

    __slots__ = ("_fd", "_spec", "_split", "after", "before", "followers", "lock", "size")

    def __init__(self, spec: LogFileSpec, split: Split, *, before: Rotated, after: Rotated) -> None:
        self._spec = spec
        self._split = split
        self.before = before
        self.after = after
        self.lock = threading.Lock()
        self.followers: set[Callable[[int], None]] = set()
        self._fd = -1
        self.size = 0

    def __repr__(self) -> str:
        return f"RotatingFile({self._spec.path}, {self.size} bytes)"

    def open(self) -> None:
        """Open it, and make it if need be; harmless when it is open."""
        if self._fd < 0:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._fd = os.open(self._spec.path, flags, _MODE)
            self.size = os.fstat(self._fd).st_size

    def close(self) -> None:
        """Let go of the file; writing opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @property
    def inode(self) -> int:
        """Of the present file, which must be open."""
        return os.fstat(self._fd).st_ino

    def write(self, entries: list[bytes]) -> None:
        """Append all entries and take them from the list; on a full disk raise OSError, the rest being left.

        As in Docker, a file may exceed its limit by what of one entry goes beyond it.
        """
        limit = self._spec.max_bytes
        self.open()
        if not limit or self.size + sum(map(len, entries)) <= limit:
            self._append(entries, len(entries))
            return
        entries[:] = [entry for piece in entries for entry in self._split(piece)]
        while entries:
            if self.size >= limit:
                self._rotate()
            room, count = limit - self.size, 0
            while count < len(entries) and room > 0:
                room -= len(entries[count])
                count += 1
            self._append(entries, count)

    def _append(self, entries: list[bytes], count: int) -> None:
        data = b"".join(entries[:count])
        written = 0
        try:
            while written < len(data):
                written += os.write(self._fd, memoryview(data)[written:])
        except OSError:
            count, whole = 0, 0
            while whole + len(entries[count]) <= written:
                whole += len(entries[count])
                count += 1
            os.ftruncate(self._fd, self.size + whole)
            written = whole
            raise
        finally:
            self.size += written
            del entries[:count]

    def _rotate(self) -> None:
        self.before()
        with self.lock:
            self.close()
            self._move_away()
            self.open()
            for offer in self.followers:
                offer(os.open(self._spec.path, os.O_RDONLY | os.O_CLOEXEC))
        self.after()
        self._compress_older()

    def _move_away(self) -> None:
        spec = self._spec
        if spec.max_files < 2:
            spec.path.unlink(missing_ok=True)
            return
        there = set(os.listdir(spec.path.parent))
        for plain, packed in spec.older():
            if plain.name in there and packed.name in there:  # compressing it was cut short
                packed.unlink()
                there.remove(packed.name)
        for older, younger in itertools.pairwise(spec.older()):
            for target, source in zip(older, younger, strict=True):
                if source.name in there:
                    source.rename(target)
                elif target.name in there:
                    target.unlink(missing_ok=True)  # of the other form, or the oldest
        first, packed = next(reversed(list(spec.older())))
        packed.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            spec.path.rename(first)

    def _compress_older(self) -> None:
        if not self._spec.compress:
            return
        there = set(os.listdir(self._spec.path.parent))
        for plain, packed in self._spec.older():
            if plain.name in there:
                try:
                    _compress(plain, packed)
                except OSError as error:
                    log.warning("cannot compress %s, it stays as it is: %s", plain, error.strerror)


def _compress(plain: Path, packed: Path) -> None:
    part = packed.with_suffix(".part")
    try:
        with (
            plain.open("rb") as source,
            igzip.IGzipFile(  # type: ignore[no-untyped-call]
                part, "wb", compresslevel=_LEVEL
            ) as target,
        ):
            while data := source.read(_COPY):
                target.write(data)  # type: ignore[no-untyped-call]
        part.chmod(_MODE)
        part.rename(packed)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    plain.unlink()
