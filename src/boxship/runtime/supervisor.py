"""conmon: starting it, what it tells us, and the exit it records.

conmon makes itself the leader of a session of its own and the subreaper of what it starts: it outlives
us, keeps the streams and the log, and writes the exit code into its directory. Each of its processes'
directories holds `attach` (socket), `ctl` (FIFO), `pidfile`, and in the end `exit` and perhaps `oom`.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from boxship.linux import process
from boxship.linux.oci_runtime import OciRuntime, last_error
from boxship.runtime.contract import ExitStatus, SupervisedProcess
from boxship.runtime.streams import AttachedStreams, connect
from boxship.runtime.waiting import read_line, read_memory_file, wait_child, wait_readable

LOG: Final = "runtime.log"
FILES: Final = ("attach", "ctl", "winsz", "pidfile", "exit", "oom", "config.json", LOG)
_CREATION_LIMIT_S: Final = 20
_SOCKET_PATH_LIMIT: Final = 80  # of TMPDIR, where conmon makes its console socket


class Report(msgspec.Struct, frozen=True):
    """What conmon writes to its sync pipe: a PID, or -1 and the runtime's complaint."""

    data: int
    message: str = ""


class Refused(Exception):
    """The OCI runtime failed under conmon."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Supervision(msgspec.Struct, frozen=True, kw_only=True):
    """How one process is to be supervised."""

    container_id: str
    unit: str  # the container's or the exec's ID
    directory: str
    runtime: OciRuntime
    terminal: bool
    stdin: bool
    leave_stdin_open: bool
    log_path: str = ""
    exit_directory: str = ""  # where its end is recorded, when that is not `directory`
    log_max_bytes: int = 0
    process_spec: str = ""  # of an exec


class Conmon:
    """Starts conmon processes; remembers which are our own children, to reap them."""

    def __init__(self, path: str, exec_root: str) -> None:
        self._path = path
        path_list = os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        self._environment = {"PATH": path_list, "TZ": "UTC"}  # times in logs compare as text
        if len(exec_root) <= _SOCKET_PATH_LIMIT:
            self._environment["TMPDIR"] = exec_root
        self._children: set[int] = set()

    def __repr__(self) -> str:
        return f"Conmon({self._path}, {len(self._children)} children)"

    async def create(
        self, supervision: Supervision, prepare: Callable[[], Awaitable[None]]
    ) -> SupervisedProcess:
        """Have a container created once *prepare* has made what it needs; raise Refused.

        conmon is loaded meanwhile, which takes about as long.
        """
        with contextlib.ExitStack() as closing:
            sync_read, sync_write = os.pipe()
            closing.callback(os.close, sync_read)
            start_read, start_write = os.pipe()
            closing.callback(os.close, start_write)
            errors = os.memfd_create("conmon", os.MFD_CLOEXEC)
            closing.callback(os.close, errors)
            pipes = {"_OCI_SYNCPIPE": sync_write, "_OCI_STARTPIPE": start_read}
            pid = self._spawn(supervision, pipes, errors)
            try:
                await prepare()
            except BaseException:
                await self.abandon(
                    pid
                )  # before its start pipe closes, which it would take for a go
                raise
            _go_on(start_write)
            return await self._created(supervision, pid, sync_read, errors)

    async def exec(self, supervision: Supervision) -> tuple[SupervisedProcess, AttachedStreams]:
        """Have one more process started, once we listen to its streams; raise Refused."""
        with contextlib.ExitStack() as closing:
            sync_read, sync_write = os.pipe()
            closing.callback(os.close, sync_read)
            start_read, start_write = os.pipe()
            closing.callback(os.close, start_write)
            attach_read, attach_write = os.pipe()
            closing.callback(os.close, attach_read)
            errors = os.memfd_create("conmon", os.MFD_CLOEXEC)
            closing.callback(os.close, errors)
            pipes = {
                "_OCI_SYNCPIPE": sync_write,
                "_OCI_STARTPIPE": start_read,
                "_OCI_ATTACHPIPE": attach_write,
            }
            pid = self._spawn(supervision, pipes, errors)
            streams: AttachedStreams | None = None
            try:
                _go_on(start_write)  # its parent might have wanted to move it to a cgroup first
                if not await read_line(attach_read):
                    raise Refused(await self._complaint(pid, errors))  # noqa: TRY301
                streams = await connect(supervision.directory, supervision.container_id, pid)
                _go_on(start_write)  # now the process may start: none of its output is lost
                return await self._created(supervision, pid, sync_read, errors), streams
            except BaseException:
                if streams is not None:
                    streams.close()
                await self.abandon(pid)
                raise

    async def abandon(self, pid: int) -> None:
        """Kill and reap a supervisor of ours."""
        if pid in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            await self._reap(pid)

    async def wait(self, supervised: SupervisedProcess) -> None:
        """Block until this very supervisor has ended."""
        pid = supervised.supervisor_pid
        if pid in self._children:
            await self._reap(pid)
            return
        fd = process.open_pidfd_of(pid, supervised.supervisor_started)
        if fd is not None:
            try:
                await wait_readable(fd)
            finally:
                os.close(fd)

    async def _created(
        self, supervision: Supervision, pid: int, sync_read: int, errors: int
    ) -> SupervisedProcess:
        started = process.start_time(pid) or 0
        try:
            line = await read_line(sync_read)
        except asyncio.CancelledError:
            await self._give_up(pid, sync_read)
            raise
        if not line:
            said = await self._complaint(pid, errors)
            raise Refused(_last_error(supervision) or said)
        # of an exec that ended at once, its exit code may have come along in a second line
        report = msgspec.json.decode(line.partition(b"\n")[0], type=Report)
        if report.data <= 0:
            await self._reap(pid)
            raise Refused(report.message)
        return SupervisedProcess(report.data, pid, started)

    async def _give_up(self, pid: int, sync_read: int) -> None:
        """Undo a creation under way.

        The runtime is let finish first: killed in the middle, it may still be making a cgroup or a process
        while its traces are being removed.
        """
        with contextlib.suppress(TimeoutError, msgspec.DecodeError):
            line = await asyncio.wait_for(read_line(sync_read), _CREATION_LIMIT_S)
            report = msgspec.json.decode(line.partition(b"\n")[0], type=Report)
            if report.data > 0:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(report.data, signal.SIGKILL)
        await self.abandon(pid)

    async def _complaint(self, pid: int, errors: int) -> str:
        await self._reap(pid)
        return read_memory_file(errors).strip() or "conmon ended without a word"

    async def _reap(self, pid: int) -> None:
        await wait_child(pid)
        self._children.discard(pid)

    def _spawn(self, supervision: Supervision, pipes: dict[str, int], errors: int) -> int:
        environment = {**self._environment, **{name: str(fd) for name, fd in pipes.items()}}
        try:
            pid = process.spawn(
                [self._path, *_arguments(supervision)],
                directory=supervision.exit_directory
                or supervision.directory,  # conmon drops a file "oom" there
                environment=environment,
                stderr=errors,
                kept_fds=tuple(pipes.values()),
            )
        finally:
            for fd in pipes.values():  # conmon's ends: only its own death may close them
                os.close(fd)
        self._children.add(pid)
        return pid


def collect(directory: str) -> ExitStatus | None:
    """The exit that a supervisor recorded in its directory; None when it was killed before it could."""
    path = Path(directory, "exit")
    try:
        text = path.read_text(encoding="ascii")
        finished_at = path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    oom_killed = Path(directory, "oom").exists()
    return ExitStatus(int(text or 255) & 0xFF, oom_killed, finished_at)


def clean(directory: str) -> None:
    """Remove what a supervisor leaves in its directory."""
    for name in FILES:
        with contextlib.suppress(OSError):  # what cannot go now goes with the directory
            Path(directory, name).unlink()


def _arguments(supervision: Supervision) -> Sequence[str]:
    directory, runtime = supervision.directory, supervision.runtime
    arguments = [
        # our direct child: its PID needs no file, and it detaches itself by setsid all the same
        "--sync",
        *("--api-version", "1"),
        *("-c", supervision.container_id),
        *("-u", supervision.unit),
        *("-r", runtime.path),
        *("-b", directory),
        *("-p", f"{directory}/pidfile"),
        *("--persist-dir", supervision.exit_directory or directory),
        *("-l", f"k8s-file:{supervision.log_path}" if supervision.log_path else "none"),
        "--full-attach",
        "--no-sync-log",  # an fsync at each exit would cost more than the container did
    ]
    if supervision.log_max_bytes:
        arguments += ["--log-size-max", str(supervision.log_max_bytes)]
    for argument in runtime.global_arguments():
        arguments += ["--runtime-arg", argument]
    if supervision.terminal:
        # then crun's complaints go to the terminal, where conmon does not look for them
        log = ("--log", f"{directory}/{LOG}", "--log-format", "json")
        for argument in log:
            arguments += ["--runtime-arg", argument]
        arguments.append("-t")
    if supervision.stdin:
        arguments.append("-i")
    if supervision.leave_stdin_open:
        arguments.append("--leave-stdin-open")
    if supervision.process_spec:
        arguments += ["-e", "--exec-attach", "--exec-process-spec", supervision.process_spec]
    return arguments


def _last_error(supervision: Supervision) -> str:
    return last_error(Path(supervision.directory, LOG)) if supervision.terminal else ""


def _go_on(start_write: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # it has died: its sync pipe will tell
        os.write(start_write, b"\0")
