"""boxship images: list images."""

import sys
from time import time

from boxship.cli.flags import TABLE_FORMAT_HELP, Command, Flag, Options
from boxship.cli.formatting import Listing, short_id
from boxship.cli.running import Context, Failed, check_filter, filters_query
from boxship.cli.times import go_time
from boxship.cli.units import human_duration, human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

NONE = "<none>"


RAW = """repository: {{.Repository}}
tag: {{.Tag}}
image_id: {{.ID}}
created_at: {{.CreatedAt}}
virtual_size: {{.Size}}
"""


def run(context: Context, options: Options) -> None:
    """Ask for the images and print a row for each name."""
    if options.tree:
        raise Failed("--tree is not supported: Docker marks it experimental, its output may change")
    filters = list(options.filter)
    if options.args:
        filters.append(f"reference={options.args[0]}")
    query: dict[str, Any] = {}
    if options.all:
        query["all"] = "1"
    asked = filters_query(filters)
    if asked:
        query["filters"] = asked
    images = context.client.get("/images/json", query)
    source = options.format
    if not source and not options.quiet:
        source = context.config.format_for("imagesFormat")
    shown = listing(full=options.no_trunc)
    digests = options.digests or ".Digest" in source
    if digests:
        shown.raw = RAW.replace("image_id", "digest: {{.Digest}}\nimage_id")
    rows = list(_rows(images, digests=digests, quiet=options.quiet))
    if options.quiet and source in {"", "table"}:
        field = shown.fields["ID"][1]
        sys.stdout.write("".join(field(row) + "\n" for row in rows))
        return
    if digests:
        shown.columns = ("Repository", "Tag", "Digest", "ID", "CreatedSince", "Size")
    shown.show(rows, source)


def _split(reference: str) -> "tuple[str, str]":
    """Repository and tag or digest of a reference."""
    if "@" in reference:
        name, _, digest = reference.partition("@")
        return name, digest
    name, _, tag = reference.rpartition(":")
    return name, tag


def _rows(images: "Any", *, digests: bool, quiet: bool) -> "Iterator[dict[str, Any]]":
    for image in images:
        tags = [t for t in image.get("RepoTags") or () if t != "<none>:<none>"]
        known = [d for d in image.get("RepoDigests") or () if d != "<none>@<none>"]
        if quiet:
            yield {"image": image, "repository": NONE, "tag": NONE, "digest": NONE}
            continue
        if not tags and not known:
            yield {"image": image, "repository": NONE, "tag": NONE, "digest": NONE}
            continue
        by_name: dict[str, list[str]] = {}
        for digest in known:
            name, value = _split(digest)
            by_name.setdefault(name, []).append(value)
        named: dict[str, list[str]] = {}
        for tag in tags:
            name, value = _split(tag)
            named.setdefault(name, []).append(value)
        for name, values in named.items():
            found = by_name.pop(name, [])
            for tag in values:
                for digest in (found or [NONE]) if digests else [(found or [NONE])[0]]:
                    yield {"image": image, "repository": name, "tag": tag, "digest": digest}
        for name, found in by_name.items():
            for digest in found if digests else found[:1]:
                yield {"image": image, "repository": name, "tag": NONE, "digest": digest}


def _number(value: "Any") -> str:
    return "N/A" if value is None or value < 0 else str(value)


def _size_or_unknown(value: "Any") -> str:
    return "N/A" if value is None or value < 0 else human_size(value)


def listing(*, full: bool) -> Listing:
    """The columns of `images`."""
    fields = {
        "Containers": ("CONTAINERS", lambda r: _number(r["image"].get("Containers"))),
        "CreatedAt": ("CREATED AT", lambda r: go_time(r["image"]["Created"])),
        "CreatedSince": ("CREATED", _since),
        "Digest": ("DIGEST", lambda r: r["digest"]),
        "ID": (
            "IMAGE ID",
            (lambda r: r["image"]["Id"]) if full else (lambda r: short_id(r["image"]["Id"])),
        ),
        "Repository": ("REPOSITORY", lambda r: r["repository"]),
        "SharedSize": ("SHARED SIZE", lambda r: _size_or_unknown(r["image"].get("SharedSize"))),
        "Size": ("SIZE", lambda r: human_size(r["image"]["Size"], 3)),
        "Tag": ("TAG", lambda r: r["tag"]),
        "UniqueSize": ("UNIQUE SIZE", _unique),
        "VirtualSize": ("SIZE", lambda r: human_size(r["image"]["Size"])),
    }
    columns = ("Repository", "Tag", "ID", "CreatedSince", "Size")
    return Listing("*formatter.imageContext", fields, columns, raw=RAW)


def _since(row: "Any") -> str:
    created = row["image"].get("Created") or 0
    return human_duration(time() - created) + " ago" if created > 0 else "N/A"


def _unique(row: "Any") -> str:
    image = row["image"]
    shared = image.get("SharedSize")
    if shared is None or shared < 0 or image["Size"] < 0:
        return "N/A"
    return human_size(image["Size"] - shared)


_FLAGS = (
    Flag("all", "a", "bool", "Show all images (default hides intermediate images)"),
    Flag("digests", "", "bool", "Show digests"),
    Flag("filter", "f", "filter", "Filter output based on conditions provided", check=check_filter),
    Flag("format", "", "string", TABLE_FORMAT_HELP),
    Flag("no-trunc", "", "bool", "Don't truncate output"),
    Flag("quiet", "q", "bool", "Only show image IDs"),
    Flag("tree", "", "bool", "List multi-platform images as a tree (EXPERIMENTAL)", hidden=True),
)  # fmt: skip
_ALIASES = "docker image ls, docker image list, docker images"
COMMAND = Command(
    "images [OPTIONS] [REPOSITORY[:TAG]]", run, *_FLAGS, args=(0, 1), aliases=_ALIASES
)
LS = Command("ls [OPTIONS] [REPOSITORY[:TAG]]", run, *_FLAGS, args=(0, 1), aliases=_ALIASES)
