"""A container's mounts in the order they are made: the system's own, volumes, then /etc's files. Pure."""

import posixpath
from collections.abc import Iterable
from typing import Any, Final

from boxship.errors import InvalidArgument
from boxship.model.container import HostConfig
from boxship.model.mount import BindOptions, MountPoint
from boxship.runtime.contract import Bundle

INIT_PATH: Final = "/sbin/docker-init"
SHM_SIZE: Final = 64 << 20
_SYSTEM: Final = (
    ("/proc", "proc", ("nosuid", "noexec", "nodev")),
    ("/dev", "tmpfs", ("nosuid", "strictatime", "mode=755", "size=65536k")),
    (
        "/dev/pts",
        "devpts",
        ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
    ),
    ("/sys", "sysfs", ("nosuid", "noexec", "nodev", "ro")),
    ("/sys/fs/cgroup", "cgroup", ("ro", "nosuid", "noexec", "nodev")),
    ("/dev/mqueue", "mqueue", ("nosuid", "noexec", "nodev")),
)
_PROPAGATIONS: Final = ("private", "rprivate", "shared", "rshared", "slave", "rslave")


def mounts(bundle: Bundle, *, writable_cgroups: bool) -> list[dict[str, Any]]:
    """All mounts; what the user puts at a system mount's place replaces it."""
    host_config = bundle.container.host_config
    asked = [_asked(point) for point in bundle.mounts]
    taken = {each["destination"] for each in asked}
    system = [
        *_system(host_config, writable_cgroups=writable_cgroups),
        *([] if host_config.ipc_mode == "none" else [_shm(bundle)]),
    ]
    # not rro as Docker: crun 1.8 takes what it mounts recursively for a directory
    options = ("rbind", "ro", "rprivate") if host_config.readonly_rootfs else ("rbind", "rprivate")
    files = [
        _bind(source, destination, options)
        for destination, source in bundle.files.items()
        if destination not in taken
    ]
    init = [_bind(bundle.init_path, INIT_PATH, ("bind", "ro"))] if bundle.init_path else []
    return [*(each for each in system if each["destination"] not in taken), *asked, *files, *init]


def rootfs_propagation(points: Iterable[MountPoint]) -> str:
    """What the container's root must be for its shared and slave mounts to work; "" for private."""
    propagations = {_propagation(point) for point in points if point.type != "tmpfs"}
    if propagations & {"shared", "rshared"}:
        return "shared"
    return "rslave" if propagations & {"slave", "rslave"} else ""


def _system(host_config: HostConfig, *, writable_cgroups: bool) -> list[dict[str, Any]]:
    result = []
    for destination, kind, options in _SYSTEM:
        writable = writable_cgroups if destination == "/sys/fs/cgroup" else host_config.privileged
        result.append(
            {
                "destination": destination,
                "type": kind,
                "source": kind,
                "options": [each for each in options if each != "ro" or not writable],
            }
        )
    return result


def _shm(bundle: Bundle) -> dict[str, Any]:
    if bundle.shm_path:
        return _bind(bundle.shm_path, "/dev/shm", ("rbind", "rprivate"))  # noqa: S108 - the container's
    size = bundle.container.host_config.shm_size or SHM_SIZE
    return {
        "destination": "/dev/shm",  # noqa: S108 - the container's
        "type": "tmpfs",
        "source": "shm",
        "options": ["nosuid", "noexec", "nodev", "mode=1777", f"size={size}"],
    }


def _asked(point: MountPoint) -> dict[str, Any]:
    destination = posixpath.normpath(posixpath.join("/", point.destination))
    if point.type == "tmpfs":
        options = ["noexec", "nosuid", "nodev", "rprivate"]
        return {
            "destination": destination,
            "type": "tmpfs",
            "source": "tmpfs",
            "options": _merged_tmpfs(options, point.tmpfs_options),
        }
    propagation = _propagation(point)
    if propagation and propagation not in _PROPAGATIONS:
        raise InvalidArgument(f"invalid propagation: {propagation}")
    options = ["rbind" if point.recursive else "bind", *point.source_flags]
    if point.read_only:
        options.append("ro" if _only_top_is_read_only(point) else "rro")
    else:
        _refuse_read_only_rules(point)
    if propagation:
        options.append(propagation)
    return _bind(point.source, destination, options)


def _propagation(point: MountPoint) -> str:
    """A volume that does not say gets what the host mounts in it later, as from runc's root."""
    return point.propagation or ("rslave" if point.type == "volume" else "")


def _only_top_is_read_only(point: MountPoint) -> bool:
    options = _bind_options(point)
    if options.read_only_non_recursive and options.read_only_force_recursive:
        raise InvalidArgument(
            "mount options conflict: ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive"
        )
    return options.read_only_non_recursive or not point.recursive


def _refuse_read_only_rules(point: MountPoint) -> None:
    options = _bind_options(point)
    for name, is_set in (
        ("ReadOnlyNonRecursive", options.read_only_non_recursive),
        ("ReadOnlyForceRecursive", options.read_only_force_recursive),
    ):
        if is_set:
            raise InvalidArgument(f"mount options conflict: !ReadOnly && BindOptions.{name}")


def _bind_options(point: MountPoint) -> BindOptions:
    return (point.spec.bind_options if point.spec else None) or BindOptions()


def _merged_tmpfs(defaults: list[str], asked: Iterable[str]) -> list[str]:
    """Docker's MergeTmpfsOptions: of options that exclude each other the later one counts."""
    merged: dict[str, str] = {}
    for option in (*defaults, *asked):
        if option == "defaults":
            continue
        key, equals, _ = option.partition("=")
        if option not in _TMPFS_FLAGS and (not equals or key not in _TMPFS_SETTINGS):
            raise InvalidArgument(f'invalid tmpfs option "{key}"')
        group = _TMPFS_GROUPS.get(option, option.partition("=")[0])
        merged.pop(group, None)  # it moves to its later place
        merged[group] = option
    return list(merged.values())


_TMPFS_SETTINGS: Final = frozenset({"gid", "mode", "mpol", "nr_blocks", "nr_inodes", "size", "uid"})
_TMPFS_GROUPS: Final = {
    option: group
    for group, options in {
        "exec": ("exec", "noexec"),
        "suid": ("suid", "nosuid"),
        "dev": ("dev", "nodev"),
        "write": ("ro", "rw"),
        "sync": ("sync", "async"),
        "dirsync": ("dirsync",),
        "mand": ("mand", "nomand"),
        "atime": ("atime", "noatime"),
        "diratime": ("diratime", "nodiratime"),
        "relatime": ("relatime", "norelatime"),
        "strictatime": ("strictatime", "nostrictatime"),
        "remount": ("remount",),
        "bind": ("bind", "rbind"),
        "propagation": (*_PROPAGATIONS, "unbindable", "runbindable"),
    }.items()
    for option in options
}
_TMPFS_FLAGS: Final = frozenset(_TMPFS_GROUPS)


def _bind(source: str, destination: str, options: Iterable[str]) -> dict[str, Any]:
    return {
        "destination": destination,
        "type": "bind",
        "source": source,
        "options": list(options),
    }
