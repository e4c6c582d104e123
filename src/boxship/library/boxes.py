"""A container in one's hand: the verbs of the services without saying each time which container."""

import codecs
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypedDict, Unpack

from boxship.errors import NotFound
from boxship.library import packing
from boxship.library.outputs import Collector, Output, ProcessFailed
from boxship.library.sessions import Session, open_session
from boxship.model.process import RuntimeRefused
from boxship.services import Services
from boxship.services.containers import ContainerDetail
from boxship.services.execs import ExecRequest
from boxship.services.streams import STDERR, STDOUT, AttachOptions, LogOptions


class ExecOptions(TypedDict, total=False):
    """Keyword arguments of `exec` and `open_exec`."""

    env: Mapping[str, str]
    user: str
    workdir: str
    tty: bool
    privileged: bool


class LogLine(NamedTuple):
    """A line of a log, without its end: of STDOUT (1) or STDERR (2)."""

    stream: int
    text: str


class Box:
    """One container of an engine, running or not.

    Every verb raises NoSuchContainer once the container is gone, and Unavailable when the engine is.
    """

    def __init__(self, services: Services, identifier: str) -> None:
        self._services = services
        self.id = identifier

    def __repr__(self) -> str:
        return f"<Box {self.id[:12]}>"

    # life

    async def inspect(self, *, size: bool = False) -> ContainerDetail:
        """What it is and how it does; with *size* also how many bytes it takes, which is slow."""
        return await self._services.containers.inspect(self.id, size=size)

    async def start(self) -> None:
        """Start it; raise NotModified if it runs already."""
        await self._services.containers.start(self.id)

    async def stop(self, *, timeout_s: int | None = None) -> None:
        """Ask it to end, and kill it after *timeout_s* seconds (its own timeout, or 10)."""
        await self._services.containers.stop(self.id, timeout_s=timeout_s)

    async def restart(self, *, timeout_s: int | None = None) -> None:
        """Stop it if it runs, then start it."""
        await self._services.containers.restart(self.id, timeout_s=timeout_s)

    async def kill(self, signal: str = "SIGKILL") -> None:
        """Send a signal to its first process; raise ContainerNotRunning."""
        await self._services.containers.kill(self.id, signal)

    async def pause(self) -> None:
        """Freeze its processes."""
        await self._services.containers.pause(self.id)

    async def unpause(self) -> None:
        """Let them go on."""
        await self._services.containers.unpause(self.id)

    async def wait(self) -> int:
        """Wait until it does not run, and return its exit code."""
        begun = await self._services.containers.wait(self.id)
        return (await begun.result()).status_code

    async def remove(self, *, force: bool = False, volumes: bool = True) -> None:
        """Remove it with its anonymous *volumes*; *force* kills it first."""
        await self._services.containers.remove(self.id, force=force, volumes=volumes)

    async def host_port(self, port: int, protocol: str = "tcp") -> int:
        """The port of this machine where one of its ports is published; raise NotFound."""
        for published in (await self.inspect()).ports:
            if (published.container_port, published.protocol) == (port, protocol):
                return published.host_port
        raise NotFound(f"port {port}/{protocol} of container {self.id[:12]} is not published")

    # processes

    async def exec(
        self,
        *command: str,
        stdin: bytes = b"",
        check: bool = False,
        **options: Unpack[ExecOptions],
    ) -> Output:
        """Run a program in it to the end.

        Raises RuntimeRefused when there is no such program, ContainerNotRunning, and with *check*
        ProcessFailed for an exit code other than 0.
        """
        exec_id = await self._exec(command, options, stdin=bool(stdin))
        tty = options.get("tty", False)
        attachment = await self._services.execs.start(exec_id, detach=False, tty=tty)
        collector = Collector(stdin)
        if attachment is not None:
            try:
                await attachment.run(collector)
            finally:
                await attachment.close()
        session = await self._services.execs.inspect(exec_id)
        output = collector.output(session.exit_code or 0)
        if output.exit_code in (126, 127) and output.stdout.startswith(_REFUSED):
            # over a connection that began to stream, a refusal can only be told as output
            raise RuntimeRefused(output.text, output.exit_code)
        if check and output.exit_code:
            raise ProcessFailed(command, output)
        return output

    @contextlib.asynccontextmanager
    async def open_exec(
        self, *command: str, **options: Unpack[ExecOptions]
    ) -> AsyncIterator[Session]:
        """Run a program in it and talk with it."""
        exec_id = await self._exec(command, options, stdin=True)
        execs = self._services.execs
        attachment = await execs.start(exec_id, detach=False, tty=options.get("tty", False))
        assert attachment is not None  # noqa: S101 - only detached sessions have none

        async def exit_code() -> int:
            return (await execs.inspect(exec_id)).exit_code or 0

        resize = partial(execs.resize, exec_id)
        async with open_session(attachment, resize=resize, exit_code=exit_code) as session:
            yield session

    async def _exec(self, command: Sequence[str], options: ExecOptions, *, stdin: bool) -> str:
        request = ExecRequest(
            cmd=tuple(command),
            env=tuple(f"{key}={value}" for key, value in options.get("env", {}).items()),
            user=options.get("user", ""),
            working_dir=options.get("workdir", ""),
            tty=options.get("tty", False),
            privileged=options.get("privileged", False),
            attach_stdin=stdin,
            attach_stdout=True,
            attach_stderr=True,
        )
        return await self._services.execs.create(self.id, request)

    @contextlib.asynccontextmanager
    async def attach(self, *, stdin: bool = True, logs: bool = False) -> AsyncIterator[Session]:
        """Join its first process's streams, also before it starts; *logs* repeats what it said before."""
        options = AttachOptions(stdin=stdin, stdout=True, stderr=True, stream=True, logs=logs)
        streams = self._services.streams
        attachment = await streams.attach(self.id, options)
        resize = partial(streams.resize, self.id)
        async with open_session(attachment, resize=resize, exit_code=self.wait) as session:
            yield session

    # output

    async def logs(
        self, *, follow: bool = False, tail: int | None = None, since_ns: int = 0
    ) -> AsyncGenerator[LogLine, None]:
        """The lines it wrote, and with *follow* those it will write until it ends.

        *tail* is how many of the last lines to begin with; *since_ns* nanoseconds since the epoch.
        """
        options = LogOptions(stdout=True, stderr=True, follow=follow, tail=tail, since_ns=since_ns)
        found = await self._services.streams.logs(self.id, options)
        lines = _Lines()
        try:
            async for stream, data in found.chunks:
                for line in lines.feed(stream, data):
                    yield line
            for line in lines.rest():
                yield line
        finally:
            await close(found.chunks)

    # files

    async def read_file(self, path: str) -> bytes:
        """The content of a file; raise NotFound, or InvalidArgument when it is no regular file."""
        archive = await self._services.files.read_archive(self.id, path)
        return await packing.read_only_file(archive.chunks, path)

    async def write_file(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """Make or replace a file; its folder must exist."""
        folder, name = packing.split(path)
        body = packing.once(packing.packed(name, data, mode))
        await self._services.files.write_archive(self.id, folder, body)

    async def copy_in(self, source: Path | str, folder: str) -> None:
        """Copy a file or folder of this machine into a *folder* of the container, which must exist."""
        path = Path(source)
        body = packing.pack(path, path.name or path.resolve().name)
        await self._services.files.write_archive(self.id, folder, body)

    async def copy_out(self, path: str, folder: Path | str) -> Path:
        """Copy a file or folder of the container into a *folder* of this machine; where it is then."""
        archive = await self._services.files.read_archive(self.id, path)
        await packing.unpack(archive.chunks, Path(folder))
        return Path(folder, archive.stat.name)


async def close(stream: AsyncIterator[object]) -> None:
    """Give up the rest of a stream; what cannot be closed ends with its last reader."""
    if (closing := getattr(stream, "aclose", None)) is not None:
        await closing()


_REFUSED = b"OCI runtime exec failed"


class _Lines:
    """Output in, whole lines out."""

    def __init__(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {stream: decoder("replace") for stream in (STDOUT, STDERR)}
        self._begun = {STDOUT: "", STDERR: ""}

    def feed(self, stream: int, data: bytes) -> list[LogLine]:
        """Take the next bytes and return the lines they complete."""
        text = self._begun[stream] + self._decoders[stream].decode(data)
        *lines, self._begun[stream] = text.split("\n")
        return [LogLine(stream, line.removesuffix("\r")) for line in lines]

    def rest(self) -> list[LogLine]:
        """The last lines, if they had no end."""
        return [LogLine(stream, text) for stream, text in self._begun.items() if text]
