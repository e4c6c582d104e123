"""Where the cgroup hierarchies of this host are mounted."""

import os
from enum import StrEnum

import msgspec

from boxship.errors import Internal
from boxship.linux import mounts
from boxship.model.mount import Mount


class Layout(StrEnum):
    """Which generation of cgroups limits containers here; hybrid is v1 with an extra v2 tree."""

    V1 = "v1"
    HYBRID = "hybrid"
    V2 = "v2"
    NONE = "none"


class Hierarchies(msgspec.Struct, frozen=True):
    """Mount points: `controllers` of v1 by controller (or `name=…`), `unified` of v2.

    `loose` are controllers of a v1 or hybrid host that no v1 hierarchy holds but the v2 tree does: crun
    refuses to run beside them.
    """

    layout: Layout
    controllers: dict[str, str]
    unified: str | None
    loose: tuple[str, ...] = ()

    @property
    def directories(self) -> list[str]:
        """Every mounted hierarchy once."""
        found = dict.fromkeys(self.controllers.values())
        if self.unified is not None:
            found[self.unified] = None
        return list(found)


def detect() -> Hierarchies:
    """Look at what is mounted now."""
    controllers: dict[str, str] = {}
    unified: str | None = None
    for entry in mounts.read_mounts():
        if entry.fstype == "cgroup2" and unified is None:
            unified = entry.target
        elif entry.fstype == "cgroup":
            for option in entry.super_options.split(","):
                if option.startswith("name=") or option in _KNOWN:
                    controllers.setdefault(option, entry.target)
    return Hierarchies(_layout(controllers, unified), controllers, unified, _loose(unified))


def mount_missing_controllers(hierarchies: Hierarchies) -> Hierarchies:
    """Give each loose controller a v1 hierarchy of its own, as Debian's cgroupfs-mount does."""
    for controller in hierarchies.loose:
        target = f"/sys/fs/cgroup/{controller}"
        try:
            os.makedirs(target, exist_ok=True)
        except OSError as error:
            raise Internal(f"cannot make {target}: {error.strerror}") from error
        if not mounts.is_mount_point(target):
            mounts.perform(Mount("cgroup", "cgroup", (controller,)), target)
    return detect()


_KNOWN = frozenset(
    (
        "blkio",
        "cpu",
        "cpuacct",
        "cpuset",
        "devices",
        "freezer",
        "hugetlb",
        "memory",
        "misc",
        "net_cls",
        "net_prio",
        "perf_event",
        "pids",
        "rdma",
    )
)


def _layout(controllers: dict[str, str], unified: str | None) -> Layout:
    if any(name in _KNOWN for name in controllers):
        return Layout.HYBRID if unified is not None else Layout.V1
    return Layout.V2 if unified is not None else Layout.NONE


def _loose(unified: str | None) -> tuple[str, ...]:
    if unified is None:
        return ()
    try:
        with open(f"{unified}/cgroup.controllers", encoding="ascii") as file:
            return tuple(file.read().split())
    except OSError:
        return ()
