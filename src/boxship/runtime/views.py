"""A container's files as the container sees them: its root with volumes and binds, running or not.

All is mounted in a private copy of the mount namespace that ends with the work: nobody else sees it, and
nothing has to be undone. Mount points are reached by descriptor inside the root, and what is read-only for
the container is so here, whatever symlinks its processes exchange meanwhile (CVE-2018-15664, -2026-42306).
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from boxship.errors import Internal
from boxship.linux import syscalls
from boxship.linux.namespaces import run_in_mount_namespace
from boxship.linux.safepath import mkdirs_in_root, open_in_root, opened_root
from boxship.model.mount import Mount, MountPoint
from boxship.runtime.prepare import mount_rootfs

T = TypeVar("T")

_FILE_MODE = 0o644


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What to look at. `files` are /etc/hosts and its like, destination → source, where they exist."""

    directory: str
    rootfs_mounts: Sequence[Mount]
    mounts: Sequence[MountPoint] = ()
    files: Mapping[str, str] = {}


def with_root(view: View, function: Callable[[int], T]) -> T:
    """Run *function* with a descriptor of the root; blocking, in a thread of its own."""

    def work() -> T:
        rootfs = mount_rootfs(view.directory, view.rootfs_mounts)
        with opened_root(rootfs) as root_fd:
            for point in sorted(view.mounts, key=lambda each: each.destination):
                if point.type != "tmpfs":
                    bind_in_root(root_fd, point.source, point.destination, point.read_only)
            for destination, source in view.files.items():
                if Path(source).exists():
                    bind_in_root(root_fd, source, destination, read_only=False)
            return function(root_fd)

    return run_in_mount_namespace(work)


def bind_in_root(root_fd: int, source: str, destination: str, read_only: bool) -> None:  # noqa: FBT001
    """Bind a host path over a path inside a root, making the mount point where it is missing."""
    flags = syscalls.OPEN_TREE_CLONE | syscalls.AT_RECURSIVE
    try:
        tree = syscalls.open_tree(syscalls.AT_FDCWD, source, flags)
    except FileNotFoundError:
        return  # it was never made, or is gone: the container has an empty place there
    with _closing(tree):
        if read_only:
            syscalls.mount_setattr(
                tree,
                "",
                syscalls.AT_EMPTY_PATH | syscalls.AT_RECURSIVE,
                set_attributes=syscalls.MOUNT_ATTR_RDONLY,
            )
        try:
            with _closing(_mount_point(root_fd, destination, source)) as place:
                both = syscalls.MOVE_MOUNT_F_EMPTY_PATH | syscalls.MOVE_MOUNT_T_EMPTY_PATH
                syscalls.move_mount(tree, "", place, "", both)
        except OSError as error:
            raise Internal(
                f"cannot mount {source} at the container's {destination}: {error.strerror}"
            ) from error


def _mount_point(root_fd: int, destination: str, source: str) -> int:
    try:
        return open_in_root(root_fd, destination, os.O_PATH)
    except FileNotFoundError:
        if Path(source).is_dir():
            mkdirs_in_root(root_fd, destination, 0o755, 0, 0)
        else:
            parent = destination.rpartition("/")[0] or "/"
            mkdirs_in_root(root_fd, parent, 0o755, 0, 0)
            create = os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW
            os.close(open_in_root(root_fd, destination, create, _FILE_MODE))
        return open_in_root(root_fd, destination, os.O_PATH)


@contextlib.contextmanager
def _closing(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)
