"""Control groups, v1, hybrid and v2 behind one interface: use, limits' counters, freezing, killing, removal.

Creating a cgroup and setting limits is the OCI runtime's job; we read, freeze, kill and clear away.
"""

import contextlib
from pathlib import Path

from boxship.linux.cgroups.layout import Hierarchies, Layout, detect, mount_missing_controllers
from boxship.linux.cgroups.usage import Usage
from boxship.linux.cgroups.v1 import CgroupV1
from boxship.linux.cgroups.v2 import CgroupV2

__all__ = [
    "Cgroup",
    "Hierarchies",
    "Layout",
    "Usage",
    "detect",
    "mount_missing_controllers",
    "open_cgroup",
    "remove_if_empty",
]

Cgroup = CgroupV1 | CgroupV2


def remove_if_empty(path: str, hierarchies: Hierarchies) -> None:
    """Remove a cgroup in which nothing is; leave any other as it is."""
    for root in hierarchies.directories:
        with contextlib.suppress(OSError):
            Path(root + path).rmdir()


def open_cgroup(path: str, hierarchies: Hierarchies) -> Cgroup:
    """The cgroup at *path*, as OCI's `cgroupsPath` names it (`/boxship/<id>`); it need not exist."""
    if hierarchies.layout is Layout.V2:
        return CgroupV2(path, hierarchies.unified or "/sys/fs/cgroup")
    return CgroupV1(path, hierarchies)
