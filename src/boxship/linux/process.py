"""Processes: starting programs, waiting for them, and telling a process from a later one with its PID."""

import contextlib
import errno
import functools
import os
import resource
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from boxship.errors import Internal, Unavailable

DEVNULL: Final = subprocess.DEVNULL
_UNLIMITED: Final = (1 << 64) - 1
_NAME_END: Final = b") "  # /proc/PID/stat: the name is in parentheses and may hold anything


class Completed(NamedTuple):
    """How a program ended and what it said; a signal is 128 more than its number, as in shells."""

    returncode: int
    stdout: bytes
    stderr: bytes


def spawn(
    command: Sequence[str],
    *,
    directory: str | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: int = DEVNULL,
    stdout: int = DEVNULL,
    stderr: int = DEVNULL,
    kept_fds: Sequence[int] = (),
) -> int:
    """Start a program in a session of its own and return its PID; the caller reaps it.

    Goes through vfork: about half a millisecond however large this process is.
    """
    try:
        child = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=kept_fds,
            start_new_session=True,
        )
    except OSError as error:
        raise Unavailable(f"cannot run {command[0]}: {error.strerror}") from error
    child.returncode = 0  # disowned: Popen must neither warn about it nor ever reap it
    return child.pid


def run(
    command: Sequence[str],
    *,
    input: bytes = b"",  # noqa: A002 - as subprocess names it
    timeout_s: float = 60,
) -> Completed:
    """Run a program to its end."""
    try:
        done = subprocess.run(
            command, input=input, capture_output=True, timeout=timeout_s, check=False
        )
    except OSError as error:
        raise Unavailable(f"cannot run {command[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{command[0]} did not end within {timeout_s:g} s") from error
    return Completed(_shell_code(done.returncode), done.stdout, done.stderr)


def reap(pid: int) -> int | None:
    """Collect a child's exit code, as shells count it; None when it still runs or is not ours."""
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return _shell_code(os.waitstatus_to_exitcode(status)) if found else None


def start_time(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None when there is none, or a zombie."""
    fields = _stat(pid)
    return None if fields is None or fields[0] in (b"Z", b"X") else int(fields[19])


def is_alive(pid: int, started: int) -> bool:
    """True while the very process that started then is running."""
    return pid > 0 and start_time(pid) == started


def parent(pid: int) -> int | None:
    """The parent's PID; None when there is no such process."""
    fields = _stat(pid)
    return None if fields is None else int(fields[1])


def open_pidfd(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends; None when it already has."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EINVAL):  # the number is now some thread's
            return None
        raise Internal(f"cannot watch process {pid}: {error.strerror}") from error


def has_ended(pid: int) -> bool:
    """True for a process that is gone, or that nobody has reaped yet."""
    fd = open_pidfd(pid)
    if fd is None:
        return True
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(0))
    finally:
        os.close(fd)


def open_pidfd_of(pid: int, started: int) -> int | None:
    """As open_pidfd, for the very process that started then."""
    if pid <= 0 or (fd := open_pidfd(pid)) is None:
        return None
    if start_time(pid) == started:  # checked after opening: now the descriptor pins it
        return fd
    os.close(fd)
    return None


def send_signal(pidfd: int, number: int) -> bool:
    """Signal the process behind a descriptor; False when it has ended."""
    try:
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        return False
    except OSError as error:
        raise Internal(f"cannot send signal {number}: {error.strerror}") from error
    return True


@functools.cache
def own_oom_score() -> int:
    """Our own adjustment, which the processes we start inherit."""
    with open("/proc/self/oom_score_adj", "rb") as file:
        return int(file.read())


def adjust_oom_score(pid: int, adjustment: int) -> None:
    """Have the kernel end a process sooner or later when memory is short; quiet when it is gone."""
    with (
        contextlib.suppress(OSError),
        open(f"/proc/{pid}/oom_score_adj", "wb", buffering=0) as file,
    ):
        file.write(b"%d" % adjustment)


def limit(pid: int, name: str, soft: int, hard: int) -> None:
    """Set a resource limit of another process, such as `RLIMIT_NOFILE` (prlimit(2)); OSError."""
    resource.prlimit(pid, limit_number(name), (_limit_value(soft), _limit_value(hard)))


def limit_number(name: str) -> int:
    """The kernel's number of a resource limit."""
    return int(getattr(resource, name, _OTHER_LIMITS.get(name, -1)))


# what Python's module leaves out
_OTHER_LIMITS: Final = {"RLIMIT_LOCKS": 10}


def _limit_value(value: int) -> int:
    return resource.RLIM_INFINITY if value == _UNLIMITED else value


def _stat(pid: int) -> list[bytes] | None:
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            text = file.read(4096)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(_NAME_END) + len(_NAME_END) :].split()


def _shell_code(code: int) -> int:
    return 128 - code if code < 0 else code
