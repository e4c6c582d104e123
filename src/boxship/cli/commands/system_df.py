"""boxship system df: what takes how much room."""

import sys
from time import time

from boxship.cli.flags import TABLE_FORMAT_HELP, Command, Flag, Options
from boxship.cli.formatting import Listing
from boxship.cli.running import Context
from boxship.cli.units import human_duration, human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ACTIVE = frozenset(("running", "paused", "restarting"))


def run(context: Context, options: Options) -> None:
    """Print the totals by kind, or with -v everything."""
    usage = context.client.get("/system/df")
    if options.verbose:
        if options.format:
            from boxship.cli.running import Failed

            raise Failed("the format option is not compatible with verbose")
        _verbose(usage)
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
    return Listing("*formatter.diskUsageContext", fields, columns)


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


def _verbose(usage: "Any") -> None:
    write = sys.stdout.write
    write("Images space usage:\n\n" + _image_table(usage.get("Images") or []))
    write("\nContainers space usage:\n\n" + _container_table(usage.get("Containers") or []))
    write("\nLocal Volumes space usage:\n\n" + _volume_table(usage.get("Volumes") or []))
    size = human_size(_cache(usage)["size"])
    write(f"\nBuild cache usage: {size}\n\n" + _cache_table(usage.get("BuildCache") or []))


def _image_table(images: "list[Any]") -> str:
    from boxship.cli.commands.images import listing as images_listing

    rows = []
    for image in images:
        name, _, tag = ((image.get("RepoTags") or ["<none>:<none>"])[0]).rpartition(":")
        rows.append({"image": image, "repository": name, "tag": tag, "digest": "<none>"})
    columns = (
        "Repository",
        "Tag",
        "ID",
        "CreatedSince",
        "Size",
        "SharedSize",
        "UniqueSize",
        "Containers",
    )
    return images_listing(full=False).table(rows, columns)


def _container_table(rows: "list[Any]") -> str:
    from boxship.cli.commands.ps import listing as ps_listing

    shown = ps_listing(full=False)
    shown.fields["Size"] = ("SIZE", lambda row: human_size(row.get("SizeRw") or 0, 3))
    columns = ("ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names")
    return shown.table(rows, columns)


def _volume_table(rows: "list[Any]") -> str:
    from boxship.cli.commands.volume import listing as volume_listing

    return volume_listing().table(rows, ("Name", "Links", "Size"))


def _ago(text: "str | None") -> str:
    from boxship.cli.times import parse_rfc3339

    if not text or text.startswith("0001-"):
        return ""
    return human_duration(time() - parse_rfc3339(text).unix) + " ago"


def _cache_table(records: "list[Any]") -> str:
    fields = {
        "ID": ("CACHE ID", lambda row: row["ID"][:12] + ("*" if row.get("Mutable") else "")),
        "Type": ("CACHE TYPE", lambda row: row["Type"]),
        "Size": ("SIZE", lambda row: human_size(row["Size"], 3)),
        "Created": ("CREATED", lambda row: _ago(row.get("CreatedAt"))),
        "LastUsed": ("LAST USED", lambda row: _ago(row.get("LastUsedAt"))),
        "Usage": ("USAGE", lambda row: str(row["UsageCount"])),
        "Shared": ("SHARED", lambda row: "true" if row["Shared"] else "false"),
    }
    return Listing("*formatter.buildCacheContext", fields, tuple(fields)).table(
        records, tuple(fields)
    )


COMMAND = Command(
    "df [OPTIONS]",
    run,
    Flag("format", "", "string", TABLE_FORMAT_HELP),
    Flag("verbose", "v", "bool", "Show detailed information on space usage"),
)
