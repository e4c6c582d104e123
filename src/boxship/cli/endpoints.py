"""`--network` and its companions: the API's endpoint settings."""

from boxship.cli.validators import fields_of
from boxship.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from boxship.cli.flags import Options

_MODES = frozenset(("bridge", "host", "none", "default", "nat"))


def is_user_defined(mode: str) -> bool:
    """Whether a network mode names a network that somebody created."""
    return mode not in _MODES and not mode.startswith("container:")


def parse_network(text: str) -> "dict[str, Any]":
    """One --network: a name, or `name=web,alias=db,ip=…`."""
    name, equals, value = text.partition("=")
    if not (equals and name and value and name[-1].isalnum() and value[0].isalnum()):
        return {"target": text}
    found: dict[str, Any] = {"target": "", "aliases": [], "advanced": True}
    for field in fields_of(text):
        key, equals, value = field.partition("=")
        key, value = key.strip().lower(), value.strip()
        if not equals or not key:
            raise ValueError(f"invalid field {field}")
        if key == "name":
            found["target"] = value
        elif key == "alias":
            found["aliases"].append(value)
        elif key in {"ip", "ip6", "mac-address"}:
            found[key] = value
        elif key == "link-local-ip":
            found.setdefault("link-local-ips", []).append(value)
        elif key == "driver-opt":
            name, equals, setting = value.partition("=")
            if not equals or not name:
                raise ValueError("invalid key value pair format in driver options")
            found.setdefault("driver-opts", {})[name.strip().lower()] = setting.strip().lower()
        elif key == "gw-priority":
            try:
                found["gw-priority"] = int(value)
            except ValueError:
                raise ValueError(
                    f'invalid gw-priority: strconv.Atoi: parsing "{value}": invalid syntax'
                ) from None
        else:
            raise ValueError(f"invalid field key {key}")
    if not found["target"]:
        raise ValueError("network name/id is not specified")
    return found


def network_mode(networks: "list[dict[str, Any]]") -> str:
    """HostConfig.NetworkMode: the first network."""
    return str(networks[0]["target"]) if networks else "default"


def endpoint_settings(options: "Options") -> "dict[str, Any]":
    """EndpointsConfig by network."""
    networks = [dict(network) for network in options.network] or [
        {"target": "default", "implied": True}
    ]
    kinds = {is_user_defined(network["target"]) for network in networks}
    endpoints: dict[str, Any] = {}
    for index, network in enumerate(networks):
        if index == 0:
            _add_old_flags(network, options)
        endpoint = _endpoint(network)
        if network["target"] in endpoints:
            raise InvalidArgument(f'network "{network["target"]}" is specified multiple times')
        if len(networks) == 1 and not network.get("implied") and endpoint == EMPTY:
            continue
        endpoints[network["target"]] = endpoint
    if len(kinds) == 2:
        raise InvalidArgument(
            "conflicting options: cannot attach both user-defined and non-user-defined network-modes"
        )
    return endpoints


_OLD = (
    ("network_alias", "aliases", "--network-alias", "per-network alias"),
    ("link", "links", "--link", "per-network links"),
    ("ip", "ip", "--ip", "per-network IPv4 address"),
    ("ip6", "ip6", "--ip6", "per-network IPv6 address"),
    ("mac_address", "mac-address", "--mac-address", "per-network MAC address"),
    ("link_local_ip", "link-local-ips", "--link-local-ip", "per-network link-local IP addresses"),
)


def _add_old_flags(network: "dict[str, Any]", options: "Options") -> None:
    """--network-alias, --ip and the like belong to the first network."""
    for flag, key, name, other in _OLD:
        value = options[flag]
        if not value or (flag == "link" and not is_user_defined(network["target"])):
            continue  # elsewhere a link is one of the container's, not of its endpoint
        if network.get(key):
            raise InvalidArgument(f"conflicting options: cannot specify both {name} and {other}")
        network[key] = value


EMPTY: "dict[str, Any]" = {
    "IPAMConfig": None,
    "Links": None,
    "Aliases": None,
    "MacAddress": "",
    "DriverOpts": None,
    "GwPriority": 0,
    "NetworkID": "",
    "EndpointID": "",
    "Gateway": "",
    "IPAddress": "",
    "IPPrefixLen": 0,
    "IPv6Gateway": "",
    "GlobalIPv6Address": "",
    "GlobalIPv6PrefixLen": 0,
    "DNSNames": None,
}


def _endpoint(network: "dict[str, Any]") -> "dict[str, Any]":
    target = network["target"]
    if not target.strip():
        raise InvalidArgument("no name set for network")
    if not is_user_defined(target):
        if network.get("aliases"):
            raise InvalidArgument(
                "network-scoped aliases are only supported for user-defined networks"
            )
        if network.get("links"):
            raise InvalidArgument("links are only supported for user-defined networks")
    endpoint = dict(EMPTY)
    endpoint["Aliases"] = network.get("aliases") or None
    if is_user_defined(target):
        endpoint["Links"] = network.get("links") or None
    endpoint["DriverOpts"] = network.get("driver-opts") or None
    endpoint["MacAddress"] = network.get("mac-address") or ""
    endpoint["GwPriority"] = network.get("gw-priority", 0)
    ipam = {
        "IPv4Address": network.get("ip"),
        "IPv6Address": network.get("ip6"),
        "LinkLocalIPs": network.get("link-local-ips"),
    }
    ipam = {key: value for key, value in ipam.items() if value}
    endpoint["IPAMConfig"] = ipam or None
    return endpoint
