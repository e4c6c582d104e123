"""Networks, and a container's place in them."""

from typing import Any

from boxship.api.docker import wire
from boxship.api.docker.versions import Version, adapt
from boxship.model.network import Endpoint, EndpointSettings
from boxship.services.networks import NetworkDetail
from boxship.wire.times import rfc3339


def network(detail: NetworkDetail, version: Version, *, containers: bool) -> dict[str, Any]:
    """One network; only inspect lists its containers."""
    net = detail.network
    pools = [wire.encode(pool) for pool in net.ipam.config]
    document = {
        "Name": net.name,
        "Id": net.id,
        "Created": rfc3339(net.created),
        "Scope": net.scope,
        "Driver": net.driver,
        "EnableIPv4": net.enable_ipv4,
        "EnableIPv6": net.enable_ipv6,
        "IPAM": {"Driver": net.ipam.driver, "Options": net.ipam.options, "Config": pools or None},
        "Internal": net.internal,
        "Attachable": net.attachable,
        "Ingress": net.ingress,
        "ConfigFrom": {"Network": net.config_from},
        "ConfigOnly": net.config_only,
        "Containers": {e.container_id: _member(e) for e in detail.endpoints} if containers else {},
        "Options": net.options,
        "Labels": net.labels,
    }
    return adapt("network", document, version)


def _member(endpoint: Endpoint) -> dict[str, str]:
    return {
        "Name": endpoint.container_name,
        "EndpointID": endpoint.id,
        "MacAddress": endpoint.mac_address,
        "IPv4Address": _cidr(endpoint.ipv4_address, endpoint.ipv4_prefix),
        "IPv6Address": _cidr(endpoint.ipv6_address, endpoint.ipv6_prefix),
    }


def _cidr(address: str, prefix: int) -> str:
    return f"{address}/{prefix}" if address else ""


def endpoint_settings(settings: EndpointSettings, endpoint: Endpoint | None) -> dict[str, Any]:
    """A container's place in a network: what was asked, and what it is while it runs."""
    config = settings.ipam_config
    return {
        "IPAMConfig": None if config is None else wire.encode(config),
        "Links": settings.links,
        "Aliases": settings.aliases,
        "MacAddress": endpoint.mac_address if endpoint else settings.mac_address,
        "DriverOpts": settings.driver_opts,
        "GwPriority": settings.gw_priority,
        "NetworkID": endpoint.network_id if endpoint else "",
        "EndpointID": endpoint.id if endpoint else "",
        "Gateway": endpoint.gateway if endpoint else "",
        "IPAddress": endpoint.ipv4_address if endpoint else "",
        "IPPrefixLen": endpoint.ipv4_prefix if endpoint else 0,
        "IPv6Gateway": endpoint.ipv6_gateway if endpoint else "",
        "GlobalIPv6Address": endpoint.ipv6_address if endpoint else "",
        "GlobalIPv6PrefixLen": endpoint.ipv6_prefix if endpoint else 0,
        "DNSNames": (endpoint.dns_names or None) if endpoint else None,
    }
