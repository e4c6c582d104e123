"""boxship ps: list containers."""

import sys
from time import time

from boxship.cli.flags import TABLE_FORMAT_HELP, Command, Flag, Options
from boxship.cli.formatting import Listing, ellipsis, labels_text, short_id
from boxship.cli.gofmt import quoted
from boxship.cli.running import Context, check_filter, filters_query
from boxship.cli.units import human_duration, human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

IGNORED = "WARNING: Ignoring custom format, because both --format and --quiet are set.\n"
RAW = """container_id: {{.ID}}
image: {{.Image}}
command: {{.Command}}
created_at: {{.CreatedAt}}
state: {{- pad .State 1 0}}
status: {{- pad .Status 1 0}}
names: {{.Names}}
labels: {{- pad .Labels 1 0}}
ports: {{- pad .Ports 1 0}}
"""
COLUMNS = ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names")


def run(context: Context, options: Options) -> None:
    """Ask for the containers and print them."""
    source = options.format
    quiet = options.quiet
    if not source:
        source = context.config.format_for("psFormat")
    elif quiet:
        sys.stderr.write(IGNORED)
    size = options.size or _mentions_size(source)
    last = 1 if options.latest and options.last == -1 else options.last
    query: dict[str, Any] = {}
    if options.all:
        query["all"] = "1"
    if last > 0:
        query["limit"] = str(last)
    if size:
        query["size"] = "1"
    filters = filters_query(options.filter)
    if filters:
        query["filters"] = filters
    rows = context.client.get("/containers/json", query)
    if quiet and source != "raw":
        names = [row["Id"] if options.no_trunc else short_id(row["Id"]) for row in rows]
        sys.stdout.write("".join(name + "\n" for name in names))
        return
    if quiet:
        source = "container_id: {{.ID}}"
    listing(full=options.no_trunc, size=options.size).show(rows, source)


def _mentions_size(source: str) -> bool:
    """Whether a template uses the field Size, which the daemon computes only on demand."""
    if "{{json .}}" in source:
        return True
    at = source.find(".Size")
    return at >= 0 and not source[at + 5 : at + 6].isalnum()


def listing(*, full: bool, size: bool = False) -> Listing:
    """The columns of `ps`; *full*: nothing is shortened."""
    fields = {
        "Command": ("COMMAND", _full_command if full else _command),
        "CreatedAt": ("CREATED AT", _created_at),
        "ID": ("CONTAINER ID", _full_id if full else _id),
        "Image": ("IMAGE", _full_image if full else _image),
        "Labels": ("LABELS", lambda row: labels_text(row.get("Labels"))),
        "LocalVolumes": ("LOCAL VOLUMES", _local_volumes),
        "Mounts": ("MOUNTS", _full_mounts if full else _mounts),
        "Names": ("NAMES", _full_names if full else _names),
        "Networks": ("NETWORKS", _networks),
        "Platform": ("PLATFORM", _platform),
        "Ports": ("PORTS", _ports),
        "RunningFor": ("CREATED", _running_for),
        "Size": ("SIZE", _size),
        "State": ("STATE", lambda row: row.get("State", "")),
        "Status": ("STATUS", lambda row: row.get("Status", "")),
    }
    columns = (*COLUMNS, "Size") if size else COLUMNS
    raw = RAW + "size: {{.Size}}\n" if size else RAW
    return Listing("*formatter.ContainerContext", fields, columns, {"Label": _label}, raw=raw)


def _label(row: "Any", name: str) -> str:
    return str((row.get("Labels") or {}).get(name, ""))


def _id(row: "Any") -> str:
    return short_id(row["Id"])


def _full_id(row: "Any") -> str:
    return str(row["Id"])


def _names(row: "Any") -> str:
    """The first name that is no link (`other/alias`)."""
    for name in row.get("Names") or ():
        if "/" not in name[1:]:
            return str(name).removeprefix("/")
    return ""


def _full_names(row: "Any") -> str:
    return ",".join(name.removeprefix("/") for name in row.get("Names") or ())


def _full_image(row: "Any") -> str:
    return row.get("Image") or "<no image>"


def _image(row: "Any") -> str:
    image = str(row.get("Image") or "")
    if not image:
        return "<no image>"
    short = short_id(row.get("ImageID") or "")
    if short and short == short_id(image):
        return short
    if "@" in image:
        image = image.partition("@")[0]
    return image.removeprefix("docker.io/library/").removeprefix("docker.io/")


def _full_command(row: "Any") -> str:
    return quoted(row.get("Command") or "")


def _command(row: "Any") -> str:
    return quoted(ellipsis(row.get("Command") or "", 20))


def _created_at(row: "Any") -> str:
    from boxship.cli.times import go_time

    return go_time(row["Created"])


def _running_for(row: "Any") -> str:
    return human_duration(time() - row["Created"]) + " ago"


def _platform(row: "Any") -> "str | None":
    platform = (row.get("ImageManifestDescriptor") or {}).get("platform")
    if not platform:
        return None
    return "/".join(
        part for part in (platform["os"], platform["architecture"], platform.get("variant")) if part
    )


def _size(row: "Any") -> str:
    text = human_size(row.get("SizeRw") or 0, 3)
    total = row.get("SizeRootFs") or 0
    return f"{text} (virtual {human_size(total, 3)})" if total > 0 else text


def _full_mounts(row: "Any") -> str:
    return ",".join(m.get("Name") or m.get("Source", "") for m in row.get("Mounts") or ())


def _mounts(row: "Any") -> str:
    return ",".join(
        ellipsis(m.get("Name") or m.get("Source", ""), 15) for m in row.get("Mounts") or ()
    )


def _local_volumes(row: "Any") -> str:
    return str(sum(m.get("Driver") == "local" for m in row.get("Mounts") or ()))


def _networks(row: "Any") -> str:
    return ",".join((row.get("NetworkSettings") or {}).get("Networks") or {})


def _ports(row: "Any") -> str:
    ports = row.get("Ports")
    return ports_text(ports) if ports else ""


def ports_text(ports: "list[dict[str, Any]]") -> str:
    """`0.0.0.0:80-82->80-82/tcp, 9000/udp`: equal runs of ports are joined."""
    groups: dict[tuple[str, str], list[int]] = {}
    done: list[str] = []
    mapped: list[str] = []
    for port in sorted(ports, key=_port_order):
        private, kind, ip = port["PrivatePort"], port["Type"], port.get("IP") or ""
        if ip and port.get("PublicPort", 0) != private:
            mapped.append(f"{_host(ip)}:{port.get('PublicPort', 0)}->{private}/{kind}")
            continue
        key = (ip, kind)
        group = groups.get(key)
        if group is None:
            groups[key] = [private, private]
        elif private == group[1] + 1:
            group[1] = private
        else:
            done.append(_group(key, group))
            groups[key] = [private, private]
    done += [_group(key, group) for key, group in groups.items()]
    return ", ".join(done + mapped)


def _port_order(port: "dict[str, Any]") -> "tuple[int, str, int, str]":
    return port["PrivatePort"], port.get("IP") or "", port.get("PublicPort") or 0, port["Type"]


def _host(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


def _group(key: "tuple[str, str]", group: "list[int]") -> str:
    first, last = group
    span = str(first) if first == last else f"{first}-{last}"
    ip, kind = key
    return f"{_host(ip)}:{span}->{span}/{kind}" if ip else f"{span}/{kind}"


_FLAGS = (
    Flag("all", "a", "bool", "Show all containers (default shows just running)"),
    Flag("filter", "f", "filter", "Filter output based on conditions provided", check=check_filter),
    Flag("format", "", "string", TABLE_FORMAT_HELP),
    Flag("last", "n", "int", "Show n last created containers (includes all states) (default -1)", -1),
    Flag("latest", "l", "bool", "Show the latest created container (includes all states)"),
    Flag("no-trunc", "", "bool", "Don't truncate output"),
    Flag("quiet", "q", "bool", "Only display container IDs"),
    Flag("size", "s", "bool", "Display total file sizes"),
)  # fmt: skip
_ALIASES = "docker container ls, docker container list, docker container ps, docker ps"
COMMAND = Command("ps [OPTIONS]", run, *_FLAGS, aliases=_ALIASES)
LS = Command("ls [OPTIONS]", run, *_FLAGS, aliases=_ALIASES)
