"""Networks, and a container's place in them."""

from collections.abc import Mapping
from typing import Any

from boxship.model.network import IPAM, Endpoint, EndpointSettings, Network
from boxship.services.networks import NetworkDetail
from boxship.wire import values
from boxship.wire.times import parse_rfc3339

Document = Mapping[str, Any]


def network(document: Document) -> NetworkDetail:
    """One network, with its members where the document has them."""
    net = Network(
        id=document["Id"],
        name=document["Name"],
        created=parse_rfc3339(document.get("Created") or ""),
        driver=document.get("Driver") or "",
        scope=document.get("Scope") or "local",
        enable_ipv4=document.get("EnableIPv4", True),
        enable_ipv6=document.get("EnableIPv6") or False,
        ipam=values.decode(IPAM, document.get("IPAM")),
        internal=document.get("Internal") or False,
        attachable=document.get("Attachable") or False,
        ingress=document.get("Ingress") or False,
        config_only=document.get("ConfigOnly") or False,
        config_from=(document.get("ConfigFrom") or {}).get("Network") or "",
        options=document.get("Options") or {},
        labels=document.get("Labels") or {},
    )
    members = document.get("Containers") or {}
    return NetworkDetail(
        net, tuple(_member(member, container, net) for container, member in members.items())
    )


def _member(document: Document, container: str, net: Network) -> Endpoint:
    ipv4, ipv4_prefix = _cidr(document.get("IPv4Address"))
    ipv6, ipv6_prefix = _cidr(document.get("IPv6Address"))
    return Endpoint(
        id=document.get("EndpointID") or "",
        network_id=net.id,
        network_name=net.name,
        container_id=container,
        container_name=document.get("Name") or "",
        mac_address=document.get("MacAddress") or "",
        ipv4_address=ipv4,
        ipv4_prefix=ipv4_prefix,
        ipv6_address=ipv6,
        ipv6_prefix=ipv6_prefix,
    )


def _cidr(text: str | None) -> tuple[str, int]:
    address, _, prefix = (text or "").partition("/")
    return address, int(prefix or 0)


def endpoint_settings(document: Document | None) -> EndpointSettings:
    """What was asked of a container's place in a network."""
    return values.decode(EndpointSettings, document)


def endpoint(document: Document, network_name: str, container: str, name: str) -> Endpoint:
    """What a container's place in a network is while it runs."""
    return Endpoint(
        id=document.get("EndpointID") or "",
        network_id=document.get("NetworkID") or "",
        network_name=network_name,
        container_id=container,
        container_name=name,
        mac_address=document.get("MacAddress") or "",
        ipv4_address=document.get("IPAddress") or "",
        ipv4_prefix=document.get("IPPrefixLen") or 0,
        ipv6_address=document.get("GlobalIPv6Address") or "",
        ipv6_prefix=document.get("GlobalIPv6PrefixLen") or 0,
        gateway=document.get("Gateway") or "",
        ipv6_gateway=document.get("IPv6Gateway") or "",
        dns_names=tuple(document.get("DNSNames") or ()),
        settings=endpoint_settings(document),
    )
