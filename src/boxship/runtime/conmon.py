"""The Runtime: bundles run under conmon and an OCI runtime."""

import contextlib
import logging
import os
import shutil
import signal
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import msgspec

from boxship.concurrency import in_thread
from boxship.errors import NotFound
from boxship.linux import process, tty
from boxship.linux.cgroups import Cgroup, Hierarchies, open_cgroup, remove_if_empty
from boxship.linux.oci_runtime import OciRuntime, message
from boxship.linux.safepath import opened_root
from boxship.model.container import Container, ContainerNotRunning, HostConfig
from boxship.model.mount import Mount
from boxship.runtime import direct, failures, prepare, rlimits, sources, supervisor
from boxship.runtime.contract import (
    Bundle,
    ExecSpec,
    ExitStatus,
    Output,
    SupervisedProcess,
)
from boxship.runtime.filters import Filters
from boxship.runtime.ooms import OomWatch
from boxship.runtime.readings import Readings
from boxship.runtime.records import Record, Records
from boxship.runtime.spec import Facts, cgroup_path
from boxship.runtime.spec.process import exec_process
from boxship.runtime.spec.resources import block_devices, resources, shares_refusal
from boxship.runtime.streams import AttachedStreams, connect
from boxship.runtime.supervisor import Conmon, Refused, Supervision
from boxship.runtime.waiting import run_program

log = logging.getLogger(__name__)

KILLED: Final = 137  # what Docker reports when the supervisor died: the container is killed then
_REMOVAL_TRIES: Final = 20
CRUN_CANNOT_EXECUTE: Final = 1
CANNOT_EXECUTE: Final = 255
LOST: Final = 255  # and for what did not survive a restart of the machine


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the runtime works and with what; `bundles` is where containers' directories are, by ID."""

    exec_root: str
    bundles: str
    conmon: str
    runtimes: dict[str, OciRuntime]
    default_runtime: str
    hierarchies: Hierarchies
    facts: Facts


class _Prepared:
    """What preparing a bundle found out: its process's arguments, the key of a new seccomp filter."""

    args: Sequence[str] = ()
    late_limits: Sequence[dict[str, Any]] = ()
    unknown_filter: bytes | None = None


class ConmonRuntime:
    """Implements runtime.contract.Runtime."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._root = Path(settings.exec_root)
        for name in ("containers", "execs", "exits"):
            (self._root / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._records = Records(self._root / "containers")
        self._conmon = Conmon(settings.conmon, settings.exec_root)
        self._filters = Filters()
        self._ooms = OomWatch()
        self.readings = Readings(self._records, settings.hierarchies)

    def __repr__(self) -> str:
        return f"ConmonRuntime({self._settings.default_runtime}, {self._root})"

    async def close(self) -> None:
        """The engine goes: the cgroup above all containers goes too, unless one is there."""
        self._ooms.close()
        parent = self._settings.facts.cgroup_parent
        if parent.startswith("/"):  # a slice is systemd's
            await in_thread(remove_if_empty, parent, self._settings.hierarchies)

    async def create(self, bundle: Bundle) -> SupervisedProcess:
        """Mount the root file system, write config.json, create the process, not yet started."""
        container = bundle.container
        runtime = self._runtime(container)
        record = self._new_record(bundle, runtime)
        async with AsyncExitStack() as undo:
            # before the call: a cancelled one is let finish, and must be undone all the same
            undo.push_async_callback(in_thread, self._clear, record)
            exits = self._exit_directory(container.id)
            Path(exits).mkdir(mode=0o700, exist_ok=True)  # conmon's working directory
            Path(self._exec_directory(container.id, "")).mkdir(mode=0o700, exist_ok=True)
            prepared = _Prepared()

            def postpone(spec: dict[str, Any]) -> None:
                prepared.late_limits = rlimits.postpone(spec, self._settings.facts.capabilities)

            async def make_ready() -> None:
                await in_thread(self._prepare, bundle, record, runtime, prepared, postpone)

            config = container.config
            supervision = Supervision(
                container_id=container.id,
                unit=container.id,
                directory=bundle.directory,
                runtime=runtime,
                terminal=config.tty,
                stdin=config.open_stdin,
                # a terminal is never closed by its first client's leaving: others may come
                leave_stdin_open=config.tty or not config.stdin_once,
                log_path=bundle.log_path,
                # not beside what the container fills the disk with
                exit_directory=exits,
                log_max_bytes=bundle.log_max_bytes,
            )
            try:
                supervised = await self._conmon.create(supervision, make_ready)
            except Refused as error:
                raise failures.create_refused(error.text, prepared.args) from error
            undo.push_async_callback(self._conmon.abandon, supervised.supervisor_pid)
            rlimits.impose(supervised.pid, prepared.late_limits)
            if any(map(sources.is_special, bundle.mounts)):
                await in_thread(sources.release, bundle.directory)  # the container has its own now
            if prepared.unknown_filter is not None:
                self._filters.learn(prepared.unknown_filter, runtime, container.id)
            undo.pop_all()
            return supervised

    async def start(self, container: Container) -> None:
        """Let the created process go; raise RuntimeRefused."""
        runtime = self._runtime(container)
        try:
            if runtime.release(container.id):
                return
        except NotFound as error:
            raise failures.create_refused(str(error), (container.path,)) from error
        done = await run_program(runtime.command("start", container.id))
        if done.exit_code:
            raise failures.create_refused(done.text, (container.path, *container.args))

    async def attach(self, container: Container) -> AttachedStreams:
        """Connect to the created or running process's streams."""
        supervisor_pid = container.state.supervisor_pid
        return await connect(self._directory(container.id), container.id, supervisor_pid)

    async def wait(self, container: Container) -> ExitStatus:
        """Block until the supervisor of `container.state` has recorded the exit."""
        state = container.state
        supervised = SupervisedProcess(state.pid, state.supervisor_pid, state.supervisor_started)
        await self._conmon.wait(supervised)
        status = supervisor.collect(self._exit_directory(container.id))
        if status is None:
            return await in_thread(self._bury, container)
        status = await self._as_if_run_by_runc(status, container.id, "config.json")
        if not status.oom_killed and (record := self._records.find(container.id)) is not None:
            kills = open_cgroup(record.cgroup, self._settings.hierarchies).oom_kills()
            status = msgspec.structs.replace(status, oom_killed=kills > 0)
        return status

    def watch_memory(self, container: Container, tell: Callable[[], None]) -> None:
        """Call *tell* once when a running container's memory runs out, until it is deleted."""
        self._ooms.begin(Path(self._exit_directory(container.id)), tell)

    async def kill(self, container: Container, signal: int, *, everyone: bool = False) -> None:
        """Signal the first process, or with *everyone* all of them."""
        if everyone:
            await in_thread(self._cgroup(container).kill, signal)
            return
        state = container.state
        supervised = SupervisedProcess(state.pid, state.supervisor_pid, state.supervisor_started)
        if not _send(supervised, signal):
            raise ContainerNotRunning(container.id)

    async def pause(self, container: Container) -> None:
        """Freeze."""
        await in_thread(self._cgroup(container).freeze)

    async def resume(self, container: Container) -> None:
        """Thaw."""
        await in_thread(self._cgroup(container).thaw)

    async def update(self, container: Container, resources: HostConfig) -> None:
        """Apply new limits to a running container."""
        if not self._settings.facts.cgroup_v2 and (no := shares_refusal(resources.cpu_shares)):
            raise failures.update_refused(container.id, 1, no)
        limits = await in_thread(self._limits, container, resources)
        path = f"{self._directory(container.id)}/resources.json"
        prepare.write_private(path, msgspec.json.encode(limits))
        try:
            command = self._runtime(container).command("update", "--resources", path, container.id)
            done = await run_program(command)
        finally:
            Path(path).unlink()
        if done.exit_code:
            raise failures.update_refused(container.id, done.exit_code, message(done.text))

    async def resize(self, container: Container, height: int, width: int) -> None:
        """Set the terminal's size."""
        if not tty.resize(f"{self._directory(container.id)}/ctl", height, width):
            raise ContainerNotRunning(container.id)

    async def delete(self, container: Container) -> None:
        """Remove every trace of a stopped or half-created process."""
        state = container.state
        self._ooms.end(Path(self._exit_directory(container.id)))
        if process.is_alive(state.supervisor_pid, state.supervisor_started):
            await self._end_supervisor(state.supervisor_pid, state.supervisor_started)
        await in_thread(self._clear, self._record(container))

    async def exec(
        self, container: Container, spec: ExecSpec
    ) -> tuple[SupervisedProcess, AttachedStreams]:
        """Start one more process; its streams miss nothing."""
        directory = self._exec_directory(container.id, spec.id)
        async with AsyncExitStack() as undo:
            undo.push_async_callback(in_thread, _remove_tree, directory)
            await in_thread(self._prepare_exec, container, spec, directory)
            supervision = Supervision(
                container_id=container.id,
                unit=spec.id,
                directory=directory,
                runtime=self._runtime(container),
                terminal=spec.tty,
                stdin=spec.stdin,
                leave_stdin_open=spec.tty,
                process_spec=f"{directory}/process.json",
            )
            try:
                result = await self._conmon.exec(supervision)
            except Refused as error:
                raise failures.exec_refused(error.text, spec.cmd) from error
            adjustment = container.host_config.oom_score_adj
            if adjustment != process.own_oom_score():  # which crun hands on here
                process.adjust_oom_score(result[0].pid, adjustment)
            undo.pop_all()
            return result

    async def kill_exec(
        self, container: Container, process: SupervisedProcess, signal: int
    ) -> None:
        """Signal an exec's process."""
        if not _send(process, signal):
            raise ContainerNotRunning(container.id)

    async def wait_exec(
        self, container: Container, exec_id: str, process: SupervisedProcess
    ) -> ExitStatus:
        """Block until an exec's supervisor has recorded its exit."""
        await self._conmon.wait(process)
        status = supervisor.collect(self._exec_directory(container.id, exec_id))
        if status is None:
            await in_thread(self._kill_orphan, container, process.pid)
            status = ExitStatus(KILLED, oom_killed=False, finished_at=time.time_ns())
        described = f"{self._exec_directory(container.id, exec_id)}/process.json"
        return await self._as_if_run_by_runc(status, container.id, described)

    async def _as_if_run_by_runc(
        self, status: ExitStatus, container_id: str, described: str
    ) -> ExitStatus:
        """crun ends with 1 when the kernel refuses a program that is there; runc, and Docker, with 255."""
        if status.exit_code != CRUN_CANNOT_EXECUTE:
            return status
        directory = self._directory(container_id)
        if await in_thread(prepare.runs, directory, Path(directory, described)):
            return status
        return msgspec.structs.replace(status, exit_code=CANNOT_EXECUTE)

    def has_ended(self, pid: int) -> bool:
        """True once a first process or an exec's is dead, be its end recorded or not."""
        return pid > 0 and process.has_ended(pid)

    async def resize_exec(
        self, container: Container, exec_id: str, height: int, width: int
    ) -> None:
        """Set an exec's terminal size."""
        if not tty.resize(f"{self._exec_directory(container.id, exec_id)}/ctl", height, width):
            raise ContainerNotRunning(container.id)

    async def forget_exec(self, container: Container, exec_id: str) -> None:
        """Remove an ended exec's files."""
        await in_thread(_remove_tree, self._exec_directory(container.id, exec_id))

    async def run(self, bundle: Bundle, output: Output) -> int:
        """Run a bundle to its end without a supervisor; cancelling kills and cleans up."""
        container = bundle.container
        runtime = self._runtime(container)
        record = self._new_record(bundle, runtime)
        async with AsyncExitStack() as undo:
            undo.push_async_callback(in_thread, self._clear, record)
            prepared = _Prepared()
            await in_thread(self._prepare, bundle, record, runtime, prepared)
            cgroup = open_cgroup(record.cgroup, self._settings.hierarchies)

            async def kill() -> None:
                await in_thread(cgroup.kill, signal.SIGKILL)

            outcome = await direct.run(runtime, container.id, bundle.directory, output, kill)
            if outcome.complaint:
                raise failures.create_refused(outcome.complaint, prepared.args)
            return outcome.exit_code

    async def remove_strays(self, known: Collection[str]) -> None:
        """End and remove what an engine that was killed left running and no row remembers: build steps."""
        for identifier in self._records.ids():
            if identifier in known:
                continue
            record = self._records.find(identifier)
            if record is None:
                self._records.forget(identifier)
                continue
            log.info("ending what is left of build step %s", identifier)
            await in_thread(self._clear, record)
        for place in ("execs", "exits"):
            for directory in (self._root / place).iterdir():
                if directory.name not in known:
                    await in_thread(_remove_tree, str(directory))

    async def mount_rootfs(self, directory: str, mounts: Sequence[Mount]) -> str:
        """Mount a root file system without running anything; returns its path. Idempotent."""
        return await in_thread(prepare.mount_rootfs, directory, mounts)

    async def unmount_rootfs(self, directory: str) -> None:
        """Undo mount_rootfs; harmless when it is not mounted."""
        await in_thread(prepare.unmount_rootfs, directory)

    def _prepare(
        self,
        bundle: Bundle,
        record: Record,
        runtime: OciRuntime,
        prepared: "_Prepared",
        change: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        def finish(spec: dict[str, Any]) -> None:
            change(spec)
            prepared.unknown_filter = self._filters.apply(spec, runtime)

        with prepare.explained("cannot start the container"):
            supervisor.clean(bundle.directory)
            supervisor.clean(self._exit_directory(record.id))
            spec = prepare.prepare(bundle, self._settings.facts, finish)
            self._records.put(record)
        prepared.args = spec["process"]["args"]

    def _prepare_exec(self, container: Container, spec: ExecSpec, directory: str) -> None:
        bundle = self._directory(container.id)
        try:
            config = msgspec.json.decode(Path(bundle, "config.json").read_bytes())
        except FileNotFoundError as error:
            raise ContainerNotRunning(container.id) from error
        first = rlimits.first_process(config)
        if spec.working_dir:
            if not spec.working_dir.startswith("/"):
                raise failures.refused(failures.RELATIVE_CWD)
            if not spec.working_dir.startswith("/"):
                raise failures.exec_not_begun("Cwd must be an absolute path")
            if prepare.is_magic_link(spec.working_dir):
                text = f"chdir to `{spec.working_dir}`: no such file or directory"
                raise failures.exec_refused(text, spec.cmd)
        group_add = container.host_config.group_add or ()
        with opened_root(f"{bundle}/rootfs") as root_fd:
            user = spec.user or container.config.user
            identity = prepare.find_identity(root_fd, user, group_add)
        described = exec_process(
            first,
            spec,
            identity,
            self._settings.facts.capabilities,
            container.config.env or (),
        )
        with prepare.explained("cannot start the process"):
            try:
                Path(directory).mkdir(mode=0o700)
            except FileNotFoundError as error:  # the container ended, and took all of them along
                raise ContainerNotRunning(container.id) from error
            prepare.write_private(f"{directory}/process.json", msgspec.json.encode(described))

    def _limits(self, container: Container, host_config: HostConfig) -> dict[str, Any]:
        """What the runtime is to change; a limit that is lifted must be said to be, unlike at create."""
        paths = block_devices(host_config)
        numbers = {path: prepare.device_numbers(path) for path in paths}
        v2 = self._settings.facts.cgroup_v2
        limits = resources(host_config, (), numbers, cgroup_v2=v2)
        for name in ("realtimePeriod", "realtimeRuntime"):
            limits.get("cpu", {}).pop(name, None)  # Docker leaves them for the next start
        if host_config.memory_swap < 0:
            limits.setdefault("memory", {})["swap"] = -1
        if host_config.pids_limit is not None and host_config.pids_limit <= 0:
            self._cgroup(container).lift_pids_limit()  # crun 1.8 can lift neither
        if host_config.cpu_quota < 0:
            self._cgroup(container).lift_cpu_quota()
        return limits

    def _bury(self, container: Container) -> ExitStatus:
        """The supervisor died without a word: its container must not live on unwatched."""
        record = self._records.find(container.id)
        code = LOST if record is None else KILLED
        if record is not None:
            open_cgroup(record.cgroup, self._settings.hierarchies).kill(signal.SIGKILL)
        return ExitStatus(code, oom_killed=False, finished_at=time.time_ns())

    def _kill_orphan(self, container: Container, pid: int) -> None:
        """End an exec whose supervisor died; by now its PID may be somebody else's."""
        fd = process.open_pidfd(pid)
        if fd is None:
            return
        try:
            if pid in self._cgroup(container).pids():
                process.send_signal(fd, signal.SIGKILL)
        finally:
            os.close(fd)

    def _clear(self, record: Record) -> None:
        cgroup = open_cgroup(record.cgroup, self._settings.hierarchies)
        cgroup.kill(signal.SIGKILL)
        cgroup.remove()
        runtime = self._settings.runtimes.get(record.runtime)
        if runtime is not None:
            runtime.forget(record.id)
        prepare.unmount_rootfs(record.directory)
        sources.release(record.directory)
        prepare.unmount_shm(record.directory)
        supervisor.clean(record.directory)
        _remove_tree(str(self._root / "execs" / record.id))
        _remove_tree(self._exit_directory(record.id))
        self._records.forget(record.id)

    async def _end_supervisor(self, pid: int, started: int) -> None:
        fd = process.open_pidfd_of(pid, started)
        if fd is not None:
            process.send_signal(fd, signal.SIGKILL)
            os.close(fd)
            await self._conmon.wait(SupervisedProcess(0, pid, started))

    def _runtime(self, container: Container) -> OciRuntime:
        name = container.runtime or container.host_config.runtime or self._settings.default_runtime
        try:
            return self._settings.runtimes[name]
        except KeyError:
            raise failures.no_such_runtime(name) from None

    def _new_record(self, bundle: Bundle, runtime: OciRuntime) -> Record:
        return Record(
            id=bundle.container.id,
            directory=bundle.directory,
            runtime=runtime.name,
            cgroup=cgroup_path(bundle.container, bundle.cgroup_parent, self._settings.facts),
        )

    def _record(self, container: Container) -> Record:
        found = self._records.find(container.id)
        if found is not None:
            return found
        return Record(
            id=container.id,
            directory=f"{self._settings.bundles}/{container.id}",
            runtime=container.runtime or self._settings.default_runtime,
            cgroup=cgroup_path(container, "", self._settings.facts),
        )

    def _cgroup(self, container: Container) -> Cgroup:
        return open_cgroup(self._record(container).cgroup, self._settings.hierarchies)

    def _directory(self, container_id: str) -> str:
        record = self._records.find(container_id)
        return f"{self._settings.bundles}/{container_id}" if record is None else record.directory

    def _exit_directory(self, container_id: str) -> str:
        return str(self._root / "exits" / container_id)

    def _exec_directory(self, container_id: str, exec_id: str) -> str:
        return str(self._root / "execs" / container_id / exec_id)


def _send(supervised: SupervisedProcess, signal: int) -> bool:
    """Signal a process; False when it, or its supervisor, has ended."""
    fd = process.open_pidfd(supervised.pid) if supervised.pid > 0 else None
    if fd is None:
        return False
    try:
        # the PID is the process's own only while its supervisor is the parent
        if process.parent(supervised.pid) != supervised.supervisor_pid or not process.is_alive(
            supervised.supervisor_pid, supervised.supervisor_started
        ):
            return False
        return process.send_signal(fd, signal)
    finally:
        os.close(fd)


def _remove_tree(path: str) -> None:
    """Remove it, even while sessions in it come to their ends and remove their own parts."""
    for _ in range(_REMOVAL_TRIES):
        with contextlib.suppress(OSError):
            shutil.rmtree(path)
        if not Path(path).exists():
            return
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path)
