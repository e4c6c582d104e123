"""The life of containers: implements services.containers.Containers."""

import asyncio
import builtins
import signal as signals
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from boxship.concurrency import in_thread
from boxship.engine.containers import live as lives
from boxship.engine.containers.contract import Parts
from boxship.engine.containers.create.creator import Creator
from boxship.engine.containers.exits import Lives
from boxship.engine.containers.health import FailureAction, unwatched
from boxship.engine.containers.listing import plan_list, plan_prune
from boxship.engine.containers.register import Register
from boxship.engine.containers.removal import Removal, check_removable
from boxship.engine.containers.update import changed_host_config
from boxship.engine.containers.view import Viewer
from boxship.errors import BoxshipError, Conflict, Internal, InvalidArgument, NotFound, NotModified
from boxship.model.container import (
    Action,
    Container,
    ContainerNameTaken,
    ContainerNotRunning,
    HostConfig,
    NoSuchContainer,
    RestartPolicy,
    Status,
    parse_name,
    require,
)
from boxship.model.filters import Filters
from boxship.model.signals import is_signal, parse_signal, stop_number, stop_signal
from boxship.services.containers import (
    ContainerDetail,
    ContainerListing,
    ContainerRequest,
    CreatedContainer,
    PruneResult,
    Wait,
    WaitResult,
)
from boxship.store.gc import container_key

_AFTER_KILL_S = 10.0
_AFTER_NO_SIGNAL_S = 2
_TRIES = 3


class EngineContainers:
    """Implements services.containers.Containers."""

    def __init__(
        self,
        parts: Parts,
        register: Register,
        creator: Creator,
        lives: Lives,
        removal: Removal,
        viewer: Viewer,
    ) -> None:
        self._parts = parts
        self._register = register
        self._creator = creator
        self._lives = lives
        self._removal = removal
        self._viewer = viewer

    def __repr__(self) -> str:
        return f"EngineContainers({self._register})"

    async def create(self, request: ContainerRequest) -> CreatedContainer:
        """See services.containers."""
        return await self._creator.create(request)

    async def start(self, name: str, *, detach_keys: str = "") -> None:  # noqa: ARG002
        """See services.containers. The keys are those of an attachment that came before."""
        async with self._register.editing(name) as container:
            require(container, Action.START)
            if container.state.status is Status.RESTARTING:
                raise NotModified(f"container {container.id} is already running")
            await self._lives.run(container)

    async def stop(self, name: str, *, signal: str = "", timeout_s: int | None = None) -> None:
        """See services.containers."""
        container = self._register.get(name)
        number = _stop_signal_to_send(name, signal)
        require(container, Action.STOP)
        await self._stop(container.id, number, timeout_s)

    async def restart(self, name: str, *, signal: str = "", timeout_s: int | None = None) -> None:
        """See services.containers."""
        container = self._register.get(name)
        try:
            await self._restart(container, signal, timeout_s)
        except BoxshipError as error:
            raise Internal(f"Cannot restart container {name}: {error}") from error

    async def _restart(self, container: Container, signal: str, timeout_s: int | None) -> None:
        number = stop_number(signal) if signal else None
        live = self._register.live(container.id)
        live.kept_by_user = True
        try:
            if container.running or container.state.status is Status.RESTARTING:
                await self._stop(container.id, number, timeout_s)
            async with self._register.editing(container.id) as current:
                live.kept_by_user = False
                if not current.running:
                    await self._lives.run(current)
                self._register.publish(current, "restart")
        finally:
            live.kept_by_user = False

    async def _stop(self, container_id: str, number: int | None, timeout_s: int | None) -> None:
        """Ask, wait, then kill. The lock is not held while the process takes its time."""
        async with self._register.editing(container_id) as container:
            live = self._register.live(container_id)
            if container.state.status is Status.RESTARTING:
                self._end_restarting(container)
            if not container.running:
                self._register.publish(container, "stop")
                return
            live.begin_stop()
            ended = live.begin_wait(lives.NEXT_EXIT)
            number = number or stop_signal(container.config.stop_signal)
            if is_signal(number):
                self._note_signal(container, number)
                await self._signal(container, number)
        if not is_signal(number):
            timeout_s = _AFTER_NO_SIGNAL_S  # as in Docker: nothing was asked, so it is killed soon
        elif timeout_s is None:
            configured = container.config.stop_timeout
            timeout_s = (
                self._parts.settings.shutdown_timeout_s if configured is None else configured
            )
        if await _within(ended, None if timeout_s < 0 else timeout_s):
            return
        await self._kill(container_id)

    def _note_signal(self, container: Container, number: int) -> None:
        """Remember the user's wish: durably where a policy will ask for it after a crash."""
        live = self._register.live(container.id)
        live.signalled = True
        live.last_life = live.last_life or _ends(container, number)
        policy = container.host_config.restart_policy.name
        if policy not in ("", "no") and not container.state.stopped_by_user:
            state = msgspec.structs.replace(container.state, stopped_by_user=True)
            self._register.save(msgspec.structs.replace(container, state=state))

    def _end_restarting(self, container: Container) -> None:
        live = self._register.live(container.id)
        live.cancel_restart()
        state = msgspec.structs.replace(container.state, status=Status.EXITED, stopped_by_user=True)
        self._register.save(msgspec.structs.replace(container, state=state))
        live.exited(WaitResult(state.exit_code, state.error))

    async def _kill(self, container_id: str) -> None:
        """SIGKILL until it is over; the lock is not held while waiting."""
        for _ in range(_TRIES):
            try:
                async with self._register.editing(container_id) as container:
                    if container.state.status is Status.RESTARTING:
                        self._end_restarting(container)
                    if not container.running:
                        return
                    ended = self._register.live(container_id).begin_wait(lives.NEXT_EXIT)
                    self._note_signal(container, signals.SIGKILL)
                    await self._signal(container, signals.SIGKILL)
            except NotFound:
                return  # it removed itself
            if await _within(ended, _AFTER_KILL_S):
                return
        self._register.live(container_id).take_stops()
        raise Internal(
            f"cannot kill container: {container_id}: tried to kill container, "
            "but did not receive an exit event"
        )

    async def kill(self, name: str, signal: str = "SIGKILL") -> None:
        """See services.containers."""
        number = _signal_to_send(name, signal)
        async with self._to_be_killed(name) as container:
            if container.state.status is Status.RESTARTING:
                # nothing is there to be signalled: the wish is that nothing comes
                if _ends(container, number):
                    self._end_restarting(container)
                return
            ended = self._register.live(container.id).begin_wait(lives.NEXT_EXIT)
            if not (container.running and await self._signal(container, number)):
                raise Conflict(
                    f"cannot kill container: {name}: container {container.id} is not running"
                )
            self._note_signal(self._register.current(container.id) or container, number)
        if number == signals.SIGKILL:
            await _within(ended, _AFTER_KILL_S)

    @asynccontextmanager
    async def _to_be_killed(self, name: str) -> AsyncIterator[Container]:
        try:
            found = self._register.get(name)
        except NotFound as error:
            raise NotFound(f"cannot kill container: {name}: {error}") from error
        async with self._register.editing(found.id) as container:
            yield container

    async def _signal(self, container: Container, number: int) -> bool:
        """Send it, and let a frozen process feel it; False when it ended by itself a moment ago."""
        try:
            await self._parts.runtime.kill(container, number)
        except ContainerNotRunning:
            return False  # its watcher waits for our lock
        self._register.publish(container, "kill", signal=str(int(number)))
        if number == signals.SIGKILL:
            if container.state.status is Status.PAUSED:
                await self._parts.runtime.resume(container)  # to die is no life: not told
        elif _ends(container, number):
            await self._thaw(container)
        return True

    async def _thaw(self, container: Container) -> None:
        current = self._register.current(container.id)
        if current is None or current.state.status is not Status.PAUSED:
            return
        await self._parts.runtime.resume(current)
        current = self._register.save(_with_status(current, Status.RUNNING))
        self._lives.resumed(current)
        self._register.publish(current, "unpause")

    async def act_on_failed_health(self, container: Container, action: FailureAction) -> None:
        """What `--health-on-failure` asks for."""
        match action:
            case "restart":
                await self.restart(container.id)
            case "stop":
                await self.stop(container.id)
            case "kill":
                # as if it had died by itself: its restart policy decides what comes next
                await self._parts.runtime.kill(container, signals.SIGKILL)
            case _:
                pass

    async def pause(self, name: str) -> None:
        """See services.containers."""
        async with self._register.editing(name) as container:
            require(container, Action.PAUSE)
            self._lives.paused(container)
            await self._parts.runtime.pause(container)
            self._register.save(_with_status(container, Status.PAUSED))
            self._register.publish(container, "pause")

    async def unpause(self, name: str) -> None:
        """See services.containers."""
        async with self._register.editing(name) as container:
            require(container, Action.UNPAUSE)
            await self._thaw(container)

    async def rename(self, name: str, new_name: str) -> None:
        """See services.containers."""
        async with self._register.editing(name) as container:
            try:
                new = parse_name(new_name)
            except InvalidArgument as error:
                raise InvalidArgument(
                    f"Error when allocating new name: Invalid container name (/{new_name.removeprefix('/')}), "
                    "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
                ) from error
            old = container.name
            if new == old:
                raise InvalidArgument("Renaming a container with the same name as its current name")
            renamed = msgspec.structs.replace(container, name=new)
            try:
                self._register.save(renamed)
            except ContainerNameTaken as error:
                raise Conflict(f"Error when allocating new name: {error}") from error
            if container.running:
                try:
                    await self._parts.sandboxes.rename(renamed, old)
                except BaseException:
                    self._register.save(container)
                    raise
            self._register.publish(renamed, "rename", oldName=f"/{old}")

    async def update(
        self, name: str, resources: HostConfig, restart_policy: RestartPolicy | None
    ) -> Sequence[str]:
        """See services.containers."""
        async with self._register.editing(name) as container:
            host_config, warnings = changed_host_config(
                container, resources, restart_policy, self._parts.settings.capabilities
            )
            changed = msgspec.structs.replace(container, host_config=host_config)
            if container.running and host_config != container.host_config:
                await self._parts.runtime.update(changed, host_config)
            self._register.save(changed)
            self._register.publish(changed, "update")
            return warnings

    async def wait(self, name: str, condition: str = "not-running") -> Wait:
        """See services.containers."""
        container = self._register.get(name)
        stopped = not (container.running or container.state.status is Status.RESTARTING)
        if condition == lives.NOT_RUNNING and stopped:
            return lives.finished(WaitResult(container.state.exit_code, container.state.error))
        return self._register.live(container.id).begin_wait(condition)

    async def remove(
        self, name: str, *, force: bool = False, volumes: bool = False, link: bool = False
    ) -> None:
        """See services.containers."""
        if link:
            await self._remove_link(name)
            return
        container_id = self._register.get(name).id
        while True:
            async with self._register.editing(container_id) as container:
                check_removable(container, name.removeprefix("/"), force=force)
                if container.state.status is Status.RESTARTING:
                    self._end_restarting(container)
                    continue
                if not container.running:
                    await self._removal.remove(container, volumes=volumes)
                    return
                live = self._register.live(container_id)
                live.kept_by_user = True  # we remove it, not its end
            try:
                await self._kill(container_id)
            except BaseException:
                live.kept_by_user = False
                raise

    async def _remove_link(self, name: str) -> None:
        parent, _, alias = name.strip("/").rpartition("/")
        if not parent:
            raise Internal("Conflict, cannot remove the default link name of the container")
        try:
            found = self._register.get(parent)
        except NotFound:
            raise NoSuchContainer(name) from None
        async with self._register.editing(found.id) as container:
            links = container.host_config.links or ()
            kept = tuple(each for each in links if each.rpartition(":")[2].lstrip("/") != alias)
            if len(kept) == len(links):
                raise NoSuchContainer(name)
            host_config = msgspec.structs.replace(container.host_config, links=kept or None)
            self._register.save(msgspec.structs.replace(container, host_config=host_config))

    async def inspect(self, name: str, *, size: bool = False) -> ContainerDetail:
        """See services.containers."""
        return await self._viewer.detail(self._register.get(name), size=size)

    async def list(self, listing: ContainerListing) -> Sequence[ContainerDetail]:
        """See services.containers."""
        everyone = self._register.list()
        chosen = plan_list(
            everyone,
            listing,
            sandboxes=await self._viewer.sandboxes(everyone, listing.filters),
            ancestors=await self._viewer.ancestors(listing.filters.get("ancestor")),
        )
        link_names = self._register.link_names(everyone)
        return await self._viewer.rows(chosen, link_names, size=listing.size)

    async def prune(self, filters: Filters) -> PruneResult:
        """See services.containers."""
        removed: builtins.list[str] = []
        reclaimed = 0
        for container in plan_prune(self._register.list(), filters, self._parts.clock()):
            size = await in_thread(self._parts.snapshots.size, container_key(container.id))
            try:
                await self.remove(container.id)
            except (Conflict, NotFound):
                continue  # started or gone since we looked
            removed.append(container.id)
            reclaimed += size
        self._parts.events.publish("container", "prune", "", {"reclaimed": str(reclaimed)})
        return PruneResult(tuple(removed), reclaimed)


def _stop_signal_to_send(name: str, text: str) -> int | None:
    try:
        return stop_number(text) if text else None
    except InvalidArgument as error:
        raise Internal(f"cannot stop container: {name}: {error}") from error  # 500, as Docker


def _signal_to_send(name: str, text: str) -> int:
    try:
        return parse_signal(text)
    except InvalidArgument as error:
        reason = str(error)
        if text != "0" and text.removeprefix("-").isdigit():
            reason = f"the linux daemon does not support signal {text}"
        raise InvalidArgument(f"cannot kill container: {name}: {reason}") from error


async def _within(wait: Wait, timeout_s: float | None) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await wait.result()
    except TimeoutError:
        return False
    return True


def _ends(container: Container, number: int) -> bool:
    """True for a signal that Docker takes for the wish to end the container.

    Any, unless its creator said which one stops it: policies then leave it alone.
    """
    configured = container.config.stop_signal
    return number == signals.SIGKILL or not configured or number == stop_signal(configured)


def _with_status(container: Container, status: Status) -> Container:
    health = container.state.health
    if status is Status.PAUSED:
        health = unwatched(health)
    state = msgspec.structs.replace(container.state, status=status, health=health)
    return msgspec.structs.replace(container, state=state)
