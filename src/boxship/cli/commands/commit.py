"""boxship commit: an image from a container."""

import sys

from boxship.cli.flags import Command, Flag, Options
from boxship.cli.references import parse_reference
from boxship.cli.running import Context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, options: Options) -> None:
    """Make an image of a container's changes and print its ID."""
    query: dict[str, Any] = {"container": options.args[0], "repo": "", "tag": ""}
    if len(options.args) > 1 and options.args[1]:
        reference = parse_reference(options.args[1])
        query["repo"] = reference.full_name
        query["tag"] = reference.tag or "latest"
    query.update(
        {
            "comment": options.message,
            "author": options.author,
            "changes": options.change or None,
            "pause": None if options.pause else "0",
        }
    )
    answer = context.client.post("/commit", query, body=None)
    sys.stdout.write(answer["Id"] + "\n")


COMMAND = Command(
    "commit [OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
    run,
    Flag("author", "a", "string", 'Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")'),
    Flag("change", "c", "list", "Apply Dockerfile instruction to the created image"),
    Flag("message", "m", "string", "Commit message"),
    Flag("pause", "p", "bool", "Pause container during commit (default true)", default=True),
    args=(1, 2),
    aliases="docker container commit, docker commit",
)
