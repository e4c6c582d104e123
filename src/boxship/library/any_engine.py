"""What every engine offers to programs, wherever it runs."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

import msgspec

from boxship.errors import BoxshipError, Conflict, Internal, Unavailable
from boxship.library import packing
from boxship.library.boxes import Box, close
from boxship.library.options import BoxOptions, request_of
from boxship.library.outputs import Collector, Output, ProcessFailed
from boxship.model.container import NoSuchContainer
from boxship.model.digest import Digest, ImageID
from boxship.model.event import Event
from boxship.model.filters import Filters
from boxship.services import Services
from boxship.services.builds import BuildRequest
from boxship.services.containers import ContainerListing
from boxship.services.streams import AttachOptions

if TYPE_CHECKING:
    from boxship.services.builds import Builds
    from boxship.services.containers import Containers
    from boxship.services.events import Events
    from boxship.services.execs import Execs
    from boxship.services.files import Files
    from boxship.services.images import Images
    from boxship.services.monitoring import Monitoring
    from boxship.services.networks import Networks
    from boxship.services.streams import Streams
    from boxship.services.system import System
    from boxship.services.volumes import Volumes


class BuildFailed(BoxshipError):
    """A build ended with an error; `log` is all it had said."""

    def __init__(self, reason: str, log: str) -> None:
        super().__init__(reason)
        self.log = log


class AnyEngine:
    """What every engine offers, wherever it runs: all services, and the everyday verbs in one line.

    It is an async context manager; outside of its block every use raises Unavailable. Verbs raise the
    errors of `boxship.errors`, with Docker's words.
    """

    def __init__(self) -> None:
        self._services: Services | None = None
        self._closing = AsyncExitStack()

    def _open(self) -> AbstractAsyncContextManager[Services]:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        if self._services is not None:
            raise Unavailable(f"{self!r} is open already")
        self._services = await self._closing.enter_async_context(self._open())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End its use; containers go on. Closing twice is harmless."""
        self._services = None
        await self._closing.aclose()

    # services

    @property
    def services(self) -> Services:
        """All services, as one value."""
        if self._services is None:
            raise Unavailable(f"{self!r} is not open: use it in `async with`")
        return self._services

    @property
    def containers(self) -> "Containers":
        """The life of containers."""
        return self.services.containers

    @property
    def execs(self) -> "Execs":
        """Processes started inside running containers."""
        return self.services.execs

    @property
    def streams(self) -> "Streams":
        """Attach, logs and terminal sizes."""
        return self.services.streams

    @property
    def files(self) -> "Files":
        """Files in containers: archives, changes, export, commit."""
        return self.services.files

    @property
    def monitoring(self) -> "Monitoring":
        """Processes and resource use."""
        return self.services.monitoring

    @property
    def images(self) -> "Images":
        """The image store."""
        return self.services.images

    @property
    def builds(self) -> "Builds":
        """Builds from Dockerfiles."""
        return self.services.builds

    @property
    def networks(self) -> "Networks":
        """Networks and who is on them."""
        return self.services.networks

    @property
    def volumes(self) -> "Volumes":
        """Storage that outlives containers."""
        return self.services.volumes

    @property
    def events(self) -> "Events":
        """What happens in the engine."""
        return self.services.events

    @property
    def system(self) -> "System":
        """Facts about the engine."""
        return self.services.system

    # containers

    async def run(
        self,
        image: str,
        *command: str,
        stdin: bytes = b"",
        check: bool = False,
        **options: Unpack[BoxOptions],
    ) -> Output:
        """Run a container to its end and remove it with its anonymous volumes, whatever happens.

        Raises NoSuchImage, RuntimeRefused when there is no such program, and with *check* ProcessFailed
        for an exit code other than 0.
        """
        options["auto_remove"] = False  # it is removed here, once its exit code is known
        box = await self._own(self._create(image, command, options, stdin=bool(stdin)))
        try:
            output = await self._run(box, Collector(stdin), stdin=bool(stdin))
        finally:
            await self._discard(box)
        if check and output.exit_code:
            raise ProcessFailed(command, output)
        return output

    async def _run(self, box: Box, collector: Collector, *, stdin: bool) -> Output:
        options = AttachOptions(stdin=stdin, stdout=True, stderr=True, stream=True)
        attachment = await self.streams.attach(box.id, options)
        try:
            await box.start()
            await attachment.run(collector)
        finally:
            await attachment.close()
        return collector.output(await box.wait())

    async def start(self, image: str, *command: str, **options: Unpack[BoxOptions]) -> Box:
        """Start a container in the background; it is removed again if it cannot be started."""
        box = await self._own(self._create(image, command, options, stdin=False))
        try:
            await box.start()
        except BaseException:
            await self._discard(box)
            raise
        return box

    @contextlib.asynccontextmanager
    async def box(
        self, image: str, *command: str, **options: Unpack[BoxOptions]
    ) -> AsyncIterator[Box]:
        """A container for the duration of a block: started, and removed at its end."""
        box = await self.start(image, *command, **options)
        try:
            yield box
        finally:
            await self._discard(box)

    async def _own(self, creating: Coroutine[Any, Any, Box]) -> Box:
        """A new container, which is nobody's if we are cancelled before we hear of it."""
        task = asyncio.ensure_future(creating)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            if not task.cancelled() and task.exception() is None:
                await self._discard(task.result())
            raise

    async def _discard(self, box: Box) -> None:
        """Remove a container, unless it is going or gone by itself."""
        with contextlib.suppress(NoSuchContainer):
            try:
                await box.remove(force=True)
            except Conflict:
                await (await self.containers.wait(box.id, "removed")).result()

    async def create(self, image: str, *command: str, **options: Unpack[BoxOptions]) -> Box:
        """Make a container without starting it."""
        return await self._create(image, command, options, stdin=False)

    async def _create(
        self, image: str, command: Sequence[str], options: BoxOptions, *, stdin: bool
    ) -> Box:
        request = request_of(image, command, options)
        if stdin:
            config = msgspec.structs.replace(
                request.config, open_stdin=True, stdin_once=True, attach_stdin=True
            )
            request = msgspec.structs.replace(request, config=config)
        return Box(self.services, (await self.containers.create(request)).id)

    async def get(self, name: str) -> Box:
        """An existing container by its name, ID or a unique prefix of it; raise NoSuchContainer."""
        return Box(self.services, (await self.containers.inspect(name)).container.id)

    async def boxes(self, *, all: bool = False, **filters: str | Sequence[str]) -> list[Box]:  # noqa: A002
        """The running containers, or *all*, that match filters such as `label="a=b"`, newest first."""
        listing = ContainerListing(all=all, filters=_filters(filters))
        found = await self.containers.list(listing)
        return [Box(self.services, detail.container.id) for detail in found]

    # images and events

    async def load(self, archive: Path | str) -> list[str]:
        """Take in an image archive (`docker save`, OCI layout); the names and IDs it brought."""
        loaded = []
        messages = self.images.load(packing.read_file(Path(archive)), quiet=True)
        async for message in messages:
            _, found, name = message.stream.partition("Loaded image: ")
            if not found:
                _, found, name = message.stream.partition("Loaded image ID: ")
            if found:
                loaded.append(name.strip())
        return loaded

    async def build(
        self,
        context: Path | str,
        *,
        tag: str = "",
        dockerfile: str = "",
        build_args: Mapping[str, str] | None = None,
        target: str = "",
        no_cache: bool = False,
    ) -> ImageID:
        """Build the Dockerfile of a folder and return the image's ID; raise BuildFailed.

        For progress as it happens use `builds.build`.
        """
        request = BuildRequest(
            dockerfile=dockerfile,
            tags=(tag,) if tag else (),
            build_args=dict(build_args or {}),
            target=target,
            no_cache=no_cache,
        )
        body = packing.pack_context(Path(context), dockerfile)
        log: list[str] = []
        image_id = ""
        async for message in self.builds.build(request, body):
            if message.error:
                raise BuildFailed(message.error, "".join(log))
            log.append(message.stream)
            image_id = str((message.aux or {}).get("ID", image_id))
        if not image_id:
            raise Internal("the build ended without an image")
        return ImageID(Digest(image_id))

    async def watch(
        self,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        **filters: str | Sequence[str],
    ) -> AsyncGenerator[Event, None]:
        """Events that match filters such as `type="container"`, as they happen.

        Times in nanoseconds since the epoch. None is missed from the first step of the iteration on.
        """
        events = await self.events.subscribe(
            _filters(filters), since_ns=since_ns, until_ns=until_ns
        )
        try:
            async for event in events:
                yield event
        finally:
            await close(events)


def _filters(given: Mapping[str, str | Sequence[str]]) -> Filters:
    return Filters(
        {
            name: (values,) if isinstance(values, str) else tuple(values)
            for name, values in given.items()
        }
    )
