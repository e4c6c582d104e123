"""AppArmor: whether this host confines by it, which profiles are loaded, and containers' own profile."""

import os
from pathlib import Path
from typing import Final

from boxship.errors import Internal
from boxship.linux import process

DEFAULT_PROFILE: Final = "docker-default"  # Docker's name: users ask for it by that
_PARSER: Final = "/sbin/apparmor_parser"
_POLICY: Final = "/sys/kernel/security/apparmor"

# What containers have no business with although capabilities and namespaces may let them: writing to
# the kernel's settings, mounting, reading its memory. peer=… names who may signal and trace them.
_TEMPLATE: Final = """\
{tunables}
profile {name} flags=(attach_disconnected,mediate_deleted) {{
  {abstractions}
  file,
  network,
  capability,
  umount,

  signal (receive) peer=unconfined,
  signal (receive) peer={engine},
  signal (receive) peer=crun,
  signal (receive) peer=runc,
  signal (send,receive) peer={name},
  ptrace (trace,tracedby,read,readby) peer={name},

  deny mount,

  # of /proc only the processes' own files and /proc/sys/kernel/shm* may be written
  deny @{{PROC}}/* w,
  deny @{{PROC}}/{{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9]*}}/** w,
  deny @{{PROC}}/sys/[^k]** w,
  deny @{{PROC}}/sys/kernel/{{?,??,[^s][^h][^m]**}} w,
  deny @{{PROC}}/sysrq-trigger rwklx,
  deny @{{PROC}}/kcore rwklx,

  # of /sys only /sys/fs/cgroup
  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}}
"""


def is_enabled() -> bool:
    """True where AppArmor confines and profiles can be loaded, as Docker sees it."""
    in_container = bool(os.environ.get("container"))  # noqa: SIM112 - systemd's name
    if in_container or not Path(_POLICY).is_dir() or not os.access(_PARSER, os.X_OK):
        return False
    try:
        return Path("/sys/module/apparmor/parameters/enabled").read_text("ascii")[:1] == "Y"
    except OSError:
        return False


def is_loaded(profile: str) -> bool:
    """True when a profile of this name is loaded."""
    try:
        with open(f"{_POLICY}/profiles", encoding="utf-8") as file:
            return any(line.rpartition(" (")[0] == profile for line in file)
    except OSError:
        return False


def ensure_default(directory: str) -> None:
    """Load containers' own profile unless it is there; its text passes through a file in *directory*."""
    if is_loaded(DEFAULT_PROFILE):
        return
    path = Path(directory, f"{DEFAULT_PROFILE}.apparmor")
    path.write_text(profile_text())
    try:
        done = process.run([_PARSER, "-Kr", str(path)], timeout_s=60)
    finally:
        path.unlink()
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise Internal(
            f"AppArmor enabled on system but the {DEFAULT_PROFILE} profile could not be loaded: {said}"
        )


def profile_text() -> str:
    """The profile's source, with what this host's AppArmor brings along."""
    base = Path("/etc/apparmor.d")
    has_tunables = (base / "tunables/global").exists()
    return _TEMPLATE.format(
        name=DEFAULT_PROFILE,
        engine=_own_profile(),
        tunables="#include <tunables/global>" if has_tunables else "@{PROC}=/proc/",
        abstractions="#include <abstractions/base>"
        if (base / "abstractions/base").exists()
        else "",
    )


def _own_profile() -> str:
    try:
        current = Path("/proc/self/attr/current").read_text("ascii").strip()
    except OSError:
        return "unconfined"
    return current.rpartition(" (")[0] or current or "unconfined"
