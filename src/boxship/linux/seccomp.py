"""Seccomp: resolving a profile in Docker's format for a capability set, an architecture and a kernel.

Docker's profiles are OCI seccomp objects whose rules carry `includes` and `excludes` by capability,
architecture and kernel version, and an `archMap` from an architecture to the others it can run.
"""

import functools
import os
import platform
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import msgspec

from boxship.errors import InvalidArgument, Unsupported

_DOCKER_ARCHITECTURES: Final = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "i686": "386",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
}
_SCMP_ARCHITECTURES: Final = {
    "amd64": "SCMP_ARCH_X86_64",
    "arm64": "SCMP_ARCH_AARCH64",
    "arm": "SCMP_ARCH_ARM",
    "386": "SCMP_ARCH_X86",
    "ppc64le": "SCMP_ARCH_PPC64LE",
    "riscv64": "SCMP_ARCH_RISCV64",
    "s390x": "SCMP_ARCH_S390X",
}


class Filter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """When a rule applies."""

    caps: tuple[str, ...] | None = None
    arches: tuple[str, ...] | None = None
    min_kernel: str | None = None


class Argument(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A condition on one argument of the call."""

    index: int = msgspec.field(name="index")
    value: int = msgspec.field(name="value")
    value_two: int = 0
    op: str = msgspec.field(name="op")


class Rule(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What happens on some calls."""

    names: tuple[str, ...] | None = None
    name: str | None = None
    action: str
    errno_ret: int | None = None
    args: tuple[Argument, ...] | None = None
    includes: Filter | None = None
    excludes: Filter | None = None


class ArchMap(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An architecture and those whose programs it runs too."""

    architecture: str
    sub_architectures: tuple[str, ...] | None = None


class Profile(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A profile as written; unknown members are ignored, as Docker does."""

    default_action: str
    default_errno_ret: int | None = None
    arch_map: tuple[ArchMap, ...] | None = None
    architectures: tuple[str, ...] | None = None
    flags: tuple[str, ...] | None = None
    listener_path: str | None = None
    listener_metadata: str | None = None
    syscalls: tuple[Rule, ...] | None = None


class Host(msgspec.Struct, frozen=True):
    """What rules may depend on besides capabilities; architecture as Go names it."""

    architecture: str
    kernel: tuple[int, int]


def this_host() -> Host:
    """The machine we run on."""
    machine = platform.machine()
    release = os.uname().release.split(".")
    minor = "".join(c for c in release[1] if c.isdigit()) if len(release) > 1 else "0"
    return Host(_DOCKER_ARCHITECTURES.get(machine, machine), (int(release[0]), int(minor or 0)))


_JSON_BEGINNINGS: Final = '{["-0123456789tfn'


def parse(text: str | bytes) -> Profile:
    """Read a profile; raise InvalidArgument in Docker's words."""
    try:
        return msgspec.json.decode(text, type=Profile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        first = (text if isinstance(text, str) else text.decode("utf-8", "replace")).lstrip()[:1]
        reason = (
            str(error)
            if first in _JSON_BEGINNINGS
            else f"invalid character {first!r} looking for beginning of value"
        )
        raise InvalidArgument(f"Decoding seccomp profile failed: {reason}") from error


def resolve(profile: Profile, capabilities: Collection[str], host: Host) -> dict[str, Any]:
    """The `linux.seccomp` object that the OCI runtime is given."""
    if profile.architectures and profile.arch_map:
        raise InvalidArgument(
            "both 'architectures' and 'archMap' are specified in the seccomp profile, use either "
            "'architectures' or 'archMap'"
        )
    resolved: dict[str, Any] = {"defaultAction": profile.default_action}
    if profile.default_errno_ret is not None:
        resolved["defaultErrnoRet"] = profile.default_errno_ret
    if architectures := _architectures(profile, host):
        resolved["architectures"] = architectures
    for key in ("flags", "listener_path", "listener_metadata"):
        if value := getattr(profile, key):
            resolved[_CAMEL[key]] = value
    rules = (rule for rule in profile.syscalls or () if _applies(rule, capabilities, host))
    resolved["syscalls"] = [_oci_rule(rule) for rule in rules]
    return resolved


_CAMEL: Final = {
    "flags": "flags",
    "listener_path": "listenerPath",
    "listener_metadata": "listenerMetadata",
}


def _architectures(profile: Profile, host: Host) -> list[str]:
    if profile.architectures:
        return list(profile.architectures)
    native = _SCMP_ARCHITECTURES.get(host.architecture)
    if native is None:
        raise Unsupported(f"seccomp profiles are not supported on {host.architecture}")
    for entry in profile.arch_map or ():
        if entry.architecture == native:
            return [native, *(entry.sub_architectures or ())]
    return []


def _applies(rule: Rule, capabilities: Collection[str], host: Host) -> bool:
    if rule.names and rule.name:
        raise InvalidArgument(
            "both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'"
        )
    excludes, includes = rule.excludes, rule.includes
    if excludes is not None:
        if host.architecture in (excludes.arches or ()):
            return False
        if any(capability in capabilities for capability in excludes.caps or ()):
            return False
        if excludes.min_kernel and host.kernel >= _version(excludes.min_kernel):
            return False
    if includes is not None:
        if includes.arches and host.architecture not in includes.arches:
            return False
        if any(capability not in capabilities for capability in includes.caps or ()):
            return False
        if includes.min_kernel and host.kernel < _version(includes.min_kernel):
            return False
    return True


def _version(text: str) -> tuple[int, int]:
    major, dot, minor = text.partition(".")
    if not (dot and major.isdigit() and minor.isdigit()):
        raise InvalidArgument(
            f'Decoding seccomp profile failed: invalid kernel version: "{text}": expected "<kernel>.<major>"'
        )
    return int(major), int(minor)


def _oci_rule(rule: Rule) -> dict[str, Any]:
    resolved: dict[str, Any] = {
        "names": list(rule.names or ((rule.name,) if rule.name else ())),
        "action": rule.action,
    }
    if rule.errno_ret is not None:
        resolved["errnoRet"] = rule.errno_ret
    if rule.args:
        resolved["args"] = [msgspec.to_builtins(argument) for argument in rule.args]
    return resolved


@functools.cache
def default_profile() -> Profile:
    """The profile of containers that ask for none: Docker Engine 28's, rule for rule."""
    path = Path(__file__).with_name("seccomp_default.json")
    return parse(path.read_bytes())
