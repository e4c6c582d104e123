"""Lives: a process is started, watched, and its end recorded, with whatever follows from it."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Protocol

import msgspec

from boxship.concurrency import Supervisor
from boxship.engine.containers.contract import Parts
from boxship.engine.containers.health import unwatched
from boxship.engine.containers.register import Register
from boxship.engine.containers.removal import Removal, all_of
from boxship.engine.containers.restart import plan_restart
from boxship.engine.containers.start import Starter
from boxship.errors import BoxshipError, NotFound
from boxship.model.container import Container, ContainerState, Status
from boxship.runtime.contract import ExitStatus
from boxship.services.containers import WaitResult

log = logging.getLogger(__name__)


class Follower(Protocol):
    """Something that lives and ends with a container's process."""

    def begin(self, container: Container) -> None:
        """The process runs."""
        ...

    def pause(self, container: Container) -> None:
        """The process is frozen; `begin` is called when it goes on."""
        ...

    def end(self, container: Container) -> None:
        """The process ended."""
        ...


class Lives:
    """Starts processes and follows each to its end."""

    def __init__(
        self,
        parts: Parts,
        register: Register,
        starter: Starter,
        removal: Removal,
        *,
        followers: Sequence[Follower],
    ) -> None:
        self._parts = parts
        self._register = register
        self._starter = starter
        self._removal = removal
        self._supervisor = Supervisor("containers")
        self._followers = followers

    def __repr__(self) -> str:
        return f"Lives({self._supervisor})"

    async def close(self) -> None:
        """Stop watching; what runs keeps running."""
        await self._supervisor.close()

    async def run(self, container: Container) -> Container:
        """Start it and watch it; the caller holds its lock."""
        self._register.live(container.id).begin_life()
        try:
            started = await self._starter.start(container)
        except BoxshipError:
            if container.host_config.auto_remove:
                current = self._register.current(container.id) or container
                await self._removal.remove(current, volumes=True)
            raise
        self.watch(started)
        return started

    def watch(self, container: Container) -> None:
        """Follow a running process, one just started or one found again."""
        live = self._register.live(container.id)
        live.watcher = self._supervisor.start(
            self._watch(container), name=f"watch {container.name}"
        )
        self._parts.runtime.watch_memory(container, lambda: self._note_memory(container))
        if container.state.status is Status.PAUSED:
            return
        self.resumed(container)

    def paused(self, container: Container) -> None:
        """Its process was frozen."""
        for follower in self._followers:
            follower.pause(container)

    def resumed(self, container: Container) -> None:
        """Its process goes, or goes on."""
        for follower in self._followers:
            follower.begin(container)

    def _note_memory(self, container: Container) -> None:
        self._supervisor.start(self._out_of_memory(container), name=f"memory of {container.name}")

    async def _out_of_memory(self, container: Container) -> None:
        with contextlib.suppress(NotFound):
            async with self._register.editing(container.id) as current:
                state = current.state
                if current.running and state.pid == container.state.pid and not state.oom_killed:
                    state = msgspec.structs.replace(state, oom_killed=True)
                    self._register.save(msgspec.structs.replace(current, state=state))
                    self._register.publish(current, "oom")

    async def _watch(self, container: Container) -> None:
        status = await self._parts.runtime.wait(container)
        pause_s = 1.0
        while True:
            try:
                async with self._register.editing(container.id) as current:
                    # another life may have begun meanwhile, after a forced clean-up
                    if current.running and current.state.pid == container.state.pid:
                        await self.ended(current, status)
                return
            except NotFound:
                return
            except BoxshipError:
                # a full disk, most likely: nobody may think for ever that it runs
                log.exception("cannot record the end of %s, trying again", container.name)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 30)

    async def ended(self, container: Container, status: ExitStatus) -> None:
        """Record an end, take down what served the process, restart or remove; under its lock."""
        live = self._register.live(container.id)
        state = ended_state(container.state, status, signalled=live.signalled)
        final = live.kept_by_user or live.last_life
        delay = None if final else plan_restart(container, state)
        removes = container.host_config.auto_remove and delay is None and not live.kept_by_user
        if delay is not None:
            waits = {"status": Status.RESTARTING, "restart_delay_s": delay}
            state = msgspec.structs.replace(state, **waits)
        before = container
        container = msgspec.structs.replace(
            before,
            state=state,
            restart_count=container.restart_count + (delay is not None),
        )
        failure = None
        if not removes:
            # first of all: what follows drops the supervisor's own record of the exit
            try:
                self._register.save(container)
            except BoxshipError as error:
                failure = error
        await self._take_down(before)
        if failure is not None:
            raise failure
        self._tell(container, oom=state.oom_killed and not before.state.oom_killed)
        live.exited(WaitResult(state.exit_code, state.error))
        if removes:
            await self._removal.remove(container, volumes=True)
        elif delay is not None:
            self.restart_later(container, delay)

    def restart_later(self, container: Container, delay_s: float) -> None:
        """Start it again after a pause, unless somebody decides otherwise."""
        self._register.live(container.id).restarter = self._supervisor.start(
            self._restart(container.id, delay_s), name=f"restart {container.name}"
        )

    async def _take_down(self, container: Container) -> None:
        """Free what served the process."""
        for follower in self._followers:
            follower.end(container)
        what = f"container {container.name} ended"
        await all_of(
            what,
            self._parts.sandboxes.detach(container),
            self._parts.runtime.delete(container),
            self._parts.logs.finish(container.id),
        )
        await all_of(what, self._starter.release_volumes(container))

    def _tell(self, container: Container, *, oom: bool) -> None:
        state = container.state
        if oom:
            self._register.publish(container, "oom")
        for _ in range(self._register.live(container.id).take_stops()):
            self._register.publish(container, "stop")  # before "die", as Docker does
        seconds = max(state.finished_at - state.started_at, 0) // 10**9
        self._register.publish(
            container, "die", exitCode=str(state.exit_code), execDuration=str(seconds)
        )

    async def _restart(self, container_id: str, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        try:
            async with self._register.editing(container_id) as container:
                if container.state.status is not Status.RESTARTING:
                    return
                live = self._register.live(container_id)
                live.restarter = None  # this very task: it must not cancel itself
                await self.run(container)
        except NotFound:
            return
        except BoxshipError as error:
            log.warning("cannot restart container %s: %s", container_id, error)


def ended_state(
    state: ContainerState, status: ExitStatus, *, signalled: bool = False
) -> ContainerState:
    """The state after an end."""
    return msgspec.structs.replace(
        state,
        status=Status.EXITED,
        pid=0,
        supervisor_pid=0,
        supervisor_started=0,
        exit_code=status.exit_code,
        oom_killed=status.oom_killed or state.oom_killed,
        # the times of files lag behind the clock by up to a tick
        finished_at=max(status.finished_at, state.started_at),
        health=unwatched(state.health),
        stopped_by_user=state.stopped_by_user or signalled,
    )
