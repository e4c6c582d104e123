"""System calls that Python's `os` lacks (or has only from 3.12 on), through the C library.

Every function raises OSError with the kernel's errno. Calls release the GIL.
"""

import ctypes
import os
import platform
from typing import Final

CLONE_FS: Final = 0x00000200
CLONE_NEWNS: Final = 0x00020000
CLONE_NEWCGROUP: Final = 0x02000000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000

MS_RDONLY: Final = 0x1
MS_NOSUID: Final = 0x2
MS_NODEV: Final = 0x4
MS_NOEXEC: Final = 0x8
MS_SYNCHRONOUS: Final = 0x10
MS_REMOUNT: Final = 0x20
MS_MANDLOCK: Final = 0x40
MS_DIRSYNC: Final = 0x80
MS_NOSYMFOLLOW: Final = 0x100
MS_NOATIME: Final = 0x400
MS_NODIRATIME: Final = 0x800
MS_BIND: Final = 0x1000
MS_MOVE: Final = 0x2000
MS_REC: Final = 0x4000
MS_UNBINDABLE: Final = 0x20000
MS_PRIVATE: Final = 0x40000
MS_SLAVE: Final = 0x80000
MS_SHARED: Final = 0x100000
MS_RELATIME: Final = 0x200000
MS_STRICTATIME: Final = 0x1000000
MS_LAZYTIME: Final = 0x2000000

MNT_FORCE: Final = 1
MNT_DETACH: Final = 2
UMOUNT_NOFOLLOW: Final = 8

RESOLVE_NO_XDEV: Final = 0x01
RESOLVE_NO_MAGICLINKS: Final = 0x02
RESOLVE_NO_SYMLINKS: Final = 0x04
RESOLVE_BENEATH: Final = 0x08
RESOLVE_IN_ROOT: Final = 0x10

AT_FDCWD: Final = -100
AT_EMPTY_PATH: Final = 0x1000
AT_RECURSIVE: Final = 0x8000

OPEN_TREE_CLONE: Final = 1
OPEN_TREE_CLOEXEC: Final = os.O_CLOEXEC
MOVE_MOUNT_F_EMPTY_PATH: Final = 0x04
MOVE_MOUNT_T_EMPTY_PATH: Final = 0x40
FSOPEN_CLOEXEC: Final = 1
FSMOUNT_CLOEXEC: Final = 1
FSCONFIG_SET_FLAG: Final = 0
FSCONFIG_SET_STRING: Final = 1
FSCONFIG_SET_FD: Final = 5
FSCONFIG_CMD_CREATE: Final = 6
MOUNT_ATTR_RDONLY: Final = 0x1
MOUNT_ATTR_NOSUID: Final = 0x2
MOUNT_ATTR_NODEV: Final = 0x4
MOUNT_ATTR_NOEXEC: Final = 0x8
MOUNT_ATTR_IDMAP: Final = 0x00100000

# The same everywhere since Linux 5.2; only pivot_root is older than the common table.
_NR_OPEN_TREE: Final = 428
_NR_MOVE_MOUNT: Final = 429
_NR_FSOPEN: Final = 430
_NR_FSCONFIG: Final = 431
_NR_FSMOUNT: Final = 432
_NR_OPENAT2: Final = 437
_NR_MOUNT_SETATTR: Final = 442
_NR_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41, "riscv64": 41}

StrPath = str | bytes | os.PathLike[str]

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.unshare.argtypes = [ctypes.c_int]
_libc.setns.argtypes = [ctypes.c_int, ctypes.c_int]
_libc.umount2.argtypes = [ctypes.c_char_p, ctypes.c_int]
_libc.mount.argtypes = [
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_ulong,
    ctypes.c_char_p,
]


class _OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def unshare(flags: int) -> None:
    """Leave the namespaces in *flags* (this thread only)."""
    _check(_libc.unshare(flags))


def setns(fd: int, kind: int = 0) -> None:
    """Enter the namespace that *fd* refers to (this thread only)."""
    _check(_libc.setns(fd, kind))


def mount(
    source: StrPath | None,
    target: StrPath,
    fstype: str | None,
    flags: int = 0,
    data: str | None = None,
) -> None:
    """mount(2)."""
    _check(
        _libc.mount(
            None if source is None else c_path(source),
            c_path(target),
            None if fstype is None else c_path(fstype),
            flags,
            None if data is None else c_path(data),
        ),
        target,
    )


def umount2(target: StrPath, flags: int = 0) -> None:
    """umount2(2)."""
    _check(_libc.umount2(c_path(target), flags), target)


def pivot_root(new_root: StrPath, put_old: StrPath) -> None:
    """pivot_root(2)."""
    number = _NR_PIVOT_ROOT[platform.machine()]
    _syscall(number, c_path(new_root), c_path(put_old), path=new_root)


def openat2(dir_fd: int, path: StrPath, flags: int, mode: int, resolve: int) -> int:
    """openat2(2); the descriptor is always close-on-exec."""
    how = _OpenHow(flags | os.O_CLOEXEC, mode, resolve)
    size = ctypes.sizeof(how)
    return _syscall(_NR_OPENAT2, dir_fd, c_path(path), ctypes.byref(how), size, path=path)


def open_tree(dir_fd: int, path: StrPath, flags: int) -> int:
    """open_tree(2): a descriptor of a mount, or of a detached copy of it."""
    return _syscall(_NR_OPEN_TREE, dir_fd, c_path(path), flags | OPEN_TREE_CLOEXEC, path=path)


def move_mount(
    from_fd: int, from_path: StrPath, to_fd: int, to_path: StrPath, flags: int = 0
) -> None:
    """move_mount(2): put a detached mount, or move a mount, to a place."""
    _syscall(
        _NR_MOVE_MOUNT, from_fd, c_path(from_path), to_fd, c_path(to_path), flags, path=to_path
    )


def fsopen(fstype: str) -> int:
    """fsopen(2): begin to configure a new file system."""
    return _syscall(_NR_FSOPEN, c_path(fstype), FSOPEN_CLOEXEC, path=fstype)


def fsconfig(fd: int, command: int, key: str | None = None, value: str | None = None) -> None:
    """fsconfig(2) with a string value; the kernel takes at most 255 bytes of it."""
    key_bytes = None if key is None else c_path(key)
    value_bytes = None if value is None else c_path(value)
    _syscall(_NR_FSCONFIG, fd, command, key_bytes, value_bytes, 0, path=value)


def fsconfig_fd(fd: int, key: str, value: int) -> None:
    """fsconfig(2) with a descriptor as value."""
    _syscall(_NR_FSCONFIG, fd, FSCONFIG_SET_FD, c_path(key), None, value, path=key)


def fsmount(fd: int, attributes: int = 0) -> int:
    """fsmount(2): a descriptor of the new, still detached mount."""
    return _syscall(_NR_FSMOUNT, fd, FSMOUNT_CLOEXEC, attributes)


def mount_setattr(
    dir_fd: int,
    path: StrPath,
    flags: int,
    *,
    set_attributes: int = 0,
    clear_attributes: int = 0,
    propagation: int = 0,
    userns_fd: int = 0,
) -> None:
    """mount_setattr(2); AT_RECURSIVE in *flags* reaches all mounts below (Linux 5.12)."""
    attr = _MountAttr(set_attributes, clear_attributes, propagation, userns_fd)
    size = ctypes.sizeof(attr)
    _syscall(_NR_MOUNT_SETATTR, dir_fd, c_path(path), flags, ctypes.byref(attr), size, path=path)


def c_path(path: StrPath) -> bytes:
    """The bytes of a path or name; a NUL byte, which would cut it short, is refused."""
    data = os.fsencode(path)
    if b"\0" in data:
        raise OSError(22, "path contains a NUL byte")
    return data


def _syscall(number: int, *args: object, path: StrPath | None = None) -> int:
    # Variadic: every integer must be passed at its full width.
    wide = (ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args)
    return _check(_libc.syscall(ctypes.c_long(number), *wide), path)


def _check(result: int, path: StrPath | None = None) -> int:
    if result < 0:
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno), None if path is None else os.fsdecode(path))
    return result
