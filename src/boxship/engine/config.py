"""How an engine is set up: every choice that the daemon's flags and file can make, as one value."""

from pathlib import Path

import msgspec

from boxship.model.container import Ulimit

BRIDGE = "boxship0"


class RuntimeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """An OCI runtime: a program and what to pass it; `type` is a containerd shim's name, or ""."""

    path: str
    args: tuple[str, ...] = ()
    type: str = ""
    options: dict[str, object] | None = None


class AddressPool(msgspec.Struct, frozen=True, kw_only=True):
    """Subnets of `size` bits are cut from `base` for networks that name none."""

    base: str
    size: int


class EngineConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine is told at start; "" and None mean that the engine chooses.

    Sizes in bytes, times in seconds.
    """

    data_root: Path = Path("/var/lib/boxship")
    exec_root: Path = Path("/run/boxship")
    debug: bool = False
    labels: tuple[str, ...] = ()
    # containers
    runtimes: dict[str, RuntimeConfig] = {}
    default_runtime: str = ""
    cgroup_parent: str = ""
    cgroup_driver: str = ""  # cgroupfs or systemd
    default_cgroupns_mode: str = ""  # host or private
    default_ipc_mode: str = "private"
    default_shm_size: int = 64 << 20
    default_stop_timeout: int = 10
    default_ulimits: tuple[Ulimit, ...] = ()
    init: bool = False
    init_path: str = ""
    live_restore: bool = True  # always so; kept for what clients are shown
    no_new_privileges: bool = False
    seccomp_profile: str = "builtin"  # or "unconfined", or a path
    selinux_enabled: bool = False
    userns_remap: str = ""
    cpu_rt_period: int = 0
    cpu_rt_runtime: int = 0
    cdi_spec_dirs: tuple[str, ...] | None = None  # None for the usual ones
    node_generic_resources: tuple[str, ...] = ()
    # storage
    storage_driver: str = ""
    storage_opts: tuple[str, ...] = ()
    plugin_sockets: tuple[Path, ...] = ()  # folders with plugins' sockets; () for the usual ones
    plugin_specs: tuple[Path, ...] = ()  # folders with their .spec and .json files
    # logs
    log_driver: str = "json-file"
    log_opts: dict[str, str] = {}
    # networks
    bridge: str = BRIDGE  # the default network's device; "none" for no default network
    bridge_is_ours: bool = True  # False: `--bridge` names a device that somebody else made
    bip: str = ""
    bip6: str = ""
    fixed_cidr: str = ""
    fixed_cidr_v6: str = ""
    default_gateway: str = ""
    default_gateway_v6: str = ""
    default_address_pools: tuple[AddressPool, ...] = ()
    default_network_opts: dict[str, dict[str, str]] = {}
    dns: tuple[str, ...] = ()
    dns_opts: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    host_gateway_ips: tuple[str, ...] = ()
    icc: bool = True
    ip: str = "0.0.0.0"  # noqa: S104 - Docker's default address for published ports
    ip_forward: bool = True
    ip_forward_no_drop: bool = False
    ip_masq: bool = True
    iptables: bool = True  # manage firewall rules at all
    ip6tables: bool = True
    ipv6: bool = False
    allow_direct_routing: bool = False
    bridge_accept_fwmark: str = ""
    firewall_backend: str = ""
    mtu: int = 1500
    userland_proxy: bool = True
    userland_proxy_path: str = ""
    # registries and proxies
    registry_mirrors: tuple[str, ...] = ()
    insecure_registries: tuple[str, ...] = ()
    max_concurrent_downloads: int = 3
    max_concurrent_uploads: int = 5
    max_download_attempts: int = 5
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""
    # the rest
    exec_opts: tuple[str, ...] = ()
    features: dict[str, bool] = {}
    shutdown_timeout: int = 15
