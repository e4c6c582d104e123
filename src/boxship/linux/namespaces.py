"""Namespaces: network namespaces kept by a file, and private views of the mounts.

A thread that enters a namespace is always a fresh one that ends with the call.
"""

import contextlib
import errno
import os
from collections.abc import Callable
from typing import Protocol, TypeVar, runtime_checkable

from boxship.errors import Internal
from boxship.linux import syscalls
from boxship.linux.syscalls import StrPath
from boxship.linux.threads import in_fresh_thread

T = TypeVar("T")


@runtime_checkable
class SupportsClose(Protocol):
    """What holds a namespace open, and can let go."""

    def close(self) -> None:
        """Let go."""
        ...


def open_netns(enter: Callable[[], T]) -> tuple[int, T]:
    """Make a network namespace that lives as long as the descriptor returned, and run *enter* inside it.

    Sockets that *enter* opens and returns stay in the new namespace.
    """

    def run() -> tuple[int, T]:
        syscalls.unshare(syscalls.CLONE_NEWNET)
        result = enter()
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC), result

    try:
        return in_fresh_thread(run)
    except OSError as error:
        raise Internal(f"cannot create a network namespace: {error.strerror}") from error


def pin_netns(fd: int, path: StrPath) -> None:
    """Let a namespace live as long as the file *path*, which is made; all or nothing."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDONLY | os.O_CLOEXEC, 0o444))
        try:
            syscalls.mount(f"/proc/self/fd/{fd}", path, None, syscalls.MS_BIND)
        except BaseException:
            os.unlink(path)
            raise
    except OSError as error:
        name = os.fsdecode(path)
        raise Internal(f"cannot keep network namespace {name}: {error.strerror}") from error


def create_netns(path: StrPath, enter: Callable[[], T]) -> T:
    """Make a network namespace that lives as long as the file *path*, and run *enter* inside it.

    Nothing is left when it fails.
    """
    fd, result = open_netns(enter)
    try:
        pin_netns(fd, path)
    except BaseException:
        if isinstance(result, SupportsClose):
            result.close()
        raise
    finally:
        os.close(fd)
    return result


def delete_netns(path: StrPath) -> None:
    """Let go of a namespace made by create_netns; quiet when it is gone already.

    The kernel keeps it until the last process and socket in it ends.
    """
    with contextlib.suppress(FileNotFoundError):
        while True:
            try:
                flags = syscalls.MNT_DETACH | syscalls.UMOUNT_NOFOLLOW
                syscalls.umount2(path, flags)
            except OSError as error:
                if error.errno != errno.EINVAL:  # EINVAL: nothing (more) is mounted there
                    raise
                break
        os.unlink(path)


def run_in_netns(netns: StrPath | int, function: Callable[[], T]) -> T:
    """Run *function* inside the network namespace of a file or descriptor."""
    fd = netns if isinstance(netns, int) else os.open(netns, os.O_RDONLY | os.O_CLOEXEC)

    def run() -> T:
        syscalls.setns(fd, syscalls.CLONE_NEWNET)
        return function()

    try:
        return in_fresh_thread(run)
    finally:
        if not isinstance(netns, int):
            os.close(fd)


def run_in_mount_namespace(function: Callable[[], T]) -> T:
    """Run *function* with a throw-away copy of the mounts: what it mounts nobody else ever sees.

    Mounts made outside still arrive. The copy ends with the call; descriptors opened inside stay valid.
    """

    def run() -> T:
        syscalls.unshare(syscalls.CLONE_FS | syscalls.CLONE_NEWNS)
        syscalls.mount(None, "/", None, syscalls.MS_SLAVE | syscalls.MS_REC)
        return function()

    return in_fresh_thread(run)


def namespace_id(path: StrPath) -> tuple[int, int]:
    """Device and inode: equal for two files exactly when they are the same namespace."""
    status = os.stat(path)
    return status.st_dev, status.st_ino
