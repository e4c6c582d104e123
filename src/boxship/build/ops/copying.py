"""COPY and ADD: sources are packed, and unpacked where they go. Blocking, by descriptor on both sides.

The same packing, with times left out, gives the checksum that the cache goes by: a touched file is the
same, a changed one is not.
"""

import contextlib
import errno
import hashlib
import os
import posixpath
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from boxship.build.llb import Copy
from boxship.build.ops.sources import CopyFailed, Found, find_sources
from boxship.dockerfile.ignore import IgnoreMatcher
from boxship.errors import InvalidArgument
from boxship.linux.safepath import (
    mkdirs_in_root,
    open_in_root,
    opened_root,
    parent_and_name,
    reopen,
    stat_in_root,
)
from boxship.runtime.prepare import find_identity
from boxship.store.archive.compression import CorruptArchive, decompressed
from boxship.store.archive.entry import SYMLINK, Entry
from boxship.store.archive.packer import PackOptions, pack_path, pack_tree
from boxship.store.archive.pipeline import produced
from boxship.store.archive.unpacker import UnpackOptions, unpack
from boxship.store.archive.writer import Sink, TarWriter
from boxship.store.snapshots.space import FULL, free_bytes

_DIRECTORY: Final = os.O_PATH | os.O_DIRECTORY
_TAR_MAGIC: Final = slice(257, 262)


class _Rewriting(TarWriter):
    """Packs with COPY's own ideas of owner, mode and time."""

    def __init__(self, sink: Sink, *, mode: int | None, owner: bool, times: bool) -> None:
        super().__init__(sink)
        self._mode = mode
        self._owner = owner
        self._times = times

    def add(self, entry: Entry) -> None:
        if self._mode is not None and entry.type != SYMLINK:
            entry.mode = self._mode
        if self._owner:
            entry.uid = entry.gid = 0
        if not self._times:
            entry.mtime_ns = 0
        super().add(entry)


def checksum(source_root: str, copy: Copy) -> str:
    """What a copy would bring: `file:<hash>`, `dir:<hash>` or `multi:<hash>`, as history shows it."""
    with opened_root(source_root) as root_fd:
        found = find_sources(root_fd, copy)
        whole = hashlib.sha256()
        for one in found:
            whole.update(f"{one.name}\0{one.is_directory:d}\0".encode())
            writer = _Rewriting(whole.update, mode=copy.mode, owner=True, times=False)
            _pack(writer, root_fd, one, copy)
            writer.close()
    kind = "multi" if len(found) > 1 else "dir" if found[0].is_directory else "file"
    return f"{kind}:{whole.hexdigest()}"


def copy_files(source_root: str, target_root: str, copy: Copy) -> None:
    """Do it; raise CopyFailed."""
    with opened_root(source_root) as source_fd, opened_root(target_root) as target_fd:
        owner = _owner(target_fd, copy.owner)
        for one in find_sources(source_fd, copy):
            if copy.unpack and not one.is_directory and _is_archive(source_fd, one):
                _extract(source_fd, target_fd, one, copy, owner)
            else:
                _copy_one(source_fd, target_fd, one, copy, owner)


def make_directory(target_root: str, path: str) -> None:
    """A directory and its missing parents, owned by root."""
    with opened_root(target_root) as target_fd:
        try:
            mkdirs_in_root(target_fd, path, 0o755, 0, 0)
        except OSError as error:
            raise CopyFailed(_why_not(path, error)) from error


def _why_not(path: str, error: OSError) -> str:
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"Cannot mkdir: {path} is not a directory"
    return f"cannot mkdir: {path}: {error.strerror}"


def _copy_one(
    source_fd: int, target_fd: int, one: Found, copy: Copy, owner: tuple[int, int]
) -> None:
    directory, name = _place(target_fd, one, copy)
    with ExitStack() as closing:
        is_new = not _is_directory(target_fd, directory)
        try:
            mkdirs_in_root(target_fd, directory, 0o755, *owner)
            into = open_in_root(target_fd, directory, _DIRECTORY)
        except OSError as error:
            raise CopyFailed(
                f"failed to copy files: failed to create new directory: mkdir {directory}: "
                f"{os.strerror(error.errno or 0).lower()}"
            ) from error
        closing.callback(os.close, into)
        into_fd = reopen(into, os.O_RDONLY | os.O_DIRECTORY)
        closing.callback(os.close, into_fd)

        def pack(sink: Callable[[bytes], None]) -> None:
            writer = _Rewriting(sink, mode=copy.mode, owner=False, times=True)
            _pack(writer, source_fd, one, copy, name)
            writer.close()

        chunks = produced(pack)
        closing.callback(chunks.close)
        unpack(chunks, into_fd, UnpackOptions(owner=owner))
        if one.is_directory and is_new and not copy.parents:
            mode = stat_in_root(source_fd, one.path).st_mode
            os.fchmod(into_fd, stat.S_IMODE(mode) if copy.mode is None else copy.mode)


def _place(target_fd: int, one: Found, copy: Copy) -> tuple[str, str]:
    """The directory to unpack into, and the name there ("" for a directory's content)."""
    destination = copy.destination
    if copy.parents:
        parent = posixpath.dirname(one.relative)
        directory = posixpath.join(destination, parent)
        return (
            (posixpath.join(directory, one.name), "") if one.is_directory else (directory, one.name)
        )
    if one.is_directory:
        return destination, ""
    if destination.endswith("/") or _is_directory(target_fd, destination):
        return destination, one.name
    return posixpath.dirname(destination), posixpath.basename(destination)


def _pack(writer: TarWriter, root_fd: int, one: Found, copy: Copy, name: str = "") -> None:
    options = PackOptions(skip=_skip(copy.exclude))
    if one.is_directory:
        directory = open_in_root(root_fd, one.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            pack_tree(writer, directory, options)
        finally:
            os.close(directory)
        return
    parent, last = parent_and_name(root_fd, one.path)
    try:
        pack_path(writer, parent, os.fsencode(last), os.fsencode(name or one.name), options)
    finally:
        os.close(parent)


def _skip(exclude: Sequence[str]) -> Callable[[bytes], bool] | None:
    if not exclude:
        return None
    matcher = IgnoreMatcher(exclude)
    return lambda path: matcher.excluded(os.fsdecode(path))


def _is_archive(root_fd: int, one: Found) -> bool:
    """A tar, plain or compressed, by its first bytes."""
    head = b""
    with contextlib.suppress(CorruptArchive):  # it only looked like one: copied as it is
        for chunk in _content(root_fd, one):
            head += chunk
            if len(head) >= 512:
                break
    return head[_TAR_MAGIC] == b"ustar" or (len(head) >= 512 and _has_checksum(head[:512]))


def _has_checksum(header: bytes) -> bool:
    """Whether a block is a header of the old tar format, which has no magic."""
    try:
        expected = int(header[148:156].strip(b" \0") or b"x", 8)
    except ValueError:
        return False
    return sum(header[:148]) + sum(header[156:]) + 8 * 32 == expected and header[0] != 0


def _content(root_fd: int, one: Found) -> Iterator[bytes]:
    fd = open_in_root(root_fd, one.path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return
    with os.fdopen(fd, "rb", buffering=0) as file:
        yield from decompressed(file)


def _extract(
    source_fd: int, target_fd: int, one: Found, copy: Copy, owner: tuple[int, int]
) -> None:
    try:
        mkdirs_in_root(target_fd, copy.destination, 0o755, *owner)
        into = open_in_root(target_fd, copy.destination, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise CopyFailed(
            f"ADD failed: cannot extract to {copy.destination}: {error.strerror}"
        ) from error
    try:
        options = UnpackOptions(
            owner=owner if copy.owner else None, max_bytes=free_bytes(into), max_bytes_reason=FULL
        )
        unpack(_content(source_fd, one), into, options)
    finally:
        os.close(into)


def _is_directory(root_fd: int, path: str) -> bool:
    try:
        return stat.S_ISDIR(stat_in_root(root_fd, path).st_mode)
    except OSError:
        return False


def _owner(root_fd: int, text: str) -> tuple[int, int]:
    """--chown as numbers; names are the target image's."""
    if not text:
        return 0, 0
    user, _, group = text.partition(":")
    if ":" in group:
        raise CopyFailed(
            "unable to convert uid/gid chown string to host mapping: "
            f"invalid chown string format: {text}"
        )
    try:
        identity = find_identity(root_fd, text if group else user, ())
    except InvalidArgument as error:
        what, name = ("gid", group) if "group" in str(error) else ("uid", user)
        kind = "group" if what == "gid" else "user"
        raise CopyFailed(
            "unable to convert uid/gid chown string to host mapping: "
            f"can't find {what} for {kind} {name}: no such {kind}: {name}"
        ) from error
    # a bare number stands for the group too, whatever the account's group
    return identity.uid, identity.uid if not group and user.isdecimal() else identity.gid
