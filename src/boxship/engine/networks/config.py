"""What the networks of one engine are made from: daemon settings and names derived from its root."""

import hashlib
from typing import Final

import msgspec

from boxship.engine.config import BRIDGE, AddressPool, EngineConfig

DEFAULT_ROOT: Final = "/var/lib/boxship"

# As Docker's, so that what people wrote down about their addresses stays true.
LOCAL_POOLS: Final = (
    AddressPool(base="172.17.0.0/16", size=16),
    AddressPool(base="172.18.0.0/16", size=16),
    AddressPool(base="172.19.0.0/16", size=16),
    AddressPool(base="172.20.0.0/14", size=16),
    AddressPool(base="172.24.0.0/14", size=16),
    AddressPool(base="172.28.0.0/14", size=16),
    AddressPool(base="192.168.0.0/16", size=20),
)


class NetworkConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the networks; the names are the engine's own where it has one.

    `bridge` "none" means no default network. `bip` "" picks a free subnet. `host_ip` is where ports go
    that name no address ("" is every address). `relay` lets this process carry what the kernel cannot
    translate: IPv6 connections to containers that have only IPv4 (dockerd's userland-proxy).
    """

    netns_directory: str
    bridge: str = BRIDGE
    bridge_is_ours: bool = True
    table: str = "boxship"
    bip: str = ""
    fixed_cidr: str = ""
    fixed_cidr_v6: str = ""
    default_gateway: str = ""
    default_gateway_v6: str = ""
    ipv6: bool = False
    mtu: int = 1500
    icc: bool = True
    firewall: bool = True  # --iptables
    ip_forward: bool = True
    ip_masq: bool = True
    host_ip: str = ""  # --ip
    relay: bool = True  # --userland-proxy
    address_pools: tuple[AddressPool, ...] = LOCAL_POOLS
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    host_gateways: tuple[str, ...] = ()


def device_names(root: str) -> tuple[str, str]:
    """The default bridge and the nftables table of the engine with this data root.

    Engines side by side must not meet: only the default root gets the plain names.
    """
    if root.rstrip("/") == DEFAULT_ROOT:
        return "boxship0", "boxship"
    suffix = hashlib.sha256(root.rstrip("/").encode()).hexdigest()[:6]
    return f"boxship-{suffix}", f"boxship_{suffix}"


def network_config(config: EngineConfig) -> NetworkConfig:
    """The networks' share of the engine's settings."""
    device, table = device_names(str(config.data_root))
    return NetworkConfig(
        netns_directory=str(config.exec_root / "netns"),
        bridge=device if config.bridge == BRIDGE else config.bridge,
        bridge_is_ours=config.bridge_is_ours,
        table=table,
        bip=config.bip,
        fixed_cidr=config.fixed_cidr,
        fixed_cidr_v6=config.fixed_cidr_v6,
        default_gateway=config.default_gateway,
        default_gateway_v6=config.default_gateway_v6,
        ipv6=config.ipv6,
        mtu=config.mtu,
        icc=config.icc,
        firewall=config.iptables,
        ip_forward=config.ip_forward,
        ip_masq=config.ip_masq,
        # 0.0.0.0 is dockerd's default, and means every address of both families
        host_ip="" if config.ip == "0.0.0.0" else config.ip,  # noqa: S104
        relay=config.userland_proxy,
        address_pools=config.default_address_pools or LOCAL_POOLS,
        dns=config.dns,
        dns_search=config.dns_search,
        dns_options=config.dns_opts,
        host_gateways=config.host_gateway_ips,
    )
