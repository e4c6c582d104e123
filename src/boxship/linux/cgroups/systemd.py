"""systemd as the manager of cgroups: whether it runs here, and where its slices are (systemd.slice(5))."""

import posixpath
from typing import Final

NOT_A_SLICE: Final = 'cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"'
_SUFFIX: Final = ".slice"


def is_booted() -> bool:
    """True where systemd is the init system, as sd_booted(3)."""
    return posixpath.isdir("/run/systemd/system")


def is_slice(name: str) -> bool:
    """Whether this names a slice."""
    return len(name) > len(_SUFFIX) and name.endswith(_SUFFIX)


def slice_path(name: str) -> str:
    """A slice's cgroup: `a-b.slice` is below `a.slice`, and `-.slice` is the root."""
    stem = name.removesuffix(_SUFFIX)
    if stem == "-":
        return ""
    parts = stem.split("-")
    return "".join(f"/{'-'.join(parts[: end + 1])}{_SUFFIX}" for end in range(len(parts)))
