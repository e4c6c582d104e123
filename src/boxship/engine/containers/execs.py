"""Exec sessions: implements services.execs.Execs."""

import asyncio
import contextlib
import logging
import secrets
import signal
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from boxship.concurrency import Supervisor, in_thread
from boxship.engine.containers.attachment import Plan, ProcessAttachment, RefusedAttachment
from boxship.engine.containers.contract import Parts
from boxship.engine.containers.detach import parse_detach_keys
from boxship.engine.containers.register import Register
from boxship.errors import BoxshipError, Conflict, Internal, InvalidArgument, NotFound
from boxship.model.container import (
    Action,
    Container,
    ContainerNotRunning,
    Exec,
    NoSuchContainer,
    NoSuchExec,
    require,
)
from boxship.model.process import RuntimeRefused
from boxship.runtime.contract import ExecSpec, ProcessStreams, SupervisedProcess
from boxship.runtime.files import check_user
from boxship.services.execs import ExecRequest
from boxship.services.streams import Attachment

log = logging.getLogger(__name__)

_NOT_STARTED = 126
_OF_KILLED_CHECKS = 127  # what Docker tells of a check that it gave up
_READY_WITHIN_S = 10
KEPT = 256
"""Sessions remembered for one container once they ended or while they were not started."""


_LONG = 10  # digits


class EngineExecs:
    """Implements services.execs.Execs.

    Sessions live in memory. Those that ran or run are also in the database: they are found again after
    a restart, with their exit codes.
    """

    def __init__(self, parts: Parts, register: Register) -> None:
        self._parts = parts
        self._register = register
        self._supervisor = Supervisor("execs")
        self._sessions: dict[str, Exec] = {}
        self._by_container: dict[str, OrderedDict[str, None]] = {}
        self._ended: dict[str, asyncio.Event] = {}
        self._ready: dict[str, asyncio.Event] = {}  # of those whose terminals are waited for
        self._passing: set[str] = set()  # health checks: nobody asks for them afterwards
        self._given_up: set[str] = set()

    def __repr__(self) -> str:
        return f"EngineExecs({len(self._sessions)} sessions, {len(self._ended)} running)"

    async def close(self) -> None:
        """Stop watching; what runs keeps running."""
        await self._supervisor.close()

    async def create(self, container: str, request: ExecRequest) -> str:
        """See services.execs."""
        found = self._register.get(container)
        require(found, Action.EXEC, container)
        if not request.cmd:
            raise InvalidArgument("No exec command specified")
        try:
            parse_detach_keys(request.detach_keys)
        except InvalidArgument as error:
            raise Internal(f"Invalid escape keys ({request.detach_keys}) provided") from error
        await self._check_user(found, request.user)
        session = Exec(
            id=secrets.token_hex(32),
            container_id=found.id,
            **{name: getattr(request, name) for name in ExecRequest.__struct_fields__},
        )
        self._keep(session)
        self._register.publish(found, f"exec_create: {_command(session)}", execID=session.id)
        return session.id

    async def _check_user(self, container: Container, user: str) -> None:
        # short numbers are in range and need no entry
        if all(len(part) < _LONG and part.isdigit() for part in user.split(":") if part):
            return
        rootfs = self._parts.settings.root / container.id / "rootfs"
        await in_thread(check_user, str(rootfs), user)

    async def start(
        self, exec_id: str, *, detach: bool, tty: bool, console_size: tuple[int, int] | None = None
    ) -> Attachment | None:
        """See services.execs. A refusal by the runtime comes where Docker tells it: in the stream."""
        del tty  # what counts is what the session was created with
        session = await self.inspect(exec_id, usable=True)
        container = self._container(session)
        if session.exit_code is not None:
            raise Conflict(f"exec command {session.id} has already run")
        if session.started:
            raise Conflict(f"exec command {session.id} is already running")
        if console_size is not None:
            session = msgspec.structs.replace(session, console_size=console_size)
        try:
            streams = await self._launch(container, session)
        except RuntimeRefused as error:
            if detach:
                raise
            return RefusedAttachment(error, tty=session.tty)
        if detach:
            streams.close()
            return None
        attachment = ProcessAttachment(
            Plan(
                tty=session.tty,
                stdin=session.attach_stdin,
                stdout=session.attach_stdout,
                stderr=session.attach_stderr,
                ends_stdin=not session.tty,
                keys=parse_detach_keys(session.detach_keys) if session.tty else None,
            ),
            on_detach=lambda: self._register.publish(container, "exec_detach", execID=session.id),
            finished=lambda: self._wait_ended(session.id),
            has_ended=lambda: self._has_ended(session.id),
        )
        attachment.join(streams)
        return attachment

    async def resize(self, exec_id: str, height: int, width: int) -> None:
        """See services.execs."""
        session = await self.inspect(exec_id, usable=True)
        container = self._container(session)
        if session.exit_code is None:
            await self._wait_ready(session)
            session = self._get(exec_id)
        if not session.running:
            raise NotFound(f"NotFound: process does not exist {exec_id}: not found")
        try:
            await self._parts.runtime.resize_exec(container, session.id, height, width)
        except ContainerNotRunning:
            return  # it ended this moment

    async def _wait_ready(self, session: Exec) -> None:
        """Clients set the size as soon as they have asked for the start: let that come first."""
        if session.running:
            return
        ready = self._ready.setdefault(session.id, asyncio.Event())
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                await ready.wait()
        except TimeoutError as error:
            raise Internal("timeout waiting for exec session ready") from error
        finally:
            self._ready.pop(session.id, None)

    async def inspect(self, exec_id: str, *, usable: bool = False) -> Exec:
        """See services.execs."""
        session = self._get(exec_id)
        if usable:
            require(self._container(session), Action.EXEC)
        return session

    def open_ids(self, container_id: str) -> tuple[str, ...]:
        """The sessions of a container that have not ended, as inspect shows them."""
        return tuple(
            exec_id
            for exec_id in self._by_container.get(container_id, ())
            if self._sessions[exec_id].exit_code is None
        )

    async def check(
        self,
        container: Container,
        request: ExecRequest,
        take: Callable[[bytes], None],
        timeout_s: float,
    ) -> int:
        """Run a health check to its end, handing its output over, and return its exit code.

        One that takes longer than *timeout_s*, its start not counted, is killed: TimeoutError.
        """
        exec_id = await self.create(container.id, request)
        self._passing.add(exec_id)
        try:
            streams = await self._launch(container, self._get(exec_id))
        except BaseException:
            self._forget_check(exec_id)
            raise
        try:
            async with asyncio.timeout(timeout_s):
                while (chunk := await streams.read()) is not None:
                    take(chunk[1])
                await self._wait_ended(exec_id)
            return self._get(exec_id).exit_code or 0
        except (asyncio.CancelledError, TimeoutError):
            self._given_up.add(exec_id)
            await self._kill(container, exec_id)
            raise
        finally:
            streams.close()

    def _forget_check(self, exec_id: str) -> None:
        self._passing.discard(exec_id)
        self._given_up.discard(exec_id)

    async def _kill(self, container: Container, exec_id: str) -> None:
        with contextlib.suppress(ContainerNotRunning):
            process = _process(self._get(exec_id))
            await self._parts.runtime.kill_exec(container, process, signal.SIGKILL)

    def begin(self, container: Container) -> None:
        """A container runs (again)."""

    def pause(self, container: Container) -> None:
        """A container is frozen, and its sessions with it."""

    def end(self, container: Container) -> None:
        """A container ended: so do its sessions, which their own supervisors tell."""
        for exec_id in self.open_ids(container.id):
            if not self._sessions[exec_id].started:
                self._drop(exec_id)

    def forget(self, container_id: str) -> None:
        """A container was removed."""
        for exec_id in list(self._by_container.get(container_id, ())):
            self._drop(exec_id)

    async def restore(self) -> None:
        """After a restart: watch those that ran, among them some that ended meanwhile."""
        for session in self._parts.metadata.execs.list():
            self._put(session)
            self._by_container.setdefault(session.container_id, OrderedDict())[session.id] = None
            container = self._register.current(session.container_id)
            if session.running and container is not None:
                self._watch(container, session)

    async def _launch(self, container: Container, session: Exec) -> ProcessStreams:
        self._put(msgspec.structs.replace(session, started=True))
        self._register.publish(container, f"exec_start: {_command(session)}", execID=session.id)
        try:
            process, streams = await self._parts.runtime.exec(container, _spec(session))
        except RuntimeRefused as error:
            self._record(session, error.exit_code)
            raise
        except BoxshipError:
            self._record(session, _NOT_STARTED)
            raise
        running = msgspec.structs.replace(
            session,
            started=True,
            running=True,
            pid=process.pid,
            supervisor_pid=process.supervisor_pid,
            supervisor_started=process.supervisor_started,
        )
        self._put(running)
        self._watch(container, running)
        self._parts.metadata.execs.put(running)
        if (ready := self._ready.get(session.id)) is not None:
            ready.set()
        return streams

    def _watch(self, container: Container, session: Exec) -> None:
        self._ended[session.id] = asyncio.Event()
        self._supervisor.start(self._follow(container, session), name=f"exec {session.id[:12]}")

    async def _follow(self, container: Container, session: Exec) -> None:
        runtime = self._parts.runtime
        status = await runtime.wait_exec(container, session.id, _process(session))
        code = _OF_KILLED_CHECKS if session.id in self._given_up else status.exit_code
        ended = self._record(session, code)
        self._ended.pop(session.id).set()
        current = self._register.current(container.id)
        self._register.publish(
            current or container, "exec_die", execID=session.id, exitCode=str(code)
        )
        if session.id in self._passing or ended is None or current is None:
            self._parts.metadata.execs.delete(session.id)
            self._forget_check(session.id)
        else:
            self._parts.metadata.execs.put(ended)
        await runtime.forget_exec(container, session.id)

    def _record(self, session: Exec, exit_code: int) -> Exec | None:
        current = self._sessions.get(session.id)
        if current is None:
            return None
        ended = msgspec.structs.replace(current, started=True, running=False, exit_code=exit_code)
        self._put(ended)
        return ended

    def _has_ended(self, exec_id: str) -> bool:
        session = self._sessions.get(exec_id)
        return session is None or self._parts.runtime.has_ended(session.pid)

    async def _wait_ended(self, exec_id: str) -> None:
        if (ended := self._ended.get(exec_id)) is not None:
            await ended.wait()

    def _get(self, exec_id: str) -> Exec:
        session = self._sessions.get(exec_id)
        if session is None:
            raise NoSuchExec(exec_id)
        return session

    def _container(self, session: Exec) -> Container:
        container = self._register.current(session.container_id)
        if container is None:
            raise NoSuchContainer(session.container_id)
        return container

    def _put(self, session: Exec) -> None:
        self._sessions[session.id] = session

    def _keep(self, session: Exec) -> None:
        kept = self._by_container.setdefault(session.container_id, OrderedDict())
        self._put(session)
        kept[session.id] = None
        if len(kept) > KEPT:
            idle = [each for each in kept if not self._sessions[each].running]
            for exec_id in idle[: max(len(idle) - KEPT, 0)]:
                if self._sessions[exec_id].started:
                    self._parts.metadata.execs.delete(exec_id)
                self._drop(exec_id)

    def _drop(self, exec_id: str) -> None:
        session = self._sessions.pop(exec_id, None)
        if session is None:
            return
        kept = self._by_container.get(session.container_id)
        if kept is not None:
            kept.pop(exec_id, None)
            if not kept:
                del self._by_container[session.container_id]


def _process(session: Exec) -> SupervisedProcess:
    return SupervisedProcess(session.pid, session.supervisor_pid, session.supervisor_started)


def _command(session: Exec) -> str:
    # Docker joins program and arguments by a space, also when there are none of these
    return f"{session.cmd[0]} {' '.join(session.cmd[1:])}"


def _spec(session: Exec) -> ExecSpec:
    return ExecSpec(
        id=session.id,
        cmd=session.cmd,
        env=session.env,
        user=session.user,
        working_dir=session.working_dir,
        tty=session.tty,
        stdin=session.attach_stdin,
        privileged=session.privileged,
        console_size=session.console_size,
    )
