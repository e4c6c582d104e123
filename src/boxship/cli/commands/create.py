"""boxship create."""

import sys

from boxship.cli.container_flags import CONTAINER_FLAGS
from boxship.cli.creating import create, prepare
from boxship.cli.flags import MANY, Command, Flag, Options
from boxship.cli.run_errors import reported
from boxship.cli.running import Context


def run(context: Context, options: Options) -> None:
    """Create a container and print its ID."""
    with reported("create", only_flags=True):
        body = prepare(context, options)
    sys.stdout.write(create(context, options, body) + "\n")


COMMAND = Command(
    "create [OPTIONS] IMAGE [COMMAND] [ARG...]",
    run,
    *CONTAINER_FLAGS,
    Flag("disable-content-trust", "", "bool", "Skip image verification (default true)", default=True),
    Flag("name", "", "string", "Assign a name to the container"),
    Flag("platform", "", "string", "Set platform if server is multi-platform capable"),
    Flag("pull", "", "string", 'Pull image before creating ("always", "|missing", "never") (default "missing")', "missing"),
    Flag("quiet", "q", "bool", "Suppress the pull output"),
    args=(1, MANY),
    interspersed=False,
    aliases="docker container create, docker create",
)  # fmt: skip
