"""Facts about this machine: kernel, distribution, memory, processors."""

import ctypes
import os
import shlex
from pathlib import Path
from typing import Final, NamedTuple

_M_ARENA_MAX: Final = -8  # malloc.h


class HostFacts(NamedTuple):
    """What does not change while we run; memory in bytes, architecture as uname(2) says."""

    hostname: str
    kernel_version: str
    operating_system: str
    os_version: str
    architecture: str
    cpus: int
    memory: int
    apparmor: bool
    seccomp: bool


def host_facts() -> HostFacts:
    """Read them."""
    release = _os_release()
    uname = os.uname()
    return HostFacts(
        hostname=uname.nodename,
        kernel_version=uname.release,
        operating_system=release.get("PRETTY_NAME", "Linux"),
        os_version=release.get("VERSION_ID", ""),
        architecture=uname.machine,
        cpus=len(os.sched_getaffinity(0)),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        apparmor=_reads("/sys/module/apparmor/parameters/enabled").startswith("Y"),
        seccomp="Seccomp:" in _reads("/proc/self/status"),
    )


def ip_forwarding() -> bool:
    """Whether the kernel forwards IPv4."""
    return _reads("/proc/sys/net/ipv4/ip_forward").strip() == "1"


def open_file_count() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))


def filesystem_type(path: str) -> str:
    """The type of the file system a path is on, as mountinfo names it; "" when unknown."""
    device = os.stat(path).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in _reads("/proc/self/mountinfo").splitlines():
        if line.split(" ", 3)[2] == wanted:
            return line.partition(" - ")[2].partition(" ")[0]
    return ""


def _os_release() -> dict[str, str]:
    text = _reads("/etc/os-release") or _reads("/usr/lib/os-release")
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key: "".join(shlex.split(value)) for key, _, value in pairs}


def _reads(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def sync_filesystem(path: Path) -> None:
    """Flush the file system that *path* is on to the disk (syncfs(2))."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(fd)


def keep_memory_small() -> None:
    """Let threads share two heaps instead of getting one each, which keep what was once used (glibc)."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_ARENA_MAX, 2)


def find_init() -> str:
    """A small init to run as PID 1 of containers that ask for one; "" when none is installed."""
    candidates = (
        "/usr/libexec/boxship/catatonit",
        "/usr/bin/docker-init",
        "/usr/bin/catatonit",
        "/usr/libexec/podman/catatonit",
        "/usr/bin/tini-static",
        "/sbin/docker-init",
    )
    return next((path for path in candidates if os.access(path, os.X_OK)), "")
