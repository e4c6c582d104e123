"""After a start of the engine: what the database says meets what the machine says, and is put right.

Whatever instant the last engine died at: what runs is watched again, what ended is recorded, what was
half made is removed, what a policy wants is started.
"""

import logging
from contextlib import suppress

import msgspec

from boxship.concurrency import in_thread
from boxship.engine.containers.contract import Parts
from boxship.engine.containers.execs import EngineExecs
from boxship.engine.containers.exits import Lives
from boxship.engine.containers.register import Register
from boxship.engine.containers.removal import Removal, all_of, remove_directory
from boxship.engine.containers.restart import remaining_delay_s, starts_with_engine
from boxship.errors import BoxshipError, NotFound
from boxship.model.container import Container, Status

log = logging.getLogger(__name__)


class Restorer:
    """Repairs and resumes; runs once, before the engine serves anybody."""

    def __init__(
        self,
        parts: Parts,
        register: Register,
        lives: Lives,
        removal: Removal,
        execs: EngineExecs,
    ) -> None:
        self._parts = parts
        self._register = register
        self._lives = lives
        self._removal = removal
        self._execs = execs

    async def restore(self) -> None:
        """All containers, then the exec sessions, then those that a policy starts."""
        await self._remove_strays()
        containers = self._register.list()
        running = [container for container in containers if container.running]
        await self._parts.sandboxes.restore(running)
        await self._parts.logs.resume(running)
        for container in running:
            await self._reactivate_volumes(container)
            await self._agree_on_freezing(container)
            self._lives.watch(container)
        await self._execs.restore()
        for container in containers:
            if not container.running:
                await self._parts.logs.resume_ended(container)
                await self._settle(container)

    async def _remove_strays(self) -> None:
        """Directories whose row was never written or is gone."""
        root = self._parts.settings.root
        root.mkdir(mode=0o710, parents=True, exist_ok=True)
        known = {container.id for container in self._register.list()}
        for directory in root.iterdir():
            if directory.name not in known:
                log.info("removing what is left of container %s", directory.name[:12])
                # a creation that was cut short may have been filling volumes from it
                await self._parts.runtime.unmount_rootfs(str(directory))
                await in_thread(remove_directory, directory)
        await self._parts.volumes.remove_abandoned(known)

    async def _reactivate_volumes(self, container: Container) -> None:
        for point in container.mounts:
            if point.type == "volume":
                try:
                    await self._parts.volumes.resume(point.name, container.id)
                except BoxshipError as error:
                    log.warning("volume %s of %s: %s", point.name, container.name, error)

    async def _agree_on_freezing(self, container: Container) -> None:
        """A pause, an unpause or a commit may have been cut short between the kernel and the row."""
        runtime = self._parts.runtime
        if runtime.has_ended(container.state.pid):
            return
        paused = container.state.status is Status.PAUSED
        try:
            await (runtime.pause if paused else runtime.resume)(container)
        except BoxshipError as error:
            log.warning("freezer of %s: %s", container.name, error)

    async def _settle(self, container: Container) -> None:
        """A container that does not run: clean up after a start or stop that was cut short."""
        await all_of(
            f"container {container.name} is put right", self._parts.runtime.delete(container)
        )
        state = container.state
        if state.status in (Status.REMOVING, Status.DEAD) or container.host_config.auto_remove:
            # one that was never started as well: its client has gone, as dockerd sees it
            await self._removal.remove(container, volumes=True)
        elif state.status is Status.RESTARTING and starts_with_engine(container):
            pause_s = remaining_delay_s(state, self._parts.clock())
            self._lives.restart_later(container, pause_s)
        elif starts_with_engine(container):
            await self._start(container)
        elif state.status is Status.RESTARTING:
            state = msgspec.structs.replace(state, status=Status.EXITED)
            self._register.save(msgspec.structs.replace(container, state=state))

    async def _start(self, container: Container) -> None:
        with suppress(NotFound):
            async with self._register.editing(container.id) as current:
                try:
                    await self._lives.run(current)
                except BoxshipError as error:
                    log.warning("cannot start container %s: %s", container.name, error)
