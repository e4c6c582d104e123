"""What a container's processes may do: capabilities, seccomp, AppArmor, hidden paths. Pure."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import msgspec

from boxship.errors import InvalidArgument
from boxship.linux.capabilities import ALL
from boxship.model.container import HostConfig

DEFAULT_CAPABILITIES: Final = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
)
MASKED_PATHS: Final = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
READONLY_PATHS: Final = (
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
)
_TRUE: Final = ("1", "t", "T", "true", "TRUE", "True")
_FALSE: Final = ("0", "f", "F", "false", "FALSE", "False")


class SecurityOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`--security-opt`, read; "" where the container does not say."""

    seccomp: str = ""  # "unconfined", "builtin" or the profile's JSON
    apparmor: str = ""
    no_new_privileges: bool | None = None
    writable_cgroups: bool | None = None


def parse_options(options: Iterable[str] | None) -> SecurityOptions:
    """Read HostConfig.SecurityOpt; raise InvalidArgument in Docker's words."""
    found: dict[str, str | bool] = {}
    for option in options or ():
        if option == "no-new-privileges":
            found["no_new_privileges"] = True
            continue
        if option == "disable":  # SELinux labels, from old clients
            continue
        key, separator, value = option.partition("=")
        if not separator:
            key, separator, value = option.partition(":")  # the form before Docker 1.11
        if not separator:
            raise InvalidArgument(f'invalid --security-opt 1: "{option}"')
        match key:
            case "label":
                pass  # SELinux is not enforced here, and then Docker ignores labels too
            case "seccomp" | "apparmor":
                found[key] = value
            case "no-new-privileges" | "writable-cgroups":
                if value not in _TRUE and value not in _FALSE:
                    raise InvalidArgument(f'invalid --security-opt 2: "{option}"')
                found[key.replace("-", "_")] = value in _TRUE
            case _:
                raise InvalidArgument(f'invalid --security-opt 2: "{option}"')
    return msgspec.convert(found, SecurityOptions)


def capabilities(host_config: HostConfig, available: Collection[str]) -> tuple[str, ...]:
    """The capability set of a container's first process; raise InvalidArgument in Docker's words."""
    every = tuple(name for name in ALL if name in available)
    added = _normalized(host_config.cap_add, "CapAdd", available)
    dropped = _normalized(host_config.cap_drop, "CapDrop", available)
    if host_config.privileged:
        return every
    if "ALL" in added:
        return tuple(name for name in every if name not in dropped)
    if "ALL" in dropped:
        return tuple(added)
    kept = [name for name in DEFAULT_CAPABILITIES if name not in dropped and name in available]
    return tuple(dict.fromkeys((*kept, *added)))


def masked_paths(host_config: HostConfig) -> Sequence[str]:
    """Paths that are hidden; none when privileged or told so."""
    if host_config.privileged:
        return ()
    return MASKED_PATHS if host_config.masked_paths is None else host_config.masked_paths


def readonly_paths(host_config: HostConfig) -> Sequence[str]:
    """Paths that are write-protected; none when privileged or told so."""
    if host_config.privileged:
        return ()
    return READONLY_PATHS if host_config.readonly_paths is None else host_config.readonly_paths


def _normalized(names: Sequence[str] | None, field: str, available: Collection[str]) -> list[str]:
    result = []
    for name in names or ():
        upper = name.upper()
        if upper == "ALL":
            result.append(upper)
            continue
        if not upper.startswith("CAP_"):
            upper = f"CAP_{upper}"
        if upper not in ALL:
            raise InvalidArgument(f'invalid {field}: unknown capability: "{upper}"')
        if upper not in available and field == "CapAdd":
            raise InvalidArgument(
                f"invalid {field}: capability not supported by your kernel or not available in "
                f'the current environment: "{upper}"'
            )
        result.append(upper)
    return result
