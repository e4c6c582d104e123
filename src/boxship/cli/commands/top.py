"""boxship top: the processes of a container."""

import sys

from boxship.cli.flags import MANY, Command, Options
from boxship.cli.running import Context, path_name
from boxship.cli.tables import expand


def run(context: Context, options: Options) -> None:
    """Print what `ps` says of a container's processes."""
    query = {"ps_args": " ".join(options.args[1:]) or None}
    found = context.client.get(f"/containers/{path_name(options.args[0])}/top", query)
    rows = ["\t".join(row) for row in (found["Titles"], *found["Processes"])]
    sys.stdout.write(expand("\n".join(rows) + "\n", minimum=20))


COMMAND = Command(
    "top CONTAINER [ps OPTIONS]",
    run,
    args=(1, MANY),
    interspersed=False,
    aliases="docker container top, docker top",
)
