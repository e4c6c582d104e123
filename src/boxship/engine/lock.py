"""One engine for each root, in a daemon or in a program: held by flock, so no stale file is ever in the way."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from boxship.engine.config import EngineConfig
from boxship.errors import Unavailable

LOCK: Final = "boxshipd.lock"


@contextlib.contextmanager
def hold_roots(config: EngineConfig) -> Iterator[None]:
    """Keep every other engine off our data and our runtime state; raise Unavailable if one is there."""
    with _hold_root(config.data_root), _hold_root(config.exec_root):
        yield


@contextlib.contextmanager
def _hold_root(root: Path) -> Iterator[None]:
    root.mkdir(mode=0o711, parents=True, exist_ok=True)

    def refusal(holder: str) -> str:
        who = f" (PID {holder})" if holder else ""
        return f"cannot use {root}: another engine{who} is using it"

    with hold_file(root / LOCK, refusal):
        yield


@contextlib.contextmanager
def hold_file(path: Path, refusal: Callable[[str], str]) -> Iterator[None]:
    """Lock a file and write our PID into it; what holds it already is named to *refusal*, "" if unknown."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise Unavailable(f"cannot open {path}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            raise Unavailable(refusal(holder)) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}".encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)
