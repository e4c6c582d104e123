"""boxship wait: block until containers stop."""

import sys

from boxship.cli.flags import MANY, Command, Options
from boxship.cli.running import Context, for_each, path_name
from boxship.client.errors import ApiError


def run(context: Context, options: Options) -> int:
    """Print the exit code of each container once it has stopped."""

    def act(name: str) -> None:
        answer = context.client.post(f"/containers/{path_name(name)}/wait")
        if answer.get("Error"):
            raise ApiError(500, answer["Error"].get("Message", ""))
        sys.stdout.write(f"{answer['StatusCode']}\n")
        sys.stdout.flush()

    return for_each(options.args, act, echo=False)


COMMAND = Command(
    "wait CONTAINER [CONTAINER...]",
    run,
    args=(1, MANY),
    aliases="docker container wait, docker wait",
)
