"""boxship logs."""

import sys

from boxship.cli.flags import Command, Flag, Options
from boxship.cli.running import Context, path_name
from boxship.errors import BoxshipError, InvalidArgument


def run(context: Context, options: Options) -> None:
    """Print a container's log, stdout to stdout and stderr to stderr."""
    name = options.args[0]
    container = context.client.get(f"/containers/{path_name(name)}/json")
    query = {
        "details": True if options.details else None,
        "follow": True if options.follow else None,
        "since": _moment("since", options.since),
        "stderr": True,
        "stdout": True,
        "tail": options.tail,
        "timestamps": True if options.timestamps else None,
        "until": _moment("until", options.until),
    }
    response = context.client.request("GET", f"/containers/{container['Id']}/logs", query)
    if container["Config"].get("Tty"):
        out = sys.stdout.buffer
        for data in response.stream():
            out.write(data)
            out.flush()
        return
    from boxship.cli.streams import copy_demultiplexed

    copy_demultiplexed(response.stream())


def _moment(name: str, text: str) -> "str | None":
    if not text:
        return None
    from boxship.cli.times import timestamp_query

    try:
        return timestamp_query(text)
    except BoxshipError as error:
        raise InvalidArgument(f'invalid value for "{name}": {error}') from None


COMMAND = Command(
    "logs [OPTIONS] CONTAINER",
    run,
    Flag("details", "", "bool", "Show extra details provided to logs"),
    Flag("follow", "f", "bool", "Follow log output"),
    Flag("since", "", "string", 'Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)'),
    Flag("tail", "n", "string", 'Number of lines to show from the end of the logs (default "all")', "all"),
    Flag("timestamps", "t", "bool", "Show timestamps"),
    Flag("until", "", "string", 'Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)'),
    args=(1, 1),
    aliases="docker container logs, docker logs",
)  # fmt: skip
