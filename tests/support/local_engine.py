"""Services that run containers' programs as plain local processes: enough engine to judge the API by."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import msgspec

from boxship.errors import Unavailable
from boxship.model.config import RunConfig
from boxship.model.container import (
    Container,
    ContainerNameTaken,
    ContainerState,
    Exec,
    HostConfig,
    NoSuchContainer,
    NoSuchExec,
    Status,
)
from boxship.model.digest import Digest, ImageID
from boxship.model.event import Event
from boxship.model.filters import Filters
from boxship.model.progress import Progress
from boxship.services import Services
from boxship.services.containers import (
    ContainerDetail,
    ContainerListing,
    ContainerRequest,
    CreatedContainer,
    WaitResult,
)
from boxship.services.execs import ExecRequest
from boxship.services.streams import STDERR, STDOUT, AttachOptions, ClientStream, LogOptions, Logs
from boxship.services.system import SystemInfo

IMAGE = ImageID(Digest(f"sha256:{'1' * 64}"))


def a_container(name: str = "web", **changes: Any) -> Container:
    container = Container(
        id=os.urandom(32).hex(),
        name=name,
        created=1_700_000_000_123_456_789,
        image=IMAGE,
        image_reference="busybox",
        config=RunConfig(image="busybox", cmd=("cat",), labels={}),
        host_config=HostConfig(network_mode="bridge"),
        path="cat",
    )
    return msgspec.structs.replace(container, **changes)


class Process:
    """An attachment to a local process."""

    def __init__(self, cmd: Sequence[str], *, tty: bool, stdin: bool) -> None:
        self.tty = tty
        self.closed = False
        self.exit_code: int | None = None
        self._cmd = cmd
        self._stdin = stdin

    async def run(self, client: ClientStream) -> None:
        process = await asyncio.create_subprocess_exec(
            *self._cmd,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=1 << 20,
        )
        assert process.stdin
        assert process.stdout
        assert process.stderr
        if not self._stdin:
            process.stdin.close()
        feeding = asyncio.ensure_future(self._feed(client, process.stdin))
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(process.stdout, client, STDOUT))
                pumps.create_task(self._pump(process.stderr, client, STDERR))
            self.exit_code = await process.wait()
        except BaseExceptionGroup as group:
            raise ConnectionResetError from group
        finally:
            feeding.cancel()
            if process.returncode is None:
                process.kill()
                await process.wait()
            process._transport.close()  # type: ignore[attr-defined]

    async def _feed(self, client: ClientStream, stdin: asyncio.StreamWriter) -> None:
        while self._stdin and (data := await client.read()):
            stdin.write(data)
            await stdin.drain()
        stdin.close()

    async def _pump(self, source: asyncio.StreamReader, client: ClientStream, stream: int) -> None:
        while data := await source.read(1 << 16):
            await client.write(stream, data)

    async def close(self) -> None:
        self.closed = True


class LocalEngine:
    """Containers, execs, streams, events and system in one; the rest is absent."""

    def __init__(self) -> None:
        self.containers_by_name: dict[str, Container] = {}
        self.sessions: dict[str, tuple[Exec, ExecRequest]] = {}
        self.attachments: list[Process] = []
        self.stopping = asyncio.Event()
        self.stopped: list[str] = []
        self.cancelled: list[str] = []
        self.uploaded = 0
        self.waits: dict[str, asyncio.Event] = {}

    def services(self) -> Services:
        part = cast("Any", self)
        return Services(
            containers=part,
            execs=cast("Any", Execs(self)),
            streams=part,
            files=part,
            monitoring=part,
            images=part,
            builds=part,
            networks=part,
            volumes=part,
            events=part,
            system=part,
        )

    def add(self, container: Container) -> Container:
        self.containers_by_name[container.name] = container
        return container

    def find(self, name: str) -> Container:
        for container in self.containers_by_name.values():
            if name in (container.name, container.id):
                return container
        raise NoSuchContainer(name)

    # containers

    async def create(self, request: ContainerRequest) -> CreatedContainer:
        if request.name in self.containers_by_name:
            owner = self.containers_by_name[request.name]
            raise ContainerNameTaken(request.name, owner.id)
        container = a_container(
            request.name or "made-up",
            config=request.config,
            host_config=request.host_config,
            networks=request.networks,
        )
        return CreatedContainer(self.add(container).id)

    async def start(self, name: str, *, detach_keys: str = "") -> None:
        state = ContainerState(status=Status.RUNNING, started_at=time.time_ns(), pid=1)
        self.add(msgspec.structs.replace(self.find(name), state=state))

    async def stop(self, name: str, *, signal: str = "", timeout_s: int | None = None) -> None:
        container = self.find(name)
        self.stopping.set()
        try:
            await asyncio.sleep(0.3)
        except asyncio.CancelledError:
            self.cancelled.append(container.name)
            raise
        self.stopped.append(container.name)

    async def inspect(self, name: str, *, size: bool = False) -> Any:
        return ContainerDetail(container=self.find(name))

    async def list(self, listing: ContainerListing) -> list[ContainerDetail]:
        return [ContainerDetail(container=c) for c in self.containers_by_name.values()]

    async def wait(self, name: str, condition: str = "not-running") -> "LocalEngine":
        self.waits.setdefault(self.find(name).name, asyncio.Event())
        return self

    async def result(self) -> WaitResult:
        for ended in self.waits.values():
            await ended.wait()
        return WaitResult(0)

    async def remove(self, name: str, **how: bool) -> None:
        del self.containers_by_name[self.find(name).name]

    # streams

    async def attach(self, name: str, options: AttachOptions) -> Process:
        container = self.find(name)
        cmd = container.config.cmd or ("cat",)
        process = Process(cmd, tty=container.config.tty, stdin=options.stdin)
        self.attachments.append(process)
        return process

    async def logs(self, name: str, options: LogOptions) -> Logs:
        container = self.find(name)
        return Logs(container.config.tty, self._log_chunks(options))

    async def _log_chunks(self, options: LogOptions) -> AsyncIterator[tuple[int, bytes]]:
        yield STDOUT, b"out\n"
        yield STDERR, b"err\n"
        while options.follow:
            yield STDOUT, b"x" * 65536

    async def resize(self, name: str, height: int, width: int) -> None:
        self.find(name)

    # events, system, images

    async def subscribe(
        self, filters: Filters, *, since_ns: int | None = None, until_ns: int | None = None
    ) -> AsyncIterator[Event]:
        return self._events()

    async def _events(self) -> AsyncIterator[Event]:
        try:
            for number in range(3):
                yield Event(
                    type="container",
                    action="start",
                    actor_id="c" * 64,
                    attributes={"image": "busybox", "n": str(number)},
                    time_ns=1_700_000_000_000_000_000 + number,
                )
                await asyncio.sleep(0.05)
            await asyncio.sleep(3600)
        finally:
            self.cancelled.append("events")

    async def info(self) -> SystemInfo:
        return SystemInfo(
            id="local",
            name="local",
            version="0.1",
            containers=len(self.containers_by_name),
            containers_running=0,
            containers_paused=0,
            containers_stopped=0,
            images=0,
            storage_driver="overlay2",
            storage_status=(),
            data_root="/tmp",
            exec_root="/tmp",
            kernel_version=os.uname().release,
            operating_system="test",
            os_version="1",
            os_type="linux",
            architecture=os.uname().machine,
            cpus=1,
            memory=1 << 30,
            cgroup_driver="cgroupfs",
            cgroup_version="1",
            runtimes={"crun": "crun"},
            default_runtime="crun",
        )

    async def load(
        self, body: AsyncIterator[bytes], *, quiet: bool, platform: str = ""
    ) -> AsyncIterator[Progress]:
        async for chunk in body:
            self.uploaded += len(chunk)
        if self.uploaded == 1:
            raise Unavailable("too early")
        yield Progress(stream=f"Loaded {self.uploaded} bytes\n")
        if self.uploaded == 2:
            raise Unavailable("too late")

    async def export(self, name: str) -> AsyncIterator[bytes]:
        self.find(name)
        return self._broken()

    async def _broken(self) -> AsyncIterator[bytes]:
        yield b"begin"
        raise RuntimeError("disk on fire")


class Execs:
    """Exec sessions as local processes."""

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine

    async def create(self, container: str, request: ExecRequest) -> str:
        owner = self._engine.find(container)
        session = Exec(id=os.urandom(32).hex(), container_id=owner.id, cmd=request.cmd)
        self._engine.sessions[session.id] = (session, request)
        return session.id

    async def inspect(self, exec_id: str, *, usable: bool = False) -> Exec:
        if exec_id not in self._engine.sessions:
            raise NoSuchExec(exec_id)
        return self._engine.sessions[exec_id][0]

    async def start(
        self, exec_id: str, *, detach: bool, tty: bool, console_size: tuple[int, int] | None = None
    ) -> Process | None:
        session, request = self._engine.sessions[exec_id]
        if request.cmd == ("nope",):
            raise Unavailable("OCI runtime exec failed: executable file not found in $PATH")
        if request.cmd == ("slow",):
            await asyncio.sleep(0.3)
        process = Process(request.cmd, tty=tty, stdin=request.attach_stdin)
        self._engine.attachments.append(process)
        ended = msgspec.structs.replace(session, started=True, exit_code=7)
        self._engine.sessions[exec_id] = (ended, request)
        return None if detach else process

    async def resize(self, exec_id: str, height: int, width: int) -> None:
        await self.inspect(exec_id)
