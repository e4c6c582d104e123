"""Paths inside a container's or image's root, resolved by descriptor only.

Such paths and the symlinks on them are the attacker's: the kernel resolves them with openat2(2) so that
neither `..` nor a symlink, even one exchanged meanwhile, can lead out of the root. Paths are given as
the container sees them, with or without a leading slash. Functions raise OSError like those of `os`.
"""

import contextlib
import errno
import os
import posixpath
import stat
from collections.abc import Iterator
from typing import Final

from boxship.linux import syscalls
from boxship.linux.syscalls import StrPath

_IN_ROOT: Final = syscalls.RESOLVE_IN_ROOT | syscalls.RESOLVE_NO_MAGICLINKS
_BENEATH: Final = syscalls.RESOLVE_BENEATH | syscalls.RESOLVE_NO_MAGICLINKS
_RETRIES: Final = 128  # the kernel gives up with EAGAIN when a rename raced a `..`
_MAX_LINKS: Final = 40  # as the kernel's own limit


@contextlib.contextmanager
def opened_root(path: StrPath) -> Iterator[int]:
    """A descriptor of a root directory, to pass as *root_fd*."""
    fd = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def open_in_root(root_fd: int, path: StrPath, flags: int, mode: int = 0) -> int:
    """Open *path* as if *root_fd* were `/`: absolute symlinks and `..` stay inside."""
    return _openat2(root_fd, path, flags, mode, _IN_ROOT)


def open_beneath(root_fd: int, path: StrPath, flags: int, mode: int = 0) -> int:
    """Open *path* below *root_fd*; whatever would lead out fails with EXDEV."""
    return _openat2(root_fd, path, flags, mode, _BENEATH)


def parent_and_name(root_fd: int, path: StrPath) -> tuple[int, str]:
    """A descriptor of the directory that holds *path*, and its last name, which is not followed.

    The caller closes the descriptor. The name is `.` for the root itself and for paths that end in
    `.` or `..`; then the descriptor is the directory itself.
    """
    text = os.fsdecode(path).rstrip("/")
    parent, _, name = text.rpartition("/")
    if name in ("", ".", ".."):
        parent, name = text, "."
    return open_in_root(root_fd, parent or ".", os.O_PATH | os.O_DIRECTORY), name


def stat_in_root(root_fd: int, path: StrPath) -> os.stat_result:
    """stat(2) inside the root: follows symlinks."""
    with _closing(open_in_root(root_fd, path or ".", os.O_PATH)) as fd:
        return os.fstat(fd)


def lstat_in_root(root_fd: int, path: StrPath) -> os.stat_result:
    """lstat(2) inside the root: a last symlink is not followed."""
    fd, name = parent_and_name(root_fd, path)
    with _closing(fd):
        return os.stat(name, dir_fd=fd, follow_symlinks=False)


def readlink_in_root(root_fd: int, path: StrPath) -> str:
    """The text of a symlink; EINVAL when *path* is something else."""
    fd, name = parent_and_name(root_fd, path)
    with _closing(fd):
        return os.readlink(name, dir_fd=fd)


def resolve_in_root(root_fd: int, path: StrPath) -> str:
    """Where *path* leads once all symlinks are followed, as an absolute path inside the root.

    For showing, never for opening: the tree may change the next moment.
    """
    root = os.readlink(f"/proc/self/fd/{root_fd}").rstrip("/")
    with _closing(open_in_root(root_fd, path or ".", os.O_PATH)) as fd:
        found = os.readlink(f"/proc/self/fd/{fd}")
    if found != root and not found.startswith(f"{root}/"):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), os.fsdecode(path))
    return found.removeprefix(root) or "/"


def reopen(fd: int, flags: int) -> int:
    """Open what an O_PATH descriptor refers to, without another look-up of its path."""
    return os.open(f"/proc/self/fd/{fd}", flags | os.O_CLOEXEC)


def read_file_in_root(root_fd: int, path: StrPath, limit: int) -> bytes:
    """The content of a regular file of at most *limit* bytes.

    Anything else (a FIFO that would block, a device) fails with EINVAL before it is opened, a bigger
    file with EFBIG.
    """
    with _closing(open_in_root(root_fd, path, os.O_PATH)) as path_fd:
        status = os.fstat(path_fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", os.fsdecode(path))
        with _closing(reopen(path_fd, os.O_RDONLY | os.O_NONBLOCK)) as fd:
            return _read_all(fd, limit, path)


def mkdirs_in_root(root_fd: int, path: StrPath, mode: int, uid: int, gid: int) -> None:
    """Make a directory and those above it that are missing, each with this mode and owner.

    What exists is left as it is. A dangling symlink on the way has its target made, inside the root.
    """
    pending = _parts(os.fsdecode(path))
    here = os.dup(root_fd)  # O_PATH of the directory reached so far
    at = "/"
    links = 0
    try:
        while pending:
            name = pending.pop(0)
            following = posixpath.join(at, name)
            try:
                reached = open_in_root(root_fd, following, os.O_PATH | os.O_DIRECTORY)
            except FileNotFoundError:
                target = _make(here, name, mode, uid, gid)
                if target is not None:
                    links += 1
                    if links > _MAX_LINKS:
                        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), following) from None
                    target = posixpath.join(resolve_in_root(root_fd, at), target)
                    pending = [*_parts(target), *pending]
                    here, at = _replace(here, os.dup(root_fd)), "/"
                    continue
                flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW
                reached = open_beneath(here, name, flags)
            here, at = _replace(here, reached), following
    finally:
        os.close(here)


def _parts(path: str) -> list[str]:
    # Lexical `..` is what Docker does with WORKDIR: filepath.Clean before anything else.
    return [part for part in posixpath.normpath(f"/{path}").split("/") if part]


def _make(parent_fd: int, name: str, mode: int, uid: int, gid: int) -> str | None:
    """Make one directory; return the target when a (dangling) symlink has the name already."""
    try:
        os.mkdir(name, 0o700, dir_fd=parent_fd)
    except FileExistsError:
        if stat.S_ISLNK(os.stat(name, dir_fd=parent_fd, follow_symlinks=False).st_mode):
            return os.readlink(name, dir_fd=parent_fd)
        return None  # someone else made it meanwhile
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    with _closing(open_beneath(parent_fd, name, flags)) as fd:
        os.fchown(fd, uid, gid)
        os.fchmod(
            fd, mode
        )  # after chown, which clears set-ID bits; mkdir's own mode meets the umask
    return None


def _read_all(fd: int, limit: int, path: StrPath) -> bytes:
    data = bytearray()
    while chunk := os.read(fd, min(limit + 1 - len(data), 1 << 20)):
        data += chunk
        if len(data) > limit:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), os.fsdecode(path))
    return bytes(data)


def _replace(old: int, new: int) -> int:
    os.close(old)
    return new


@contextlib.contextmanager
def _closing(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)


def _openat2(root_fd: int, path: StrPath, flags: int, mode: int, resolve: int) -> int:
    if not flags & (os.O_CREAT | os.O_TMPFILE):
        mode = 0  # openat2 refuses a mode that would not be used
    for _ in range(_RETRIES):
        try:
            return syscalls.openat2(root_fd, path, flags, mode, resolve)
        except BlockingIOError:
            continue
    return syscalls.openat2(root_fd, path, flags, mode, resolve)
