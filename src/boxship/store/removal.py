"""Removing directory trees of any depth that strangers filled."""

import contextlib
import os
import stat
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
    pending = _sweep(top, top, 0)
    number = len(pending)
    while pending:
        name = pending.pop()
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
        try:
            found = _sweep(fd, top, number)
        finally:
            os.close(fd)
        os.rmdir(name, dir_fd=top)
        number += len(found)
        pending += found


def _sweep(fd: int, top: int, number: int) -> list[str]:
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
        except OSError:
            target = f".removing-{number + len(moved)}"
            if fd == top and name == target:
                moved.append(name)
                continue
            _move(fd, name, top, target)
            moved.append(target)
    return moved


def _move(fd: int, name: str, top: int, target: str) -> None:
    while True:
        try:
            os.rename(name, target, src_dir_fd=fd, dst_dir_fd=top)
            return
        except (FileExistsError, OSError) as error:
            # the name is taken by something that was here before us: it goes the same way
            taken = isinstance(error, FileExistsError | NotADirectoryError) or error.errno == 39
            if not taken:
                raise
            other = f".removing-{target.rpartition('-')[2]}-{os.urandom(8).hex()}"
            os.rename(target, other, src_dir_fd=top, dst_dir_fd=top)
