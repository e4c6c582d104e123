"""Removing containers: one transaction for what we know, then the files, then those who waited."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from boxship.concurrency import in_thread
from boxship.engine.containers.contract import Parts
from boxship.engine.containers.register import Register
from boxship.errors import Conflict, NotFound
from boxship.model.container import Container, Status
from boxship.model.volume import VolumeInUse
from boxship.services.containers import WaitResult
from boxship.store.gc import container_key, image_mount_keys
from boxship.store.removal import remove_tree

log = logging.getLogger(__name__)


class Removal:
    """Removes stopped containers; whoever calls holds the container's lock."""

    def __init__(
        self, parts: Parts, register: Register, *, forgotten: Callable[[str], None]
    ) -> None:
        self._parts = parts
        self._register = register
        self._forgotten = forgotten

    def __repr__(self) -> str:
        return "Removal()"

    async def remove(self, container: Container, *, volumes: bool) -> None:
        """Drop rows, snapshot, files and, if asked, anonymous volumes; then tell everybody.

        A crash on the way leaves at most files and volumes without a container, which the next start removes.
        """
        parts = self._parts
        with parts.metadata.transaction():
            parts.metadata.containers.delete(container.id)
            if not volumes:
                parts.volumes.keep(container.id, (point.name for point in container.mounts))
            snapshots = [
                parts.snapshots.detach(key)
                for key in (container_key(container.id), *image_mount_keys(container))
                if parts.snapshots.find(key) is not None
            ]
        live = self._register.forget(container.id)
        self._forgotten(container.id)
        parts.logs.forget(container.id)
        if live is not None:
            live.cancel_restart()
        try:
            await in_thread(self._remove_files, container.id, snapshots)
            if volumes:
                await self._remove_volumes(container)
        finally:
            self._register.publish(container, "destroy")
            if live is not None:
                live.removed(WaitResult(container.state.exit_code))  # its last error ended with it

    def _remove_files(self, container_id: str, snapshots: Sequence[Path]) -> None:
        for snapshot in snapshots:
            remove_tree(snapshot)
        remove_directory(self._parts.settings.root / container_id)

    async def _remove_volumes(self, container: Container) -> None:
        for point in container.mounts:
            if point.type != "volume" or (point.spec is not None and point.spec.source):
                continue
            with contextlib.suppress(VolumeInUse, NotFound):
                await self._parts.volumes.remove(point.name)


def check_removable(container: Container, name: str, *, force: bool) -> None:
    """Raise Conflict, in Docker's words, for a container that runs."""
    status = container.state.status
    if force or status not in (Status.RUNNING, Status.PAUSED, Status.RESTARTING):
        return
    refusal = f'cannot remove container "{name}"'
    if status is Status.PAUSED:
        raise Conflict(f"{refusal}: container is paused and must be unpaused first")
    raise Conflict(
        f"{refusal}: container is {status}: stop the container before removing or force remove"
    )


def remove_directory(directory: Path) -> None:
    """Remove a container's own directory; harmless when it is gone."""
    # only files of ours are in there: its root file system is not mounted any more
    remove_tree(directory)


async def all_of(what: str, *steps: Awaitable[object]) -> None:
    """Do all clean-up steps; one that fails is logged, and hinders no other."""
    results = await asyncio.gather(*steps, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            log.error("%s: %s", what, result, exc_info=result)
        elif isinstance(result, BaseException):
            raise result
