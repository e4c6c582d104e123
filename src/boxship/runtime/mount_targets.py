"""Where mounts really go once the image's symlinks are followed, and which places are the container's own.

The OCI runtime writes below /proc and opens /dev/null in the new root: a mount there would send it
elsewhere (CVE-2019-19921, CVE-2025-31133, CVE-2025-52881). Blocking.
"""

import contextlib
import os
import posixpath
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from boxship.errors import NotFound
from boxship.linux import mounts
from boxship.linux.safepath import mkdirs_in_root, readlink_in_root, resolve_in_root
from boxship.model.mount import MountPoint
from boxship.runtime.failures import init_failed

_MAX_LINKS: Final = 40
_PROC_ROOT_INODE: Final = 1
_NULL: Final = os.makedev(1, 3)
_HARMLESS: Final = frozenset(
    f"/proc/{name}"
    for name in (
        *("cpuinfo", "diskstats", "loadavg", "meminfo", "net/dev", "slabinfo", "stat", "swaps"),
        *("sys/crypto/fips_enabled", "sys/kernel/ns_last_pid", "uptime"),
    )
)
"""What programs like lxcfs put there; runc allows these too."""


def check(root_fd: int, rootfs: str, points: Iterable[MountPoint]) -> None:
    """Raise RuntimeRefused, in runc's words, for a mount that no container may have."""
    seen: list[str] = []
    for point in points:
        real = real_target(root_fd, point.destination)
        if real == "/":
            raise _refused(point, f'mountpoint "{rootfs}" is on the top of rootfs "{rootfs}"')
        if real == "/proc" and not _is_proc(point):
            raise _unsafe(point, rootfs, real, "it is not of type proc")
        if real.startswith("/proc/") and real not in _HARMLESS:
            raise _unsafe(point, rootfs, real, "it is inside /proc")
        if real == "/dev/null" and not _is_null(point):
            raise init_failed(
                "error reopening /dev/null inside container: can't reopen /dev/null: "
                "container's /dev/null is invalid"
            )
        _make_target(root_fd, real, point, seen)
        seen.append(real)


def _make_target(root_fd: int, real: str, point: MountPoint, before: Iterable[str]) -> None:
    """Make a folder to mount upon where the image has none: crun's would have the sticky bit.

    Not below other mounts, and not where the runtime mounts something of its own first.
    """
    if any(real.startswith(f"{other}/") for other in (*before, "/dev", "/sys")):
        return
    if point.type in ("bind", "volume", "image") and not Path(point.source).is_dir():
        return
    with contextlib.suppress(OSError):  # a file on the way: the runtime will say so
        mkdirs_in_root(root_fd, real, 0o755, 0, 0)


def real_target(root_fd: int, destination: str) -> str:
    """Where a mount goes; what dangling symlinks of the image lead to is made, inside the root."""
    pending = _parts(destination)
    at, links = "/", 0
    while pending:
        name = pending.pop(0)
        here = posixpath.join(at, name)
        try:
            at = resolve_in_root(root_fd, here)
        except FileNotFoundError:
            link = _link(root_fd, here)
            links += 1
            if link is None or links > _MAX_LINKS:
                return posixpath.join(here, *pending)
            target = posixpath.normpath(posixpath.join(at, link))
            mkdirs_in_root(root_fd, target, 0o755, 0, 0)
            pending = [*_parts(target), *pending]
            at = "/"
        except OSError:  # a file or a loop on the way: the runtime will say so
            return posixpath.join(here, *pending)
    return at


def _parts(path: str) -> list[str]:
    return [part for part in posixpath.normpath(f"/{path}").split("/") if part]


def _link(root_fd: int, path: str) -> str | None:
    try:
        return readlink_in_root(root_fd, path)
    except OSError:
        return None


def _refused(point: MountPoint, reason: str) -> Exception:
    source, target = point.source or point.type, point.destination
    return init_failed(
        f'error mounting "{source}" to rootfs at "{target}": '
        f"create mountpoint for {target} mount: {reason}"
    )


def _unsafe(point: MountPoint, rootfs: str, real: str, reason: str) -> Exception:
    return _refused(
        point,
        f'check proc-safety of {point.destination} mount: "{rootfs}{real}" '
        f"cannot be mounted because {reason}",
    )


def _is_proc(point: MountPoint) -> bool:
    if point.type != "bind":
        return False
    try:
        kind = mounts.mount_containing(point.source).fstype
        return kind == "proc" and Path(point.source).stat().st_ino == _PROC_ROOT_INODE
    except (OSError, NotFound):
        return False


def _is_null(point: MountPoint) -> bool:
    try:
        status = Path(point.source).stat()
    except OSError:
        return False
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == _NULL
