"""What differs between a container's files and its image: `docker diff`."""

import contextlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from boxship.services.files import Change
from boxship.store.archive.lower import Lower
from boxship.store.archive.places import Parts, is_whiteout

MODIFIED: Final = 0
ADDED: Final = 1
DELETED: Final = 2
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_MAX_DEPTH: Final = 250


def overlay_changes(upper: Path, lower: Sequence[Path]) -> list[Change]:
    """The meaning of an overlay's upper directory, sorted by path."""
    found: dict[bytes, int] = {}
    fd = os.open(upper, _DIRECTORY)
    try:
        _visit(fd, (), Lower(lower), found)
    finally:
        os.close(fd)
    return _sorted(found)


def tree_changes(tree: Path, before: Path | None) -> list[Change]:
    """What a whole tree has that its earlier copy had not, sorted by path."""
    found: dict[bytes, int] = {}
    now = os.open(tree, _DIRECTORY)
    try:
        if before is None:
            _compare(now, None, b"", found, 0)
            return _sorted(found)
        then = os.open(before, _DIRECTORY)
        try:
            _compare(now, then, b"", found, 0)
        finally:
            os.close(then)
    finally:
        os.close(now)
    return _sorted(found)


def size_of_changes(tree: Path, changes: Sequence[Change]) -> int:
    """Bytes of the files that were added or changed, once per inode."""
    seen: dict[tuple[int, int], int] = {}
    for change in changes:
        if change.kind != DELETED:
            with contextlib.suppress(OSError):
                status = os.lstat(os.fsencode(tree) + os.fsencode(change.path))
                if not stat.S_ISDIR(status.st_mode):
                    seen[(status.st_dev, status.st_ino)] = status.st_size
    return sum(seen.values())


def _sorted(found: dict[bytes, int]) -> list[Change]:
    for path in list(found):  # what holds a change has changed, even where its own times did not
        parent = path.rpartition(b"/")[0]
        while parent and parent not in found:
            found[parent] = MODIFIED
            parent = parent.rpartition(b"/")[0]
    return [Change(os.fsdecode(b"/" + path), found[path]) for path in sorted(found)]


def _compare(
    now: int, then: int | None, prefix: bytes, found: dict[bytes, int], depth: int
) -> None:
    earlier = set(os.listdir(then)) if then is not None else set()
    present = os.listdir(now)
    for text in earlier.difference(present):
        found[prefix + os.fsencode(text)] = DELETED
    for text in present:
        name = os.fsencode(text)
        path = prefix + name
        try:
            status = os.lstat(name, dir_fd=now)
        except FileNotFoundError:
            continue
        before = os.lstat(name, dir_fd=then) if then is not None and text in earlier else None
        if before is None:
            found[path] = ADDED
        elif not _same(status, before):
            found[path] = MODIFIED
        if stat.S_ISDIR(status.st_mode) and depth < _MAX_DEPTH:
            both = then if before is not None and stat.S_ISDIR(before.st_mode) else None
            with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
                inner = os.open(name, _DIRECTORY, dir_fd=now)
                stack.callback(os.close, inner)
                other = None
                if both is not None:
                    other = os.open(name, _DIRECTORY, dir_fd=both)
                    stack.callback(os.close, other)
                _compare(inner, other, path + b"/", found, depth + 1)


def _same(now: os.stat_result, then: os.stat_result) -> bool:
    names = ["st_mode", "st_uid", "st_gid", "st_rdev", "st_mtime_ns"]
    if not stat.S_ISDIR(now.st_mode):
        names.append("st_size")
    return all(getattr(now, name) == getattr(then, name) for name in names)


def _visit(fd: int, parts: Parts, lower: Lower, found: dict[bytes, int]) -> None:
    for text in os.listdir(fd):
        name = os.fsencode(text)
        try:
            status = os.lstat(name, dir_fd=fd)
        except FileNotFoundError:
            continue
        inner = (*parts, name)
        kind = _kind(status, lower.stat(inner))
        if kind is not None:
            found[b"/".join(inner)] = kind
        if stat.S_ISDIR(status.st_mode) and len(inner) < _MAX_DEPTH:
            try:
                below = os.open(name, _DIRECTORY, dir_fd=fd)
            except OSError:
                continue  # exchanged meanwhile
            try:
                _visit(below, inner, lower, found)
            finally:
                os.close(below)


def _kind(status: os.stat_result, before: os.stat_result | None) -> int | None:
    if is_whiteout(status):
        return DELETED
    if before is None:
        return ADDED
    if stat.S_ISDIR(status.st_mode) and stat.S_ISDIR(before.st_mode):
        # Docker: a directory copied up because of what is in it is no change of its own
        same = (status.st_mode, status.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
        return None if same else MODIFIED
    return MODIFIED
