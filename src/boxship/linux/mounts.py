"""Mounts: performing what snapshotters and volumes describe, and reading what is mounted.

Failures are `Internal` with the kernel's reason; nothing here decides what is to be mounted.
"""

import contextlib
import errno
import functools
import os
import posixpath
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from boxship.errors import Internal, NotFound, Unsupported
from boxship.linux import syscalls
from boxship.linux.syscalls import StrPath
from boxship.linux.threads import in_fresh_thread
from boxship.model.mount import Mount

_FLAGS: Final = {
    "ro": syscalls.MS_RDONLY,
    "nosuid": syscalls.MS_NOSUID,
    "nodev": syscalls.MS_NODEV,
    "noexec": syscalls.MS_NOEXEC,
    "sync": syscalls.MS_SYNCHRONOUS,
    "dirsync": syscalls.MS_DIRSYNC,
    "mand": syscalls.MS_MANDLOCK,
    "noatime": syscalls.MS_NOATIME,
    "nodiratime": syscalls.MS_NODIRATIME,
    "relatime": syscalls.MS_RELATIME,
    "strictatime": syscalls.MS_STRICTATIME,
    "lazytime": syscalls.MS_LAZYTIME,
    "nosymfollow": syscalls.MS_NOSYMFOLLOW,
    "remount": syscalls.MS_REMOUNT,
    "bind": syscalls.MS_BIND,
    "rbind": syscalls.MS_BIND | syscalls.MS_REC,
}
_CLEARED: Final = {
    "rw": syscalls.MS_RDONLY,
    "suid": syscalls.MS_NOSUID,
    "dev": syscalls.MS_NODEV,
    "exec": syscalls.MS_NOEXEC,
    "async": syscalls.MS_SYNCHRONOUS,
    "nomand": syscalls.MS_MANDLOCK,
    "atime": syscalls.MS_NOATIME,
    "diratime": syscalls.MS_NODIRATIME,
    "norelatime": syscalls.MS_RELATIME,
    "nostrictatime": syscalls.MS_STRICTATIME,
    "nolazytime": syscalls.MS_LAZYTIME,
    "defaults": 0,
    "rro": 0,  # recursive read-only, applied by mount_setattr below
}
_PROPAGATION: Final = {
    "private": syscalls.MS_PRIVATE,
    "rprivate": syscalls.MS_PRIVATE | syscalls.MS_REC,
    "shared": syscalls.MS_SHARED,
    "rshared": syscalls.MS_SHARED | syscalls.MS_REC,
    "slave": syscalls.MS_SLAVE,
    "rslave": syscalls.MS_SLAVE | syscalls.MS_REC,
    "unbindable": syscalls.MS_UNBINDABLE,
    "runbindable": syscalls.MS_UNBINDABLE | syscalls.MS_REC,
}
# What a bind remount must repeat, or an unprivileged mount namespace is refused (mount_namespaces(7)).
_KEPT: Final = (
    (os.ST_RDONLY, syscalls.MS_RDONLY),
    (os.ST_NOSUID, syscalls.MS_NOSUID),
    (os.ST_NODEV, syscalls.MS_NODEV),
    (os.ST_NOEXEC, syscalls.MS_NOEXEC),
    (os.ST_NOATIME, syscalls.MS_NOATIME),
    (os.ST_NODIRATIME, syscalls.MS_NODIRATIME),
    (os.ST_RELATIME, syscalls.MS_RELATIME),
)
_NAMES: Final = (
    (os.ST_RDONLY, "ro"),
    (os.ST_NOSUID, "nosuid"),
    (os.ST_NODEV, "nodev"),
    (os.ST_NOEXEC, "noexec"),
    (os.ST_NOATIME, "noatime"),
    (os.ST_NODIRATIME, "nodiratime"),
)
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


class MountEntry(NamedTuple):
    """A line of /proc/self/mountinfo (proc(5))."""

    id: int
    parent: int
    device: str
    root: str
    target: str
    options: str
    propagation: tuple[str, ...]
    fstype: str
    source: str
    super_options: str


class MountPlan(NamedTuple):
    """Options in fstab spelling, sorted into what mount(2) takes."""

    flags: int
    propagation: tuple[int, ...]
    recursive_read_only: bool
    data: tuple[str, ...]


def plan(options: Iterable[str]) -> MountPlan:
    """Sort options; what is not a flag is data for the file system."""
    flags = 0
    propagation: list[int] = []
    data: list[str] = []
    read_only_below = False
    for option in options:
        read_only_below |= option == "rro"
        if option in _FLAGS:
            flags |= _FLAGS[option]
        elif option in _PROPAGATION:
            propagation.append(_PROPAGATION[option])
        elif option in _CLEARED:
            flags &= ~_CLEARED[option]
        elif option:
            data.append(option)
    return MountPlan(flags, tuple(propagation), read_only_below, tuple(data))


def perform(mount: Mount, target: StrPath) -> None:
    """Do the mount at *target*, which must exist; a failure leaves nothing mounted there."""
    steps = plan(mount.options)
    if mount.type in ("bind", "rbind"):
        recursive = syscalls.MS_REC if mount.type == "rbind" else 0
        steps = steps._replace(flags=steps.flags | syscalls.MS_BIND | recursive)
    with _explained(mount, target):
        if steps.flags & syscalls.MS_BIND:
            _bind(mount.source, target, steps)
        else:
            _mount(mount, target, steps)
        try:
            for flag in steps.propagation:
                syscalls.mount(None, target, None, flag)
        except OSError:
            unmount(target, lazy=True)
            raise


@contextlib.contextmanager
def mounted(mounts: Sequence[Mount], target: StrPath) -> Iterator[None]:
    """Hold *mounts* at *target* for the block, the later ones over the earlier."""
    with contextlib.ExitStack() as undo:
        for mount in mounts:
            perform(mount, target)
            undo.callback(unmount, target, lazy=True)
        yield


def unmount(target: StrPath, *, lazy: bool = False) -> bool:
    """Take away the topmost mount at *target*; False when nothing is mounted there.

    *lazy* detaches it at once even if busy; the kernel lets go of it with its last user.
    """
    flags = syscalls.UMOUNT_NOFOLLOW | (syscalls.MNT_DETACH if lazy else 0)
    try:
        syscalls.umount2(target, flags)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT):
            return False
        raise Internal(f"cannot unmount {os.fsdecode(target)}: {error.strerror}") from error
    return True


def unmount_all(target: StrPath) -> None:
    """Take away every mount at and below *target*, whatever is stacked there."""
    for entry in reversed(mounts_below(target)):
        unmount(entry.target, lazy=True)


def is_mount_point(path: StrPath) -> bool:
    """True when something is mounted exactly at *path*."""
    wanted = posixpath.abspath(os.fsdecode(path))
    return any(entry.target == wanted for entry in read_mounts())


def mounts_below(path: StrPath) -> list[MountEntry]:
    """What is mounted at and below *path*, in the order it was mounted."""
    wanted = posixpath.abspath(os.fsdecode(path))
    prefix = wanted.rstrip("/") + "/"
    return [
        entry
        for entry in read_mounts()
        if entry.target == wanted or entry.target.startswith(prefix)
    ]


def read_mounts() -> list[MountEntry]:
    """All mounts that this process sees."""
    with open("/proc/self/mountinfo", "rb") as file:
        return parse_mountinfo(file.read())


def parse_mountinfo(text: bytes) -> list[MountEntry]:
    """Read the text of a mountinfo file."""
    return [_parse_line(os.fsdecode(line)) for line in text.split(b"\n") if line]


def mount_containing(path: StrPath) -> MountEntry:
    """The mount that *path* lies on, as runtimes and `docker run -v …:shared` want to know it."""
    wanted = posixpath.realpath(os.fsdecode(path))
    best: MountEntry | None = None
    for entry in read_mounts():
        inside = wanted == entry.target or wanted.startswith(entry.target.rstrip("/") + "/")
        if inside and (best is None or len(entry.target) >= len(best.target)):
            best = entry
    if best is None:
        raise NotFound(f"no mount holds {wanted}")
    return best


def make_private(path: StrPath) -> None:
    """Make *path* a mount point of its own, if it is none, whose mounts stay in this namespace."""
    if not is_mount_point(path):
        perform(Mount("bind", os.fsdecode(path), ("rbind",)), path)
    syscalls.mount(None, path, None, syscalls.MS_PRIVATE)


def _parse_line(line: str) -> MountEntry:
    fields = line.split(" ")
    dash = fields.index("-", 6)  # optional fields end at a lone dash
    return MountEntry(
        int(fields[0]),
        int(fields[1]),
        fields[2],
        _unescape(fields[3]),
        _unescape(fields[4]),
        fields[5],
        tuple(fields[6:dash]),
        fields[dash + 1],
        _unescape(fields[dash + 2]),
        _unescape(fields[dash + 3]) if len(fields) > dash + 3 else "",
    )


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    # The kernel escapes single bytes, so a multi-byte character must be put together again.
    raw = _OCTAL.sub(
        lambda match: chr(int(match[1], 8)),
        text.encode("utf-8", "surrogateescape").decode("latin-1"),
    )
    return os.fsdecode(raw.encode("latin-1"))


def _bind(source: str, target: StrPath, steps: MountPlan) -> None:
    recursive = steps.flags & syscalls.MS_REC
    syscalls.mount(source, target, None, syscalls.MS_BIND | recursive)
    extra = steps.flags & ~(syscalls.MS_BIND | syscalls.MS_REC)
    try:
        if extra:  # the first call ignores all other flags
            flags = extra | _present_flags(target) | syscalls.MS_REMOUNT | syscalls.MS_BIND
            syscalls.mount(None, target, None, flags)
        if steps.recursive_read_only:
            syscalls.mount_setattr(
                syscalls.AT_FDCWD,
                target,
                syscalls.AT_RECURSIVE,
                set_attributes=syscalls.MOUNT_ATTR_RDONLY,
            )
    except OSError:
        unmount(target, lazy=True)
        raise


@functools.cache
def read_only_recursively() -> bool:
    """True where a mount can be made read-only with all below it (Linux 5.12)."""
    try:
        syscalls.mount_setattr(-1, "", 0)
    except OSError as error:
        return error.errno != errno.ENOSYS
    return True


def flags_of(path: StrPath) -> tuple[str, ...]:
    """The flags of the mount that *path* lies on, as options: `ro`, `nosuid`, `noexec` …"""
    try:
        present = os.statvfs(path).f_flag
    except OSError:
        return ()
    return tuple(name for flag, name in _NAMES if present & flag)


def _present_flags(target: StrPath) -> int:
    present = os.statvfs(target).f_flag
    return sum(flag for statvfs_flag, flag in _KEPT if present & statvfs_flag)


def _mount(mount: Mount, target: StrPath, steps: MountPlan) -> None:
    data = ",".join(steps.data)
    if mount.type == "overlay" and len(os.fsencode(data)) >= os.sysconf("SC_PAGESIZE"):
        _mount_deep_overlay(mount, target, steps)
        return
    syscalls.mount(mount.source or mount.type, target, mount.type, steps.flags, data or None)


def _mount_deep_overlay(mount: Mount, target: StrPath, steps: MountPlan) -> None:
    """Mount an overlay whose options fill more than the one page mount(2) reads.

    First by names relative to the layers' common directory, from a thread that has a working directory
    of its own; with the layers one by one (Linux 6.7) when that is still too long.
    """
    base, short = relative_layers(steps.data)
    absolute = posixpath.abspath(os.fsdecode(target))
    data = ",".join(short)
    fits = len(os.fsencode(data)) < os.sysconf("SC_PAGESIZE")

    def go() -> None:
        syscalls.unshare(syscalls.CLONE_FS)
        os.chdir(base)
        if fits:
            syscalls.mount(mount.source or "overlay", absolute, "overlay", steps.flags, data)
        else:
            _mount_layer_by_layer(mount.source or "overlay", absolute, steps.flags, short)

    in_fresh_thread(go)


def relative_layers(options: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The longest directory all overlay paths share, and the options relative to it."""
    keys = ("lowerdir=", "upperdir=", "workdir=")
    paths = [
        path
        for option in options
        if option.startswith(keys)
        for path in option.partition("=")[2].split(":")
    ]
    base = posixpath.commonpath(paths)

    def shorten(option: str) -> str:
        key, _, value = option.partition("=")
        names = (posixpath.relpath(path, base) for path in value.split(":"))
        return f"{key}={':'.join(names)}"

    return base, tuple(shorten(each) if each.startswith(keys) else each for each in options)


def _mount_layer_by_layer(source: str, target: str, flags: int, options: Sequence[str]) -> None:
    fd = syscalls.fsopen("overlay")
    try:
        syscalls.fsconfig(fd, syscalls.FSCONFIG_SET_STRING, "source", source)
        for option in options:
            key, equals, value = option.partition("=")
            if key == "lowerdir":
                for layer in value.split(":"):
                    _add_layer(fd, layer)
            elif equals:
                syscalls.fsconfig(fd, syscalls.FSCONFIG_SET_STRING, key, value)
            else:
                syscalls.fsconfig(fd, syscalls.FSCONFIG_SET_FLAG, key)
        if flags & syscalls.MS_RDONLY:
            syscalls.fsconfig(fd, syscalls.FSCONFIG_SET_FLAG, "ro")
        syscalls.fsconfig(fd, syscalls.FSCONFIG_CMD_CREATE)
        attributes = flags & 0xF  # ro, nosuid, nodev and noexec have the same bits in both calls
        mount_fd = syscalls.fsmount(fd, attributes)
        try:
            empty = syscalls.MOVE_MOUNT_F_EMPTY_PATH
            syscalls.move_mount(mount_fd, "", syscalls.AT_FDCWD, target, empty)
        finally:
            os.close(mount_fd)
    finally:
        os.close(fd)


def _add_layer(fd: int, layer: str) -> None:
    try:
        syscalls.fsconfig(fd, syscalls.FSCONFIG_SET_STRING, "lowerdir+", layer)
    except OSError as error:
        if error.errno != errno.EINVAL or not posixpath.isdir(layer):
            raise
        raise Unsupported(
            "too many layers: their names fill more than a page, and this kernel "
            "(before Linux 6.7) cannot take them one by one"
        ) from error


@contextlib.contextmanager
def _explained(mount: Mount, target: StrPath) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = os.fsdecode(target)
        reason = error.strerror
        if error.errno == errno.ENOENT:
            reason = _what_is_missing(mount, place) or reason
        elif error.errno == errno.ENOTDIR:
            reason = "one is a directory and the other is not"
        text = f"cannot mount {mount.source or mount.type} ({mount.type}) at {place}: {reason}"
        raise Internal(text) from error


def _what_is_missing(mount: Mount, target: str) -> str:
    paths = [target]
    if plan(mount.options).flags & syscalls.MS_BIND or mount.type in ("bind", "rbind"):
        paths.append(mount.source)
    for option in mount.options:
        key, _, value = option.partition("=")
        if key in ("lowerdir", "upperdir", "workdir"):
            paths += value.split(":")
    missing = [path for path in paths if not _exists(path)]
    return f"no such file or directory: {', '.join(missing)}" if missing else ""


def _exists(path: str) -> bool:
    try:
        return bool(stat.S_IFMT(os.stat(path).st_mode))
    except OSError:
        return False
