"""Starting: network, volumes, bundle, process, streams; all of it or nothing."""

import logging
import posixpath
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from boxship.engine.containers.contract import Parts
from boxship.engine.containers.health import fresh_health
from boxship.engine.containers.register import Register
from boxship.engine.logging.keeper import SPOOL_MAX
from boxship.errors import BoxshipError, Conflict, Internal, InvalidArgument, NotFound
from boxship.model.container import (
    Action,
    Container,
    ContainerState,
    Status,
    require,
)
from boxship.model.mount import Mount, MountPoint
from boxship.model.network import Sandbox
from boxship.model.process import RuntimeRefused
from boxship.runtime.contract import Bundle
from boxship.runtime.failures import NOT_FOUND
from boxship.store.gc import container_key, image_mount_key
from boxship.store.snapshots.snapshotter import Snapshotter

log = logging.getLogger(__name__)

_CANNOT_START = 128


class Starter:
    """Starts containers; whoever calls holds the container's lock."""

    def __init__(self, parts: Parts, register: Register) -> None:
        self._parts = parts
        self._register = register

    def __repr__(self) -> str:
        return "Starter()"

    async def start(self, container: Container) -> Container:
        """Run it and record that; when that fails, record why and raise."""
        try:
            started = await self._start(container)
        except RuntimeRefused as error:
            self._record_failure(container, str(error), error.exit_code)
            raise
        except BoxshipError as error:
            self._record_failure(container, str(error), _CANNOT_START)
            raise
        self._register.publish(started, "start")
        return started

    async def _start(self, container: Container) -> Container:
        parts = self._parts
        by_policy = container.state.status is Status.RESTARTING
        live = self._register.live(container.id)
        async with AsyncExitStack() as undo:
            container = self._named_as_joined(container)
            joined = self._joined(container)
            undo.push_async_callback(self.release_volumes, container)
            points = await self._activate_volumes(container)
            sandbox = await parts.sandboxes.attach(container)
            undo.push_async_callback(parts.sandboxes.detach, container)
            bundle = self._bundle(container, sandbox, points, joined)
            await self._open_log(container)
            undo.push_async_callback(parts.logs.finish, container.id)
            process = await parts.runtime.create(bundle)
            state = ContainerState(
                status=Status.RUNNING,
                pid=process.pid,
                supervisor_pid=process.supervisor_pid,
                supervisor_started=process.supervisor_started,
                started_at=parts.clock(),
                finished_at=container.state.finished_at,
                health=fresh_health(container),
                stopped_by_user=by_policy and container.state.stopped_by_user,
                restart_delay_s=container.state.restart_delay_s if by_policy else 0,
            )
            started = msgspec.structs.replace(
                container,
                state=state,
                restart_count=container.restart_count if by_policy else 0,
            )
            undo.push_async_callback(parts.runtime.delete, started)
            await live.connect_joining(parts.runtime, started)
            await parts.runtime.start(started)
            # after the process: it runs while the disk syncs, and a crash between is repaired at restore
            self._register.save(started)
            undo.pop_all()
        return started

    def _record_failure(self, container: Container, text: str, exit_code: int) -> None:
        state = msgspec.structs.replace(container.state, exit_code=exit_code, error=text)
        if container.state.status is Status.RESTARTING:
            # as in Docker, a restart that fails is the last one, and the exit code is the last life's
            ended = {"status": Status.EXITED, "exit_code": container.state.exit_code}
            state = msgspec.structs.replace(state, **ended)
        self._register.save(msgspec.structs.replace(container, state=state))
        self._register.live(container.id).give_up_joining()

    async def _open_log(self, container: Container) -> None:
        try:
            await self._parts.logs.open(container)
        except (BoxshipError, OSError) as error:
            missing = "no such file or directory" in str(error)  # as if the program were
            raise RuntimeRefused(
                "failed to create task for container: "
                f"failed to initialize logging driver: {error}",
                NOT_FOUND if missing else _CANNOT_START,
            ) from error

    async def _activate_volumes(self, container: Container) -> list[MountPoint]:
        points = []
        for point in sorted(container.mounts, key=lambda each: each.destination.count("/")):
            if point.type == "volume":
                path = await self._parts.volumes.activate(point.name, container.id)
                points.append(msgspec.structs.replace(point, source=path))
                self._publish_volume(container, point, "mount")
            else:
                if point.type == "bind":
                    ensure_bind_source(point)
                points.append(point)
        points += [
            MountPoint(
                type="tmpfs",
                destination=posixpath.normpath(destination),
                tmpfs_options=tuple(options.split(",")) if options else (),
            )
            for destination, options in (container.host_config.tmpfs or {}).items()
        ]
        return sorted(points, key=lambda each: each.destination)

    async def release_volumes(self, container: Container) -> None:
        """Undo what a start did with volumes."""
        volumes = [point for point in container.mounts if point.type == "volume"]
        if not volumes:
            return
        await self._parts.volumes.deactivate([point.name for point in volumes], container.id)
        for point in volumes:
            self._publish_volume(container, point, "unmount")

    def _publish_volume(self, container: Container, point: MountPoint, action: str) -> None:
        attributes = {"container": container.id, "driver": point.driver}
        if action == "mount":
            attributes |= {
                "destination": point.destination,
                "propagation": point.propagation,
                "read/write": "false" if point.read_only else "true",
            }
        self._parts.events.publish("volume", action, point.name, attributes)

    def _bundle(
        self,
        container: Container,
        sandbox: Sandbox,
        points: list[MountPoint],
        joined: dict[str, str],
    ) -> Bundle:
        settings = self._parts.settings
        directory = settings.root / container.id
        wants_init = container.host_config.init
        return Bundle(
            container=container,
            directory=str(directory),
            log_path=self._parts.logs.spool_path(container),
            log_max_bytes=SPOOL_MAX,
            rootfs_mounts=self._parts.snapshots.mounts(container_key(container.id)),
            mounts=points,
            images=image_mounts(self._parts.snapshots, container),
            files=self._files(container, directory, sandbox),
            network_namespace=sandbox.key,
            joined=joined,
            environment=sandbox.environment,
            default_ulimits=settings.default_ulimits,
            shm_path=self._shm_path(container),
            init_path=settings.init_path if wants_init else "",
            mtab=True,
            cgroup_parent=container.host_config.cgroup_parent or settings.cgroup_parent,
        )

    def _files(self, container: Container, directory: Path, sandbox: Sandbox) -> dict[str, str]:
        """/etc/hosts and its like; a container that joins a network shares the other's."""
        mode = container.host_config.network_mode
        if mode.startswith("container:"):
            directory = directory.parent / mode.partition(":")[2]
        else:
            write_network_files(container, directory, sandbox)
        names = ("resolv.conf", "hostname", "hosts")
        return {f"/etc/{name}": str(directory / name) for name in names}

    def _named_as_joined(self, container: Container) -> Container:
        """Who joins another's network has the other's host name, as Docker records it."""
        kind, _, identifier = container.host_config.network_mode.partition(":")
        other = self._register.find(identifier) if kind == "container" else None
        if other is None or not other.running:
            return container  # joining will say what is wrong
        names = {"hostname": other.config.hostname, "domainname": other.config.domainname}
        config = msgspec.structs.replace(container.config, **names)
        return msgspec.structs.replace(container, config=config)

    def _joined(self, container: Container) -> dict[str, str]:
        """The namespaces it shares, by kind; "" is the host's."""
        host_config = container.host_config
        joined: dict[str, str] = {}
        modes = {
            "pid": host_config.pid_mode,
            "ipc": host_config.ipc_mode,
            "uts": host_config.uts_mode,
        }
        if host_config.network_mode == "host" and not host_config.uts_mode:
            modes["uts"] = ""  # Docker gives it a UTS namespace with the host's name
        for kind, mode in modes.items():
            if mode == "host":
                joined[kind] = ""
            elif mode.startswith("container:"):
                joined[kind] = self._namespace_of(mode.partition(":")[2], kind)
        return joined

    def _shm_path(self, container: Container) -> str:
        """Whose /dev/shm it shares: the host's, another container's, or nobody's."""
        mode = container.host_config.ipc_mode
        if mode == "host":
            return "/dev/shm"  # noqa: S108 - the very one
        if not mode.startswith("container:"):
            return ""
        return str(self._parts.settings.root / mode.partition(":")[2] / "shm")

    def _namespace_of(self, name: str, kind: str) -> str:
        refusal = f"failed to join {kind.upper()} namespace: "
        try:
            other = self._register.get(name)
            require(other, Action.EXEC)
        except (NotFound, Conflict) as error:
            again = NotFound if isinstance(error, NotFound) else Conflict
            kind_of_error = Internal if kind == "pid" else again  # as with Docker
            raise kind_of_error(f"{refusal}{error}") from error
        if kind == "ipc" and other.host_config.ipc_mode != "shareable":
            raise InvalidArgument(
                f"{refusal}container {other.id}: non-shareable IPC "
                "(hint: use IpcMode:shareable for the donor container)"
            )
        return f"/proc/{other.state.pid}/ns/{kind}"


def ensure_bind_source(point: MountPoint) -> None:
    """Make the directory that `-v` names and that does not exist, as Docker does at start."""
    options = point.spec.bind_options if point.spec else None
    source = Path(point.source)
    if source.exists():
        return
    if options is None or not options.create_mountpoint:
        raise InvalidArgument(
            f'invalid mount config for type "bind": bind source path does not exist: {source}'
        )
    try:
        source.mkdir(mode=0o755, parents=True, exist_ok=True)
    except NotADirectoryError:
        return  # a file is on the way: the runtime says so
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise Internal(
            f"error while creating mount source path '{source}': mkdir {source}: {reason}"
        ) from error


def image_mounts(snapshots: Snapshotter, container: Container) -> dict[str, Sequence[Mount]]:
    """How to mount the images that a container has mounted, by destination."""
    keys = {
        point.destination: image_mount_key(container.id, point.destination)
        for point in container.mounts
        if point.type == "image"
    }
    return {
        destination: snapshots.mounts(key)
        for destination, key in keys.items()
        if snapshots.find(key) is not None  # an image without layers has none
    }


def write_network_files(container: Container, directory: Path, sandbox: Sandbox) -> None:
    """/etc/hosts and /etc/resolv.conf as the sandbox wants them, /etc/hostname as Docker does."""
    lines = [f"{address}\t{' '.join(names)}\n" for address, names in sandbox.hosts]
    _write(directory / "hosts", "".join(lines))
    _write(directory / "resolv.conf", sandbox.resolv_conf)
    config = container.config
    _write(directory / "hostname", f"{config.hostname}\n")


def _write(path: Path, text: str) -> None:
    # in place: a running container has this very file mounted
    path.write_text(text)
    path.chmod(0o644)
