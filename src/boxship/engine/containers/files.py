"""Files in containers: implements services.files.Files."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Final, Protocol, TypeVar

from boxship.concurrency import consume, from_thread, in_own_thread, in_thread
from boxship.engine.containers.contract import Parts
from boxship.engine.containers.register import Register
from boxship.engine.containers.start import image_mounts
from boxship.errors import NotFound
from boxship.model.container import Container, Status
from boxship.model.digest import ImageID
from boxship.model.mount import MADE_TO_MOUNT_UPON
from boxship.model.reference import parse_reference
from boxship.runtime import files as content
from boxship.runtime.views import View, with_root
from boxship.services.files import Archive, Change, CommitRequest, PathStat
from boxship.store.archive.compression import Source
from boxship.store.archive.writer import Sink
from boxship.store.gc import container_key

T = TypeVar("T")

_ADDED: Final = 1
_MODIFIED: Final = 0
_OURS: Final = MADE_TO_MOUNT_UPON | {"/dev", "/etc", "/sbin"}


class ImageMaker(Protocol):
    """Makes images of containers."""

    async def commit(self, container: Container, request: CommitRequest) -> ImageID:
        """Store the container's layer and configuration as an image, and name it."""
        ...


class EngineFiles:
    """Implements services.files.Files."""

    def __init__(self, parts: Parts, register: Register, images: ImageMaker) -> None:
        self._parts = parts
        self._register = register
        self._images = images

    def __repr__(self) -> str:
        return "EngineFiles()"

    async def stat(self, name: str, path: str) -> PathStat:
        """See services.files."""
        async with self._looking(name) as container:
            return await self._in_root(
                container, name, path, lambda root_fd: content.stat_path(root_fd, path)
            )

    async def read_archive(self, name: str, path: str) -> Archive:
        """See services.files. A stopped container stays locked until the archive was read."""
        stack = contextlib.AsyncExitStack()
        container = await stack.enter_async_context(self._looking(name))
        try:
            stat = await self._in_root(
                container, name, path, lambda root_fd: content.stat_path(root_fd, path)
            )
        except BaseException:
            await stack.aclose()
            raise
        chunks = self._packed(self._view(container), lambda fd, sink: content.pack(fd, path, sink))
        self._register.publish(container, "archive-path")
        return Archive(stat, Closing(chunks, stack))

    async def write_archive(
        self,
        name: str,
        path: str,
        body: AsyncIterator[bytes],
        *,
        no_overwrite_dir_non_dir: bool = False,
        copy_uid_gid: bool = False,
    ) -> None:
        """See services.files."""
        async with self._looking(name) as container:
            upload = _upload(
                container, path, no_overwrite=no_overwrite_dir_non_dir, copy_owner=copy_uid_gid
            )
            view = self._view(container)

            def unpack(source: Source) -> None:
                with_root(view, lambda root_fd: content.unpack_into(root_fd, upload, source))

            with _missing_told(name, path):
                await consume(body, unpack)
            self._register.publish(container, "extract-to-dir")

    async def changes(self, name: str) -> Sequence[Change]:
        """See services.files."""
        container = self._register.get(name)
        found = await in_thread(self._parts.snapshots.changes, container_key(container.id))
        return without_ours(found)

    async def export(self, name: str) -> AsyncIterator[bytes]:
        """See services.files."""
        stack = contextlib.AsyncExitStack()
        container = await stack.enter_async_context(self._looking(name))
        self._register.publish(container, "export")
        chunks = self._packed(self._view(container, bare=True), content.pack_root)
        return Closing(chunks, stack)

    async def commit(self, name: str, request: CommitRequest) -> ImageID:
        """See services.files."""
        async with self._register.editing(name) as container:
            pauses = request.pause and container.state.status is Status.RUNNING
            async with contextlib.AsyncExitStack() as undo:
                if pauses:
                    await self._parts.runtime.pause(container)
                    undo.push_async_callback(self._parts.runtime.resume, container)
                    self._register.publish(container, "pause")
                image_id = await self._images.commit(container, request)
            reference = _familiar(request)
            self._register.publish(
                container,
                "commit",
                comment=request.comment,
                imageID=str(image_id),
                imageRef=reference,
            )
            if pauses:
                self._register.publish(container, "unpause")
            return image_id

    @contextlib.asynccontextmanager
    async def _looking(self, name: str) -> AsyncIterator[Container]:
        """A container whose root file system nobody mounts or takes away meanwhile."""
        container = self._register.get(name)
        if container.running:
            yield container
            return
        async with self._register.editing(container.id) as current:
            yield current

    async def _in_root(
        self, container: Container, name: str, path: str, function: Callable[[int], T]
    ) -> T:
        with _missing_told(name, path):
            return await in_own_thread(with_root, self._view(container), function)

    def _packed(self, view: View, pack: Callable[[int, Sink], None]) -> AsyncIterator[bytes]:
        """What *pack* writes of the files, chunk by chunk."""
        return from_thread(lambda put: with_root(view, lambda root_fd: pack(root_fd, put)))

    def _view(self, container: Container, *, bare: bool = False) -> View:
        """Its files; *bare* without volumes and what the engine puts into /etc."""
        directory = self._parts.settings.root / container.id
        mounts = self._parts.snapshots.mounts(container_key(container.id))
        if bare:
            return View(directory=str(directory), rootfs_mounts=mounts)
        mode = container.host_config.network_mode
        source = directory.parent / mode[10:] if mode.startswith("container:") else directory
        return View(
            directory=str(directory),
            rootfs_mounts=mounts,
            mounts=container.mounts,
            images=image_mounts(self._parts.snapshots, container),
            files={
                f"/etc/{each}": str(source / each) for each in ("resolv.conf", "hostname", "hosts")
            },
        )


@contextlib.contextmanager
def _missing_told(name: str, path: str) -> Iterator[None]:
    try:
        yield
    except content.PathMissing as error:
        raise NotFound(f"Could not find the file {path} in container {name}") from error


class Closing:
    """Chunks, and what is held while they are read."""

    def __init__(self, chunks: AsyncIterator[bytes], held: contextlib.AsyncExitStack) -> None:
        self._chunks = chunks
        self._held = held

    def __aiter__(self) -> "Closing":
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except BaseException:  # the end of them included
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Stop reading."""
        aclose = getattr(self._chunks, "aclose", None)
        try:
            if aclose is not None:
                await aclose()
        finally:
            await self._held.aclose()


def _familiar(request: CommitRequest) -> str:
    if not request.repository:
        return ""
    return f"{parse_reference(request.repository).familiar_name}:{request.tag or 'latest'}"


def without_ours(changes: Sequence[Change]) -> list[Change]:
    """Leave out what the runtime made to mount upon, and folders that changed only by that."""
    kept = [
        each for each in changes if each.path not in _OURS or each.kind not in (_ADDED, _MODIFIED)
    ]
    holders = {parent for each in kept for parent in _parents(each.path)}
    return [each for each in changes if each in kept or each.path in holders]


def _parents(path: str) -> list[str]:
    parts = path.split("/")[1:-1]
    return ["/" + "/".join(parts[: index + 1]) for index in range(len(parts))]


def _upload(
    container: Container, path: str, *, no_overwrite: bool, copy_owner: bool
) -> content.Upload:
    return content.Upload(
        path=path,
        no_overwrite_dir_non_dir=no_overwrite,
        owner=container.config.user or None if copy_owner else None,
        read_only_rootfs=container.host_config.readonly_rootfs,
        volumes=[point.destination for point in container.mounts],
        read_only_volumes=[point.destination for point in container.mounts if point.read_only],
    )
