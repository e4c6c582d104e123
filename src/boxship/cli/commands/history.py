"""boxship history: how an image was made."""

import sys
from time import time

from boxship.cli.flags import TABLE_FORMAT_HELP, Command, Flag, Options
from boxship.cli.formatting import Listing, ellipsis, short_id
from boxship.cli.platforms import platform_json
from boxship.cli.running import Context, path_name
from boxship.cli.times import rfc3339_local
from boxship.cli.units import human_duration, human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, options: Options) -> None:
    """Print the layers of an image, newest first."""
    query = {"platform": platform_json(options.platform) if options.platform else None}
    rows = context.client.get(f"/images/{path_name(options.args[0])}/history", query)
    shown = listing(full=options.no_trunc, human=options.human)
    if options.quiet and options.format in {"", "table"}:
        field = shown.fields["ID"][1]
        sys.stdout.write("".join(field(row) + "\n" for row in rows))
        return
    shown.show(rows, options.format)


def _command(row: "Any") -> str:
    return str(row.get("CreatedBy") or "").replace("\t", " ")


def _since(row: "Any") -> str:
    created = row.get("Created") or 0
    return human_duration(time() - created) + " ago" if created > -62135596800 else ""


def listing(*, full: bool, human: bool) -> Listing:
    """The columns of `history`."""
    created = (lambda r: rfc3339_local(r["Created"])) if not human else _since
    fields = {
        "Comment": ("COMMENT", lambda r: r.get("Comment") or ""),
        "CreatedAt": ("CREATED AT", lambda r: rfc3339_local(r["Created"])),
        "CreatedBy": (
            "CREATED BY",
            _command if full else (lambda r: ellipsis(_command(r), 45)),
        ),
        "CreatedSince": ("CREATED" if human else "CREATED AT", created),
        "ID": ("IMAGE", (lambda r: r["Id"]) if full else (lambda r: short_id(r["Id"]))),
        "Size": (
            "SIZE",
            (lambda r: human_size(r["Size"], 3)) if human else (lambda r: str(r["Size"])),
        ),
    }
    columns = ("ID", "CreatedSince", "CreatedBy", "Size", "Comment")
    return Listing("*image.historyContext", fields, columns)


COMMAND = Command(
    "history [OPTIONS] IMAGE",
    run,
    Flag("format", "", "string", TABLE_FORMAT_HELP),
    Flag("human", "H", "bool", "Print sizes and dates in human readable format (default true)", default=True),
    Flag("no-trunc", "", "bool", "Don't truncate output"),
    Flag("platform", "", "string", 'Show history for the given platform. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")'),
    Flag("quiet", "q", "bool", "Only show image IDs"),
    args=(1, 1),
    aliases="docker image history, docker history",
)  # fmt: skip
