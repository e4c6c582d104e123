"""Directories of cgroups: walking, signalling and removing a cgroup with those below it."""

import contextlib
import errno
import os
import signal
import time
from collections.abc import Iterator

from boxship.errors import Internal
from boxship.linux.cgroups.usage import read_pids

_PATIENCE_S = 5.0


def walk(directory: str) -> Iterator[str]:
    """The cgroup and all below it, the deepest first; nothing when it does not exist."""
    try:
        children = [entry.path for entry in os.scandir(directory) if entry.is_dir()]
    except OSError:
        return
    for child in children:
        yield from walk(child)
    yield directory


def pids(directory: str) -> list[int]:
    """All processes in it and below."""
    return [pid for each in walk(directory) for pid in read_pids(f"{each}/cgroup.procs")]


def kill(directory: str, number: int) -> None:
    """Signal every process; with SIGKILL until none is left that could have forked meanwhile."""
    deadline = time.monotonic() + _PATIENCE_S
    pause = 0.0005
    while found := pids(directory):
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if number != signal.SIGKILL:
            return
        if time.monotonic() > deadline:
            raise Internal(f"processes of {directory} do not end: {found}")
        time.sleep(pause)  # the kernel has no event for "empty" on v1
        pause = min(pause * 2, 0.05)


def remove(directory: str) -> None:
    """Remove it and those below; quiet when it is gone. Its processes must have been killed."""
    deadline = time.monotonic() + _PATIENCE_S
    pause = 0.0005
    for each in walk(directory):
        while True:
            try:
                os.rmdir(each)
                break
            except FileNotFoundError:
                break
            except OSError as error:
                # EBUSY for an instant: dead processes leave a cgroup only when they are reaped
                if error.errno != errno.EBUSY or time.monotonic() > deadline:
                    raise Internal(f"cannot remove cgroup {each}: {error.strerror}") from error
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
