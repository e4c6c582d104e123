"""What running a bundle means: the values that cross, and the Protocol that engine and build rely on."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from boxship.model.container import Container, HostConfig
from boxship.model.mount import Mount, MountPoint


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """All that a container's process needs, decided; paths on the host.

    `directory` holds config.json; `rootfs_mounts` are performed on `<directory>/rootfs`. `mounts` are
    the volumes, binds, images and tmpfs in order of destination, `images` how to mount the images (by
    destination); `files` are /etc/hosts and its like
    (destination → source). `network_namespace` "" keeps the host's. `joined` maps pid, ipc, uts, user
    or cgroup to the namespace file of another container or the host ("" = the host's own).
    """

    container: Container
    directory: str
    log_path: str
    rootfs_mounts: Sequence[Mount]
    log_max_bytes: int = 0  # the log begins anew when it is larger; 0 for never
    mounts: Sequence[MountPoint] = ()
    images: Mapping[str, Sequence[Mount]] = {}
    files: dict[str, str] = {}
    network_namespace: str = ""
    joined: dict[str, str] = {}
    environment: tuple[str, ...] = ()
    default_ulimits: dict[str, tuple[int, int]] = {}
    shm_path: str = ""  # an existing shm to share; "" makes one of host_config.shm_size
    mtab: bool = False  # /etc/mtab as Docker makes it, where the image has none
    init_path: str = ""  # a tini-like init to run as PID 1; "" for none
    cgroup_parent: str = ""


class SupervisedProcess(msgspec.Struct, frozen=True):
    """A created or running process and the supervisor that outlives us.

    `supervisor_started` is the supervisor's start time in clock ticks: with it a reused PID is told apart.
    """

    pid: int
    supervisor_pid: int
    supervisor_started: int


class ExitStatus(msgspec.Struct, frozen=True):
    """How a process ended; `finished_at` in nanoseconds since the epoch."""

    exit_code: int
    oom_killed: bool
    finished_at: int


class ProcessStreams(Protocol):
    """A connection to a process's standard streams; several may exist, each sees all output from now on."""

    async def read(self) -> tuple[int, bytes] | None:
        """The next output as (1 or 2, bytes); None once the process closed its streams."""
        ...

    async def write(self, data: bytes) -> None:
        """Feed standard input; waits while the process is slow; ConnectionError when it is closed."""
        ...

    async def close_stdin(self) -> None:
        """End standard input."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class ExecSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A further process in a running container."""

    id: str
    cmd: tuple[str, ...]
    env: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""
    tty: bool = False
    stdin: bool = False
    privileged: bool = False
    console_size: tuple[int, int] = (0, 0)


Output = Callable[[int, bytes], Awaitable[None]]


class Runtime(Protocol):
    """Runs bundles: conmon supervises, an OCI runtime (crun by default) starts.

    Life: create → (attach) → start → wait → delete. After a restart of the engine, `wait`, `attach`, `kill`,
    `exec` and the rest work on what the database remembers.
    """

    async def create(self, bundle: Bundle) -> SupervisedProcess:
        """Mount the root file system, write config.json, create the process, not yet started.

        Raises RuntimeRefused; then nothing is left mounted or running.
        """
        ...

    async def start(self, container: Container) -> None:
        """Let the created process go; raise RuntimeRefused."""
        ...

    async def attach(self, container: Container) -> ProcessStreams:
        """Connect to the created or running process's streams."""
        ...

    async def wait(self, container: Container) -> ExitStatus:
        """Block until the supervisor of `container.state` has recorded the exit."""
        ...

    def watch_memory(self, container: Container, tell: Callable[[], None]) -> None:
        """Call *tell* once when a running container's memory runs out, until it is deleted."""
        ...

    async def kill(self, container: Container, signal: int, *, everyone: bool = False) -> None:
        """Signal the first process, or with *everyone* all of them."""
        ...

    async def pause(self, container: Container) -> None:
        """Freeze."""
        ...

    async def resume(self, container: Container) -> None:
        """Thaw."""
        ...

    async def update(self, container: Container, resources: HostConfig) -> None:
        """Apply new limits to a running container."""
        ...

    async def resize(self, container: Container, height: int, width: int) -> None:
        """Set the terminal's size."""
        ...

    async def delete(self, container: Container) -> None:
        """Remove every trace of a stopped or half-created process: runtime state, cgroup, mounts, sockets."""
        ...

    async def exec(
        self, container: Container, spec: ExecSpec
    ) -> tuple[SupervisedProcess, ProcessStreams]:
        """Start one more process; its streams miss nothing. Raises RuntimeRefused."""
        ...

    async def kill_exec(
        self, container: Container, process: SupervisedProcess, signal: int
    ) -> None:
        """Signal an exec's process; raise ContainerNotRunning when it has ended."""
        ...

    async def wait_exec(
        self, container: Container, exec_id: str, process: SupervisedProcess
    ) -> ExitStatus:
        """Block until an exec's supervisor has recorded its exit."""
        ...

    def has_ended(self, pid: int) -> bool:
        """True once a first process or an exec's is dead, be its end recorded or not."""
        ...

    async def resize_exec(
        self, container: Container, exec_id: str, height: int, width: int
    ) -> None:
        """Set an exec's terminal size."""
        ...

    async def forget_exec(self, container: Container, exec_id: str) -> None:
        """Remove an ended exec's files."""
        ...

    async def run(self, bundle: Bundle, output: Output) -> int:
        """Run a bundle to its end without a supervisor (build steps); cancelling kills and cleans up."""
        ...

    async def mount_rootfs(self, directory: str, mounts: Sequence[Mount]) -> str:
        """Mount a root file system without running anything; returns its path. Idempotent."""
        ...

    async def unmount_rootfs(self, directory: str) -> None:
        """Undo mount_rootfs; harmless when it is not mounted."""
        ...
