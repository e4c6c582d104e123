"""Containers: what was asked for, what became of it, and which verb its state allows."""

import re
from enum import StrEnum
from typing import Final

import msgspec

from boxship.errors import (
    AlreadyExists,
    BoxshipError,
    Conflict,
    Internal,
    InvalidArgument,
    NotFound,
    NotModified,
)
from boxship.model.config import RunConfig
from boxship.model.digest import ImageID
from boxship.model.mount import MountPoint, MountRequest
from boxship.model.network import EndpointSettings, PortBinding

NAME = re.compile(r"/?[a-zA-Z0-9][a-zA-Z0-9_.-]+")


class NoSuchContainer(NotFound):
    """No container has this name or ID."""

    def __init__(self, name: str) -> None:
        super().__init__(f"No such container: {name}")  # clients match this text
        self.name = name


class ContainerNameTaken(AlreadyExists):
    """Another container has the name."""

    def __init__(self, name: str, owner: str) -> None:
        super().__init__(
            f'Conflict. The container name "/{name}" is already in use by container "{owner}". '
            "You have to remove (or rename) that container to be able to reuse that name."
        )


class ContainerNotRunning(Conflict):
    """The verb needs a running container."""

    def __init__(self, identifier: str) -> None:
        super().__init__(f"container {identifier} is not running")


class Status(StrEnum):
    """Docker's State.Status."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


class DeviceMapping(msgspec.Struct, frozen=True, kw_only=True):
    """`--device host:container:permissions`."""

    path_on_host: str = ""
    path_in_container: str = ""
    cgroup_permissions: str = "rwm"


class DeviceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`--gpus` and CDI devices."""

    driver: str = ""
    count: int = 0
    device_ids: tuple[str, ...] | None = None
    capabilities: tuple[tuple[str, ...], ...] | None = None
    options: dict[str, str] | None = None


class ThrottleDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A limit on one block device; `rate` in bytes or operations a second."""

    path: str = ""
    rate: int = 0


class WeightDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A weight on one block device."""

    path: str = ""
    weight: int = 0


class Ulimit(msgspec.Struct, frozen=True, kw_only=True):
    """A resource limit; -1 is unlimited."""

    name: str = ""
    soft: int = 0
    hard: int = 0


class RestartPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is "", no, always, unless-stopped or on-failure."""

    name: str = ""
    maximum_retry_count: int = 0


class LogConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The log driver and its options; "" means the engine's default."""

    type: str = ""
    config: dict[str, str] | None = None


class HostConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How the host runs the container: Docker's `HostConfig`, field for field.

    Bytes for memory, billionths of a CPU for `nano_cpus`, microseconds for CPU periods. `None` where
    Docker tells "absent" from "empty".
    """

    # resources
    cpu_shares: int = 0
    memory: int = 0
    nano_cpus: int = 0
    cgroup_parent: str = ""
    blkio_weight: int = 0
    blkio_weight_device: tuple[WeightDevice, ...] | None = None
    blkio_device_read_bps: tuple[ThrottleDevice, ...] | None = None
    blkio_device_write_bps: tuple[ThrottleDevice, ...] | None = None
    blkio_device_read_iops: tuple[ThrottleDevice, ...] | None = None
    blkio_device_write_iops: tuple[ThrottleDevice, ...] | None = None
    cpu_period: int = 0
    cpu_quota: int = 0
    cpu_realtime_period: int = 0
    cpu_realtime_runtime: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    devices: tuple[DeviceMapping, ...] | None = None
    device_cgroup_rules: tuple[str, ...] | None = None
    device_requests: tuple[DeviceRequest, ...] | None = None
    kernel_memory: int = 0
    kernel_memory_tcp: int = 0
    memory_reservation: int = 0
    memory_swap: int = 0
    memory_swappiness: int | None = None
    oom_kill_disable: bool | None = None
    pids_limit: int | None = None
    ulimits: tuple[Ulimit, ...] | None = None
    cpu_count: int = 0
    cpu_percent: int = 0
    io_maximum_iops: int = 0
    io_maximum_bandwidth: int = 0
    # the rest
    binds: tuple[str, ...] | None = None
    container_id_file: str = ""
    log_config: LogConfig = LogConfig()
    network_mode: str = ""
    port_bindings: dict[str, tuple[PortBinding, ...] | None] | None = None
    restart_policy: RestartPolicy = RestartPolicy()
    auto_remove: bool = False
    volume_driver: str = ""
    volumes_from: tuple[str, ...] | None = None
    console_size: tuple[int, int] = (0, 0)  # rows, columns
    annotations: dict[str, str] | None = None
    cap_add: tuple[str, ...] | None = None
    cap_drop: tuple[str, ...] | None = None
    cgroupns_mode: str = ""
    dns: tuple[str, ...] | None = None
    dns_options: tuple[str, ...] | None = None
    dns_search: tuple[str, ...] | None = None
    extra_hosts: tuple[str, ...] | None = None
    group_add: tuple[str, ...] | None = None
    ipc_mode: str = ""
    cgroup: str = ""
    links: tuple[str, ...] | None = None
    oom_score_adj: int = 0
    pid_mode: str = ""
    privileged: bool = False
    publish_all_ports: bool = False
    readonly_rootfs: bool = False
    security_opt: tuple[str, ...] | None = None
    storage_opt: dict[str, str] | None = None
    tmpfs: dict[str, str] | None = None
    uts_mode: str = ""
    userns_mode: str = ""
    shm_size: int = 0
    sysctls: dict[str, str] | None = None
    runtime: str = ""
    isolation: str = ""
    mounts: tuple[MountRequest, ...] | None = None
    masked_paths: tuple[str, ...] | None = None
    readonly_paths: tuple[str, ...] | None = None
    init: bool | None = None
    health_on_failure_action: str = ""  # ours, by Podman's name: none, kill, restart or stop


class HealthResult(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the health check; times in nanoseconds since the epoch."""

    start: int
    end: int
    exit_code: int
    output: str


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """`status` is none, starting, healthy or unhealthy; the last five results, oldest first."""

    status: str = "none"
    failing_streak: int = 0
    log: tuple[HealthResult, ...] = ()


class ContainerState(msgspec.Struct, frozen=True, kw_only=True):
    """Where a container is in its life; times in nanoseconds since the epoch, 0 for never."""

    status: Status = Status.CREATED
    pid: int = 0
    supervisor_pid: int = 0  # conmon's
    supervisor_started: int = 0  # its start time in clock ticks: tells it from a reused PID
    exit_code: int = 0
    error: str = ""
    oom_killed: bool = False
    started_at: int = 0
    finished_at: int = 0
    health: Health | None = None
    stopped_by_user: bool = False  # or signalled: what `unless-stopped` asks
    restart_delay_s: float = 0.0  # the pause before this life, from which the next one doubles


class Action(StrEnum):
    """Verbs that depend on the state."""

    START = "start"
    STOP = "stop"
    KILL = "kill"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    EXEC = "exec"
    ATTACH = "attach"
    REMOVE = "remove"


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """A container as the database keeps it."""

    id: str
    name: str
    created: int  # nanoseconds since the epoch
    image: ImageID | None
    image_reference: str  # as the user wrote it
    config: RunConfig
    host_config: HostConfig
    path: str = ""  # what runs: entrypoint and command joined
    args: tuple[str, ...] = ()
    state: ContainerState = ContainerState()
    mounts: tuple[MountPoint, ...] = ()
    networks: dict[str, EndpointSettings] = {}  # network name → what was asked for it
    restart_count: int = 0
    runtime: str = ""
    platform: str = "linux"

    @property
    def running(self) -> bool:
        """True while its process lives, paused or not (Docker's State.Running)."""
        return self.state.status in (Status.RUNNING, Status.PAUSED)


class Exec(msgspec.Struct, frozen=True, kw_only=True):
    """An exec session: created, then started at most once."""

    id: str
    container_id: str
    cmd: tuple[str, ...]
    env: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""
    tty: bool = False
    privileged: bool = False
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    detach_keys: str = ""
    console_size: tuple[int, int] = (0, 0)
    running: bool = False
    started: bool = False
    exit_code: int | None = None
    pid: int = 0
    supervisor_pid: int = 0
    supervisor_started: int = 0


class NoSuchExec(NotFound):
    """No exec session has this ID."""

    def __init__(self, identifier: str) -> None:
        super().__init__(f"No such exec instance: {identifier}")


_NOT_RUNNING: Final[tuple[type[BoxshipError], str]] = (ContainerNotRunning, "{id}")
_IS_RESTARTING: Final[tuple[type[BoxshipError], str]] = (
    Conflict,
    "Container {id} is restarting, wait until the container is running",
)
_STOPPED: Final = (Status.CREATED, Status.EXITED, Status.DEAD, Status.REMOVING)

REFUSALS: Final[dict[Action, dict[Status, tuple[type[BoxshipError], str]]]] = {
    Action.START: {
        Status.PAUSED: (Conflict, "cannot start a paused container, try unpause instead"),
        Status.RUNNING: (NotModified, "container {id} is already running"),
        Status.REMOVING: (Conflict, "container is marked for removal and cannot be started"),
        Status.DEAD: (Conflict, "container is marked for removal and cannot be started"),
    },
    Action.STOP: dict.fromkeys(_STOPPED, (NotModified, "container {id} is already stopped")),
    Action.KILL: dict.fromkeys(_STOPPED, _NOT_RUNNING),
    Action.PAUSE: dict.fromkeys(_STOPPED, _NOT_RUNNING)
    | {
        Status.PAUSED: (Conflict, "Container {id} is already paused"),
        Status.RESTARTING: _IS_RESTARTING,
    },
    Action.UNPAUSE: dict.fromkeys(
        (*_STOPPED, Status.RUNNING, Status.RESTARTING),
        (Internal, "Container {id} is not paused"),  # no conflict, for Docker
    ),
    Action.EXEC: dict.fromkeys(_STOPPED, _NOT_RUNNING)
    | {
        Status.PAUSED: (Conflict, "Container {given} is paused, unpause the container before exec"),
        Status.RESTARTING: _IS_RESTARTING,
    },
    Action.ATTACH: {
        Status.PAUSED: (
            Conflict,
            "container {given} is paused, unpause the container before attach",
        ),
        Status.RESTARTING: (
            Conflict,
            "container {given} is restarting, wait until the container is running",
        ),
    },
    Action.REMOVE: {
        Status.REMOVING: (Conflict, "removal of container {name} is already in progress"),
    },
}
"""What each verb answers in the states it does not allow, in Docker's words."""


def require(container: Container, action: Action, given: str = "") -> None:
    """Raise unless this container's state allows *action*; *given* is how the user named it."""
    if refusal := REFUSALS[action].get(container.state.status):
        kind, text = refusal
        raise kind(text.format(id=container.id, name=container.name, given=given or container.id))


def parse_name(text: str) -> str:
    """The name without its slash; raise InvalidArgument in Docker's words."""
    if NAME.fullmatch(text) is None:
        raise InvalidArgument(
            f"Invalid container name ({text}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
        )
    return text.removeprefix("/")
