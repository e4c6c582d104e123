"""Which networks a container wants, under which names, and which of them leads out; pure."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from boxship.engine.networks import ipam
from boxship.errors import InvalidArgument
from boxship.linux.netlink import parse_mac
from boxship.model.container import Container, HostConfig
from boxship.model.network import Endpoint, EndpointSettings, Network

HOST: Final = "host"
NONE: Final = "none"
DEFAULT: Final = "bridge"
_JOIN: Final = "container:"


class Attachment(NamedTuple):
    """A network by the name it was asked for with, and what was asked of it."""

    network: str
    settings: EndpointSettings


def network_mode(container: Container) -> str:
    """The mode, with the default spelled out."""
    mode = container.host_config.network_mode
    return DEFAULT if mode in ("", "default") else mode


def joined_container(container: Container) -> str | None:
    """The other container of `--network container:X`."""
    mode = network_mode(container)
    return mode.removeprefix(_JOIN) if mode.startswith(_JOIN) else None


def attachments(container: Container) -> list[Attachment]:
    """The networks to put a container on, the one of its network mode first; none it was taken off."""
    mode = network_mode(container)
    if container.config.network_disabled:
        mode = NONE
    wanted = {DEFAULT if k == "default" else k: v for k, v in container.networks.items()}
    if mode in (HOST, NONE):
        wanted = {mode: wanted.get(mode, EndpointSettings())}
    order = sorted(wanted, key=lambda name: (name != mode, name))
    found = [Attachment(name, wanted[name]) for name in order]
    mac = container.config.mac_address  # the field from before macs belonged to endpoints
    if mac and found and found[0].network == mode and not found[0].settings.mac_address:
        first = _with_mac(found[0].settings, mac)
        found[0] = Attachment(mode, first)
    return found


def check_mixture(container: Container) -> None:
    """Raise InvalidArgument for networks that cannot be had together with others."""
    mode = network_mode(container)
    others = set(container.networks) - {mode, "default"}
    if HOST in others:
        raise InvalidArgument(
            "cannot connect container to host network - container must be created in host "
            "network mode"
        )
    if mode == HOST and others:
        raise InvalidArgument(
            "container sharing network namespace with another container or host cannot be "
            "connected to any other network"
        )
    if others and NONE in (mode, *others):
        raise InvalidArgument(
            "container cannot be connected to multiple networks with one of the networks in "
            "private (none) mode"
        )


def _with_mac(settings: EndpointSettings, mac: str) -> EndpointSettings:
    return EndpointSettings(
        ipam_config=settings.ipam_config,
        links=settings.links,
        aliases=settings.aliases,
        mac_address=mac,
        driver_opts=settings.driver_opts,
        gw_priority=settings.gw_priority,
    )


def is_user_defined(network: Network) -> bool:
    """True where container names are resolved."""
    return network.name not in (DEFAULT, HOST, NONE)


def dns_names(container: Container, settings: EndpointSettings) -> tuple[str, ...]:
    """The names that a container has on a user-defined network."""
    names = [container.name, *(settings.aliases or ()), container.id[:12]]
    if container.config.hostname:
        names.append(container.config.hostname)
    return tuple(dict.fromkeys(names))


def host_names(container: Container) -> tuple[str, ...]:
    """The names in its own /etc/hosts line."""
    full = container.config.hostname or container.id[:12]
    if container.config.domainname:
        full += f".{container.config.domainname}"
    return (full, full.partition(".")[0]) if "." in full else (full,)


def gateway_order(pairs: Iterable[tuple[Endpoint, Network]]) -> list[tuple[Endpoint, Network]]:
    """Endpoints from the one that leads out to the one that last would."""
    return sorted(
        pairs,
        key=lambda pair: (pair[1].internal, -pair[0].settings.gw_priority, pair[1].name),
    )


def links(texts: Sequence[str] | None) -> list[tuple[str, str]]:
    """Links such as `db:database` or `/db:/web/database`, as (container, alias)."""
    found = []
    for text in texts or ():
        name, _, alias = text.partition(":")
        name = name.lstrip("/")
        found.append((name, alias.rpartition("/")[2] or name))
    return found


def validate_endpoint(network: Network, settings: EndpointSettings) -> None:
    """Raise InvalidArgument, in Docker's words, for what this network can never give."""
    if settings.mac_address:
        _require_mac(settings.mac_address)
    complaints = list(_complaints(network, settings))
    if complaints:
        marked = complaints if len(complaints) == 1 else [f"* {text}" for text in complaints]
        raise InvalidArgument("invalid endpoint settings:\n" + "\n".join(marked))


def _require_mac(text: str) -> None:
    try:
        parse_mac(text)
    except InvalidArgument:
        raise InvalidArgument(f"invalid MAC address {text}") from None


def _complaints(network: Network, settings: EndpointSettings) -> Iterable[str]:
    asked = settings.ipam_config
    given = ((asked.ipv4_address, 4), (asked.ipv6_address, 6)) if asked else ()
    addresses = [(text, version) for text, version in given if text]
    if settings.aliases and not is_user_defined(network):
        yield "network-scoped alias is supported only for containers in user defined networks"
    if addresses and not is_user_defined(network):
        yield "user specified IP address is supported on user defined networks only"
    for text, version in addresses:
        if (address := ipam.find_address(text)) is None or (
            address.version != version or address.is_unspecified
        ):
            yield f"invalid IPv{version} address: {text}"
    for text in (asked.link_local_ips if asked else None) or ():
        if ipam.find_address(text) is None:
            yield f"invalid link-local IP address: {text}"
    for text, version in addresses:
        yield from _address_complaints(network, text, version)


def _address_complaints(network: Network, text: str, version: int) -> Iterable[str]:
    subnets = ipam.subnets(network, version)
    automatic = network.automatic if is_user_defined(network) else ()
    chosen = [subnet for subnet in subnets if str(subnet) not in automatic]
    address = ipam.find_address(text)
    if not chosen:
        yield (
            "user specified IP address is supported only when connecting to networks with "
            "user configured subnets"
        )
    elif address is None or not any(address in subnet for subnet in chosen):
        yield f"no configured subnet or ip-range contain the IP address {text}"


def validate_mode(container: Container) -> None:
    """Raise for options that make no sense in another container's network."""
    if joined_container(container) is not None and (complaint := _join_complaint(container)):
        raise InvalidArgument(f"conflicting options: {complaint}")


def _join_complaint(container: Container) -> str:
    host: HostConfig = container.host_config
    mode = "and the network mode"
    given = (
        (bool(container.config.mac_address), f"mac-address {mode}"),
        (bool(host.dns), f"dns {mode}"),
        (bool(host.extra_hosts), f"custom host-to-IP mapping {mode}"),
        (
            bool(host.links),
            "container type network can't be used with links. This would result in "  # noqa: ISC004
            "undefined behavior",
        ),
        (
            bool(host.port_bindings) or host.publish_all_ports,
            "port publishing and the container type network mode",
        ),
    )
    return next((text for present, text in given if present), "")
