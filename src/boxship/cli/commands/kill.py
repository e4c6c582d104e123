"""boxship kill."""

from boxship.cli.flags import MANY, Command, Flag, Options
from boxship.cli.running import Context, for_each, path_name


def run(context: Context, options: Options) -> int:
    """Send a signal to containers."""
    query = {"signal": options.signal or None}

    def act(name: str) -> None:
        context.client.request("POST", f"/containers/{path_name(name)}/kill", query).read()

    return for_each(options.args, act, together=True)


COMMAND = Command(
    "kill [OPTIONS] CONTAINER [CONTAINER...]",
    run,
    Flag("signal", "s", "string", "Signal to send to the container"),
    args=(1, MANY),
    aliases="docker container kill, docker kill",
)
