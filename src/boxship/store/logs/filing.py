"""From the spool into a log file, so that a crash at any instant loses and repeats nothing.

A checkpoint says: what is before this place of the spool is in the log file, up to this size of it. After a crash
the spool is read from there on again. As the same lines make the same bytes, what the file has beyond the
checkpoint is the beginning of what is made then: it is left out by its length, which also completes a half-written
entry. There is a checkpoint before and after each rotation.
"""

import contextlib
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final
from zlib import crc32

import msgspec

from boxship.store.logs.records import Codec
from boxship.store.logs.rotation import LogFileSpec, RotatingFile
from boxship.store.logs.spool import SpoolPosition, SpoolReader

_GIVE_BACK: Final = 256 << 10
_HEADER: Final = struct.Struct("<II")


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """How far a delivery is; `log_*` of the file it writes, if it writes one.

    `log_ahead` is how many bytes made of what follows `position` are in files already.
    """

    position: SpoolPosition = SpoolPosition()
    log_inode: int = 0
    log_size: int = 0
    log_ahead: int = 0
    attributes: dict[str, str] = {}


def load_checkpoint(path: Path) -> Checkpoint | None:
    """The last one; None when there is none, or a damaged one."""
    try:
        data = path.read_bytes()
        length, checksum = _HEADER.unpack_from(data)
        record = data[_HEADER.size : _HEADER.size + length]
        if crc32(record) != checksum:
            return None
        return msgspec.msgpack.decode(record, type=Checkpoint)
    except (FileNotFoundError, struct.error, msgspec.DecodeError):
        return None


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the last one, by a single write: that happens or does not when we are killed.

    Not synced, nor renamed, which some file systems take for a wish to sync: what a power cut undoes are
    some entries told twice.
    """
    record = msgspec.msgpack.encode(checkpoint)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, _HEADER.pack(len(record), crc32(record)) + record)
    finally:
        os.close(fd)


class Filing:
    """Takes a container's spool into its log file; for one thread at a time."""

    __slots__ = (
        "_attributes",
        "_before",
        "_checkpoint",
        "_codec",
        "_entries",
        "_give_back",
        "_saved",
        "_skip",
        "_total",
        "file",
        "spool",
    )

    def __init__(
        self,
        spool_path: Path,
        spec: LogFileSpec,
        codec: Codec,
        *,
        checkpoint_path: Path,
        attributes: dict[str, str],
        give_back: Callable[[], None],
    ) -> None:
        found = load_checkpoint(checkpoint_path) or Checkpoint()
        self.spool = SpoolReader(spool_path, found.position)
        self.file = RotatingFile(spec, codec.split, before=self.save, after=self.save)
        self._codec = codec
        self._checkpoint = checkpoint_path
        self._attributes = attributes
        self._give_back = give_back
        self._entries: list[bytes] = []  # made and not yet written
        self._saved = found.position
        self._skip = found.log_ahead
        self._total = 0
        self._before = found.position
        if found.log_inode:
            self.file.open()
            if self.file.inode == found.log_inode:
                self._skip += max(self.file.size - found.log_size, 0)
            else:  # killed between the rotation and its checkpoint: nothing was written since
                again = {"log_inode": self.file.inode, "log_size": self.file.size}
                save_checkpoint(checkpoint_path, msgspec.structs.replace(found, **again))
            self.file.close()

    def __repr__(self) -> str:
        return f"Filing({self.spool})"

    def step(self) -> bool:
        """Take what is there, a chunk at most; False when there is no more. OSError on a full disk."""
        if not self._entries:
            self._before = self.spool.position
            batch = self.spool.read()
            if batch is None:
                return False
            self._take(self._codec.encode(batch))
        self.file.write(self._entries)
        if not 0 <= self.spool.offset - self._saved.offset < _GIVE_BACK:
            with contextlib.suppress(OSError):  # a full disk: the last checkpoint holds
                self.save()
                self._give_back()
        return True

    def finish(self) -> None:
        """The container has ended and the spool is taken: write what had no newline, and close."""
        if not self._entries:
            self._before = self.spool.position
            batch = self.spool.finish()
            if batch.lines:
                self._take(self._codec.encode(batch))
        self.file.write(self._entries)
        self.close()  # without a checkpoint: spool and checkpoint go now, or all this is done again

    @property
    def saved(self) -> tuple[int, int]:
        """The inode and offset up to which the spool is not needed after a crash."""
        return self._saved.inode, self._saved.offset

    def close(self) -> None:
        """Let go of all files; the next step opens them again."""
        self.spool.close()
        self.file.close()

    def save(self) -> None:
        """Record how far we are."""
        if self._skip:
            return  # the last checkpoint holds until we are where we were
        self.file.open()
        left = sum(map(len, self._entries))
        # in the middle of a batch: its beginning, and how much of it is in files already
        position = self._before if left else self.spool.position
        save_checkpoint(
            self._checkpoint,
            Checkpoint(
                position=position,
                log_inode=self.file.inode,
                log_size=self.file.size,
                log_ahead=self._total - left if left else 0,
                attributes=self._attributes,
            ),
        )
        self._saved = position

    def _take(self, entries: list[bytes]) -> None:
        self._total = sum(map(len, entries))
        first = 0
        while self._skip and first < len(entries):
            size = len(entries[first])
            if size > self._skip:
                entries[first] = entries[first][self._skip :]
                self._skip = 0
            else:
                self._skip -= size
                first += 1
        self._entries = entries[first:]
