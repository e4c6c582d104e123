"""boxship pause and unpause."""

from boxship.cli.flags import MANY, Command, Options
from boxship.cli.running import Context, for_each, path_name


def run(context: Context, options: Options) -> int:
    """Freeze containers."""
    return for_each(options.args, lambda name: _post(context, name, "pause"), together=True)


def run_unpause(context: Context, options: Options) -> int:
    """Let frozen containers run on."""
    return for_each(options.args, lambda name: _post(context, name, "unpause"), together=True)


def _post(context: Context, name: str, verb: str) -> None:
    context.client.request("POST", f"/containers/{path_name(name)}/{verb}").read()


COMMAND = Command(
    "pause CONTAINER [CONTAINER...]",
    run,
    args=(1, MANY),
    aliases="docker container pause, docker pause",
)
UNPAUSE = Command(
    "unpause CONTAINER [CONTAINER...]",
    run_unpause,
    args=(1, MANY),
    aliases="docker container unpause, docker unpause",
)
