"""Volume drivers that are plugins, found by name and activated on first use."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from boxship.concurrency import KeyedLocks, in_own_thread, in_thread
from boxship.engine.volumes.contract import DriverMissing, DriverVolume
from boxship.engine.volumes.discovery import PluginFolders
from boxship.engine.volumes.plugin_calls import PluginClient
from boxship.errors import BoxshipError, NotFound, Unsupported
from boxship.model.volume import Volume
from boxship.wire.times import parse_rfc3339

_SHORT_S: Final = 60.0
_LONG_S: Final = 120.0
_IMPLEMENTS: Final = "VolumeDriver"


class PluginDriver:
    """Implements VolumeDriver over the plugin protocol."""

    def __init__(self, client: PluginClient, scope: str) -> None:
        self._client = client
        self.name = client.name
        self.scope = scope

    def __repr__(self) -> str:
        return f"PluginDriver({self._client}, {self.scope})"

    async def create(self, name: str, options: Mapping[str, str]) -> str:
        """See VolumeDriver."""
        await self._call("Create", _LONG_S, Name=name, Opts=dict(options))
        found = await self.find(name)
        return found.mountpoint if found else ""

    async def remove(self, volume: Volume) -> None:
        """See VolumeDriver."""
        await self._call("Remove", _SHORT_S, Name=volume.name)

    async def find(self, name: str) -> DriverVolume | None:
        """See VolumeDriver; what a plugin refuses it does not have, it cannot say that otherwise."""
        try:
            answer = await self._call("Get", _SHORT_S, Name=name)
        except BoxshipError:
            if not await self._answers():
                raise
            return None
        found = answer.get("Volume")
        return _described(found) if isinstance(found, dict) and found.get("Name") else None

    async def _answers(self) -> bool:
        try:
            await self._call("List", _SHORT_S)
        except BoxshipError:
            return False
        return True

    async def list(self) -> Sequence[DriverVolume]:
        """See VolumeDriver."""
        answer = await self._call("List", _SHORT_S)
        volumes = answer.get("Volumes") or ()
        return [_described(each) for each in volumes if isinstance(each, dict)]

    async def mount(self, volume: Volume, holder: str) -> str:
        """See VolumeDriver."""
        answer = await self._call("Mount", _LONG_S, Name=volume.name, ID=holder)
        return str(answer.get("Mountpoint") or "")

    async def unmount(
        self,
        volume: Volume,
        holder: str,
        *,
        last: bool,  # noqa: ARG002 - the Protocol's
    ) -> None:
        """See VolumeDriver; plugins count for themselves."""
        await self._call("Unmount", _SHORT_S, Name=volume.name, ID=holder)

    def needs_mount(self, volume: Volume) -> bool:  # noqa: ARG002 - the Protocol's
        """See VolumeDriver."""
        return True

    async def _call(self, verb: str, timeout_s: float, **body: object) -> dict[str, Any]:
        # a thread of its own: a plugin may take its time, and many may
        return await in_own_thread(
            self._client.call, f"VolumeDriver.{verb}", body, timeout_s=timeout_s
        )


class PluginDrivers:
    """The plugins that were used."""

    def __init__(self, folders: PluginFolders) -> None:
        self._folders = folders
        self._drivers: dict[str, PluginDriver] = {}
        self._locks = KeyedLocks()

    def __repr__(self) -> str:
        return f"PluginDrivers({', '.join(self._drivers)})"

    async def get(self, name: str) -> PluginDriver:
        """Find and activate; raise DriverMissing."""
        async with self._locks.hold(name):
            try:
                address = await in_thread(self._folders.find, name)
            except NotFound as error:
                self._drivers.pop(name, None)
                raise DriverMissing(name) from error
            known = self._drivers.get(name)
            if known is None or known._client.address != address:  # noqa: SLF001 - our own
                self._drivers[name] = await self._activated(PluginClient(name, address))
            return self._drivers[name]

    async def _activated(self, client: PluginClient) -> PluginDriver:
        answer = await in_own_thread(client.call, "Plugin.Activate", timeout_s=_SHORT_S)
        if _IMPLEMENTS not in (answer.get("Implements") or ()):
            raise Unsupported(
                f"error looking up volume plugin {client.name}: Plugin does not implement the "
                f'requested driver: plugin="{client.name}", requested implementation="{_IMPLEMENTS}"'
            )
        try:
            answer = await in_own_thread(
                client.call, "VolumeDriver.Capabilities", timeout_s=_SHORT_S
            )
        except BoxshipError:  # older plugins do not know the call
            answer = {}
        scope = str((answer.get("Capabilities") or {}).get("Scope", "")).lower()
        return PluginDriver(client, scope if scope in ("local", "global") else "local")

    @property
    def used(self) -> Sequence[str]:
        """The names of those activated so far."""
        return tuple(self._drivers)

    async def present(self) -> Sequence[PluginDriver]:
        """Those of them that are still there."""
        drivers = []
        for name in self.used:
            with contextlib.suppress(BoxshipError):
                drivers.append(await self.get(name))
        return drivers


def _described(answer: Mapping[str, Any]) -> DriverVolume:
    status = answer.get("Status")
    return DriverVolume(
        name=str(answer.get("Name") or ""),
        mountpoint=str(answer.get("Mountpoint") or ""),
        created=parse_rfc3339(str(answer.get("CreatedAt") or "")),
        status=status if isinstance(status, dict) else None,
    )
