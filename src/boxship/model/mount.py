"""Mounts: what the kernel is asked for, and what a container was given."""

from typing import Final

import msgspec

MADE_TO_MOUNT_UPON: Final = frozenset(
    {
        "/.dockerenv",
        "/dev/console",
        "/dev/mqueue",
        "/dev/pts",
        "/dev/shm",  # noqa: S108 - the container's
        "/etc/hostname",
        "/etc/hosts",
        "/etc/mtab",
        "/etc/resolv.conf",
        "/proc",
        "/sbin/docker-init",
        "/sys",
    }
)
"""What is put into every container before it starts: in Docker it lies below the container's own layer."""

MADE_FILES: Final = frozenset(
    {"/.dockerenv", "/dev/console", "/etc/hostname", "/etc/hosts", "/etc/mtab", "/etc/resolv.conf"}
)
"""Those of them that are files, and there even before the first start."""


class Mount(msgspec.Struct, frozen=True):
    """One mount(2) call, as snapshotters describe it; whoever holds it performs it.

    `type` is `overlay` or `bind`; `options` as in /etc/fstab (`ro`, `rbind`, `lowerdir=…`).
    """

    type: str
    source: str
    options: tuple[str, ...] = ()


class MountPoint(msgspec.Struct, frozen=True, kw_only=True):
    """Something mounted into a container at `destination`: a row of `docker inspect`'s Mounts.

    `type` is bind, volume, tmpfs or image; `source` is a path on the host ("" for tmpfs); `name` and
    `driver` are a volume's, `name` and `image` (its ID) an image's; `propagation` as in
    mount_namespaces(7), `rprivate` by default. `id_map` as in BindOptions; `source_flags` are found
    at start: what the source's own mount forbids (`nosuid`, `ro`), the container's must too.
    """

    type: str
    destination: str
    source: str = ""
    name: str = ""
    driver: str = ""
    mode: str = ""
    read_only: bool = False
    propagation: str = ""
    tmpfs_options: tuple[str, ...] = ()
    no_copy: bool = False
    subpath: str = ""
    recursive: bool = True
    image: str = ""
    id_map: str = ""
    source_flags: tuple[str, ...] = ()
    spec: "MountRequest | None" = None


class BindOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`--mount type=bind` options.

    `id_map`, our own, has the container see other owners than the disk: `uid=1000;gid=1000`, or
    `uids=0-1000-10#10-2000-5;gids=…` with ranges DISK-SEEN-LENGTH.
    """

    propagation: str = ""
    non_recursive: bool = False
    create_mountpoint: bool = False
    read_only_non_recursive: bool = False
    read_only_force_recursive: bool = False
    id_map: str = ""


class VolumeDriver(msgspec.Struct, frozen=True, kw_only=True):
    """The driver of a volume made on the way."""

    name: str = ""
    options: dict[str, str] | None = None


class VolumeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`--mount type=volume` options."""

    no_copy: bool = False
    labels: dict[str, str] | None = None
    driver_config: VolumeDriver | None = None
    subpath: str = ""


class TmpfsOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`--mount type=tmpfs` options; size in bytes, mode as a number."""

    size_bytes: int = 0
    mode: int = 0
    options: tuple[tuple[str, ...], ...] | None = None


class ImageOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`--mount type=image` options."""

    subpath: str = ""


class ClusterOptions(msgspec.Struct, frozen=True):
    """`--mount type=cluster` options: there are none."""


class MountRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of HostConfig.Mounts: what the client asked for."""

    type: str = ""
    source: str = ""
    target: str = ""
    read_only: bool = False
    consistency: str = ""
    bind_options: BindOptions | None = None
    volume_options: VolumeOptions | None = None
    tmpfs_options: TmpfsOptions | None = None
    image_options: ImageOptions | None = None
    cluster_options: ClusterOptions | None = None
