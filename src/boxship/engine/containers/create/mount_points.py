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
from boxship.errors import InvalidArgument, NotFound
from boxship.model.container import Container
from boxship.model.mount import MountPoint, VolumeDriver, VolumeOptions
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
        """All mount points, volumes made, and those volumes that may want the image's content."""
        inherited = self._inherited(container.host_config.volumes_from or ())
        root = self._parts.settings.root
        points = plan_mount_points(container, inherited, str(root.parent))
        directory = root / container.id
        prepared = [await self._completed(point, directory, undo) for point in points]
        copies = [
            point
            for point in prepared
            if point.type == "volume"
            and not point.no_copy
            and inherited.get(point.destination) is not point
            and await self._may_be_empty(point)
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
                await self._fill(container, rootfs, point)
        finally:
            await parts.runtime.unmount_rootfs(str(directory))

    async def _fill(self, container: Container, rootfs: str, point: MountPoint) -> None:
        parts = self._parts
        place = posixpath.join("/", point.destination)
        if not await in_thread(parts.has_content, rootfs, place, declared=point.spec is None):
            return
        user = f"{container.id} is being created"  # not one that runs
        path = await parts.volumes.activate(point.name, user)
        try:
            await in_thread(parts.copy_up, rootfs, place, path, point.subpath)
        finally:
            await parts.volumes.deactivate([point.name], user)

    def _inherited(self, specs: Iterable[str]) -> dict[str, MountPoint]:
        points: dict[str, MountPoint] = {}
        for spec in specs:
            name, mode = parse_volumes_from(spec)
            if not name:
                raise InvalidArgument('invalid name or ID supplied: ""')
            try:
                other = self._register.get(name)
            except NotFound as error:
                raise InvalidArgument(str(error)) from error
            read_only = "ro" in mode.split(",")
            for point in other.mounts:
                points[point.destination] = msgspec.structs.replace(
                    point, read_only=point.read_only or read_only, mode=""
                )
        return points

    async def _completed(
        self, point: MountPoint, directory: Path, undo: AsyncExitStack
    ) -> MountPoint:
        """With the volume made or the image found."""
        if point.type == "volume":
            return await self._with_volume(point, directory.name, undo)
        if point.type != "image" or point.image:
            return point
        image = await self._parts.images.get(point.name)
        place = posixpath.join(directory, "mounts", point.destination.strip("/").replace("/", "-"))
        return msgspec.structs.replace(point, image=image.id, source=place)

    async def _with_volume(
        self, point: MountPoint, container_id: str, undo: AsyncExitStack
    ) -> MountPoint:
        if point.name and point.source:
            return point  # inherited
        asked = point.spec.volume_options if point.spec else None
        options = asked or VolumeOptions()
        by_default = "" if point.spec else point.driver  # --volume-driver
        driver = options.driver_config or VolumeDriver(name=by_default)
        volume, is_new = await self._parts.volumes.prepare(
            VolumeRequest(
                name=point.name,
                driver=driver.name,
                options=driver.options,
                labels=options.labels,
            ),
            made_for=container_id,
        )
        if is_new:
            undo.push_async_callback(self._parts.volumes.unmake, volume.name, container_id)
        return msgspec.structs.replace(
            point, name=volume.name, source=volume.mountpoint, driver=volume.driver
        )

    async def _may_be_empty(self, point: MountPoint) -> bool:
        if point.subpath or await self._parts.volumes.needs_mount(point.name):
            return True  # known only when it is mounted
        return await in_thread(_is_empty, point.source)


def plan_mount_points(
    container: Container, inherited: dict[str, MountPoint], daemon_root: str
) -> tuple[MountPoint, ...]:
    """Inherited ones, binds, mounts and the image's volumes, in Docker's order of precedence."""
    host_config = container.host_config
    tmpfs = {posixpath.normpath(path) for path in host_config.tmpfs or {}}
    points = dict(inherited)
    asked: set[str] = set()
    for text in host_config.binds or ():
        point = _beside_daemon(parse_bind(text, host_config.volume_driver), daemon_root)
        if point.destination in asked | tmpfs:
            raise InvalidArgument(f"Duplicate mount point: {point.destination}")
        asked.add(point.destination)
        points[point.destination] = point
    for request in host_config.mounts or ():
        point = _beside_daemon(parse_request(request), daemon_root)
        if point.destination in asked:
            raise InvalidArgument(f"Duplicate mount point: {point.destination}")
        asked.add(point.destination)
        points[point.destination] = point
    for path in container.config.volumes or {}:
        destination = posixpath.normpath(path)
        if destination not in points and destination not in tmpfs:
            driver = host_config.volume_driver or "local"
            points[destination] = MountPoint(type="volume", destination=destination, driver=driver)
    return tuple(points.values())


def _beside_daemon(point: MountPoint, root: str) -> MountPoint:
    """A bind of the engine's own folders: mounts that it takes away must go in the container too."""
    source = point.spec.source if point.spec else ""
    if point.type != "bind" or not (source.startswith(root) or root.startswith(source)):
        return point
    options = point.spec.bind_options if point.spec else None
    propagation = options.propagation if options else ""
    if not propagation:
        return msgspec.structs.replace(point, propagation="rslave")
    if propagation not in ("rslave", "rshared"):
        raise InvalidArgument(
            'invalid mount config: must use either propagation mode "rslave" or "rshared" when '
            f'mount source is within the daemon root, daemon root: "{root}", '
            f'bind mount source: "{source}", propagation: "{propagation}"'
        )
    return point


def _is_empty(folder: str) -> bool:
    try:
        return next(Path(folder).iterdir(), None) is None
    except FileNotFoundError:
        return False
