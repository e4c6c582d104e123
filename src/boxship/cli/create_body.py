"""`run` and `create` flags to the body of POST /containers/create, field by field as Docker's CLI."""

from boxship.cli.endpoints import endpoint_settings, network_mode
from boxship.cli.env_files import environment, labels
from boxship.cli.mounts import split_volumes
from boxship.cli.ports import port_maps
from boxship.cli.restart_policy import parse_restart_policy
from boxship.client.codec import BadJSON, loads
from boxship.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from boxship.cli.flags import Options

CAPABILITY_ALL = "ALL"


def create_body(options: "Options", image: str, command: "list[str]") -> "dict[str, Any]":
    """The whole body; raise InvalidArgument in Docker's words."""
    _check(options)
    exposed, bindings = port_maps(options.publish, options.expose)
    binds, volumes = split_volumes(options.volume)
    attached = set(options.attach)
    everything = not attached
    stdin = options.interactive or "stdin" in attached
    body: dict[str, Any] = {
        "Hostname": options.hostname,
        "Domainname": options.domainname,
        "User": options.user,
        "AttachStdin": stdin,
        "AttachStdout": everything or "stdout" in attached,
        "AttachStderr": everything or "stderr" in attached,
        "Tty": options.tty,
        "OpenStdin": options.interactive,
        "StdinOnce": options.interactive and stdin,
        "Env": environment(options.env_file, options.env),
        "Cmd": command or None,
        "Image": image,
        "Volumes": volumes,
        "WorkingDir": options.workdir,
        "Entrypoint": _entrypoint(options),
        "OnBuild": None,
        "Labels": labels(options.label_file, options.label),
    }
    if exposed:
        body["ExposedPorts"] = exposed
    health = _health(options)
    if health is not None:
        body["Healthcheck"] = health
    if "stop_signal" in options.changed:
        body["StopSignal"] = options.stop_signal
    if "stop_timeout" in options.changed:
        body["StopTimeout"] = options.stop_timeout
    body["HostConfig"] = _host_config(options, binds, bindings)
    body["NetworkingConfig"] = {"EndpointsConfig": endpoint_settings(options)}
    return body


def _entrypoint(options: "Options") -> "list[str] | None":
    if options.entrypoint:
        return [options.entrypoint]
    return [""] if "entrypoint" in options.changed else None  # `--entrypoint=` resets the image's


_MODES = {
    "pid": ("--pid: invalid PID mode", ("host",)),
    "uts": ("--uts: invalid UTS mode", ("host",)),
    "userns": ("--userns: invalid USER mode", ("host",)),
    "cgroupns": ("--cgroupns: invalid CGROUP mode", ("host", "private")),
}


def _check(options: "Options") -> None:
    if options.mac_address and not _is_mac(options.mac_address):
        raise InvalidArgument(f"{options.mac_address} is not a valid mac address")
    swappiness = options.memory_swappiness
    if swappiness != -1 and not 0 <= swappiness <= 100:
        raise InvalidArgument(
            f"invalid value: {swappiness}. Valid memory swappiness range is 0-100"
        )
    for name, (message, allowed) in _MODES.items():
        mode = options[name]
        shared = name == "pid" and mode.startswith("container:") and len(mode) > 10
        if mode and mode not in allowed and not shared:
            raise InvalidArgument(message)
    policy = parse_restart_policy(options.restart)
    if options.rm and policy["Name"] not in {"", "no"}:
        raise InvalidArgument("conflicting options: cannot specify both --restart and --rm")


def _is_mac(text: str) -> bool:
    for separator, width, counts in (
        (":", 2, (6, 8, 20)),
        ("-", 2, (6, 8, 20)),
        (".", 4, (3, 4, 10)),
    ):
        parts = text.strip().split(separator)
        if len(parts) in counts:
            return all(
                len(part) == width and all(c in "0123456789abcdefABCDEF" for c in part)
                for part in parts
            )
    return False


def _health(options: "Options") -> "dict[str, Any] | None":
    durations = {
        "Interval": options.health_interval,
        "Timeout": options.health_timeout,
        "StartPeriod": options.health_start_period,
        "StartInterval": options.health_start_interval,
    }
    given = bool(options.health_cmd or options.health_retries or any(durations.values()))
    if options.no_healthcheck:
        if given:
            raise InvalidArgument("--no-healthcheck conflicts with --health-* options")
        return {"Test": ["NONE"]}
    if not given:
        return None
    names = {
        "Interval": "--health-interval",
        "Timeout": "--health-timeout",
        "StartPeriod": "--health-start-period",
        "StartInterval": "--health-start-interval",
    }
    for key, value in durations.items():
        if value < 0:
            raise InvalidArgument(f"{names[key]} cannot be negative")
    if options.health_retries < 0:
        raise InvalidArgument("--health-retries cannot be negative")
    health: dict[str, Any] = {key: value for key, value in durations.items() if value}
    if options.health_cmd:
        health["Test"] = ["CMD-SHELL", options.health_cmd]
    if options.health_retries:
        health["Retries"] = options.health_retries
    return health


def _host_config(
    options: "Options", binds: "list[str]", bindings: "dict[str, Any]"
) -> "dict[str, Any]":
    security, masked = _security(options.security_opt)
    config: dict[str, Any] = {
        "Binds": binds or None,
        "ContainerIDFile": options.cidfile,
        "LogConfig": {"Type": options.log_driver, "Config": _log_options(options)},
        "NetworkMode": network_mode(options.network),
        "PortBindings": bindings,
        "RestartPolicy": parse_restart_policy(options.restart),
        "AutoRemove": options.rm,
        "VolumeDriver": options.volume_driver,
        "VolumesFrom": options.volumes_from or None,
        "ConsoleSize": [0, 0],
        "CapAdd": _capabilities(options.cap_add, options.cap_drop)[0],
        "CapDrop": _capabilities(options.cap_add, options.cap_drop)[1],
        "CgroupnsMode": options.cgroupns,
        "Dns": options.dns,
        "DnsOptions": options.dns_option,
        "DnsSearch": options.dns_search,
        "ExtraHosts": options.add_host or None,
        "GroupAdd": options.group_add or None,
        "IpcMode": options.ipc,
        "Cgroup": "",
        "Links": options.link or None,
        "OomScoreAdj": options.oom_score_adj,
        "PidMode": options.pid,
        "Privileged": options.privileged,
        "PublishAllPorts": options.publish_all,
        "ReadonlyRootfs": options.read_only,
        "SecurityOpt": security or None,
        "UTSMode": options.uts,
        "UsernsMode": options.userns,
        "ShmSize": options.shm_size,
        "Isolation": options.isolation,
        "MaskedPaths": masked,
        "ReadonlyPaths": masked,
    }
    config.update(_resources(options))
    config.update(_optional(options))
    return config


def _optional(options: "Options") -> "dict[str, Any]":
    """What Docker's CLI leaves out when it is empty."""
    found: dict[str, Any] = {
        "Annotations": pairs(options.annotation),
        "Tmpfs": {
            path: settings for path, _, settings in (t.partition(":") for t in options.tmpfs)
        },
        "Sysctls": pairs(options.sysctl),
        "StorageOpt": _storage_options(options.storage_opt),
        "Mounts": options.mount,
        "Runtime": options.runtime,
        "HealthOnFailureAction": options.health_on_failure,
    }
    found = {key: value for key, value in found.items() if value}
    if "init" in options.changed:
        found["Init"] = options.init
    return found


def _resources(options: "Options") -> "dict[str, Any]":
    return {
        "CpuShares": options.cpu_shares,
        "Memory": options.memory,
        "NanoCpus": options.cpus,
        "CgroupParent": options.cgroup_parent,
        "BlkioWeight": options.blkio_weight,
        "BlkioWeightDevice": options.blkio_weight_device,
        "BlkioDeviceReadBps": options.device_read_bps,
        "BlkioDeviceWriteBps": options.device_write_bps,
        "BlkioDeviceReadIOps": options.device_read_iops,
        "BlkioDeviceWriteIOps": options.device_write_iops,
        "CpuPeriod": options.cpu_period,
        "CpuQuota": options.cpu_quota,
        "CpuRealtimePeriod": options.cpu_rt_period,
        "CpuRealtimeRuntime": options.cpu_rt_runtime,
        "CpusetCpus": options.cpuset_cpus,
        "CpusetMems": options.cpuset_mems,
        "Devices": [mapping for text in options.device for mapping in _devices(text)],
        "DeviceCgroupRules": options.device_cgroup_rule or None,
        "DeviceRequests": options.gpus or None,
        "MemoryReservation": options.memory_reservation,
        "MemorySwap": options.memory_swap,
        "MemorySwappiness": options.memory_swappiness,
        "OomKillDisable": options.oom_kill_disable,
        "PidsLimit": options.pids_limit,
        "Ulimits": sorted(
            {limit["Name"]: limit for limit in options.ulimit}.values(),
            key=lambda u: str(u["Name"]),
        ),
        "CpuCount": options.cpu_count,
        "CpuPercent": options.cpu_percent,
        "IOMaximumIOps": options.io_maxiops,
        "IOMaximumBandwidth": options.io_maxbandwidth,
    }


def pairs(texts: "list[str]") -> "dict[str, str]":
    """`a=b` texts as a map; the last of a name counts."""
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


def _log_options(options: "Options") -> "dict[str, str]":
    if options.log_driver == "none" and options.log_opt:
        raise InvalidArgument(f"invalid logging opts for driver {options.log_driver}")
    return pairs(options.log_opt)


def _storage_options(texts: "list[str]") -> "dict[str, str]":
    if any("=" not in text for text in texts):
        raise InvalidArgument("invalid storage option")
    return pairs(texts)


def _security(texts: "list[str]") -> "tuple[list[str], list[str] | None]":
    """SecurityOpt with profiles read from our files, and the paths to mask (None: the default)."""
    out = []
    masked: list[str] | None = None
    for text in texts:
        if text == "systempaths=unconfined":
            masked = []
            continue
        name, equals, value = text.partition("=")
        if not equals and text != "no-new-privileges":
            name, colon, value = text.partition(":")
            if not colon:
                raise InvalidArgument(f'Invalid --security-opt: "{text}"')
        if name == "seccomp" and value not in {"unconfined", "builtin"}:
            out.append(f"seccomp={_profile(value)}")
        else:
            out.append(text)
    return out, masked


def _profile(path: str) -> str:
    from boxship.client.codec import indent

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise InvalidArgument(
            f"opening seccomp profile ({path}) failed: open {path}: {(error.strerror or '').lower()}"
        ) from None
    try:
        loads(text)
    except BadJSON as error:
        raise InvalidArgument(
            f"compacting json for seccomp profile ({path}) failed: {error}"
        ) from None
    return indent(text, "").replace("\n", "").replace('": ', '":')


def _capabilities(
    add: "list[str]", drop: "list[str]"
) -> "tuple[list[str] | None, list[str] | None]":
    """Both lists in their one spelling; what is added is not dropped, ALL makes the rest moot."""
    added = {_capability(name) for name in add}
    dropped = {_capability(name) for name in drop}
    reset = "RESET"
    if reset in added:
        added = {reset}
    elif CAPABILITY_ALL in added:
        added = {CAPABILITY_ALL}
    if reset in dropped:
        dropped = {reset}
    elif CAPABILITY_ALL in dropped:
        dropped = {CAPABILITY_ALL}
    else:
        dropped -= added
    return sorted(added) or None, sorted(dropped) or None


def _capability(name: str) -> str:
    upper = name.strip().upper()
    if upper in {CAPABILITY_ALL, "RESET"} or upper.startswith("CAP_"):
        return upper
    return f"CAP_{upper}"


def _devices(text: str) -> "list[dict[str, str]]":
    """`/dev/x[:/dev/y][:rwm]`; a trailing * stands for all that match."""
    parts = _device_parts(text)
    source, target, access = parts
    if source.endswith("*"):
        if target:
            raise InvalidArgument(f"device with * suffix can't have dst: {text}")
        from glob import glob

        return [_mapping(path, path, access) for path in sorted(glob(source))]
    return [_mapping(source, target or source, access)]


def _mapping(source: str, target: str, access: str) -> "dict[str, str]":
    return {"PathOnHost": source, "PathInContainer": target, "CgroupPermissions": access}


def _device_parts(text: str) -> "tuple[str, str, str]":
    parts = text.split(":")
    if len(parts) > 3 or not parts[0]:
        raise InvalidArgument(f"bad format for path: {text}")
    source, target, access = parts[0], "", "rwm"
    if len(parts) == 2 and _is_access(parts[1]):
        access = parts[1]
    elif len(parts) >= 2:
        target = parts[1]
        if len(parts) == 3:
            access = parts[2]
            if not _is_access(access):
                raise InvalidArgument(f"bad mode specified: {access}")
    inside = target or source
    if not inside.startswith("/"):
        raise InvalidArgument(f"{inside} is not an absolute path")
    from os.path import normpath

    if target and len(parts) == 2:
        target = normpath(target)
    return (normpath(source) if not target else source), target, access


def _is_access(text: str) -> bool:
    return bool(text) and set(text) <= set("rwm") and len(set(text)) == len(text)
