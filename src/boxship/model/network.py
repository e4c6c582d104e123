"""Networks, endpoints and published ports."""

import msgspec

from boxship.errors import AlreadyExists, InvalidArgument, NotFound, PermissionDenied


class NoSuchNetwork(NotFound):
    """No network has this name or ID."""

    def __init__(self, name: str) -> None:
        super().__init__(f"network {name} not found")
        self.name = name


class NetworkNameTaken(AlreadyExists):
    """Another network has the name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"network with name {name} already exists")


class NetworkInUse(PermissionDenied):
    """The network has active endpoints or is predefined."""


class AmbiguousNetwork(InvalidArgument):
    """Several networks fit."""

    def __init__(self, name: str, count: int, what: str) -> None:
        super().__init__(f"network {name} is ambiguous ({count} matches found on {what})")


class PortBinding(msgspec.Struct, frozen=True, kw_only=True):
    """A place on the host: `host_port` may be "", a number or a range; `host_ip` "" is every address."""

    host_ip: str = ""
    host_port: str = ""


class PublishedPort(msgspec.Struct, frozen=True, kw_only=True):
    """A port that is really published now."""

    container_port: int
    protocol: str  # tcp, udp or sctp
    host_ip: str
    host_port: int


class IPAMPool(msgspec.Struct, frozen=True, kw_only=True):
    """One subnet in CIDR form with its optional allocation range, gateway and reserved addresses."""

    subnet: str = ""
    ip_range: str = ""
    gateway: str = ""
    auxiliary_addresses: dict[str, str] | None = None


class IPAM(msgspec.Struct, frozen=True, kw_only=True):
    """Address management of a network."""

    driver: str = "default"
    options: dict[str, str] | None = None
    config: tuple[IPAMPool, ...] = ()


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """A network as the database keeps it; `created` in nanoseconds since the epoch."""

    id: str
    name: str
    created: int
    driver: str
    scope: str = "local"
    enable_ipv4: bool = True
    enable_ipv6: bool = False
    ipam: IPAM = IPAM()
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    config_only: bool = False
    config_from: str = ""
    options: dict[str, str] = {}
    labels: dict[str, str] = {}
    bridge: str = ""  # the device, for the bridge driver
    automatic: tuple[
        str, ...
    ] = ()  # subnets that nobody asked for: no address in them can be chosen


class EndpointIPAM(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses asked for."""

    ipv4_address: str = ""
    ipv6_address: str = ""
    link_local_ips: tuple[str, ...] | None = None


class EndpointSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked of one container's place in one network."""

    ipam_config: EndpointIPAM | None = None
    links: tuple[str, ...] | None = None
    aliases: tuple[str, ...] | None = None
    mac_address: str = ""
    driver_opts: dict[str, str] | None = None
    gw_priority: int = 0


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A container's place in a network, as it is now: addresses, device and names."""

    id: str
    network_id: str
    network_name: str
    container_id: str
    container_name: str
    mac_address: str = ""
    ipv4_address: str = ""
    ipv4_prefix: int = 0
    ipv6_address: str = ""
    ipv6_prefix: int = 0
    gateway: str = ""
    ipv6_gateway: str = ""
    device: str = ""  # the veth's name on the host
    interface: str = ""  # its name in the container
    dns_names: tuple[str, ...] = ()
    settings: EndpointSettings = EndpointSettings()


class Sandbox(msgspec.Struct, frozen=True, kw_only=True):
    """A container's network as it is now: its namespace file, endpoints, ports and resolver.

    `key` is the namespace's path, "" for the host's. `hosts` are lines for /etc/hosts, `resolv_conf` is
    the whole file, both as the container's networks want them; `environment` tells of linked containers.
    """

    id: str
    container_id: str
    key: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[PublishedPort, ...] = ()
    hosts: tuple[tuple[str, tuple[str, ...]], ...] = ()  # (address, names)
    resolv_conf: str = ""
    environment: tuple[str, ...] = ()
    joined: bool = False  # the namespace is another container's
