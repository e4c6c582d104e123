"""Volumes as users know them: names, drivers, who uses them, what is told about them."""

import contextlib
import logging
import secrets
import time
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from boxship.concurrency import KeyedLocks, in_thread
from boxship.engine.events import EventBus
from boxship.engine.volumes.contract import DriverVolume, VolumeDriver
from boxship.engine.volumes.local import LOCAL, LocalDriver
from boxship.engine.volumes.plugins import PluginDrivers
from boxship.engine.volumes.sizes import size_of
from boxship.errors import (
    BoxshipError,
    Conflict,
    Internal,
    InvalidArgument,
    NotFound,
    Unavailable,
    Unsupported,
)
from boxship.model.filters import FALSE, TRUE, Filters
from boxship.model.volume import NoSuchVolume, Volume, VolumeInUse
from boxship.services.containers import PruneResult
from boxship.services.volumes import VolumeDetail, VolumeRequest
from boxship.store.metadata import Metadata

log = logging.getLogger(__name__)

_LIST_FILTERS: Final = ("dangling", "driver", "label", "name")
_PRUNE_FILTERS: Final = ("label", "label!", "all")
_ANONYMOUS_LABEL: Final = "com.docker.volume.anonymous"

Users = dict[str, list[str]]


class EngineVolumes:
    """Implements services.volumes.Volumes.

    `activate` and `deactivate` tell a volume's driver which containers run with it, `resume` which ones
    did before the engine was restarted.
    """

    def __init__(
        self, local: LocalDriver, plugins: PluginDrivers, metadata: Metadata, events: EventBus
    ) -> None:
        self._local = local
        self._plugins = plugins
        self._metadata = metadata
        self._events = events
        self._locks = KeyedLocks()
        self._active: dict[str, dict[str, str]] = {}
        self._reserved: dict[str, set[str]] = {}

    def __repr__(self) -> str:
        return f"EngineVolumes({self._local}, {self._plugins})"

    @property
    def drivers(self) -> tuple[str, ...]:
        """The names of the drivers in use."""
        used = set(self._plugins.used)
        used.update(volume.driver for volume in self._metadata.volumes.list())
        return tuple(sorted(used | {LOCAL}))

    def recover(self) -> None:
        """Put the folders right after a crash. Blocking."""
        self._local.recover({volume.name for volume in self._metadata.volumes.list()})

    async def _driver(self, name: str) -> VolumeDriver:
        return self._local if name in ("", LOCAL) else await self._plugins.get(name)

    async def create(self, request: VolumeRequest) -> Volume:
        """See services.volumes."""
        volume, _ = await self.prepare(request)
        return volume

    @contextlib.contextmanager
    def reserving(self, container_id: str) -> Iterator[None]:
        """In the block nobody removes what is prepared for this container, which has no row yet."""
        try:
            yield
        finally:
            for name in list(self._reserved):
                self._release(name, container_id)

    def _release(self, name: str, container_id: str) -> None:
        holders = self._reserved.get(name, set())
        holders.discard(container_id)
        if not holders:
            self._reserved.pop(name, None)

    async def unmake(self, name: str, container_id: str) -> None:
        """Remove what was made for a container that came to nothing, unless another one took it up."""
        self._release(name, container_id)
        with contextlib.suppress(VolumeInUse):
            await self.remove(name, force=True)

    async def prepare(self, request: VolumeRequest, made_for: str = "") -> tuple[Volume, bool]:
        """Like create, for a container, and tell whether the volume is new."""
        name = request.name or secrets.token_hex(32)
        async with self._locks.hold(name):
            try:
                volume, is_new = await self._existing_or_new(name, request, made_for)
            except BoxshipError as error:
                raise _during(f"create {name}", error) from error
            if made_for:
                self._reserved.setdefault(name, set()).add(made_for)
        if is_new:
            self._events.publish("volume", "create", name, {"driver": volume.driver})
        return volume, is_new

    async def _existing_or_new(
        self, name: str, request: VolumeRequest, made_for: str
    ) -> tuple[Volume, bool]:
        existing = self._metadata.volumes.find(name)
        if existing is not None:
            if request.driver not in ("", existing.driver):
                await self._driver(request.driver)  # first of all it must exist
                raise Conflict(
                    f"driver '{existing.driver}' already has volume '{name}': "
                    "volume name must be unique"
                )
            return existing, False
        if request.name and not request.driver:
            with contextlib.suppress(NoSuchVolume):
                return await self._unrecorded(name), False
        driver = await self._driver(request.driver)
        found = await driver.find(name)
        volume = Volume(
            name=name,
            driver=driver.name,
            mountpoint=found.mountpoint
            if found
            else await driver.create(name, request.options or {}),
            created=time.time_ns(),
            labels=request.labels
            if request.name
            else {_ANONYMOUS_LABEL: "", **(request.labels or {})},
            options=request.options,
            anonymous=not request.name,
            made_for="" if request.name else made_for,
            scope=driver.scope,
        )
        self._metadata.volumes.put(volume)
        return volume, True

    def _row(self, name: str) -> Volume:
        volume = self._metadata.volumes.find(name)
        if volume is None:
            raise NoSuchVolume(name)
        return volume

    async def inspect(self, name: str) -> Volume:
        """See services.volumes."""
        volume = self._metadata.volumes.find(name)
        if volume is None:
            return await self._unrecorded(name)
        if volume.driver == LOCAL:
            return volume
        try:
            driver = await self._driver(volume.driver)
            found = await driver.find(name)
        except BoxshipError as error:
            raise _during(f"get {name}", error) from error
        if found is None:
            raise NoSuchVolume(name)
        return _told(volume, found)

    async def _unrecorded(self, name: str) -> Volume:
        """A volume that only a plugin knows of."""
        for driver in await self._plugins.present():
            with contextlib.suppress(BoxshipError):
                if (found := await driver.find(name)) is not None:
                    return _foreign(driver, found)
        raise NoSuchVolume(name)

    async def list(self, filters: Filters, *, usage: bool = False) -> Sequence[VolumeDetail]:
        """See services.volumes."""
        filters.validate(_LIST_FILTERS)
        filters.flag("dangling", default=True)  # wrong even if there is nothing to choose from
        users = self._users()
        details = [VolumeDetail(volume=volume) for volume in self._metadata.volumes.list()]
        details += await self._foreign_volumes({each.volume.name for each in details})
        chosen = [each for each in details if _selected(each.volume, filters, users)]
        if not usage:
            return chosen
        return [
            msgspec.structs.replace(
                each,
                size=await in_thread(size_of, each.volume.mountpoint)
                if each.volume.driver == LOCAL
                else -1,
                containers=len(users.get(each.volume.name, ())),
            )
            for each in chosen
        ]

    async def _foreign_volumes(self, known: set[str]) -> Sequence[VolumeDetail]:
        """What plugins have without having been asked by us."""
        details = []
        for driver in await self._plugins.present():
            with contextlib.suppress(BoxshipError):
                details += [
                    VolumeDetail(volume=_foreign(driver, found))
                    for found in await driver.list()
                    if found.name not in known
                ]
        return details

    def _users(self) -> Users:
        """Container IDs by the volume they hold."""
        users: Users = {}
        for container in self._metadata.containers.list():
            for name in dict.fromkeys(p.name for p in container.mounts if p.type == "volume"):
                users.setdefault(name, []).append(container.id)
        return users

    def keep(self, container_id: str, names: Iterable[str]) -> None:
        """A container goes without its anonymous volumes: these are nobody's leftovers from now on."""
        for name in names:
            volume = self._metadata.volumes.find(name)
            if volume is not None and volume.made_for == container_id:
                self._metadata.volumes.put(msgspec.structs.replace(volume, made_for=""))

    async def remove_abandoned(self, known: Container[str]) -> None:
        """Remove anonymous volumes that an interrupted creation or removal left; *known* are containers."""
        for volume in self._metadata.volumes.list():
            if volume.made_for and volume.made_for not in known:
                with contextlib.suppress(VolumeInUse, NoSuchVolume):
                    await self.remove(volume.name, force=True)

    async def remove(self, name: str, *, force: bool = False) -> None:
        """See services.volumes."""
        async with self._locks.hold(name):
            try:
                volume = self._metadata.volumes.find(name) or await self._unrecorded(name)
            except NoSuchVolume:
                if force:
                    return
                raise
            holders = self._users().get(name, [])
            if holders := [*holders, *self._reserved.get(name, set()).difference(holders)]:
                raise VolumeInUse(name, holders)
            await self._delete(volume, force=force)

    async def _delete(self, volume: Volume, *, force: bool) -> None:
        try:
            driver = await self._driver(volume.driver)
            if (
                volume.driver == LOCAL
            ):  # a crash between leaves a folder that the next start removes
                self._metadata.volumes.delete(volume.name)
            await driver.remove(volume)
        except BoxshipError as error:
            if not force:
                raise _during(f"remove {volume.name}", error) from error
        self._metadata.volumes.delete(volume.name)
        self._active.pop(volume.name, None)
        self._events.publish("volume", "destroy", volume.name, {"driver": volume.driver})

    async def prune(self, filters: Filters) -> PruneResult:
        """See services.volumes."""
        filters.validate(_PRUNE_FILTERS)
        everything = _all(filters)
        users = self._users()
        removed: list[str] = []
        reclaimed = 0
        for volume in self._metadata.volumes.list():
            unused = volume.name not in users and (everything or volume.anonymous)
            excluded = "label!" in filters and filters.labels(volume.labels, "label!")
            if (
                not unused
                or volume.driver != LOCAL
                or excluded
                or not filters.labels(volume.labels)
            ):
                continue
            size = await in_thread(size_of, volume.mountpoint)
            try:
                await self.remove(volume.name)
            except (VolumeInUse, NoSuchVolume):
                continue  # taken or gone since we looked
            removed.append(volume.name)
            reclaimed += size
        self._events.publish("volume", "prune", "", {"reclaimed": str(reclaimed)})
        return PruneResult(tuple(removed), reclaimed)

    async def needs_mount(self, name: str) -> bool:
        """True when what the volume holds shows only while it is active."""
        volume = self._row(name)
        return (await self._driver(volume.driver)).needs_mount(volume)

    async def activate(self, name: str, holder: str) -> str:
        """Have the volume's content on this host while *holder*, a container, runs; returns its path."""
        async with self._locks.hold(name):
            volume = self._row(name)
            users = self._active.setdefault(name, {})
            if holder not in users:
                try:
                    driver = await self._driver(volume.driver)
                    users[holder] = await driver.mount(volume, holder)
                except BoxshipError as error:
                    if not users:
                        del self._active[name]
                    raise _during(
                        f"error while mounting volume '{volume.mountpoint}'", error
                    ) from error
            return users[holder]

    async def resume(self, name: str, holder: str) -> None:
        """*holder* has been running with it since before this engine was started."""
        async with self._locks.hold(name):
            volume = self._row(name)
            if volume.driver == LOCAL:
                await self._local.mount(volume, holder)
            self._active.setdefault(name, {})[holder] = volume.mountpoint

    async def deactivate(self, names: Iterable[str], holder: str) -> None:
        """*holder* runs no more: the drivers may let go. One that cannot is told in the log only."""
        for name in names:
            async with self._locks.hold(name):
                users = self._active.get(name, {})
                if users.pop(holder, None) is None:
                    continue
                if not users:
                    del self._active[name]
                volume = self._metadata.volumes.find(name)
                if volume is not None:
                    try:
                        driver = await self._driver(volume.driver)
                        await driver.unmount(volume, holder, last=not users)
                    except BoxshipError as error:
                        log.warning("error unmounting volume %s: %s", name, error)

    async def settle(self) -> None:
        """Unmount what no container that runs holds: the last engine was killed before it could."""
        for volume in self._metadata.volumes.list():
            if volume.driver == LOCAL and volume.name not in self._active:
                async with self._locks.hold(volume.name):
                    with contextlib.suppress(BoxshipError):
                        await self._local.unmount(volume, "", last=True)


def _all(filters: Filters) -> bool:
    values = filters.get("all")
    if len(values) == 1 and values[0] not in TRUE | FALSE:
        raise InvalidArgument(
            f"invalid filter 'all': strconv.ParseBool: parsing \"{values[0]}\": invalid syntax"
        )
    return filters.flag("all", default=False)


def _during(what: str, error: BoxshipError) -> BoxshipError:
    """The same kind of failure, with what was being done before its text."""
    kinds = (NotFound, InvalidArgument, Conflict, Unsupported, Unavailable)
    kind = next((each for each in kinds if isinstance(error, each)), Internal)
    return kind(f"{what}: {error}")


def _told(volume: Volume, found: DriverVolume) -> Volume:
    return msgspec.structs.replace(
        volume,
        mountpoint=found.mountpoint or volume.mountpoint,
        created=found.created or volume.created,
        status=found.status,
    )


def _foreign(driver: VolumeDriver, found: DriverVolume) -> Volume:
    return Volume(
        name=found.name,
        driver=driver.name,
        mountpoint=found.mountpoint,
        created=found.created,
        scope=driver.scope,
        status=found.status,
    )


def _selected(volume: Volume, filters: Filters, users: Users) -> bool:
    if "dangling" in filters:
        wanted = filters.flag("dangling", default=True)
        if wanted is (volume.name in users):
            return False
    return (
        filters.exact("driver", volume.driver)
        and filters.labels(volume.labels)
        and filters.search("name", volume.name)
    )
