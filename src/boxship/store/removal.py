"""Removing directory trees of any depth that strangers filled."""

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path


def remove_tree(path: Path) -> None:
    """Remove a file or directory and all below it; harmless when it is not there.

    A container may nest directories deeper than any recursion or path length allows. So nothing is
    deeper than two levels here: a directory that is not empty moves up beside its root, and waits.
    """
    name = path.name
    parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        remove_at(parent, name)
    finally:
        os.close(parent)


def remove_at(parent_fd: int, name: str | bytes) -> None:
    """The same for a name in an open directory; symlinks are removed, never followed."""
    try:
        os.unlink(name, dir_fd=parent_fd)
        return
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        if not stat.S_ISDIR(os.lstat(name, dir_fd=parent_fd).st_mode):
            raise
    with contextlib.suppress(OSError):  # usually it is empty
        os.rmdir(name, dir_fd=parent_fd)
        return
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    top = os.open(name, flags, dir_fd=parent_fd)
    try:
        _empty(top)
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=parent_fd)


def _empty(top: int) -> None:
    names = (f".removing-{os.urandom(8).hex()}" for _ in itertools.count())
    pending = _sweep(top, top, names)
    while pending:
        name = pending.pop()
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
        try:
            pending += _sweep(fd, top, names)
        finally:
            os.close(fd)
        os.rmdir(name, dir_fd=top)


def _sweep(fd: int, top: int, names: Iterator[str]) -> list[str]:
    """Remove all of one directory but filled subdirectories: those move to *top* under new names."""
    moved: list[str] = []
    with os.scandir(fd) as entries:
        listing = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in listing:
        if not is_directory:
            os.unlink(name, dir_fd=fd)
            continue
        try:
            os.rmdir(name, dir_fd=fd)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
            moved.append(next(names))
            os.rename(name, moved[-1], src_dir_fd=fd, dst_dir_fd=top)
    return moved
