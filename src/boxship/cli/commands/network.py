"""boxship network: create, ls, rm, connect, disconnect."""

import sys

from boxship.cli import validators
from boxship.cli.create_body import pairs
from boxship.cli.endpoints import EMPTY
from boxship.cli.flags import MANY, TABLE_FORMAT_HELP, Command, Flag, Options
from boxship.cli.formatting import Listing, labels_text, short_id
from boxship.cli.running import Context, Failed, check_filter, filters_query, path_name
from boxship.client.errors import ApiError
from boxship.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run_create(context: Context, options: Options) -> None:
    """Create a network and print its ID."""
    body: dict[str, Any] = {
        "Driver": options.driver,
        "Scope": options.scope,
        "IPAM": {
            "Driver": options.ipam_driver,
            "Options": pairs(options.ipam_opt),
            "Config": ipam_config(
                options.subnet, options.ip_range, options.gateway, pairs(options.aux_address)
            ),
        },
        "Internal": options.internal,
        "Attachable": options.attachable,
        "Ingress": options.ingress,
        "ConfigOnly": options.config_only,
        "ConfigFrom": {"Network": options.config_from} if options.config_from else None,
        "Options": pairs(options.opt),
        "Labels": pairs(options.label),
        "Name": options.args[0],
    }
    if "ipv4" in options.changed:
        body["EnableIPv4"] = options.ipv4
    if "ipv6" in options.changed:
        body["EnableIPv6"] = options.ipv6
    answer = context.client.post("/networks/create", body=body)
    sys.stdout.write(answer["Id"] + "\n")


def ipam_config(
    subnets: "list[str]", ranges: "list[str]", gateways: "list[str]", auxiliary: "dict[str, str]"
) -> "list[dict[str, Any]]":
    """One entry a subnet, with the range, gateway and addresses that lie in it."""
    import ipaddress

    if len(subnets) < len(ranges) or len(subnets) < len(gateways):
        raise InvalidArgument("every ip-range or gateway must have a corresponding subnet")
    found: dict[str, dict[str, Any]] = {}
    nets: dict[str, Any] = {}
    for subnet in subnets:
        try:
            net = ipaddress.ip_network(subnet, strict=False)
        except ValueError:
            raise InvalidArgument(f"invalid CIDR address: {subnet}") from None
        for other in nets.values():
            if net.version == other.version and net.overlaps(other):
                raise InvalidArgument("multiple overlapping subnet configuration is not supported")
        nets[subnet] = net
        found[subnet] = {"Subnet": subnet}

    def owner(address: str, what: str) -> str:
        try:
            inside = ipaddress.ip_network(address, strict=False).network_address
        except ValueError:
            raise InvalidArgument(f"invalid {what}: {address}") from None
        for subnet, net in nets.items():
            if inside.version == net.version and inside in net:
                return subnet
        raise InvalidArgument(f"no matching subnet for {what} {address}")

    for kind, key, values in (("range", "IPRange", ranges), ("gateway", "Gateway", gateways)):
        for value in values:
            subnet = owner(value, kind)
            if key in found[subnet]:
                raise InvalidArgument(
                    f"cannot configure multiple {kind}s ({value}, {found[subnet][key]}) "
                    f"on the same subnet ({subnet})"
                )
            found[subnet][key] = value
    for name, address in auxiliary.items():
        subnet = owner(address, "aux-address")
        found[subnet].setdefault("AuxiliaryAddresses", {})[name] = address
    return list(found.values())


def run_list(context: Context, options: Options) -> None:
    """Print the networks, by name."""
    rows = context.client.get("/networks", {"filters": filters_query(options.filter)})
    rows.sort(key=lambda row: row["Name"])
    source = options.format
    if not source and not options.quiet:
        source = context.config.format_for("networksFormat")
    shown = listing(full=options.no_trunc)
    if options.quiet and source in {"", "table"}:
        field = shown.fields["ID"][1]
        sys.stdout.write("".join(field(row) + "\n" for row in rows))
        return
    shown.show(rows, source)


def _flag(value: "Any") -> str:
    return "true" if value else "false"


def _created(row: "Any") -> str:
    text = row["Created"].replace("T", " ")
    if text.endswith("Z"):
        return f"{text[:-1]} +0000 UTC"
    zone = text[-6:].replace(":", "")
    return f"{text[:-6]} {zone} {zone}"


def listing(*, full: bool) -> Listing:
    """The columns of `network ls`."""
    fields = {
        "CreatedAt": ("CREATED AT", _created),
        "Driver": ("DRIVER", lambda row: row["Driver"]),
        "ID": (
            "NETWORK ID",
            (lambda row: row["Id"]) if full else (lambda row: short_id(row["Id"])),
        ),
        "IPv4": ("IPV4", lambda row: _flag(row.get("EnableIPv4", True))),
        "IPv6": ("IPV6", lambda row: _flag(row.get("EnableIPv6"))),
        "Internal": ("INTERNAL", lambda row: _flag(row.get("Internal"))),
        "Labels": ("LABELS", lambda row: labels_text(row.get("Labels"))),
        "Name": ("NAME", lambda row: row["Name"]),
        "Scope": ("SCOPE", lambda row: row.get("Scope", "")),
    }
    calls = {"Label": lambda row, name: (row.get("Labels") or {}).get(name, "")}
    columns = ("ID", "Name", "Driver", "Scope")
    raw = "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n"
    return Listing("*network.networkContext", fields, columns, calls, raw=raw)


def run_remove(context: Context, options: Options) -> int:
    """Remove networks."""
    status = 0
    for name in options.args:
        try:
            context.client.delete(f"/networks/{path_name(name)}")
        except ApiError as error:
            if options.force and error.status == 404:
                continue
            sys.stdout.flush()
            sys.stderr.write(f"{error}\n")
            status = 1
        else:
            sys.stdout.write(f"{name}\n")
    if status:
        sys.stdout.flush()
        sys.stderr.write("exit status 1\n")  # as Docker's CLI ends here
    return status


def run_connect(context: Context, options: Options) -> None:
    """Join a container to a network."""
    network, container = options.args
    options_ = {}
    for text in options.driver_opt:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise Failed("invalid key/value pair format in driver options")
        options_[name.lower()] = value.lower()
    ipam = {
        "IPv4Address": options.ip,
        "IPv6Address": options.ip6,
        "LinkLocalIPs": options.link_local_ip,
    }
    endpoint = dict(EMPTY)
    endpoint.update(
        {
            "IPAMConfig": {key: value for key, value in ipam.items() if value} or None,
            "Links": options.link or None,
            "Aliases": options.alias,
            "DriverOpts": options_,
            "GwPriority": options.gw_priority,
        }
    )
    if endpoint["IPAMConfig"] is None:
        endpoint["IPAMConfig"] = {}
    body = {"Container": container, "EndpointConfig": endpoint}
    context.client.post(f"/networks/{path_name(network)}/connect", body=body)


def run_disconnect(context: Context, options: Options) -> None:
    """Take a container off a network."""
    network, container = options.args
    body = {"Container": container, "Force": options.force}
    context.client.post(f"/networks/{path_name(network)}/disconnect", body=body)


CREATE = Command(
    "create [OPTIONS] NETWORK",
    run_create,
    Flag("attachable", "", "bool", "Enable manual container attachment"),
    Flag("aux-address", "", "map", "Auxiliary IPv4 or IPv6 addresses used by Network driver (default map[])"),
    Flag("config-from", "", "string", "The network from which to copy the configuration"),
    Flag("config-only", "", "bool", "Create a configuration only network"),
    Flag("driver", "d", "string", 'Driver to manage the Network (default "bridge")', "bridge"),
    Flag("gateway", "", "strings", "IPv4 or IPv6 Gateway for the master subnet"),
    Flag("ingress", "", "bool", "Create swarm routing-mesh network"),
    Flag("internal", "", "bool", "Restrict external access to the network"),
    Flag("ip-range", "", "strings", "Allocate container ip from a sub-range"),
    Flag("ipam-driver", "", "string", 'IP Address Management Driver (default "default")', "default"),
    Flag("ipam-opt", "", "map", "Set IPAM driver specific options (default map[])"),
    Flag("ipv4", "", "bool", "Enable or disable IPv4 address assignment (default true)", default=True),
    Flag("ipv6", "", "bool", "Enable or disable IPv6 address assignment"),
    Flag("label", "", "list", "Set metadata on a network", check=validators.label),
    Flag("opt", "o", "map", "Set driver specific options (default map[])"),
    Flag("scope", "", "string", "Control the network's scope"),
    Flag("subnet", "", "strings", "Subnet in CIDR format that represents a network segment"),
    args=(1, 1),
)  # fmt: skip
LS = Command(
    "ls [OPTIONS]",
    run_list,
    Flag(
        "filter", "f", "filter", 'Provide filter values (e.g. "driver=bridge")', check=check_filter
    ),
    Flag("format", "", "string", TABLE_FORMAT_HELP),
    Flag("no-trunc", "", "bool", "Do not truncate the output"),
    Flag("quiet", "q", "bool", "Only display network IDs"),
    aliases="docker network ls, docker network list",
)
RM = Command(
    "rm NETWORK [NETWORK...]",
    run_remove,
    Flag("force", "f", "bool", "Do not error if the network does not exist"),
    args=(1, MANY),
    aliases="docker network rm, docker network remove",
)
CONNECT = Command(
    "connect [OPTIONS] NETWORK CONTAINER",
    run_connect,
    Flag("alias", "", "strings", "Add network-scoped alias for the container"),
    Flag("driver-opt", "", "strings", "driver options for the network"),
    Flag("gw-priority", "", "int", "Highest gw-priority provides the default gateway. Accepts positive and negative values."),
    Flag("ip", "", "string", 'IPv4 address (e.g., "172.30.100.104")'),
    Flag("ip6", "", "string", 'IPv6 address (e.g., "2001:db8::33")'),
    Flag("link", "", "list", "Add link to another container", check=validators.link),
    Flag("link-local-ip", "", "strings", "Add a link-local address for the container"),
    args=(2, 2),
)  # fmt: skip
DISCONNECT = Command(
    "disconnect [OPTIONS] NETWORK CONTAINER",
    run_disconnect,
    Flag("force", "f", "bool", "Force the container to disconnect from a network"),
    args=(2, 2),
)
