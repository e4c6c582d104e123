"""Creating a container: all of it, or nothing is left."""

import secrets
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from boxship.concurrency import in_own_thread, in_thread
from boxship.engine.containers.contract import Parts
from boxship.engine.containers.create import host_config as hosts
from boxship.engine.containers.create import validate
from boxship.engine.containers.create.config_merge import command_line, merged_config
from boxship.engine.containers.create.mount_points import MountPoints
from boxship.engine.containers.names import random_name
from boxship.engine.containers.register import Register
from boxship.engine.containers.removal import remove_directory
from boxship.engine.images.platforms import check_platform, foreign, parse_platform
from boxship.engine.logging.drivers import check_log_config
from boxship.engine.networks.endpoints import HOST, joined_container, network_mode
from boxship.errors import Internal, InvalidArgument, NotFound
from boxship.model.config import RunConfig
from boxship.model.container import (
    Container,
    ContainerNameTaken,
    HostConfig,
    parse_name,
)
from boxship.model.image import Image, NoSuchImage, run_config
from boxship.runtime.prepare import make_working_directory
from boxship.runtime.views import View, with_root
from boxship.services.containers import ContainerRequest, CreatedContainer
from boxship.store.gc import container_key, image_mount_key
from boxship.store.removal import remove_tree
from boxship.store.snapshots.snapshotter import Snapshotter


class Creator:
    """Makes containers."""

    def __init__(self, parts: Parts, register: Register) -> None:
        self._parts = parts
        self._register = register
        self._mount_points = MountPoints(parts, register)

    def __repr__(self) -> str:
        return "Creator()"

    async def create(self, request: ContainerRequest) -> CreatedContainer:
        """See services.containers."""
        settings = self._parts.settings
        validate.check_config(request.config)
        warnings = validate.check_host_config(request.host_config, request.config, settings)
        host_config = hosts.completed(
            request.host_config, settings, lambda name: self._register.get(name).id
        )
        image = await self._image(request.config.image)
        if image:
            wanted = parse_platform(request.platform)
            check_platform(request.config.image, image.config, wanted)
            warnings.extend(foreign(image.config, wanted))
        defaults = run_config(image.config) if image else RunConfig()
        config = merged_config(request.config, defaults)
        log = host_config.log_config
        check_log_config(log.type, log.config or {})
        self._check_links(host_config)
        container = self._container(request, config, host_config, image)
        validate.check_options(host_config)
        await self._parts.sandboxes.validate(container)
        asked = validate.normalised_path(request.config.working_dir)
        with self._parts.volumes.reserving(container.id):
            makes_directory = asked not in ("", defaults.working_dir)
            await self._make(container, image, makes_directory=makes_directory)
        self._register.publish(container, "create")
        return CreatedContainer(container.id, tuple(warnings))

    async def _image(self, name: str) -> Image | None:
        return await self._parts.images.get(name) if name else None

    def _container(
        self,
        request: ContainerRequest,
        config: RunConfig,
        host_config: HostConfig,
        image: Image | None,
    ) -> Container:
        container_id = secrets.token_hex(32)
        path, args = command_line(config)
        networks = hosts.networks(host_config.network_mode, request.networks, config.mac_address)
        name_of = self._parts.sandboxes.network_name
        return Container(
            id=container_id,
            name=self._name(request.name),
            created=self._parts.clock(),
            image=image.id if image else None,
            image_reference=request.config.image,
            config=msgspec.structs.replace(
                config,
                hostname=config.hostname or _hostname(container_id, host_config),
                working_dir=validate.normalised_path(config.working_dir),
            ),
            host_config=host_config,
            path=path,
            args=args,
            networks={name_of(asked): settings for asked, settings in networks.items()},
            runtime=host_config.runtime,
        )

    def _name(self, asked: str) -> str:
        rows = self._parts.metadata.containers
        if not asked:
            return random_name(lambda name: rows.find_by_name(name) is not None)
        name = parse_name(asked)
        if (owner := rows.find_by_name(name)) is not None:
            raise ContainerNameTaken(name, owner.id)
        return name

    def _check_links(self, host_config: HostConfig) -> None:
        if host_config.network_mode not in ("", "default", "bridge"):
            return  # links mean something on the default bridge only
        for link in host_config.links or ():
            name = link.partition(":")[0].removeprefix("/")
            try:
                other = self._register.get(name)
                while (joined := joined_container(other)) is not None:
                    other = self._register.get(name := joined)
            except (InvalidArgument, NotFound) as error:
                raise InvalidArgument(f"could not get container for {name}: {error}") from error
            if network_mode(other) == HOST:
                raise InvalidArgument(validate.HOST_LINKS)

    async def _make(
        self, container: Container, image: Image | None, *, makes_directory: bool
    ) -> None:
        parts = self._parts
        key = container_key(container.id)
        directory = parts.settings.root / container.id
        async with AsyncExitStack() as undo:
            directory.mkdir(mode=0o710)
            undo.callback(remove_directory, directory)
            points, copies = await self._mount_points.prepare(container, undo)
            container = msgspec.structs.replace(container, mounts=points)
            if copies or makes_directory:
                self._prepare(key, image, undo)
                self._prepare_images(container, undo)
                if makes_directory:
                    await self._make_working_directory(container, directory)
                await self._mount_points.fill(container, directory, copies)
                self._record(container, image)
            else:
                # the usual case: snapshot and row in one transaction, one sync of the disk
                with parts.metadata.transaction():
                    self._prepare(key, image, undo)
                    self._prepare_images(container, undo)
                    self._record(container, image)
            undo.pop_all()

    async def _make_working_directory(self, container: Container, directory: Path) -> None:
        """What the image lacks of it is there from now on, for `docker cp` too."""
        path = container.config.working_dir
        if path.startswith(("/dev/", "/proc/", "/sys/")):  # not the image's: it is seen to at start
            return
        mounts = self._parts.snapshots.mounts(container_key(container.id))
        view = View(directory=str(directory), rootfs_mounts=mounts)
        try:
            await in_own_thread(with_root, view, lambda root: make_working_directory(root, path))
        except InvalidArgument as error:
            raise Internal(str(error)) from error  # Docker's status

    def _prepare(self, key: str, image: Image | None, undo: AsyncExitStack) -> None:
        snapshots = self._parts.snapshots
        snapshots.prepare(key, image.chain_id if image else None)
        files = snapshots.diff_path(key)
        undo.push_async_callback(in_thread, _discard, snapshots, key, files)
        (files / ".dockerenv").touch(mode=0o755)  # how programs learn that they are in a container

    def _prepare_images(self, container: Container, undo: AsyncExitStack) -> None:
        """A read-only view for each image that is mounted: it keeps the layers."""
        snapshots = self._parts.snapshots
        for point in container.mounts:
            if point.type != "image":
                continue
            mounted = self._parts.metadata.images.find(point.image)
            if mounted is None:
                raise NoSuchImage(point.name)  # removed since we looked
            if mounted.chain_id is not None:
                key = image_mount_key(container.id, point.destination)
                snapshots.view(key, mounted.chain_id)
                undo.push_async_callback(
                    in_thread, _discard, snapshots, key, snapshots.diff_path(key)
                )

    def _record(self, container: Container, image: Image | None) -> None:
        metadata = self._parts.metadata
        with metadata.transaction():
            if image is not None and metadata.images.find(image.id) is None:
                raise NoSuchImage(container.image_reference)  # removed since we looked
            metadata.containers.add(container)


def _discard(snapshots: Snapshotter, key: str, files: Path) -> None:
    if snapshots.find(key) is not None:  # else its row was rolled back with the container's
        snapshots.detach(key)
    remove_tree(files.parent)


def _hostname(container_id: str, host_config: HostConfig) -> str:
    if host_config.network_mode == "host":
        return socket.gethostname()
    return container_id[:12]
