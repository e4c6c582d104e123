"""Health checks: a command run in the container on an interval, and what its results mean."""

import asyncio
import logging
from typing import Final

import msgspec

from boxship.concurrency import Supervisor
from boxship.engine.containers.contract import Parts
from boxship.engine.containers.execs import EngineExecs
from boxship.engine.containers.register import Register
from boxship.errors import BoxshipError, NotFound
from boxship.model.config import Healthcheck, RunConfig
from boxship.model.container import Container, Health, HealthResult, Status
from boxship.services.execs import ExecRequest

log = logging.getLogger(__name__)

_SECOND: Final = 10**9
INTERVAL_NS: Final = 30 * _SECOND
TIMEOUT_NS: Final = 30 * _SECOND
START_INTERVAL_NS: Final = 5 * _SECOND
RETRIES: Final = 3
KEPT: Final = 5
OUTPUT_LIMIT: Final = 4096
_RESERVED: Final = -1  # Docker's exit code for a check that never came to an end


def probe_command(config: RunConfig) -> tuple[str, ...]:
    """What a check runs; () when the container has none."""
    check = config.healthcheck
    if check is None or not check.test:
        return ()
    kind, *words = check.test
    if kind == "CMD":
        return tuple(words)
    if kind == "CMD-SHELL":
        return (*(config.shell or ("/bin/sh", "-c")), *words)
    return ()


def after_result(
    health: Health, check: Healthcheck, result: HealthResult, *, started_at: int
) -> Health:
    """The health after one more result: failures in the start period do not count."""
    results = (*health.log, result)[-KEPT:]
    if result.exit_code == 0:
        return Health(status="healthy", failing_streak=0, log=results)
    in_start_period = health.status == "starting" and result.start - started_at < check.start_period
    if in_start_period:
        return Health(status="starting", failing_streak=health.failing_streak, log=results)
    streak = health.failing_streak + 1
    status = "unhealthy" if streak >= (check.retries or RETRIES) else health.status
    return Health(status=status, failing_streak=streak, log=results)


def pause_before_next(health: Health, check: Healthcheck, *, since_start_ns: int) -> float:
    """Seconds until the next run."""
    if health.status == "starting" and since_start_ns < check.start_period:
        return (check.start_interval or START_INTERVAL_NS) / _SECOND
    return (check.interval or INTERVAL_NS) / _SECOND


class HealthChecks:
    """Runs the checks of all running containers; a Follower of lives."""

    def __init__(self, parts: Parts, register: Register, execs: EngineExecs) -> None:
        self._parts = parts
        self._register = register
        self._execs = execs
        self._supervisor = Supervisor("health")
        self._tasks: dict[str, asyncio.Task[None]] = {}

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
            if current.state.status is Status.PAUSED:
                continue
            result = await self._probe(current, command, check)
            await self._record(container, check, result)

    async def _probe(
        self, container: Container, command: tuple[str, ...], check: Healthcheck
    ) -> HealthResult:
        start = self._parts.clock()
        output = bytearray()
        timeout_s = (check.timeout or TIMEOUT_NS) / _SECOND

        def take(data: bytes) -> None:
            output.extend(data[: OUTPUT_LIMIT + 1 - len(output)])

        try:
            async with asyncio.timeout(timeout_s):
                exit_code = await self._execs.run(
                    container,
                    ExecRequest(cmd=command, attach_stdout=True, attach_stderr=True),
                    take,
                )
            text = output[:OUTPUT_LIMIT].decode(errors="replace")
            if len(output) > OUTPUT_LIMIT:
                text += "..."
        except TimeoutError:
            exit_code = _RESERVED
            text = f"Health check exceeded timeout ({_duration(timeout_s)})"
            if output:
                text += f": {output[:OUTPUT_LIMIT].decode(errors='replace')}"
        except BoxshipError as error:
            exit_code, text = _RESERVED, str(error)
        return HealthResult(start=start, end=self._parts.clock(), exit_code=exit_code, output=text)

    async def _record(self, container: Container, check: Healthcheck, result: HealthResult) -> None:
        try:
            async with self._register.editing(container.id) as current:
                state = current.state
                if state.pid != container.state.pid or state.health is None:
                    return  # another life has begun
                health = after_result(state.health, check, result, started_at=state.started_at)
                state = msgspec.structs.replace(state, health=health)
                self._register.save(msgspec.structs.replace(current, state=state))
                before = current.state.health
                if before is not None and health.status != before.status:
                    self._register.publish(current, f"health_status: {health.status}")
        except NotFound:
            return


def _duration(seconds: float) -> str:
    """As Go shows a duration: `500ms`, `1s`, `1m30s`."""
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:g}s"
