"""What a request must not ask, told in Docker's words. Pure."""

import ipaddress
import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Final

from boxship.engine.containers.contract import Settings
from boxship.engine.containers.create.limits import check_limits
from boxship.engine.containers.create.mount_specs import check_destination, check_request
from boxship.engine.containers.health import failure_action
from boxship.errors import Internal, InvalidArgument
from boxship.model.config import Healthcheck, RunConfig
from boxship.model.container import HostConfig, RestartPolicy
from boxship.model.filters import FALSE, TRUE
from boxship.model.network import PortBinding
from boxship.model.signals import stop_number

_MILLISECOND: Final = 1_000_000
_CAPABILITIES: Final = frozenset(
    "AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE "  # noqa: SIM905 - words
    "DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN "
    "MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID "
    "SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE "
    "SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM".split()
)
_RESTART_POLICIES: Final = ("", "no", "always", "unless-stopped", "on-failure")
_SECURITY_OPTIONS: Final = ("label", "apparmor", "seccomp")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_PORT: Final = re.compile(r"[0-9]+")
HOST_LINKS: Final = (
    "conflicting options: host type networking can't be used with links. "
    "This would result in undefined behavior"
)
"""Neither from a container in the host's network nor to one."""


def check_config(config: RunConfig) -> None:
    """Raise InvalidArgument for a configuration that could never run."""
    if config.working_dir and not config.working_dir.startswith("/"):
        raise InvalidArgument(
            f"the working directory '{config.working_dir}' is invalid, it needs to be an absolute path"
        )
    if config.stop_signal:
        stop_number(config.stop_signal)
    for variable in config.env or ():
        if not variable or variable.startswith("="):
            raise InvalidArgument(f"invalid environment variable: {variable}")
    _check_strings(config)
    if config.healthcheck is not None:
        _check_healthcheck(config.healthcheck)


def check_host_config(host_config: HostConfig, config: RunConfig, settings: Settings) -> list[str]:
    """Raise for what Docker refuses; return its warnings."""
    check_network_mode(host_config, config)
    check_isolation(host_config)
    if host_config.auto_remove and host_config.restart_policy.name not in ("", "no"):
        raise InvalidArgument("can't create 'AutoRemove' container with restart policy")
    for request in host_config.mounts or ():
        check_request(request)
    _check_files(host_config)
    for line in host_config.extra_hosts or ():
        _check_extra_host(line)
    check_port_bindings(host_config.port_bindings or {})
    check_restart_policy(host_config.restart_policy)
    failure_action(config, host_config)
    _check_capabilities("CapAdd", host_config.cap_add or ())
    _check_capabilities("CapDrop", host_config.cap_drop or ())
    if "" in (host_config.annotations or {}):
        raise InvalidArgument(
            "invalid Annotations: the empty string is not permitted as an annotation key"
        )
    warnings = check_limits(host_config, settings.capabilities)
    if any(request.type == "image" for request in host_config.mounts or ()):
        warnings.append("Image mount is an experimental feature")
    _check_modes(host_config)
    if host_config.network_mode == "host" and host_config.port_bindings:
        warnings.append("Published ports are discarded when using host network mode")
    check_runtime(host_config.runtime, settings)
    if settings.systemd_cgroups and host_config.cgroup_parent:
        _check_slice(host_config.cgroup_parent)
    for destination in host_config.tmpfs or {}:
        check_destination(destination)
    if host_config.cgroupns_mode not in ("", "private", "host"):
        raise InvalidArgument(f"invalid cgroup namespace mode: {host_config.cgroupns_mode}")
    return warnings


def check_runtime(name: str, settings: Settings) -> None:
    """Raise InvalidArgument for a runtime that is neither set up nor named like a containerd shim."""
    if not name or name in settings.runtimes:
        return
    if "." not in name or "/" in name or name.startswith("."):  # Docker looks for shims at start
        raise InvalidArgument(f"unknown or invalid runtime name: {name}")


def _check_slice(name: str) -> None:
    if len(name) <= len(".slice") or not name.endswith(".slice"):
        raise InvalidArgument(
            'cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"'
        )


def check_options(host_config: HostConfig) -> None:
    """The checks that Docker makes late, and answers with 500."""
    for option in host_config.storage_opt or {}:
        if option.lower() != "size":
            raise Internal(f"Unknown option {option}")
        raise Internal(
            "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"
        )
    for option in host_config.security_opt or ():
        _check_security_option(option)


def check_restart_policy(policy: RestartPolicy) -> None:
    """Raise InvalidArgument for a policy that Docker does not know."""
    if policy.name not in _RESTART_POLICIES:
        raise InvalidArgument(
            f"invalid restart policy: unknown policy '{policy.name}'; use one of 'no', 'always', "
            "'on-failure', or 'unless-stopped'"
        )
    if policy.name != "on-failure" and policy.maximum_retry_count != 0:
        raise InvalidArgument(
            "invalid restart policy: maximum retry count can only be used with 'on-failure'"
        )
    if policy.maximum_retry_count < 0:
        raise InvalidArgument("invalid restart policy: maximum retry count cannot be negative")


def check_port_bindings(bindings: Mapping[str, Sequence[PortBinding] | None]) -> None:
    """Raise for ports that are none."""
    for port, places in bindings.items():
        number = port.partition("/")[0]
        if not _is_port(number) or not number:
            raise InvalidArgument(f'invalid port specification: "{number}"')
        for place in places or ():
            if not _is_port_range(place.host_port):
                raise InvalidArgument(f'invalid port specification: "{place.host_port}"')


def check_network_mode(host_config: HostConfig, config: RunConfig) -> None:
    """Raise for settings that exclude each other."""
    mode = host_config.network_mode
    joins = mode == "container" or mode.startswith("container:")
    if host_config.uts_mode == "host" and config.hostname:
        raise InvalidArgument("conflicting options: hostname and the UTS mode")
    if mode == "host" and host_config.links:
        raise InvalidArgument(HOST_LINKS)
    if not joins:
        return
    if not mode.partition(":")[2]:
        raise InvalidArgument("invalid network mode: invalid container format container:<name|id>")
    conflicts = (
        (config.hostname, "hostname and the network mode"),
        (
            host_config.links,
            "container type network can't be used with links. This would result in undefined behavior",
        ),
        (host_config.dns, "dns and the network mode"),
        (host_config.extra_hosts, "custom host-to-IP mapping and the network mode"),
        (
            host_config.port_bindings or host_config.publish_all_ports,
            "port publishing and the container type network mode",
        ),
        (config.exposed_ports, "port exposing and the container type network mode"),
    )
    for present, text in conflicts:
        if present:
            raise InvalidArgument(f"conflicting options: {text}")


def check_isolation(host_config: HostConfig) -> None:
    """Raise for what only Windows has."""
    if host_config.isolation not in ("", "default"):
        raise InvalidArgument(
            f"invalid isolation ({host_config.isolation}): linux only supports 'default'"
        )
    if host_config.io_maximum_bandwidth:
        raise InvalidArgument(
            "invalid option: QoS maximum bandwidth configuration is not supported on linux"
        )
    if host_config.io_maximum_iops:
        raise InvalidArgument(
            "invalid option: QoS maximum IOPs configuration is not supported on linux"
        )


def normalised_path(path: str) -> str:
    """An absolute path without dots; "" stays."""
    return posixpath.normpath(path).replace("//", "/", 1) if path else ""


def _check_strings(config: RunConfig) -> None:
    """Refuse what would end a line of /etc/hosts, or an argument, before its end."""
    for what, name in (("hostname", config.hostname), ("domainname", config.domainname)):
        _check_line(what, name)
    for variable in config.env or ():
        if "\0" in variable:
            raise InvalidArgument(
                f"invalid environment variable {_quoted(variable)}: contains nul byte (\\x00)"
            )
    for word in (*(config.entrypoint or ()), *(config.cmd or ()), config.user, config.working_dir):
        if "\0" in word:
            raise InvalidArgument(f"invalid argument {_quoted(word)}: contains nul byte (\\x00)")


def _check_files(host_config: HostConfig) -> None:
    """The same for what becomes lines of /etc/hosts and /etc/resolv.conf."""
    lines = {
        "add-host": host_config.extra_hosts,
        "link": host_config.links,
        "dns": host_config.dns,
        "dns-search": host_config.dns_search,
        "dns-option": host_config.dns_options,
    }
    for what, values in lines.items():
        for value in values or ():
            _check_line(what, value)


def _check_line(what: str, value: str) -> None:
    if _CONTROL.search(value):
        raise InvalidArgument(f"invalid {what} {_quoted(value)}: it has control characters")


def _quoted(text: str) -> str:
    return json.dumps(text).replace("\\u00", "\\x")


def _check_healthcheck(check: Healthcheck) -> None:
    durations = {
        "Interval": check.interval,
        "Timeout": check.timeout,
        "StartPeriod": check.start_period,
        "StartInterval": check.start_interval,
    }
    for name, duration in durations.items():
        if duration != 0 and duration < _MILLISECOND:
            raise InvalidArgument(f"{name} in Healthcheck cannot be less than 1ms")
    if check.retries < 0:
        raise InvalidArgument("Retries in Healthcheck cannot be negative")


def _check_extra_host(line: str) -> None:
    name, colon, address = line.partition(":")
    if not colon or not name:
        raise InvalidArgument(f'bad format for add-host: "{line}"')
    if address == "host-gateway":
        return
    try:
        ipaddress.ip_address(address.strip())
    except ValueError as error:
        raise InvalidArgument(f'invalid IP address in add-host: "{address}"') from error


def _check_capabilities(field: str, names: Sequence[str]) -> None:
    for name in names:
        upper = name.upper()
        if upper != "ALL" and upper.removeprefix("CAP_") not in _CAPABILITIES:
            full = upper if upper.startswith("CAP_") else f"CAP_{upper}"
            raise InvalidArgument(f'invalid {field}: unknown capability: "{full}"')


def _check_modes(host_config: HostConfig) -> None:
    ipc = host_config.ipc_mode
    if ipc not in ("", "none", "private", "shareable", "host") and not _joins(ipc):
        raise InvalidArgument(f"invalid IPC mode: {ipc}")
    if host_config.pid_mode not in ("", "host") and not _joins(host_config.pid_mode):
        raise InvalidArgument(f"invalid PID mode: {host_config.pid_mode}")
    if host_config.shm_size < 0:
        raise InvalidArgument("SHM size can not be less than 0")
    if host_config.uts_mode not in ("", "host"):
        raise InvalidArgument(f"invalid UTS mode: {host_config.uts_mode}")
    if not -1000 <= host_config.oom_score_adj <= 1000:
        raise InvalidArgument(
            f"Invalid value {host_config.oom_score_adj}, range for oom score adj is [-1000, 1000]"
        )


def _joins(mode: str) -> bool:
    return mode.startswith("container:") and mode != "container:"


def _check_security_option(option: str) -> None:
    if option in ("no-new-privileges", "disable"):
        return
    separator = "=" if "=" in option else ":"
    key, found, value = option.partition(separator)
    if not found:
        raise Internal(f'invalid --security-opt 1: "{option}"')
    if key in ("no-new-privileges", "writable-cgroups"):
        known = value in TRUE | FALSE
    else:
        known = key in _SECURITY_OPTIONS
    if not known:
        raise Internal(f'invalid --security-opt 2: "{option}"')


def _is_port(text: str) -> bool:
    return not text or (_PORT.fullmatch(text) is not None and int(text) <= 65535)


def _is_port_range(text: str) -> bool:
    first, dash, last = text.partition("-")
    if not dash:
        return _is_port(text)
    return bool(first and last and _is_port(first) and _is_port(last) and int(first) <= int(last))
