"""boxship rmi: remove images."""

import sys

from boxship.cli.flags import MANY, Command, Flag, Options
from boxship.cli.platforms import platform_json
from boxship.cli.running import Context, path_name
from boxship.client.errors import ApiError


def run(context: Context, options: Options) -> int:
    """Untag and delete images; print what became of each name and layer."""
    query = {
        "force": True if options.force else None,
        "noprune": True if options.no_prune else None,
        "platforms": [platform_json(text) for text in options.platform] or None,
    }
    status = 0
    fatal = False
    for name in options.args:
        try:
            removed = context.client.delete(f"/images/{path_name(name)}", query)
        except ApiError as error:
            if error.status != 404:
                fatal = True
            status = 1
            sys.stdout.flush()
            sys.stderr.write(f"{error}\n")
            continue
        for item in removed or ():
            if item.get("Deleted"):
                sys.stdout.write(f"Deleted: {item['Deleted']}\n")
            else:
                sys.stdout.write(f"Untagged: {item['Untagged']}\n")
    return status if fatal or not options.force else 0


_FLAGS = (
    Flag("force", "f", "bool", "Force removal of the image"),
    Flag("no-prune", "", "bool", "Do not delete untagged parents"),
    Flag("platform", "", "strings", 'Remove only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")'),
)  # fmt: skip
_ALIASES = "docker image rm, docker image remove, docker rmi"
COMMAND = Command("rmi [OPTIONS] IMAGE [IMAGE...]", run, *_FLAGS, args=(1, MANY), aliases=_ALIASES)
RM = Command("rm [OPTIONS] IMAGE [IMAGE...]", run, *_FLAGS, args=(1, MANY), aliases=_ALIASES)
