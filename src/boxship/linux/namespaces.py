"""Namespaces: network namespaces kept by a file, and private views of the mounts.

A thread that enters a namespace is always a fresh one that ends with the call.
"""

import contextlib
import errno
import os
from collections.abc import Callable
from typing import TypeVar

from boxship.errors import Internal
from boxship.linux import syscalls
from boxship.linux.syscalls import StrPath
from boxship.linux.threads import in_fresh_thread

T = TypeVar("T")


def create_netns(path: StrPath, enter: Callable[[], T]) -> T:
    """Make a network namespace that lives as long as the file *path*, and run *enter* inside it.

    Sockets that *enter* opens and returns stay in the new namespace. Nothing is left when it fails.
    """

    def run() -> T:
        syscalls.unshare(syscalls.CLONE_NEWNET)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDONLY | os.O_CLOEXEC, 0o444))
        try:
            syscalls.mount("/proc/thread-self/ns/net", path, None, syscalls.MS_BIND)
            return enter()
        except BaseException:
            delete_netns(path)
            raise

    try:
        return in_fresh_thread(run)
    except OSError as error:
        name = os.fsdecode(path)
        raise Internal(f"cannot create network namespace {name}: {error.strerror}") from error


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
