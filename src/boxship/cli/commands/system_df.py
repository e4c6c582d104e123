"""boxship system df: what takes how much room."""

from boxship.cli.flags import TABLE_FORMAT_HELP, Command, Flag, Options
from boxship.cli.formatting import Listing
from boxship.cli.running import Context
from boxship.cli.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ACTIVE = frozenset(("running", "paused", "restarting"))


def run(context: Context, options: Options) -> None:
    """Print the totals by kind, or with -v everything."""
    usage = context.client.get("/system/df")
    if options.verbose:
        from boxship.cli.commands.system_df_verbose import print_formatted, print_tables

        if options.format:
            print_formatted(usage, options.format)
        else:
            print_tables(usage, human_size(_cache(usage)["size"]))
        return
    rows = [_images(usage), _containers(usage), _volumes(usage), _cache(usage)]
    listing().show(rows, options.format)


def listing() -> Listing:
    """The columns of `system df`."""
    fields = {
        "Active": ("ACTIVE", lambda row: str(row["active"])),
        "Reclaimable": ("RECLAIMABLE", lambda row: row["reclaimable"]),
        "Size": ("SIZE", lambda row: human_size(row["size"])),
        "TotalCount": ("TOTAL", lambda row: str(row["total"])),
        "Type": ("TYPE", lambda row: row["type"]),
    }
    columns = ("Type", "TotalCount", "Active", "Size", "Reclaimable")
    return Listing(
        "*formatter.diskUsageImagesContext", fields, columns, failure="template parsing error"
    )


def _part(free: int, size: int) -> str:
    return f"{human_size(free)} ({free * 100 // size}%)" if size > 0 else human_size(free)


def _images(usage: "Any") -> "dict[str, Any]":
    images = usage.get("Images") or []
    size = usage.get("LayersSize") or 0
    used = sum(
        image["Size"] - image["SharedSize"]
        for image in images
        if image["Containers"] > 0 and image["Size"] != -1 and image["SharedSize"] != -1
    )
    active = sum(image["Containers"] > 0 for image in images)
    return _row("Images", len(images), active, size, _part(size - used, size))


def _containers(usage: "Any") -> "dict[str, Any]":
    rows = usage.get("Containers") or []
    size = sum(row.get("SizeRw") or 0 for row in rows)
    free = sum(row.get("SizeRw") or 0 for row in rows if row["State"] not in _ACTIVE)
    active = sum(row["State"] in _ACTIVE for row in rows)
    return _row("Containers", len(rows), active, size, _part(free, size))


def _volumes(usage: "Any") -> "dict[str, Any]":
    found = [row.get("UsageData") or {} for row in usage.get("Volumes") or []]
    size = sum(data["Size"] for data in found if data.get("Size", -1) != -1)
    free = sum(
        data["Size"] for data in found if data.get("Size", -1) != -1 and not data["RefCount"]
    )
    active = sum(data.get("RefCount", 0) > 0 for data in found)
    return _row("Local Volumes", len(found), active, size, _part(free, size))


def _cache(usage: "Any") -> "dict[str, Any]":
    records = usage.get("BuildCache") or []
    own = [record for record in records if not record["Shared"]]
    size = sum(record["Size"] for record in own)
    used = sum(record["Size"] for record in own if record["InUse"])
    active = sum(record["InUse"] for record in records)
    return _row("Build Cache", len(records), active, size, human_size(size - used))


def _row(kind: str, total: int, active: int, size: int, reclaimable: str) -> "dict[str, Any]":
    return {
        "type": kind,
        "total": total,
        "active": active,
        "size": size,
        "reclaimable": reclaimable,
    }


COMMAND = Command(
    "df [OPTIONS]",
    run,
    Flag("format", "", "string", TABLE_FORMAT_HELP),
    Flag("verbose", "v", "bool", "Show detailed information on space usage"),
)
