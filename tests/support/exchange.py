"""An attacker's loop: two names in a folder change places as fast as the kernel lets them."""

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterator
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def exchanging(one: Path, other: Path) -> Iterator[None]:
    """Exchange two paths all the time, from a thread of its own."""
    stop = threading.Event()

    def swap() -> None:
        names = os.fsencode(one), os.fsencode(other)
        while not stop.is_set():
            for _ in range(50):
                _libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE)
            stop.wait(0.0005)  # or nobody else gets anywhere on two processors

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
