"""boxship info: what the daemon says of itself."""

import sys

from boxship.cli.credentials import INDEX, get
from boxship.cli.flags import FORMAT_HELP, Command, Flag, Options
from boxship.cli.formatting import BAD_TEMPLATE, FormatFailed, print_template
from boxship.cli.running import Context, Failed
from boxship.cli.units import bytes_size
from boxship.cli.version import client_version
from boxship.client.codec import dumps
from boxship.errors import BoxshipError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def run(context: Context, options: Options) -> None:
    """Print what client and daemon know."""
    client = client_version(context.context_name())
    failure = ""
    server: Any = None
    try:
        server = context.client.get("/info")
    except BoxshipError as error:
        failure = str(error)
    if options.format:
        _formatted(options.format, client, server, failure)
        return
    lines = [
        "Client:",
        f" Version:    {client['Version']}",
        f" Context:    {client['Context']}",
        f" Debug Mode: {'true' if context.top.debug else 'false'}",
        "",
        "Server:",
    ]
    if server is not None:
        server["_username"] = get(context.config, INDEX).get("username", "")
        lines += _server_lines(server)
        lines.append("")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
    if failure:
        sys.stderr.write(f"ERROR: {failure}\n")
        raise Failed("errors pretty printing info")
    for warning in server.get("Warnings") or ():
        sys.stderr.write(f"{warning}\n")


def _formatted(source: str, client: "dict[str, Any]", server: "Any", failure: str) -> None:
    value = dict(server or {})
    if failure:
        value["ServerErrors"] = [failure]
        sys.stderr.write(f"{failure}\n")
    value["ClientInfo"] = {"Debug": False, **client, "Plugins": [], "Warnings": None}
    if source == "json":
        sys.stdout.write(dumps(value) + "\n")
        return
    try:
        print_template(source, value, root_type="system.dockerInfo", what="")
    except FormatFailed as error:
        if not failure or error.exit_status == BAD_TEMPLATE:
            raise
        raise Failed from None  # the reason has been told


def _text(value: object) -> str:
    return (
        {True: "true", False: "false"}.get(value, str(value))
        if isinstance(value, bool)
        else str(value)
    )


def _server_lines(info: "Any") -> "Iterator[str]":
    yield f" Containers: {info.get('Containers', 0)}"
    yield f"  Running: {info.get('ContainersRunning', 0)}"
    yield f"  Paused: {info.get('ContainersPaused', 0)}"
    yield f"  Stopped: {info.get('ContainersStopped', 0)}"
    yield f" Images: {info.get('Images', 0)}"
    yield from _given(info, {"Server Version": "ServerVersion", "Storage Driver": "Driver"})
    for name, value in info.get("DriverStatus") or ():
        yield f"  {name}: {value}"
    yield from _given(
        info,
        {
            "Logging Driver": "LoggingDriver",
            "Cgroup Driver": "CgroupDriver",
            "Cgroup Version": "CgroupVersion",
        },
    )
    yield from _plugins(info.get("Plugins") or {})
    if info.get("CDISpecDirs"):
        yield " CDI spec directories:"
        yield from (f"  {path}" for path in info["CDISpecDirs"])
    yield f" Swarm: {(info.get('Swarm') or {}).get('LocalNodeState', '')}"
    if info.get("Runtimes"):
        yield f" Runtimes: {' '.join(info['Runtimes'])}"
        yield f" Default Runtime: {info.get('DefaultRuntime', '')}"
    if info.get("OSType") == "linux":
        yield from _linux(info)
    yield from _given(
        info,
        {
            "Kernel Version": "KernelVersion",
            "Operating System": "OperatingSystem",
            "OSType": "OSType",
            "Architecture": "Architecture",
        },
    )
    yield f" CPUs: {info.get('NCPU', 0)}"
    yield f" Total Memory: {bytes_size(info.get('MemTotal', 0))}"
    yield from _given(info, {"Name": "Name", "ID": "ID"})
    yield f" Docker Root Dir: {info.get('DockerRootDir', '')}"
    yield from _debug(info)
    yield from _given(
        info,
        {
            "HTTP Proxy": "HttpProxy",
            "HTTPS Proxy": "HttpsProxy",
            "No Proxy": "NoProxy",
            "Username": "_username",
        },
    )
    if info.get("Labels"):
        yield " Labels:"
        yield from (f"  {label}" for label in info["Labels"])
    yield f" Experimental: {_text(info.get('ExperimentalBuild', False))}"
    yield from _registries(info.get("RegistryConfig") or {})
    yield f" Live Restore Enabled: {_text(info.get('LiveRestoreEnabled', False))}"
    if info.get("ProductLicense"):
        yield f" Product License: {info['ProductLicense']}"
    if info.get("DefaultAddressPools"):
        yield " Default Address Pools:"
        for pool in info["DefaultAddressPools"]:
            yield f"   Base: {pool['Base']}, Size: {pool['Size']}"
    yield from _firewall(info.get("FirewallBackend") or {})


def _given(info: "Any", names: "dict[str, str]") -> "Iterator[str]":
    for label, key in names.items():
        if info.get(key):
            yield f" {label}: {info[key]}"


def _plugins(plugins: "Any") -> "Iterator[str]":
    yield " Plugins:"
    yield f"  Volume: {' '.join(plugins.get('Volume') or ())}"
    yield f"  Network: {' '.join(plugins.get('Network') or ())}"
    if plugins.get("Authorization"):
        yield f"  Authorization: {' '.join(plugins['Authorization'])}"
    yield f"  Log: {' '.join(plugins.get('Log') or ())}"


def _linux(info: "Any") -> "Iterator[str]":
    yield f" Init Binary: {info.get('InitBinary', '')}"
    for label, key in (
        ("containerd", "ContainerdCommit"),
        ("runc", "RuncCommit"),
        ("init", "InitCommit"),
    ):
        yield f" {label} version: {(info.get(key) or {}).get('ID', '')}"
    options = info.get("SecurityOptions") or ()
    if options:
        yield " Security Options:"
    for option in options:
        values = dict(part.partition("=")[::2] for part in option.split(","))
        yield f"  {values.get('name', option)}"
        if "profile" in values:
            yield f"   Profile: {values['profile']}"


def _debug(info: "Any") -> "Iterator[str]":
    yield f" Debug Mode: {_text(info.get('Debug', False))}"
    if info.get("Debug"):
        yield f"  File Descriptors: {info.get('NFd', 0)}"
        yield f"  Goroutines: {info.get('NGoroutines', 0)}"
        yield f"  System Time: {info.get('SystemTime', '')}"
        yield f"  EventsListeners: {info.get('NEventsListener', 0)}"


def _registries(config: "Any") -> "Iterator[str]":
    indexes = config.get("IndexConfigs") or {}
    ranges = config.get("InsecureRegistryCIDRs") or ()
    if indexes or ranges:
        yield " Insecure Registries:"
        yield from (f"  {i['Name']}" for i in indexes.values() if not i.get("Secure"))
        yield from (f"  {cidr}" for cidr in ranges)
    if config.get("Mirrors"):
        yield " Registry Mirrors:"
        yield from (f"  {mirror}" for mirror in config["Mirrors"])


def _firewall(backend: "Any") -> "Iterator[str]":
    if backend.get("Driver"):
        yield f" Firewall Backend: {backend['Driver']}"
        for name, value in backend.get("Info") or ():
            yield f"  {name}: {value}"


COMMAND = Command(
    "info [OPTIONS]",
    run,
    Flag("format", "f", "string", FORMAT_HELP),
    aliases="docker system info, docker info",
)
