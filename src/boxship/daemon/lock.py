"""One daemon for each data root and PID file: held by flock, so that no stale file is ever in the way."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from boxship.errors import Unavailable


@contextlib.contextmanager
def hold_pidfile(path: Path) -> Iterator[None]:
    """Write our PID for others to read; refuse to start beside a daemon that holds the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path) as descriptor:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}".encode(), 0)
        try:
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


@contextlib.contextmanager
def hold_data_root(root: Path) -> Iterator[None]:
    """Keep a second daemon off our data."""
    root.mkdir(mode=0o711, parents=True, exist_ok=True)
    with _locked(root / "boxshipd.lock"):
        yield


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise Unavailable(f"cannot open {path}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            who = f"process with PID {holder} is still running" if holder else "it is locked"
            raise Unavailable(
                f"failed to start daemon, ensure boxshipd is not running or delete {path}: {who}"
            ) from None
        yield descriptor
    finally:
        os.close(descriptor)
