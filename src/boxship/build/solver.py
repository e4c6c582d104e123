"""Solving vertices: what is known already is taken, the rest is done once, independent parts side by side."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol

import msgspec

from boxship.build.llb import Copy, Exec, Layers, Local, MakeDirectory, Vertex
from boxship.build.ops import copying
from boxship.concurrency import KeyedLocks, in_thread
from boxship.model.digest import DiffID, Digest
from boxship.model.image import ImageLayer

EMPTY_DIFF_ID: Final = DiffID(Digest(f"sha256:{hashlib.sha256(bytes(1024)).hexdigest()}"))
"""Of the tar with nothing in it."""

Output = Callable[[int, bytes], Awaitable[None]]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a vertex came to: layers, or a directory of ours for local sources.

    `key` is the digest of all that went into it, "" for sources; `content` is the checksum of copied
    files; `cached` tells that nothing had to be done.
    """

    layers: tuple[ImageLayer, ...] = ()
    directory: str = ""
    key: str = ""
    content: str = ""
    cached: bool = True


class ExecFailed(Exception):
    """The process ended with a code other than 0."""

    def __init__(self, command: str, code: int) -> None:
        super().__init__(f"The command '{command}' returned a non-zero code: {code}")
        self.code = code


class Change(Protocol):
    """A writable file system on top of layers, mounted; afterwards it becomes one more layer."""

    @property
    def rootfs(self) -> str:
        """Where it is mounted."""
        ...

    async def run(self, vertex: Exec, output: Output) -> int:
        """Run a process in it and return its exit code; raise RuntimeRefused."""
        ...

    async def finish(self) -> ImageLayer:
        """Unmount it and keep what changed as a layer."""
        ...


class Workspace(Protocol):
    """File systems to work on, and the memory of what was done."""

    def changing(self, below: tuple[ImageLayer, ...]) -> AbstractAsyncContextManager[Change]:
        """A writable one; left without `finish`, nothing of it remains."""
        ...

    def reading(self, layers: tuple[ImageLayer, ...]) -> AbstractAsyncContextManager[str]:
        """A read-only one, mounted."""
        ...

    def remembered(self, key: str) -> ImageLayer | None:
        """The layer that this key gave before, if it is still there."""
        ...

    def remember(self, key: str, layer: ImageLayer) -> None:
        """Note what this key gave."""
        ...


class Solver:
    """Solves the vertices of one build."""

    def __init__(self, workspace: Workspace, *, use_cache: bool) -> None:
        self._workspace = workspace
        self._use_cache = use_cache
        self._locks = KeyedLocks()
        self._solved: dict[str, ImageLayer] = {}

    def __repr__(self) -> str:
        return f"Solver({len(self._solved)} solved)"

    async def solve(
        self, vertex: Vertex, output: Output, begin: Callable[[], Awaitable[None]]
    ) -> Result:
        """The vertex's result. *begin* is called before work that is not in the cache."""
        match vertex:
            case Layers():
                return Result(layers=vertex.layers)
            case Local():
                return Result(directory=vertex.directory)
            case _:
                base = await self.solve(vertex.base, output, begin)
                key, content = await self._key(vertex, base, output, begin)
                # equal work of several stages is done once: the others find it done
                async with self._locks.hold(key):
                    layer = self._known(key)
                    cached = layer is not None
                    if layer is None:
                        await begin()
                        layer = await self._perform(vertex, base, output, begin)
                        self._solved[key] = layer
                        self._workspace.remember(key, layer)
                # as Docker does: a step that changed nothing has no layer
                above = () if layer.diff_id == EMPTY_DIFF_ID else (layer,)
                return Result(
                    layers=(*base.layers, *above), key=key, content=content, cached=cached
                )

    def _known(self, key: str) -> ImageLayer | None:
        if key in self._solved:
            return self._solved[key]
        return self._workspace.remembered(key) if self._use_cache else None

    async def _key(
        self,
        vertex: Exec | Copy | MakeDirectory,
        base: Result,
        output: Output,
        begin: Callable[[], Awaitable[None]],
    ) -> tuple[str, str]:
        content = ""
        described: Mapping[str, object]
        match vertex:
            case Exec():
                described = {
                    "command": vertex.command,
                    "environment": vertex.environment,
                    "user": vertex.user,
                    "directory": vertex.working_dir,
                    "network": vertex.limits.network_mode,
                }
            case MakeDirectory():
                described = {"make": vertex.path}
            case Copy():
                async with self._opened(vertex.source, output, begin) as root:
                    content = await in_thread(copying.checksum, root, vertex)
                described = {
                    "content": content,
                    "destination": vertex.destination,
                    "owner": vertex.owner,
                    "mode": vertex.mode,
                    "unpack": vertex.unpack,
                    "parents": vertex.parents,
                }
        chain = base.layers[-1].chain_id if base.layers else ""
        text = msgspec.json.encode([1, type(vertex).__name__, chain, described], order="sorted")
        return hashlib.sha256(text).hexdigest(), content

    @asynccontextmanager
    async def _opened(
        self, source: Vertex, output: Output, begin: Callable[[], Awaitable[None]]
    ) -> AsyncIterator[str]:
        """A source's files as a directory, mounted while they are needed."""
        result = await self.solve(source, output, begin)
        if result.directory:
            yield result.directory
            return
        async with self._workspace.reading(result.layers) as root:
            yield root

    async def _perform(
        self,
        vertex: Exec | Copy | MakeDirectory,
        base: Result,
        output: Output,
        begin: Callable[[], Awaitable[None]],
    ) -> ImageLayer:
        async with self._workspace.changing(base.layers) as change:
            match vertex:
                case Exec():
                    code = await change.run(vertex, output)
                    if code != 0:
                        raise ExecFailed(vertex.label or " ".join(vertex.command), code)
                case MakeDirectory():
                    await in_thread(copying.make_directory, change.rootfs, vertex.path)
                case Copy():
                    async with self._opened(vertex.source, output, begin) as root:
                        await in_thread(copying.copy_files, root, change.rootfs, vertex)
            return await change.finish()
