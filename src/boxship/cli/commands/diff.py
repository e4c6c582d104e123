"""boxship diff: what a container changed in its file system."""

import sys

from boxship.cli.flags import Command, Options
from boxship.cli.running import Context, path_name
from boxship.errors import InvalidArgument

KINDS = "CAD"


def run(context: Context, options: Options) -> None:
    """Print one line a change: C, A or D and the path."""
    name = options.args[0]
    if not name:
        raise InvalidArgument("Container name cannot be empty")
    changes = context.client.get(f"/containers/{path_name(name)}/changes") or []
    sys.stdout.write("".join(f"{KINDS[c['Kind']]} {c['Path']}\n" for c in changes))


COMMAND = Command("diff CONTAINER", run, args=(1, 1), aliases="docker container diff, docker diff")
