"""boxship volume: create, ls, rm."""

import sys

from boxship.cli import validators
from boxship.cli.commands.cluster_volume import CREATE_FLAGS, spec
from boxship.cli.create_body import pairs
from boxship.cli.flags import MANY, TABLE_FORMAT_HELP, Command, Flag, Options
from boxship.cli.formatting import Listing, labels_text
from boxship.cli.running import Context, Failed, check_filter, filters_query, for_each, path_name
from boxship.cli.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run_create(context: Context, options: Options) -> None:
    """Create a volume and print its name."""
    name = options.args[0] if options.args else ""
    if options.name:
        if name:
            raise Failed(
                "conflicting options: cannot specify a volume-name through both --name and as a positional arg"
            )
        name = options.name
    body: dict[str, Any] = {"Driver": options.driver}
    if options.opt:
        body["DriverOpts"] = pairs(options.opt)
    if options.label:
        body["Labels"] = pairs(options.label)
    if name:
        body["Name"] = name
    cluster = spec(options)
    if cluster is not None:
        body["ClusterVolumeSpec"] = cluster
    answer = context.client.post("/volumes/create", body=body)
    sys.stdout.write(answer["Name"] + "\n")


def run_list(context: Context, options: Options) -> None:
    """Print the volumes, by name."""
    answer = context.client.get("/volumes", {"filters": filters_query(options.filter)})
    rows = sorted(answer.get("Volumes") or (), key=lambda row: _natural(row["Name"]))
    source = options.format
    if options.cluster:
        rows = [row for row in rows if row.get("ClusterVolume")]
        source = source or CLUSTER_TABLE
    if not source and not options.quiet:
        source = context.config.format_for("volumesFormat")
    if options.quiet and source in {"", "table"}:
        sys.stdout.write("".join(row["Name"] + "\n" for row in rows))
        return
    listing().show(rows, source)


CLUSTER_TABLE = "table {{.Name}}\t{{.Group}}\t{{.Driver}}\t{{.Availability}}\t{{.Status}}"


def _natural(name: str) -> "list[tuple[int, int, str]]":
    """Numbers in names count as numbers: v9 before v10."""
    parts: list[tuple[int, int, str]] = []
    digits = text = ""
    for char in name + "\0":
        if char.isascii() and char.isdigit():
            if text:
                parts.append((1, 0, text))
                text = ""
            digits += char
        else:
            if digits:
                parts.append((0, int(digits), digits))
                digits = ""
            text += char
    return [*parts, (1, 0, text)]


def listing() -> Listing:
    """The columns of `volume ls`."""
    fields = {
        "Availability": ("AVAILABILITY", _availability),
        "Driver": ("DRIVER", lambda row: row["Driver"]),
        "Group": ("GROUP", lambda row: _spec_of(row).get("Group", "N/A")),
        "Labels": ("LABELS", lambda row: labels_text(row.get("Labels"))),
        "Links": ("LINKS", _links),
        "Mountpoint": ("MOUNTPOINT", lambda row: row.get("Mountpoint", "")),
        "Name": ("VOLUME NAME", lambda row: row["Name"]),
        "Scope": ("SCOPE", lambda row: row.get("Scope", "")),
        "Size": ("SIZE", _size),
        "Status": ("STATUS", _status),
    }
    calls = {"Label": lambda row, name: (row.get("Labels") or {}).get(name, "")}
    raw = "name: {{.Name}}\ndriver: {{.Driver}}\n"
    return Listing("*formatter.volumeContext", fields, ("Driver", "Name"), calls, raw=raw)


def _spec_of(row: "Any") -> "dict[str, Any]":
    return (row.get("ClusterVolume") or {}).get("Spec") or {}


def _availability(row: "Any") -> str:
    return str(_spec_of(row).get("Availability", "N/A"))


def _status(row: "Any") -> str:
    """Of a cluster volume: pending until it is there, then whether a node uses it."""
    volume = row.get("ClusterVolume")
    if volume is None:
        return "N/A"
    if not (volume.get("Info") or {}).get("VolumeID"):
        return "pending creation"
    states = [status.get("State") for status in volume.get("PublishStatus") or ()]
    if not states:
        return "created"
    used = states.count("published")
    return f"in use ({used} node{'' if used == 1 else 's'})" if used else "created"


def _links(row: "Any") -> str:
    usage = row.get("UsageData")
    return "N/A" if usage is None else str(usage["RefCount"])


def _size(row: "Any") -> str:
    usage = row.get("UsageData")
    return "N/A" if usage is None else human_size(usage["Size"])


def run_remove(context: Context, options: Options) -> int:
    """Remove volumes."""
    query = {"force": True if options.force else None}
    return for_each(
        options.args, lambda name: context.client.delete(f"/volumes/{path_name(name)}", query)
    )


CREATE = Command(
    "create [OPTIONS] [VOLUME]",
    run_create,
    Flag("driver", "d", "string", 'Specify volume driver name (default "local")', "local"),
    Flag("label", "", "list", "Set metadata for a volume", check=validators.label),
    Flag("name", "", "string", "Specify volume name", hidden=True),
    Flag("opt", "o", "map", "Set driver specific options (default map[])"),
    *CREATE_FLAGS,
    args=(0, 1),
)
LS = Command(
    "ls [OPTIONS]",
    run_list,
    Flag(
        "cluster",
        "",
        "bool",
        "Display only cluster volumes, and use cluster volume list formatting",
        hidden=True,
    ),
    Flag(
        "filter", "f", "filter", 'Provide filter values (e.g. "dangling=true")', check=check_filter
    ),
    Flag("format", "", "string", TABLE_FORMAT_HELP),
    Flag("quiet", "q", "bool", "Only display volume names"),
    aliases="docker volume ls, docker volume list",
)
RM = Command(
    "rm [OPTIONS] VOLUME [VOLUME...]",
    run_remove,
    Flag("force", "f", "bool", "Force the removal of one or more volumes"),
    args=(1, MANY),
    aliases="docker volume rm, docker volume remove",
    long="Remove one or more volumes. You cannot remove a volume that is in use by a container.",
)
