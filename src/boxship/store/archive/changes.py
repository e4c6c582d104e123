"""What differs between a container's files and its image: `docker diff`."""

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
    for path in list(found):  # what holds a change has changed, even where its own times did not
        parent = path.rpartition(b"/")[0]
        while parent and parent not in found:
            found[parent] = MODIFIED
            parent = parent.rpartition(b"/")[0]
    return [Change(os.fsdecode(b"/" + path), found[path]) for path in sorted(found)]


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
