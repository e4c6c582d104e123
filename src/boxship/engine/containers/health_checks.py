"""Health checks at work: a command run in the container on an interval, its results, and what they cause."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from boxship.concurrency import Supervisor
from boxship.engine.containers.contract import Parts
from boxship.engine.containers.execs import EngineExecs
from boxship.engine.containers.health import (
    SECOND,
    TIMEOUT_NS,
    UNFINISHED,
    FailureAction,
    after_result,
    duration,
    failure_action,
    pause_before_next,
    probe_command,
)
from boxship.engine.containers.register import Register
from boxship.errors import BoxshipError, NotFound
from boxship.model.config import Healthcheck
from boxship.model.container import Container, HealthResult
from boxship.services.execs import ExecRequest

log = logging.getLogger(__name__)

OUTPUT_LIMIT = 4096


class HealthChecks:
    """Runs the checks of all running containers; a Follower of lives.

    `act` does what a container asks for when it turns unhealthy; set once the services exist.
    """

    def __init__(self, parts: Parts, register: Register, execs: EngineExecs) -> None:
        self._parts = parts
        self._register = register
        self._execs = execs
        self._supervisor = Supervisor("health")
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.act: Callable[[Container, FailureAction], Awaitable[None]] = _nothing

    def __repr__(self) -> str:
        return f"HealthChecks({len(self._tasks)} containers)"

    async def close(self) -> None:
        """Stop checking."""
        await self._supervisor.close()

    def begin(self, container: Container) -> None:
        """The container runs: check it from now on."""
        self.end(container)
        command = probe_command(container.config)
        if command:
            self._tasks[container.id] = self._supervisor.start(
                self._check(container, command), name=f"health {container.name}"
            )

    def pause(self, container: Container) -> None:
        """The container is frozen: a check under way is given up."""
        self.end(container)

    def end(self, container: Container) -> None:
        """The container ended: check it no more."""
        task = self._tasks.pop(container.id, None)
        if task is not None:
            task.cancel()

    async def _check(self, container: Container, command: tuple[str, ...]) -> None:
        check = container.config.healthcheck or Healthcheck()
        while True:
            current = self._register.current(container.id)
            if current is None or current.state.health is None:
                return
            since_start_ns = self._parts.clock() - current.state.started_at
            await asyncio.sleep(
                pause_before_next(current.state.health, check, since_start_ns=since_start_ns)
            )
            current = self._register.current(container.id)
            if current is None or not current.running:
                return
            result = await self._probe(current, command, check)
            await self._record(container, check, result)

    async def _probe(
        self, container: Container, command: tuple[str, ...], check: Healthcheck
    ) -> HealthResult:
        start = self._parts.clock()
        output = bytearray()
        timeout_s = (check.timeout or TIMEOUT_NS) / SECOND
        request = ExecRequest(cmd=command, attach_stdout=True, attach_stderr=True)

        def take(data: bytes) -> None:
            output.extend(data[: OUTPUT_LIMIT + 1 - len(output)])

        try:
            exit_code = await self._execs.check(container, request, take, timeout_s)
            text = _shown(output)
        except TimeoutError:
            exit_code = UNFINISHED
            text = f"Health check exceeded timeout ({duration(timeout_s)})"
            if output:
                text += f": {_shown(output)}"
        except BoxshipError as error:
            exit_code, text = UNFINISHED, str(error)
        return HealthResult(start=start, end=self._parts.clock(), exit_code=exit_code, output=text)

    async def _record(self, container: Container, check: Healthcheck, result: HealthResult) -> None:
        try:
            async with self._register.editing(container.id) as current:
                state = current.state
                if state.pid != container.state.pid or state.health is None:
                    return  # another life has begun
                health = after_result(state.health, check, result, started_at=state.started_at)
                changed = health.status != state.health.status
                state = msgspec.structs.replace(state, health=health)
                self._register.save(msgspec.structs.replace(current, state=state))
                if changed:
                    self._register.publish(current, f"health_status: {health.status}")
        except NotFound:
            return
        if changed and health.status == "unhealthy":
            action = failure_action(current.config, current.host_config)
            self._supervisor.start(self._act(current, action), name=f"unhealthy {current.name}")

    async def _act(self, container: Container, action: FailureAction) -> None:
        """In a task of its own: ending the container cancels the one that checked it."""
        if action == "none":
            return
        log.info("container %s is unhealthy: %s", container.name, action)
        try:
            await self.act(container, action)
        except BoxshipError as error:
            log.warning("cannot %s unhealthy container %s: %s", action, container.name, error)


async def _nothing(container: Container, action: FailureAction) -> None:
    del container, action


def _shown(output: bytearray) -> str:
    text = output[:OUTPUT_LIMIT].decode(errors="replace")
    return f"{text}..." if len(output) > OUTPUT_LIMIT else text
