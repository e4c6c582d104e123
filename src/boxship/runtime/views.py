"""A container's files as the container sees them: its root with volumes and binds, running or not.

All is mounted in a private copy of the mount namespace that ends with the work: nobody else sees it, and
nothing has to be undone. Mount points are reached by descriptor inside the root, and what is read-only for
the container is so here, whatever symlinks its processes exchange meanwhile (CVE-2018-15664, -2026-42306).
"""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from boxship.errors import Internal, NotFound
from boxship.linux import syscalls
from boxship.linux.namespaces import run_in_mount_namespace
from boxship.linux.safepath import mkdirs_in_root, open_in_root, opened_root
from boxship.model.mount import MADE_FILES, MADE_TO_MOUNT_UPON, Mount, MountPoint
from boxship.runtime.prepare import make_mtab, mount_rootfs
from boxship.runtime.sources import Images, contained

T = TypeVar("T")

_FILE_MODE = 0o644
_INIT = "/sbin/docker-init"
_MTAB = "/etc/mtab"


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What to look at. `files` are /etc/hosts and its like, destination → source, where they exist."""

    directory: str
    rootfs_mounts: Sequence[Mount]
    mounts: Sequence[MountPoint] = ()
    images: Images = {}
    files: Mapping[str, str] = {}


def with_root(view: View, function: Callable[[int], T]) -> T:
    """Run *function* with a descriptor of the root; blocking, in a thread of its own."""

    def work() -> T:
        rootfs = mount_rootfs(view.directory, view.rootfs_mounts)
        with opened_root(rootfs) as root_fd:
            make_mount_points(root_fd)
            for point in sorted(view.mounts, key=lambda each: each.destination):
                if point.type != "tmpfs":
                    _show(root_fd, point, view)
            for destination, source in view.files.items():
                _show(
                    root_fd, MountPoint(type="bind", destination=destination, source=source), view
                )
            return function(root_fd)

    return run_in_mount_namespace(work)


def make_mount_points(root_fd: int) -> None:
    """Make what the first start will mount upon: Docker's containers have it from the beginning."""
    with contextlib.suppress(OSError):  # an image may have something else in the way
        for path in sorted(MADE_TO_MOUNT_UPON - {_INIT, _MTAB}):
            os.close(_mount_point(root_fd, path, is_folder=path not in MADE_FILES, mode=0o755))
    make_mtab(root_fd)


def _show(root_fd: int, point: MountPoint, view: View) -> None:
    """Mount it inside the root as the container has it, making the mount point where it is missing."""
    try:
        with contained(point, view.images, f"{view.directory}/mounts/view") as tree:
            if point.read_only:
                syscalls.mount_setattr(
                    tree,
                    "",
                    syscalls.AT_EMPTY_PATH | syscalls.AT_RECURSIVE,
                    set_attributes=syscalls.MOUNT_ATTR_RDONLY,
                )
            is_folder = stat.S_ISDIR(os.fstat(tree).st_mode)
            with _closing(_mount_point(root_fd, point.destination, is_folder=is_folder)) as place:
                both = syscalls.MOVE_MOUNT_F_EMPTY_PATH | syscalls.MOVE_MOUNT_T_EMPTY_PATH
                syscalls.move_mount(tree, "", place, "", both)
    except (FileNotFoundError, NotFound):
        return  # it was never made, or is gone: the container has an empty place there
    except OSError as error:
        raise Internal(
            f"cannot mount {point.source} at the container's {point.destination}: {error.strerror}"
        ) from error


def _mount_point(root_fd: int, destination: str, *, is_folder: bool, mode: int = _FILE_MODE) -> int:
    try:
        return open_in_root(root_fd, destination, os.O_PATH)
    except FileNotFoundError:
        if is_folder:
            mkdirs_in_root(root_fd, destination, 0o755, 0, 0)
        else:
            parent = destination.rpartition("/")[0] or "/"
            mkdirs_in_root(root_fd, parent, 0o755, 0, 0)
            create = os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW
            os.close(open_in_root(root_fd, destination, create, mode))
        return open_in_root(root_fd, destination, os.O_PATH)


@contextlib.contextmanager
def _closing(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)
