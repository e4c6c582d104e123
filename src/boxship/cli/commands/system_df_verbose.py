"""boxship system df -v: each image, container, volume and record of the build cache."""

import sys
from time import time

from boxship.cli.commands.images import listing as images_listing
from boxship.cli.commands.ps import listing as ps_listing
from boxship.cli.commands.volume import listing as volume_listing
from boxship.cli.formatting import FormatFailed, Listing
from boxship.cli.units import human_duration, human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

IMAGE_COLUMNS = (
    *("Repository", "Tag", "ID", "CreatedSince", "Size", "SharedSize", "UniqueSize", "Containers"),
)
CONTAINER_COLUMNS = (
    *("ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names"),
)


def print_tables(usage: "Any", cache_size: str) -> None:
    """A table for each kind."""
    write = sys.stdout.write
    images = images_listing(full=False).table(_image_rows(usage), IMAGE_COLUMNS)
    containers = _container_listing(full=False).table(_of(usage, "Containers"), CONTAINER_COLUMNS)
    volumes = volume_listing().table(_of(usage, "Volumes"), ("Name", "Links", "Size"))
    write("Images space usage:\n\n" + images)
    write("\nContainers space usage:\n\n" + containers)
    write("\nLocal Volumes space usage:\n\n" + volumes)
    write(f"\nBuild cache usage: {cache_size}\n\n")
    cache = _cache_listing()
    write(cache.table(_of(usage, "BuildCache"), cache.columns))


def print_formatted(usage: "Any", source: str) -> None:
    """Everything by one template."""
    from boxship.cli.gofmt import Struct
    from boxship.cli.template_run import parse_template, render
    from boxship.cli.templates import TemplateError

    value = Struct(
        {
            "Images": images_listing(full=True).records(_image_rows(usage)),
            "Containers": _container_listing(full=True).records(_of(usage, "Containers")),
            "Volumes": volume_listing().records(_of(usage, "Volumes")),
            "BuildCache": _cache_listing().records(_of(usage, "BuildCache")),
        }
    )
    text = source.removeprefix("table").strip() if source.startswith("table") else source
    try:
        template = parse_template("{{json .}}" if text == "json" else text)
    except TemplateError as error:
        raise FormatFailed(f"template parsing error: {error}") from None
    try:
        shown = render(template, value, root_type="*formatter.diskUsageContext")
    except TemplateError as error:
        raise FormatFailed(str(error)) from None
    sys.stdout.write(shown + ("\n" if text == "json" else ""))


def _of(usage: "Any", kind: str) -> "list[Any]":
    return list(usage.get(kind) or ())


def _image_rows(usage: "Any") -> "list[Any]":
    rows = []
    for image in _of(usage, "Images"):
        name, _, tag = ((image.get("RepoTags") or ["<none>:<none>"])[0]).rpartition(":")
        rows.append({"image": image, "repository": name, "tag": tag, "digest": "<none>"})
    return rows


def _container_listing(*, full: bool) -> Listing:
    shown = ps_listing(full=full)
    shown.fields["Size"] = ("SIZE", lambda row: human_size(row.get("SizeRw") or 0, 3))
    return shown


def _ago(text: "str | None") -> str:
    from boxship.cli.times import parse_rfc3339

    if not text or text.startswith("0001-"):
        return ""
    return human_duration(time() - parse_rfc3339(text).unix) + " ago"


def _cache_listing() -> Listing:
    fields = {
        "ID": ("CACHE ID", lambda row: row["ID"][:12] + ("*" if row.get("Mutable") else "")),
        "Type": ("CACHE TYPE", lambda row: row["Type"]),
        "Size": ("SIZE", lambda row: human_size(row["Size"], 3)),
        "Created": ("CREATED", lambda row: _ago(row.get("CreatedAt"))),
        "LastUsed": ("LAST USED", lambda row: _ago(row.get("LastUsedAt"))),
        "Usage": ("USAGE", lambda row: str(row["UsageCount"])),
        "Shared": ("SHARED", lambda row: "true" if row["Shared"] else "false"),
    }
    return Listing("*formatter.buildCacheContext", fields, tuple(fields))
