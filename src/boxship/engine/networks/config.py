"""What the networks of one engine are made from: daemon settings and names derived from its root."""

import hashlib
from typing import Final

import msgspec

DEFAULT_ROOT: Final = "/var/lib/boxship"


class AddressPool(msgspec.Struct, frozen=True):
    """Where networks without a subnet of their own get one: pieces of `base` with `size` bits of prefix."""

    base: str
    size: int


# As Docker's, so that what people wrote down about their addresses stays true.
LOCAL_POOLS: Final = (
    AddressPool("172.17.0.0/16", 16),
    AddressPool("172.18.0.0/16", 16),
    AddressPool("172.19.0.0/16", 16),
    AddressPool("172.20.0.0/14", 16),
    AddressPool("172.24.0.0/14", 16),
    AddressPool("172.28.0.0/14", 16),
    AddressPool("192.168.0.0/16", 20),
)


class NetworkConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the networks; the names are dockerd's flags where it has one.

    `bridge` "none" means no default network. `bip` "" picks a free subnet. `host_ip` is where ports go
    that name no address ("" is every address). `relay` lets this process carry what the kernel cannot
    translate: IPv6 connections to containers that have only IPv4 (dockerd's userland-proxy).
    """

    netns_directory: str
    bridge: str = "boxship0"
    table: str = "boxship"
    bip: str = ""
    fixed_cidr: str = ""
    default_gateway: str = ""
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


def device_names(root: str) -> tuple[str, str]:
    """The default bridge and the nftables table of the engine with this data root.

    Engines side by side must not meet: only the default root gets the plain names.
    """
    if root.rstrip("/") == DEFAULT_ROOT:
        return "boxship0", "boxship"
    suffix = hashlib.sha256(root.rstrip("/").encode()).hexdigest()[:6]
    return f"boxship-{suffix}", f"boxship_{suffix}"
