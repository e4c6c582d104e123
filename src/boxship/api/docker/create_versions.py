"""What `create` means to clients of each API version, and what it warns of. Pure."""

from collections.abc import Mapping
from typing import Final

import msgspec

from boxship.api.docker import mount_versions
from boxship.api.docker.versions import Version
from boxship.errors import BoxshipError, Internal, InvalidArgument
from boxship.model.config import RunConfig
from boxship.model.container import HostConfig
from boxship.model.network import EndpointSettings
from boxship.services.containers import ContainerRequest

SYSCTLS: Final = "com.docker.network.endpoint.sysctls"
MAC_WARNING: Final = (
    "The container-wide MacAddress field is now deprecated. "
    "It should be specified in EndpointsConfig instead."
)
VOLUME_DRIVER_WARNING: Final = (
    "WARNING: the container-wide volume-driver configuration is ignored for volumes specified via "
    "'mount'. Use '--mount type=volume,volume-driver=...' instead"
)
_NO_NETWORK: Final = (
    "HostConfig.NetworkMode must match the identity of a network in NetworkSettings.Networks"
)

Endpoints = Mapping[str, EndpointSettings]


def adapted(request: ContainerRequest, version: Version) -> tuple[ContainerRequest, list[str]]:
    """The request as a client of *version* meant it, and warnings; raise for what that version lacks."""
    config, host_config = request.config, request.host_config
    host_config = mount_versions.adapted(host_config, version)
    host_config = _host_config(host_config, version)
    if version < (1, 44) and config.healthcheck is not None:
        healthcheck = msgspec.structs.replace(config.healthcheck, start_interval=0)
        config = msgspec.structs.replace(config, healthcheck=healthcheck)
    networks = _networks(request.networks, host_config, version)
    warnings = _volume_driver(host_config, version)
    config, networks, warning = _mac_address(config, host_config, networks, version)
    warnings += warning
    host_config, networks, warning = _sysctls(host_config, networks, version)
    warnings += warning
    return msgspec.structs.replace(
        request,
        config=config,
        host_config=host_config,
        networks=dict(networks),
        platform=request.platform if version >= (1, 41) else "",
    ), warnings


def _host_config(host_config: HostConfig, version: Version) -> HostConfig:
    changes: dict[str, object] = {}
    if host_config.network_mode in ("", "default"):
        changes["network_mode"] = "bridge"
    if version < (1, 25):
        changes["auto_remove"] = False  # the client removed it, then
    if version < (1, 40):
        changes["kernel_memory_tcp"] = 0
        changes["ipc_mode"] = host_config.ipc_mode or "shareable"
    if version < (1, 42):
        changes["console_size"] = (0, 0)
    else:
        changes["kernel_memory"] = 0
    if version < (1, 43):
        changes["annotations"] = None
    return msgspec.structs.replace(host_config, **changes)


def _networks(networks: Endpoints, host_config: HostConfig, version: Version) -> Endpoints:
    if version < (1, 44) and len(networks) > 1:
        raise InvalidArgument(
            f"Container cannot be created with multiple network endpoints: {', '.join(networks)}"
        )
    if "default" in networks and host_config.network_mode == "bridge":
        networks = {("bridge" if k == "default" else k): v for k, v in networks.items()}
    if version < (1, 48):
        return {k: msgspec.structs.replace(v, gw_priority=0) for k, v in networks.items()}
    return networks


def _volume_driver(host_config: HostConfig, version: Version) -> list[str]:
    if not host_config.volume_driver or version < (1, 48):
        return []
    for mount in host_config.mounts or ():
        options = mount.volume_options
        named = options and options.driver_config and options.driver_config.name
        if mount.type == "volume" and not named:
            return [VOLUME_DRIVER_WARNING]
    return []


def _mac_address(
    config: RunConfig, host_config: HostConfig, networks: Endpoints, version: Version
) -> tuple[RunConfig, Endpoints, list[str]]:
    """The container-wide address becomes the one of the network mode's endpoint."""
    mac, mode = config.mac_address, host_config.network_mode
    old = version < (1, 44)
    if old and not mac:
        cleared = {k: msgspec.structs.replace(v, mac_address="") for k, v in networks.items()}
        return config, cleared, []
    if not mac:
        return config, networks, []
    has_endpoint = mode not in ("host", "none") and not mode.startswith("container:")
    if not has_endpoint and old:
        raise InvalidArgument("conflicting options: mac-address and the network mode")
    if has_endpoint:
        networks = _with_mac(networks, mode, mac, version)
    if old:
        return config, networks, []
    return msgspec.structs.replace(config, mac_address=""), networks, [MAC_WARNING]


def _with_mac(networks: Endpoints, mode: str, mac: str, version: Version) -> Endpoints:
    try:
        name = _endpoint_of(networks, mode, version)
    except InvalidArgument as error:
        raise InvalidArgument(
            f"unable to migrate container-wide MAC address to a specific network: {error}"
        ) from error
    settings = networks.get(name, EndpointSettings())
    if version >= (1, 44) and settings.mac_address not in ("", mac):
        raise InvalidArgument(
            "the container-wide MAC address must match the endpoint-specific MAC address for the "
            "main network, or be left empty"
        )
    return {**networks, name: msgspec.structs.replace(settings, mac_address=mac)}


def _endpoint_of(networks: Endpoints, mode: str, version: Version) -> str:
    """The key of the mode's endpoint, which need not exist if there is none at all."""
    if not networks or mode in networks:
        return mode
    if version < (1, 44):
        return next(iter(networks))
    raise InvalidArgument(_NO_NETWORK)


def _sysctls(
    host_config: HostConfig, networks: Endpoints, version: Version
) -> tuple[HostConfig, Endpoints, list[str]]:
    """Sysctls of eth0 become an option of the network mode's endpoint."""
    mode, sysctls = host_config.network_mode, host_config.sysctls or {}
    if mode == "host" or mode.startswith("container:"):
        return host_config, networks, []
    moved = {name: value for name, value in sysctls.items() if _is_of_interface(name)}
    if not moved:
        return host_config, networks, []
    for name in moved:
        if version > (1, 47):
            raise Internal(
                f'interface specific sysctl setting "{name}" must be supplied using driver option '
                f"'{SYSCTLS}'"
            )
        if name.split(".", 4)[3] != "eth0":
            raise Internal(
                f"unable to determine network endpoint for sysctl {name}, use driver option "
                f"'{SYSCTLS}' to set per-interface sysctls"
            )
    option = ",".join(_renamed(name, value) for name, value in moved.items())
    networks = _with_sysctls(networks, mode, version, next(iter(moved)), option)
    kept = {name: value for name, value in sysctls.items() if name not in moved}
    told = f'Migrated sysctl "{",".join(moved)}" to DriverOpts{{"{SYSCTLS}":"{option}"}}.'
    return msgspec.structs.replace(host_config, sysctls=kept), networks, [told]


def _is_of_interface(name: str) -> bool:
    parts = name.split(".", 4)
    return len(parts) == 5 and parts[0] == "net" and parts[3].startswith("eth")


def _renamed(name: str, value: str) -> str:
    _, family, what, _, rest = name.split(".", 4)
    return f"net.{family}.{what}.IFNAME.{rest}={value}"


def _with_sysctls(
    networks: Endpoints, mode: str, version: Version, first: str, option: str
) -> Endpoints:
    try:
        name = _endpoint_of(networks, mode, version)
    except BoxshipError as error:
        raise Internal(f"unable to find a network for sysctl {first}: {error}") from error
    settings = networks.get(name, EndpointSettings())
    options = dict(settings.driver_opts or {})
    options[SYSCTLS] = ",".join(filter(None, (option, options.get(SYSCTLS, ""))))
    return {**networks, name: msgspec.structs.replace(settings, driver_opts=options)}
