"""Container logs while the engine runs: spools watched, deliveries started and ended, logs read back."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol

from boxship.concurrency import Supervisor, in_thread
from boxship.engine.logging import files
from boxship.engine.logging.delivery import Delivery, FileDelivery, SinkDelivery
from boxship.engine.logging.drivers import SINKS
from boxship.engine.logging.info import LogInfo, log_info
from boxship.engine.logging.sinks import Sink
from boxship.engine.logging.values import binary_size
from boxship.errors import BoxshipError
from boxship.model.container import Container
from boxship.store.logs.filing import Filing, load_checkpoint
from boxship.store.logs.reading import LogReader, LogSelection
from boxship.store.logs.rotation import LogFileSpec

log = logging.getLogger(__name__)

SPOOL_MAX: Final = 256 << 20
"""Where conmon begins its file anew: a limit for as long as no engine runs that empties it."""

_SPOOL: Final = "log-spool"
_FILE_STATE: Final = "log-file.state"
_SINK_STATE: Final = "log-sink.state"
_END_S: Final = 10.0  # what Docker too gives a collector at the end of a container
_BUFFER: Final = 1 << 20  # Docker's max-buffer-size
_BLOCK: Final = 4096

Punch = Callable[[int, int, int], None]
"""Gives back a range of an open file: descriptor, offset, length."""


class Watches(Protocol):
    """linux.inotify.Inotify."""

    def fileno(self) -> int: ...
    def add(self, path: Path) -> int: ...
    def remove(self, watch: int) -> None: ...
    def read(self) -> dict[int, bool]: ...
    def close(self) -> None: ...


class _Kept:
    """One container's log: while it runs, and until all of it is delivered."""

    __slots__ = ("deliveries", "directory", "file", "given", "listeners", "watch")

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.watch = -1
        self.file: FileDelivery | None = None
        self.deliveries: list[Delivery] = []
        self.listeners: set[Callable[[], None]] = set()
        self.given = (0, 0)

    def kick(self) -> None:
        for delivery in self.deliveries:
            delivery.kick()

    def tell(self) -> None:
        for listener in tuple(self.listeners):
            listener()

    @property
    def done(self) -> bool:
        return all(delivery.done.is_set() for delivery in self.deliveries)


class LogKeeper:
    """All of them. *watches* tells which spools grew; *punch* is linux.holes.punch."""

    def __init__(self, root: Path, watches: Watches, punch: Punch) -> None:
        self._root = root
        self._watches = watches
        self._punch = punch
        self._kept: dict[str, _Kept] = {}
        self._by_watch: dict[int, _Kept] = {}
        self._supervisor = Supervisor("logs")
        self._listening = False

    def __repr__(self) -> str:
        return f"LogKeeper({len(self._kept)} logs, {self._supervisor})"

    def path(self, container: Container) -> str:
        """What inspect shows: json-file's file, once the container was started."""
        state = container.state
        if container.host_config.log_config.type != "json-file":
            return ""
        begun = state.started_at or state.error
        return str(files.json_path(self._root / container.id)) if begun else ""

    def spool_path(self, container: Container) -> str:
        """Where its supervisor is to write, "" for nowhere."""
        if container.host_config.log_config.type == "none":
            return ""
        return str(self._root / container.id / _SPOOL)

    async def open(self, container: Container) -> None:
        """Make ready for a start.

        Raises a BoxshipError when the driver does not like its options or cannot reach its collector.
        """
        if container.host_config.log_config.type == "none":
            return
        sink = _sink(container)
        # before there are files: when this fails, none are left
        connection = await sink.connect() if sink is not None and sink.connects_at_start else None
        try:
            kept = self._kept.get(container.id) or self._make(container, sink, fresh=True)
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        for delivery in kept.deliveries:
            delivery.resume()
            if isinstance(delivery, SinkDelivery) and connection is not None:
                delivery.adopt(connection)
        self._watch(container.id, kept)

    async def resume(self, containers: Sequence[Container]) -> None:
        """After a start of the engine: take up the logs of containers that run."""
        for container, kept in await in_thread(self._make_again, containers):
            self._watch(container.id, kept)
            kept.kick()

    async def resume_ended(self, container: Container) -> None:
        """Deliver what an engine that was killed did not of a container that has ended since."""
        if not (self._root / container.id / _SPOOL).exists():
            return
        for _, kept in await in_thread(self._make_again, [container]):
            self._kept[container.id] = kept
            for delivery in kept.deliveries:
                delivery.end()
            self._finish_in_background(container.id, kept)

    def _make_again(self, containers: Iterable[Container]) -> list[tuple[Container, _Kept]]:
        made = []
        for container in containers:
            if container.host_config.log_config.type != "none":
                try:
                    kept = self._make(container, _sink(container), fresh=False)
                    made.append((container, kept))
                except (OSError, BoxshipError) as error:
                    log.warning("cannot take up the log of %s: %s", container.name, error)
        return made

    async def finish(self, container_id: str) -> None:
        """The container has ended: have the rest delivered, in the background if that takes long."""
        kept = self._kept.get(container_id)
        if kept is None:
            return
        self._unwatch(kept)
        for delivery in kept.deliveries:
            delivery.end()
        for delivery in kept.deliveries:
            while not delivery.done.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_END_S):
                        await delivery.done.wait()
                if delivery.stuck or delivery.is_idle:
                    break
        if kept.done:
            self._drop(container_id, kept)
        else:
            log.warning("the log of %s is not delivered yet", container_id[:12])
            self._finish_in_background(container_id, kept)

    def _finish_in_background(self, container_id: str, kept: _Kept) -> None:
        self._supervisor.start(
            self._finish_later(container_id, kept), name=f"rest of log {container_id[:12]}"
        )

    async def _finish_later(self, container_id: str, kept: _Kept) -> None:
        for delivery in kept.deliveries:
            await delivery.done.wait()
        self._drop(container_id, kept)

    def _drop(self, container_id: str, kept: _Kept) -> None:
        if self._kept.get(container_id) is kept and kept.done:
            del self._kept[container_id]
            self._remove_spool(kept.directory)

    def forget(self, container_id: str) -> None:
        """The container is removed, and its log with it."""
        kept = self._kept.pop(container_id, None)
        if kept is not None:
            self._unwatch(kept)
            for delivery in kept.deliveries:
                delivery.stop()

    def is_readable(self, container: Container) -> bool:
        """Whether the log can be read back; raise as the driver does for its options."""
        return self._spec(container) is not None

    def _spec(self, container: Container) -> LogFileSpec | None:
        driver = container.host_config.log_config.type
        return files.file_spec(driver, self._root / container.id, log_info(container))

    async def reader(
        self, container: Container, selection: LogSelection, listener: Callable[[], None] | None
    ) -> LogReader:
        """A reader of all that was written so far, and with *listener* of what follows; to be released."""
        reader = LogReader(files.codec(container.host_config.log_config.type, {}), selection)
        spec = self._spec(container)
        if spec is None:
            return reader
        kept = self._kept.get(container.id)
        if kept is None or kept.file is None:
            await in_thread(reader.open, spec)
            return reader
        await kept.file.caught_up()
        file = kept.file.filing.file

        def open_all() -> None:
            with file.lock:
                reader.open(spec)
                if listener is not None:
                    file.followers.add(reader.offer)

        await in_thread(open_all)
        if listener is not None:
            kept.listeners.add(listener)
        return reader

    def release(
        self, container_id: str, reader: LogReader, listener: Callable[[], None] | None
    ) -> None:
        """Close a reader."""
        kept = self._kept.get(container_id)
        if kept is not None and kept.file is not None:
            with kept.file.filing.file.lock:
                kept.file.filing.file.followers.discard(reader.offer)
            if listener is not None:
                kept.listeners.discard(listener)
        reader.close()

    async def close(self) -> None:
        """Stop delivering; what is in the spools is taken up by the next engine."""
        await self._supervisor.close()
        if self._listening:
            asyncio.get_running_loop().remove_reader(self._watches.fileno())
        self._watches.close()
        for kept in self._kept.values():
            for delivery in kept.deliveries:
                delivery.close()

    def _make(self, container: Container, sink: Sink | None, *, fresh: bool) -> _Kept:
        driver, info = container.host_config.log_config.type, log_info(container)
        directory = self._root / container.id
        spool = directory / _SPOOL
        kept = _Kept(directory)
        spec = files.file_spec(driver, directory, info)
        attributes = files.attributes(driver, info)
        if fresh and not spool.exists():
            self._remove_spool(directory)  # states of a spool that is gone
            os.close(os.open(spool, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))

        def give_back() -> None:
            self._give_back(kept)

        if spec is not None:
            state = directory / _FILE_STATE
            if (found := load_checkpoint(state)) is not None:
                attributes = found.attributes  # a rename since then must not change what is made
            spec.path.parent.mkdir(mode=0o700, exist_ok=True)
            filing = Filing(
                spool,
                spec,
                files.codec(driver, attributes),
                checkpoint_path=state,
                attributes=attributes,
                give_back=give_back,
            )
            if fresh:
                filing.save()  # makes the file, too
                filing.close()
            kept.file = FileDelivery(container.name, self._supervisor, filing, kept.tell)
            kept.deliveries.append(kept.file)
        if sink is not None:
            kept.deliveries.append(
                SinkDelivery(
                    container.name,
                    self._supervisor,
                    sink,
                    spool,
                    directory / _SINK_STATE,
                    buffer_bytes=_buffer_bytes(info),
                    give_back=give_back,
                )
            )
        return kept

    def _watch(self, container_id: str, kept: _Kept) -> None:
        if not self._listening:
            asyncio.get_running_loop().add_reader(self._watches.fileno(), self._grown)
            self._listening = True
        self._kept[container_id] = kept
        try:
            kept.watch = self._watches.add(kept.directory / _SPOOL)
        except FileNotFoundError:
            log.warning(
                "%s has no log spool: it was started by an engine before this", container_id
            )
        except OSError as error:  # the limit of watches, most likely
            log.warning("cannot watch the log of %s, looking every second: %s", container_id, error)
            self._supervisor.start(self._poll(container_id, kept), name=f"poll {container_id[:12]}")
        else:
            self._by_watch[kept.watch] = kept

    async def _poll(self, container_id: str, kept: _Kept) -> None:
        while self._kept.get(container_id) is kept and not kept.done:
            kept.kick()
            await asyncio.sleep(1)

    def _unwatch(self, kept: _Kept) -> None:
        if self._by_watch.pop(kept.watch, None) is not None:
            self._watches.remove(kept.watch)

    def _grown(self) -> None:
        for watch, replaced in self._watches.read().items():
            kept = self._by_watch.get(watch)
            if kept is not None:
                if replaced:
                    self._watch_again(watch, kept)
                kept.kick()
            elif watch < 0:  # some were missed
                for each in self._kept.values():
                    each.kick()

    def _watch_again(self, watch: int, kept: _Kept) -> None:
        """conmon has begun its file anew, or the file is gone."""
        for delivery in kept.deliveries:
            delivery.notice()
        with contextlib.suppress(OSError):
            kept.watch = self._watches.add(kept.directory / _SPOOL)
        if kept.watch != watch:
            del self._by_watch[watch]
            self._by_watch[kept.watch] = kept

    def _give_back(self, kept: _Kept) -> None:
        """Let the file system have what all have taken of a spool."""
        inode, offset = min(delivery.saved for delivery in kept.deliveries)
        offset -= offset % _BLOCK
        begin = kept.given[1] if kept.given[0] == inode else 0
        if offset <= begin or any(each.saved[0] != inode for each in kept.deliveries):
            return
        try:
            fd = os.open(kept.directory / _SPOOL, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            if os.fstat(fd).st_ino == inode:
                self._punch(fd, begin, offset - begin)
                kept.given = (inode, offset)
        finally:
            os.close(fd)

    def _remove_spool(self, directory: Path) -> None:
        # the spool first: a state without a spool is known to be stale
        for name in (_SPOOL, _FILE_STATE, _SINK_STATE):
            (directory / name).unlink(missing_ok=True)


def _sink(container: Container) -> Sink | None:
    make = SINKS.get(container.host_config.log_config.type)
    return None if make is None else make(log_info(container))


def _buffer_bytes(info: LogInfo) -> int | None:
    """How much may wait for a collector before some is dropped; None for all."""
    if info.options.get("mode") != "non-blocking":
        return None
    text = info.options.get("max-buffer-size", "")
    return binary_size(text) if text else _BUFFER
