"""Where build steps work: snapshots mounted for a while, processes in them, layers of what they changed."""

import contextlib
import os
import secrets
import shutil
import stat
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import msgspec

from boxship.build.llb import Exec
from boxship.build.solver import EMPTY_DIFF_ID, Output
from boxship.concurrency import in_thread
from boxship.engine.builds.cached import CacheSources
from boxship.engine.containers.contract import Settings
from boxship.engine.containers.create.host_config import completed, networks
from boxship.engine.containers.start import write_network_files
from boxship.engine.images.creation import ImageCreation
from boxship.engine.networks.contract import Sandboxes
from boxship.errors import NotFound
from boxship.model.build_record import BuildRecord
from boxship.model.config import RunConfig
from boxship.model.container import Container
from boxship.model.image import ImageLayer
from boxship.runtime.contract import Bundle, Runtime
from boxship.store.leases import Lease
from boxship.store.store import Store

KEY_PREFIX: Final = "build/"

# What the OCI runtime makes as places to mount on; a step that did not write there must not keep them.
_MOUNT_STUBS: Final = (
    "etc/hosts",
    "etc/hostname",
    "etc/resolv.conf",
    "dev",
    "proc",
    "sys",
    "etc",
)


class BuildWorkspace:
    """Implements build.solver.Workspace for one build."""

    def __init__(
        self,
        *,
        store: Store,
        creation: ImageCreation,
        runtime: Runtime,
        sandboxes: Sandboxes,
        settings: Settings,
        directory: Path,
        lease: Lease,
        sources: CacheSources | None,
    ) -> None:
        self._store = store
        self._creation = creation
        self._runtime = runtime
        self._sandboxes = sandboxes
        self._settings = settings
        self.directory = directory
        self.lease = lease
        self.sources = sources

    def __repr__(self) -> str:
        return f"BuildWorkspace({self.directory})"

    @contextlib.asynccontextmanager
    async def changing(self, below: tuple[ImageLayer, ...]) -> AsyncIterator["BuildChange"]:
        """See build.solver."""
        async with AsyncExitStack() as undo:
            identifier = secrets.token_hex(32)
            directory = self.directory / identifier
            await in_thread(directory.mkdir, 0o700)
            undo.push_async_callback(in_thread, shutil.rmtree, directory)
            key = KEY_PREFIX + identifier
            snapshots = self._store.snapshots
            self._keep(below)
            await in_thread(snapshots.prepare, key, below[-1].chain_id if below else None)
            undo.push_async_callback(in_thread, self._forget, key)
            rootfs = await self._runtime.mount_rootfs(str(directory), snapshots.mounts(key))
            undo.push_async_callback(self._runtime.unmount_rootfs, str(directory))
            yield BuildChange(self, identifier, directory, rootfs, below)

    @contextlib.asynccontextmanager
    async def reading(self, layers: tuple[ImageLayer, ...]) -> AsyncIterator[str]:
        """See build.solver."""
        async with AsyncExitStack() as undo:
            identifier = secrets.token_hex(32)
            directory = self.directory / identifier
            await in_thread(directory.mkdir, 0o700)
            undo.push_async_callback(in_thread, shutil.rmtree, directory)
            key = KEY_PREFIX + identifier
            snapshots = self._store.snapshots
            self._keep(layers)
            if layers:
                mounts = await in_thread(snapshots.view, key, layers[-1].chain_id)
            else:
                mounts = await in_thread(snapshots.prepare, key, None)
            undo.push_async_callback(in_thread, self._forget, key)
            rootfs = await self._runtime.mount_rootfs(str(directory), mounts)
            undo.push_async_callback(self._runtime.unmount_rootfs, str(directory))
            yield rootfs

    def _keep(self, layers: tuple[ImageLayer, ...]) -> None:
        for layer in layers:
            self.lease.keep(layer.chain_id)
            self.lease.keep(layer.blob.digest)

    def _forget(self, key: str) -> None:
        with contextlib.suppress(NotFound):
            self._store.snapshots.remove(key)

    def remembered(self, key: str) -> ImageLayer | None:
        """See build.solver. A record does not keep its layer: it goes with the last image that has it."""
        record = self._store.metadata.builds.find(key)
        if record is None or "layer" not in record.data:
            return None
        layer = msgspec.json.decode(record.data["layer"], type=ImageLayer)
        if layer.diff_id != EMPTY_DIFF_ID and not self._is_there(layer):
            return None
        if self.sources is not None and not self.sources.has_layer(layer):
            return None
        used = msgspec.structs.replace(
            record, last_used_at=time.time_ns(), usage_count=record.usage_count + 1
        )
        self._store.metadata.builds.put(used)
        return layer

    def _is_there(self, layer: ImageLayer) -> bool:
        self._keep((layer,))  # first: it might go between the question and the answer
        snapshot = self._store.snapshots.find(layer.chain_id)
        return snapshot is not None and self._store.content.exists(layer.blob.digest)

    def remember(self, key: str, layer: ImageLayer) -> None:
        """See build.solver."""
        now = time.time_ns()
        self._store.metadata.builds.put(
            BuildRecord(
                key=key,
                created_at=now,
                last_used_at=now,
                data={"layer": msgspec.json.encode(layer).decode()},
            )
        )

    # for BuildChange

    async def run(self, change: "BuildChange", vertex: Exec, output: Output) -> int:
        """Run a process on the change's file system, in a network of its own."""
        container = self._container(change.identifier, vertex)
        async with AsyncExitStack() as undo:
            sandbox = await self._sandboxes.attach(container)
            undo.push_async_callback(self._sandboxes.detach, container)
            await in_thread(write_network_files, container, change.directory, sandbox)
            names = ("resolv.conf", "hostname", "hosts")
            bundle = Bundle(
                container=container,
                directory=str(change.directory),
                log_path="",
                rootfs_mounts=self._store.snapshots.mounts(KEY_PREFIX + change.identifier),
                files={f"/etc/{name}": str(change.directory / name) for name in names},
                network_namespace=sandbox.key,
                joined={"uts": ""} if vertex.limits.network_mode == "host" else {},
                default_ulimits=self._settings.default_ulimits,
                cgroup_parent=vertex.limits.cgroup_parent or self._settings.cgroup_parent,
            )
            return await self._runtime.run(bundle, output)

    def _container(self, identifier: str, vertex: Exec) -> Container:
        host_config = completed(vertex.limits, self._settings, lambda name: name)
        return Container(
            id=identifier,
            name=f"build-{identifier[:12]}",
            created=time.time_ns(),
            image=None,
            image_reference="",
            config=RunConfig(
                hostname=identifier[:12],
                user=vertex.user,
                env=(*vertex.proxy, *vertex.environment),
                cmd=vertex.command,
                working_dir=vertex.working_dir or "/",
            ),
            host_config=host_config,
            networks=networks(host_config.network_mode, {}, ""),
            path=vertex.command[0] if vertex.command else "",
            args=vertex.command[1:],
            runtime=host_config.runtime,
        )

    async def finish(self, change: "BuildChange") -> ImageLayer:
        """Freeze the change's snapshot as a layer."""
        await self._runtime.unmount_rootfs(str(change.directory))
        return await in_thread(self._freeze, change)

    def _freeze(self, change: "BuildChange") -> ImageLayer:
        key = KEY_PREFIX + change.identifier
        snapshots = self._store.snapshots
        if change.ran:
            _remove_stubs(snapshots.diff_path(key), snapshots.lower_paths(key))
        return self._creation.layer_of_snapshot(key, change.below, self.lease, freeze=True)


class BuildChange:
    """Implements build.solver.Change."""

    def __init__(
        self,
        workspace: BuildWorkspace,
        identifier: str,
        directory: Path,
        rootfs: str,
        below: tuple[ImageLayer, ...],
    ) -> None:
        self._workspace = workspace
        self.identifier = identifier
        self.directory = directory
        self.rootfs = rootfs
        self.below = below
        self.ran = False

    async def run(self, vertex: Exec, output: Output) -> int:
        """See build.solver."""
        self.ran = True
        return await self._workspace.run(self, vertex, output)

    async def finish(self) -> ImageLayer:
        """See build.solver."""
        return await self._workspace.finish(self)


def _remove_stubs(upper: Path, lowers: Sequence[Path]) -> None:
    """Take empty mount points out of a step's layer, and the folders that only they put there.

    The tree is an image's: looked at by descriptor, symlinks not followed.
    """
    root = os.open(upper, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for stub in _MOUNT_STUBS:
            with contextlib.suppress(OSError):
                _remove_stub(root, stub, lowers)
    finally:
        os.close(root)


def _remove_stub(root: int, stub: str, lowers: Sequence[Path]) -> None:
    parent_name, _, name = stub.rpartition("/")
    parent = os.open(parent_name or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=root)
    try:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if stat.S_ISREG(status.st_mode) and status.st_size == 0:
            os.unlink(name, dir_fd=parent)
        elif stat.S_ISDIR(status.st_mode) and _untouched(stub, status, lowers):
            os.rmdir(name, dir_fd=parent)  # fails, as it should, unless it is empty
    finally:
        os.close(parent)


def _untouched(path: str, status: os.stat_result, lowers: Sequence[Path]) -> bool:
    """Whether a folder looks as in the layers below, or is not there: then the runtime made it."""
    for lower in lowers:
        with contextlib.suppress(OSError):
            below = os.lstat(lower / path)
            looks = (status.st_mode, status.st_uid, status.st_gid)
            return looks == (below.st_mode, below.st_uid, below.st_gid)
    return True
