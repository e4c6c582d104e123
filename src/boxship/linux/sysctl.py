"""Kernel settings under /proc/sys, of the network namespace the calling thread is in."""

import contextlib
from typing import Final

from boxship.errors import Internal

_ROOT: Final = "/proc/sys"


def read(name: str) -> str | None:
    """A setting such as `net/ipv4/ip_forward`; None where the kernel has none of this name."""
    try:
        with open(f"{_ROOT}/{name}") as file:
            return file.read().strip()
    except OSError:
        return None


def write(name: str, value: str) -> None:
    """Change a setting."""
    try:
        with open(f"{_ROOT}/{name}", "w") as file:
            file.write(value)
    except OSError as error:
        raise Internal(f"cannot set {name.replace('/', '.')}: {error.strerror}") from error


def write_if_present(name: str, value: str) -> None:
    """Change a setting that some kernels lack (IPv6 switched off, say)."""
    with contextlib.suppress(FileNotFoundError), open(f"{_ROOT}/{name}", "w") as file:
        file.write(value)
