"""The daemon's flags: dockerd's, with dockerd's meaning."""

from typing import Any, Final, NamedTuple

from boxship.daemon.kinds import (
    BOOL,
    BYTES,
    FEATURE,
    HOST_LIST,
    INTEGER,
    IP,
    IP_LIST,
    LABEL_LIST,
    LIST,
    MAP,
    MAPMAP,
    POOL,
    RUNTIME,
    STRING,
    ULIMIT,
    Kind,
)


class Flag(NamedTuple):
    """One flag; `key` is its name in daemon.json, "" for none, None for the flag's own."""

    name: str
    kind: Kind
    help: str
    short: str = ""
    key: str | None = None
    default: Any = None
    metavar: str = ""

    @property
    def setting(self) -> str:
        """Under which name its value is kept."""
        return self.key or self.name

    @property
    def spelling(self) -> str:
        """How messages call it."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"


FLAGS: Final = (
    Flag(
        "add-runtime",
        RUNTIME,
        "Register an additional OCI compatible runtime",
        key="runtimes",
        metavar="runtime",
    ),
    Flag(
        "allow-direct-routing",
        BOOL,
        "Allow remote access to published ports on container IP addresses",
    ),
    Flag(
        "authorization-plugin",
        LIST,
        "Authorization plugins to load",
        key="authorization-plugins",
        metavar="list",
    ),
    Flag("bip", STRING, "IPv4 address for the default bridge", metavar="string"),
    Flag("bip6", STRING, "IPv6 address for the default bridge", metavar="string"),
    Flag("bridge", STRING, "Attach containers to a network bridge", short="b", metavar="string"),
    Flag(
        "bridge-accept-fwmark",
        STRING,
        "In bridge networks, accept packets with this firewall mark/mask",
        metavar="string",
    ),
    Flag(
        "cdi-spec-dir",
        LIST,
        "CDI specification directories to use",
        key="cdi-spec-dirs",
        metavar="list",
    ),
    Flag("cgroup-parent", STRING, "Set parent cgroup for all containers", metavar="string"),
    Flag(
        "config-file",
        STRING,
        "Daemon configuration file",
        key="",
        default="/etc/boxship/daemon.json",
        metavar="string",
    ),
    Flag("containerd", STRING, "containerd grpc address", metavar="string"),
    Flag(
        "containerd-namespace",
        STRING,
        "Containerd namespace to use",
        default="moby",
        metavar="string",
    ),
    Flag(
        "containerd-plugins-namespace",
        STRING,
        "Containerd namespace to use for plugins",
        default="plugins.moby",
        metavar="string",
    ),
    Flag(
        "cpu-rt-period",
        INTEGER,
        "Limit the CPU real-time period in microseconds for the parent cgroup for all containers (not supported with cgroups v2)",
        metavar="int",
    ),
    Flag(
        "cpu-rt-runtime",
        INTEGER,
        "Limit the CPU real-time runtime in microseconds for the parent cgroup for all containers (not supported with cgroups v2)",
        metavar="int",
    ),
    Flag("cri-containerd", BOOL, "start containerd with cri"),
    Flag(
        "data-root",
        STRING,
        "Root directory of persistent state",
        default="/var/lib/boxship",
        metavar="string",
    ),
    Flag("debug", BOOL, "Enable debug mode", short="D"),
    Flag(
        "default-address-pool",
        POOL,
        "Default address pools for node specific local networks",
        key="default-address-pools",
        metavar="pool-options",
    ),
    Flag(
        "default-cgroupns-mode",
        STRING,
        'Default mode for containers cgroup namespace ("host" | "private")',
        metavar="string",
    ),
    Flag(
        "default-gateway",
        IP,
        "Default gateway IPv4 address for the default bridge network",
        metavar="ip",
    ),
    Flag(
        "default-gateway-v6",
        IP,
        "Default gateway IPv6 address for the default bridge network",
        metavar="ip",
    ),
    Flag(
        "default-ipc-mode",
        STRING,
        'Default mode for containers ipc ("shareable" | "private")',
        default="private",
        metavar="string",
    ),
    Flag(
        "default-network-opt",
        MAPMAP,
        "Default network options",
        key="default-network-opts",
        metavar="mapmap",
    ),
    Flag("default-runtime", STRING, "Default OCI runtime for containers", metavar="string"),
    Flag(
        "default-shm-size",
        BYTES,
        "Default shm size for containers",
        default="64MiB",
        metavar="bytes",
    ),
    Flag(
        "default-stop-timeout",
        INTEGER,
        "Set the default container stop timeout in seconds (0 to terminate immediately)",
        default=10,
        metavar="int",
    ),
    Flag(
        "default-ulimit",
        ULIMIT,
        "Default ulimits for containers",
        key="default-ulimits",
        metavar="ulimit",
    ),
    Flag("dns", IP_LIST, "DNS server to use", metavar="list"),
    Flag("dns-opt", LIST, "DNS options to use", key="dns-opts", metavar="list"),
    Flag("dns-search", LIST, "DNS search domains to use", metavar="list"),
    Flag("exec-opt", LIST, "Runtime execution options", key="exec-opts", metavar="list"),
    Flag(
        "exec-root",
        STRING,
        "Root directory for execution state files",
        default="/run/boxship",
        metavar="string",
    ),
    Flag("experimental", BOOL, "Enable experimental features"),
    Flag("feature", FEATURE, "Enable feature in the daemon", key="features", metavar="map"),
    Flag(
        "firewall-backend",
        STRING,
        "Firewall backend to use, iptables or nftables",
        metavar="string",
    ),
    Flag("fixed-cidr", STRING, "IPv4 subnet for the default bridge network", metavar="string"),
    Flag("fixed-cidr-v6", STRING, "IPv6 subnet for the default bridge network", metavar="string"),
    Flag(
        "group", STRING, "Group for the unix socket", short="G", default="docker", metavar="string"
    ),
    Flag("help", BOOL, "Print usage", key=""),
    Flag(
        "host", HOST_LIST, "Daemon socket(s) to connect to", short="H", key="hosts", metavar="list"
    ),
    Flag(
        "host-gateway-ip",
        IP_LIST,
        "IP addresses that the special 'host-gateway' string in --add-host resolves to. Defaults to the IP addresses of the default bridge",
        key="host-gateway-ips",
        metavar="list",
    ),
    Flag(
        "http-proxy",
        STRING,
        "HTTP proxy URL to use for outgoing traffic",
        key="proxies.http-proxy",
        metavar="string",
    ),
    Flag(
        "https-proxy",
        STRING,
        "HTTPS proxy URL to use for outgoing traffic",
        key="proxies.https-proxy",
        metavar="string",
    ),
    Flag(
        "icc",
        BOOL,
        "Enable inter-container communication for the default bridge network",
        default=True,
    ),
    Flag("init", BOOL, "Run an init in the container to forward signals and reap processes"),
    Flag("init-path", STRING, "Path to the init binary", metavar="string"),
    Flag(
        "insecure-registry",
        LIST,
        "Enable insecure registry communication",
        key="insecure-registries",
        metavar="list",
    ),
    Flag(
        "ip",
        IP,
        "Host IP for port publishing from the default bridge network",
        default="0.0.0.0",  # noqa: S104 - dockerd's default
        metavar="ip",
    ),
    Flag("ip-forward", BOOL, "Enable IP forwarding in system configuration", default=True),
    Flag(
        "ip-forward-no-drop",
        BOOL,
        "Do not set the filter-FORWARD policy to DROP when enabling IP forwarding",
    ),
    Flag("ip-masq", BOOL, "Enable IP masquerading for the default bridge network", default=True),
    Flag("ip6tables", BOOL, "Enable addition of ip6tables rules", default=True),
    Flag("iptables", BOOL, "Enable addition of iptables rules", default=True),
    Flag("ipv6", BOOL, "Enable IPv6 networking for the default bridge network"),
    Flag("label", LABEL_LIST, "Set key=value labels to the daemon", key="labels", metavar="list"),
    Flag("live-restore", BOOL, "Keep containers running without the daemon: always on here"),
    Flag(
        "log-driver",
        STRING,
        "Default driver for container logs",
        default="json-file",
        metavar="string",
    ),
    Flag(
        "log-format",
        STRING,
        'Set the logging format ("text"|"json")',
        default="text",
        metavar="string",
    ),
    Flag(
        "log-level",
        STRING,
        'Set the logging level ("debug"|"info"|"warn"|"error"|"fatal")',
        short="l",
        default="info",
        metavar="string",
    ),
    Flag(
        "log-opt", MAP, "Default log driver options for containers", key="log-opts", metavar="map"
    ),
    Flag(
        "max-concurrent-downloads",
        INTEGER,
        "Set the max concurrent downloads",
        default=3,
        metavar="int",
    ),
    Flag(
        "max-concurrent-uploads",
        INTEGER,
        "Set the max concurrent uploads",
        default=5,
        metavar="int",
    ),
    Flag(
        "max-download-attempts",
        INTEGER,
        "Set the max download attempts for each pull",
        default=5,
        metavar="int",
    ),
    Flag(
        "metrics-addr",
        STRING,
        "Set default address and port to serve the metrics api on",
        metavar="string",
    ),
    Flag(
        "mtu", INTEGER, 'Set the MTU for the default "bridge" network', default=1500, metavar="int"
    ),
    Flag(
        "network-control-plane-mtu",
        INTEGER,
        "Network Control plane MTU",
        default=1500,
        metavar="int",
    ),
    Flag("no-new-privileges", BOOL, "Set no-new-privileges by default for new containers"),
    Flag(
        "no-proxy",
        STRING,
        "Comma-separated list of hosts or IP addresses for which the proxy is skipped",
        key="proxies.no-proxy",
        metavar="string",
    ),
    Flag(
        "node-generic-resource",
        LIST,
        "Advertise user-defined resource",
        key="node-generic-resources",
        metavar="list",
    ),
    Flag("nri-opts", MAP, "Node Resource Interface configuration", metavar="nri-opts"),
    Flag(
        "pidfile",
        STRING,
        "Path to use for daemon PID file",
        short="p",
        default="/run/boxship.pid",
        metavar="string",
    ),
    Flag("raw-logs", BOOL, "Full timestamps without ANSI coloring"),
    Flag(
        "registry-mirror",
        LIST,
        "Preferred Docker registry mirror",
        key="registry-mirrors",
        metavar="list",
    ),
    Flag("rootless", BOOL, "Enable rootless mode; typically used with RootlessKit"),
    Flag(
        "seccomp-profile",
        STRING,
        'Path to seccomp profile. Set to "unconfined" to disable the default seccomp profile',
        default="builtin",
        metavar="string",
    ),
    Flag("selinux-enabled", BOOL, "Enable selinux support"),
    Flag(
        "shutdown-timeout", INTEGER, "Set the default shutdown timeout", default=15, metavar="int"
    ),
    Flag("storage-driver", STRING, "Storage driver to use", short="s", metavar="string"),
    Flag("storage-opt", LIST, "Storage driver options", key="storage-opts", metavar="list"),
    Flag(
        "swarm-default-advertise-addr",
        STRING,
        "Set default address or interface for swarm advertised address",
        metavar="string",
    ),
    Flag("tls", BOOL, "Use TLS; implied by --tlsverify"),
    Flag(
        "tlscacert",
        STRING,
        "Trust certs signed only by this CA",
        default="~/.docker/ca.pem",
        metavar="string",
    ),
    Flag(
        "tlscert",
        STRING,
        "Path to TLS certificate file",
        default="~/.docker/cert.pem",
        metavar="string",
    ),
    Flag("tlskey", STRING, "Path to TLS key file", default="~/.docker/key.pem", metavar="string"),
    Flag("tlsverify", BOOL, "Use TLS and verify the remote"),
    Flag("userland-proxy", BOOL, "Use userland proxy for loopback traffic", default=True),
    Flag("userland-proxy-path", STRING, "Path to the userland proxy binary", metavar="string"),
    Flag("userns-remap", STRING, "User/Group setting for user namespaces", metavar="string"),
    Flag("validate", BOOL, "Validate daemon configuration and exit", key=""),
    Flag("version", BOOL, "Print version information and quit", short="v", key=""),
)
