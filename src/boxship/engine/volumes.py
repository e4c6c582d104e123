"""Volumes: folders that outlive containers, or whatever their options mount there."""

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from boxship.concurrency import KeyedLocks, in_thread
from boxship.engine.events import EventBus
from boxship.errors import Conflict, Internal, InvalidArgument, NotFound
from boxship.model.filters import Filters
from boxship.model.mount import Mount
from boxship.model.volume import NoSuchVolume, Volume, VolumeInUse, parse_name
from boxship.services.containers import PruneResult
from boxship.services.volumes import VolumeDetail, VolumeRequest
from boxship.store.metadata import Metadata

_LIST_FILTERS = ("dangling", "driver", "label", "name")
_PRUNE_FILTERS = ("label", "label!", "all")
_OPTIONS = ("type", "device", "o", "size")
_ANONYMOUS_LABEL = "com.docker.volume.anonymous"

Mounter = Callable[[Mount, str], None]
Unmounter = Callable[[str], None]
IsMounted = Callable[[str], bool]
Users = dict[str, list[str]]


class LocalVolumes:
    """Implements services.volumes.Volumes with the driver `local`.

    A volume is the folder `<root>/<name>/_data`. One with options is mounted there while containers
    that run use it: `activate` and `deactivate` count them.
    """

    def __init__(
        self,
        root: Path,
        metadata: Metadata,
        events: EventBus,
        *,
        mount: Mounter,
        unmount: Unmounter,
        is_mounted: IsMounted,
    ) -> None:
        self._root = root
        self._metadata = metadata
        self._events = events
        self._mount = mount
        self._unmount = unmount
        self._is_mounted = is_mounted
        self._locks = KeyedLocks()
        self._active: dict[str, set[str]] = {}

    def __repr__(self) -> str:
        return f"LocalVolumes({self._root})"

    def recover(self) -> None:
        """Finish removals and drop folders of creations that a crash cut short."""
        self._root.mkdir(mode=0o701, parents=True, exist_ok=True)
        known = {volume.name for volume in self._metadata.volumes.list()}
        for folder in self._root.iterdir():
            if folder.name.startswith(".removed-"):
                shutil.rmtree(folder)
            elif folder.name not in known:
                with contextlib.suppress(OSError):  # not empty: somebody else's, leave it alone
                    (folder / "_data").rmdir()
                    folder.rmdir()

    async def create(self, request: VolumeRequest) -> Volume:
        """See services.volumes."""
        volume, _ = await self.prepare(request)
        return volume

    async def prepare(self, request: VolumeRequest) -> tuple[Volume, bool]:
        """Like create, and tell whether the volume is new."""
        anonymous = not request.name
        name = secrets.token_hex(32) if anonymous else _named(request.name)
        driver = request.driver or "local"
        if driver != "local":
            raise NotFound(
                f'create {name}: error looking up volume plugin {driver}: plugin "{driver}" not found'
            )
        _check_options(name, request.options)
        async with self._locks.hold(name):
            existing = self._metadata.volumes.find(name)
            if existing is not None:
                return existing, False
            volume = Volume(
                name=name,
                driver=driver,
                mountpoint=str(self._root / name / "_data"),
                created=time.time_ns(),
                labels={_ANONYMOUS_LABEL: "", **(request.labels or {})}
                if anonymous
                else request.labels,
                options=request.options,
                anonymous=anonymous,
            )
            await in_thread(self._make_folder, name)
            self._metadata.volumes.put(volume)
        self._events.publish("volume", "create", name, {"driver": driver})
        return volume, True

    def _make_folder(self, name: str) -> None:
        try:
            folder = self._root / name
            folder.mkdir(mode=0o701, exist_ok=True)
            (folder / "_data").mkdir(mode=0o755, exist_ok=True)
            (folder / "_data").chmod(0o755)  # whatever the umask says
        except OSError as error:
            with contextlib.suppress(OSError):
                (self._root / name).rmdir()
            raise Internal(f"create {name}: {error.strerror}") from error

    async def inspect(self, name: str) -> Volume:
        """See services.volumes."""
        volume = self._metadata.volumes.find(name)
        if volume is None:
            raise NoSuchVolume(name)
        return volume

    async def list(self, filters: Filters, *, usage: bool = False) -> Sequence[VolumeDetail]:
        """See services.volumes."""
        filters.validate(_LIST_FILTERS)
        users = self._users()
        chosen = [v for v in self._metadata.volumes.list() if _selected(v, filters, users)]
        if not usage:
            return [VolumeDetail(volume=volume) for volume in chosen]
        sizes = await in_thread(lambda: [_size(Path(volume.mountpoint)) for volume in chosen])
        return [
            VolumeDetail(volume=volume, size=size, containers=len(users.get(volume.name, ())))
            for volume, size in zip(chosen, sizes, strict=True)
        ]

    def _users(self) -> Users:
        """Container IDs by the volume they hold."""
        users: Users = {}
        for container in self._metadata.containers.list():
            for point in container.mounts:
                if point.type == "volume":
                    users.setdefault(point.name, []).append(container.id)
        return users

    async def remove(self, name: str, *, force: bool = False) -> None:
        """See services.volumes."""
        async with self._locks.hold(name):
            volume = self._metadata.volumes.find(name)
            if volume is None:
                if force:
                    return
                raise NoSuchVolume(name)
            if holders := self._users().get(name):
                raise VolumeInUse(name, holders)
            await self._delete(volume)

    async def _delete(self, volume: Volume) -> None:
        self._metadata.volumes.delete(volume.name)
        await in_thread(self._remove_folder, volume)
        self._events.publish("volume", "destroy", volume.name, {"driver": volume.driver})

    def _remove_folder(self, volume: Volume) -> None:
        if self._is_mounted(volume.mountpoint):
            self._unmount(volume.mountpoint)
        removed = self._root / f".removed-{secrets.token_hex(8)}"
        with contextlib.suppress(FileNotFoundError):
            (self._root / volume.name).rename(removed)
            shutil.rmtree(removed)

    async def prune(self, filters: Filters) -> PruneResult:
        """See services.volumes."""
        filters.validate(_PRUNE_FILTERS)
        everything = filters.flag("all", default=False)
        users = self._users()
        removed: list[str] = []
        reclaimed = 0
        for volume in self._metadata.volumes.list():
            unused = volume.name not in users and (everything or volume.anonymous)
            excluded = "label!" in filters and filters.labels(volume.labels, "label!")
            if not unused or excluded or not filters.labels(volume.labels):
                continue
            size = await in_thread(_size, Path(volume.mountpoint))
            try:
                await self.remove(volume.name)
            except (VolumeInUse, NoSuchVolume):
                continue  # taken or gone since we looked
            removed.append(volume.name)
            reclaimed += size
        self._events.publish("volume", "prune", "", {"reclaimed": str(reclaimed)})
        return PruneResult(tuple(removed), reclaimed)

    async def activate(self, name: str, container_id: str) -> str:
        """Have the volume's content at its mountpoint while this container runs; returns the path."""
        async with self._locks.hold(name):
            volume = await self.inspect(name)
            if mount := _plan_mount(volume):
                await in_thread(self._ensure_mounted, mount, volume)
            self._active.setdefault(name, set()).add(container_id)
            return volume.mountpoint

    def _ensure_mounted(self, mount: Mount, volume: Volume) -> None:
        if not self._is_mounted(volume.mountpoint):
            try:
                self._mount(mount, volume.mountpoint)
            except OSError as error:
                raise Internal(
                    f"error while mounting volume '{volume.mountpoint}': failed to mount local volume: "
                    f"mount {mount.source}:{volume.mountpoint}, data: {','.join(mount.options)}: "
                    f"{(error.strerror or str(error)).lower()}"
                ) from error

    async def deactivate(self, names: Iterable[str], container_id: str) -> None:
        """The container runs no more; unmount what no other running one uses."""
        for name in names:
            async with self._locks.hold(name):
                users = self._active.get(name, set())
                users.discard(container_id)
                if users:
                    continue
                self._active.pop(name, None)
                volume = self._metadata.volumes.find(name)
                if volume is not None and _plan_mount(volume):
                    await in_thread(self._ensure_unmounted, volume.mountpoint)

    def _ensure_unmounted(self, mountpoint: str) -> None:
        if self._is_mounted(mountpoint):
            self._unmount(mountpoint)


def _named(name: str) -> str:
    if len(name) == 1:
        raise InvalidArgument(
            f"create {name}: volume name is too short, names should be at least two alphanumeric characters"
        )
    try:
        return parse_name(name)
    except InvalidArgument as error:
        raise InvalidArgument(f"create {name}: {error}") from error


def _check_options(name: str, options: dict[str, str] | None) -> None:
    for option in options or {}:
        if option not in _OPTIONS:
            raise InvalidArgument(f'create {name}: invalid option: "{option}"')
    if not options:
        return
    if "size" in options:
        raise InvalidArgument(f"create {name}: quota size requested but no quota support")
    for option in ("device", "type"):
        if option not in options:
            raise InvalidArgument(f'create {name}: missing required option: "{option}"')


def _plan_mount(volume: Volume) -> Mount | None:
    """The mount that a volume's options describe."""
    if not volume.options:
        return None
    options = tuple(option for option in volume.options.get("o", "").split(",") if option)
    device, kind = volume.options["device"], volume.options["type"]
    if "bind" in options or "rbind" in options:
        kind = "bind"
        if not Path(device).is_dir():
            raise Conflict(
                f"error while mounting volume '{volume.mountpoint}': failed to mount local "
                f"volume: mount {device}:{volume.mountpoint}, flags: 0x1000: no such file or directory"
            )
    return Mount(type=kind, source=device, options=options)


def _selected(volume: Volume, filters: Filters, users: Users) -> bool:
    if "dangling" in filters:
        wanted = filters.flag("dangling", default=True)
        if wanted is (volume.name in users):
            return False
    return (
        filters.exact("driver", volume.driver)
        and filters.labels(volume.labels)
        and filters.fuzzy("name", volume.name)
    )


def _size(folder: Path) -> int:
    """Bytes in a folder, hard links counted once, as du(1) with --apparent-size does."""
    seen: set[tuple[int, int]] = set()
    total = 0
    pending: list[str | os.DirEntry[str]] = [str(folder)]
    while pending:
        with contextlib.suppress(FileNotFoundError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    if (status.st_dev, status.st_ino) not in seen:
                        seen.add((status.st_dev, status.st_ino))
                        total += status.st_size
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry)
    return total
