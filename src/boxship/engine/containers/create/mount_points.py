"""What is mounted into a container: plan it, make the volumes, fill new ones from the image."""

import posixpath
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from boxship.concurrency import in_thread
from boxship.engine.containers.contract import Parts
from boxship.engine.containers.create.mount_specs import (
    parse_bind,
    parse_request,
    parse_volumes_from,
)
from boxship.engine.containers.register import Register
from boxship.errors import InvalidArgument, NotFound, Unsupported
from boxship.model.container import Container
from boxship.model.mount import MountPoint, MountRequest, VolumeDriver, VolumeOptions
from boxship.services.volumes import VolumeRequest
from boxship.store.gc import container_key


class MountPoints:
    """Prepares the mount points of a container that is being created."""

    def __init__(self, parts: Parts, register: Register) -> None:
        self._parts = parts
        self._register = register

    async def prepare(
        self, container: Container, undo: AsyncExitStack
    ) -> tuple[tuple[MountPoint, ...], Sequence[MountPoint]]:
        """All mount points, volumes made, and those volumes that want the image's content."""
        inherited = self._inherited(container.host_config.volumes_from or ())
        points = plan_mount_points(container, inherited)
        prepared = [
            await self._with_volume(point, undo) if point.type == "volume" else point
            for point in points
        ]
        copies = [
            point
            for point in prepared
            if point.type == "volume"
            and not point.no_copy
            and point.destination not in inherited
            and await in_thread(_is_empty, point.source)
        ]
        return tuple(prepared), copies

    async def fill(
        self, container: Container, directory: Path, points: Iterable[MountPoint]
    ) -> None:
        """Copy what the image has at their destinations into empty volumes."""
        parts = self._parts
        mounts = parts.snapshots.mounts(container_key(container.id))
        rootfs = await parts.runtime.mount_rootfs(str(directory), mounts)
        try:
            for point in points:
                await in_thread(parts.copy_up, rootfs, point.destination, point.source)
        finally:
            await parts.runtime.unmount_rootfs(str(directory))

    def _inherited(self, specs: Iterable[str]) -> dict[str, MountPoint]:
        points: dict[str, MountPoint] = {}
        for spec in specs:
            name, mode = parse_volumes_from(spec)
            try:
                other = self._register.get(name)
            except NotFound as error:
                raise InvalidArgument(str(error)) from error
            read_only = "ro" in mode.split(",")
            for point in other.mounts:
                points[point.destination] = msgspec.structs.replace(
                    point, read_only=point.read_only or read_only, spec=_kept(point)
                )
        return points

    async def _with_volume(self, point: MountPoint, undo: AsyncExitStack) -> MountPoint:
        if point.name and point.source:
            return point  # inherited
        asked = point.spec.volume_options if point.spec else None
        options = asked or VolumeOptions()
        driver = options.driver_config or VolumeDriver()
        volume, is_new = await self._parts.volumes.prepare(
            VolumeRequest(
                name=point.name,
                driver=driver.name,
                options=driver.options,
                labels=options.labels,
            )
        )
        if is_new:
            undo.push_async_callback(self._parts.volumes.remove, volume.name, force=True)
        return msgspec.structs.replace(
            point, name=volume.name, source=volume.mountpoint, driver=volume.driver
        )


def plan_mount_points(
    container: Container, inherited: dict[str, MountPoint]
) -> tuple[MountPoint, ...]:
    """Inherited ones, binds, mounts and the image's volumes, in Docker's order of precedence."""
    host_config = container.host_config
    tmpfs = {posixpath.normpath(path) for path in host_config.tmpfs or {}}
    points = dict(inherited)
    asked: set[str] = set()
    for text in host_config.binds or ():
        point = parse_bind(text, host_config.volume_driver)
        if point.destination in asked | tmpfs:
            raise InvalidArgument(f"Duplicate mount point: {point.destination}")
        asked.add(point.destination)
        points[point.destination] = point
    for request in host_config.mounts or ():
        point = parse_request(request)
        if point.type == "image":
            raise Unsupported("mounts of type image are not supported yet")
        if point.destination in asked:
            raise InvalidArgument(f"Duplicate mount point: {point.destination}")
        asked.add(point.destination)
        points[point.destination] = point
    for path in container.config.volumes or {}:
        destination = posixpath.normpath(path)
        if destination in points or destination in tmpfs or not destination.startswith("/"):
            continue
        if destination.strip("/") == "":
            continue
        points[destination] = MountPoint(type="volume", destination=destination, driver="local")
    return tuple(points.values())


def _kept(point: MountPoint) -> MountRequest:
    """Marks a mount as borrowed: removing the borrower never removes the volume."""
    source = point.name or point.source
    return msgspec.structs.replace(point.spec or MountRequest(type=point.type), source=source)


def _is_empty(folder: str) -> bool:
    try:
        return next(Path(folder).iterdir(), None) is None
    except FileNotFoundError:
        return False
