"""What the engine fills in of a HostConfig, as Docker's inspect then shows it. Pure."""

from collections.abc import Callable

import msgspec

from boxship.engine.containers.contract import Settings
from boxship.engine.containers.create.limits import without_unsupported
from boxship.errors import InvalidArgument, NotFound
from boxship.model.container import HostConfig, LogConfig
from boxship.model.network import EndpointSettings
from boxship.runtime.spec.security import MASKED_PATHS, READONLY_PATHS

FindID = Callable[[str], str]


def completed(asked: HostConfig, settings: Settings, find_id: FindID) -> HostConfig:
    """The HostConfig with every default in place; `container:name` becomes `container:ID`."""
    host_config = without_unsupported(asked, settings.capabilities)
    memory, swap = host_config.memory, host_config.memory_swap
    pids = host_config.pids_limit
    privileged = host_config.privileged
    return msgspec.structs.replace(
        host_config,
        memory_swap=memory * 2 if memory > 0 and swap == 0 else swap,
        memory_swappiness=None
        if host_config.memory_swappiness == -1
        else host_config.memory_swappiness,
        shm_size=host_config.shm_size or settings.shm_size,
        ipc_mode=_with_id(host_config.ipc_mode or settings.ipc_mode, find_id),
        pid_mode=_with_id(host_config.pid_mode, find_id),
        network_mode=network_mode(host_config.network_mode, find_id),
        cgroupns_mode=host_config.cgroupns_mode or _cgroupns(settings, privileged=privileged),
        runtime=host_config.runtime or settings.default_runtime,
        restart_policy=msgspec.structs.replace(
            host_config.restart_policy, name=host_config.restart_policy.name or "no"
        ),
        log_config=log_config(host_config.log_config, settings),
        oom_kill_disable=False
        if host_config.oom_kill_disable is None and settings.capabilities.oom_kill_disable
        else host_config.oom_kill_disable,
        pids_limit=None if pids is not None and pids <= 0 else pids,
        masked_paths=MASKED_PATHS
        if host_config.masked_paths is None and not privileged
        else host_config.masked_paths,
        readonly_paths=READONLY_PATHS
        if host_config.readonly_paths is None and not privileged
        else host_config.readonly_paths,
        security_opt=_security_options(host_config),
        init=host_config.init if host_config.init is not None else settings.init or None,
    )


def network_mode(asked: str, find_id: FindID) -> str:
    """The mode as it is kept: a network's name, or host, none, container:ID."""
    if asked in ("", "default"):
        return "bridge"
    if not asked.startswith("container:"):
        return asked
    try:
        return _with_id(asked, find_id)
    except InvalidArgument:
        return asked  # Docker tells only at start


def log_config(asked: LogConfig, settings: Settings) -> LogConfig:
    """The driver and options that apply; the engine's options only with its driver, but for the cache's."""
    driver = asked.type or settings.log_driver
    defaults = {
        key: value
        for key, value in settings.log_options.items()
        if driver == settings.log_driver or key.startswith("cache-")
    }
    config = {**defaults, **(asked.config or {})}
    return LogConfig(type=driver, config=dict(sorted(config.items())))


def networks(
    mode: str, asked: dict[str, EndpointSettings], mac_address: str
) -> dict[str, EndpointSettings]:
    """What is asked of each network; the mode's own is always among them."""
    if mode.startswith("container:"):
        return {}
    chosen = {("bridge" if name == "default" else name): each for name, each in asked.items()}
    if not chosen:
        chosen = {mode: EndpointSettings()}
    if mac_address and mode in chosen and not chosen[mode].mac_address:
        chosen[mode] = msgspec.structs.replace(chosen[mode], mac_address=mac_address)
    return chosen


def _cgroupns(settings: Settings, *, privileged: bool) -> str:
    if settings.capabilities.cgroup_v2:
        return settings.cgroupns_mode or "private"
    # on v1 a private one hides the limits from privileged tools that expect to see them
    return "host" if privileged else settings.cgroupns_mode or "host"


def _security_options(host_config: HostConfig) -> tuple[str, ...] | None:
    """What was asked for, and no label for whoever shares the host's processes, as Docker shows it."""
    asked = host_config.security_opt
    labelled = any(option.partition("=")[0] == "label" for option in asked or ())
    shares_host = host_config.privileged or "host" in (host_config.ipc_mode, host_config.pid_mode)
    return (*(asked or ()), "label=disable") if shares_host and not labelled else asked


def _with_id(mode: str, find_id: FindID) -> str:
    kind, colon, name = mode.partition(":")
    if kind != "container" or not colon:
        return mode
    try:
        return f"container:{find_id(name)}"
    except NotFound as error:
        raise InvalidArgument(str(error)) from error
