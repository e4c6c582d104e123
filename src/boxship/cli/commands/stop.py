"""boxship stop and restart."""

from boxship.cli.flags import MANY, Command, Flag, Options
from boxship.cli.running import Context, for_each, path_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _each(context: Context, options: Options, verb: str) -> int:
    query: dict[str, Any] = {"signal": options.signal or None}
    if options.changed & {"timeout", "time"}:
        query["t"] = str(options.timeout)

    def act(name: str) -> None:
        context.client.request("POST", f"/containers/{path_name(name)}/{verb}", query).read()

    return for_each(options.args, act, together=True)


def run(context: Context, options: Options) -> int:
    """Stop containers."""
    return _each(context, options, "stop")


def run_restart(context: Context, options: Options) -> int:
    """Restart containers."""
    return _each(context, options, "restart")


_FLAGS = (
    Flag("signal", "s", "string", "Signal to send to the container"),
    Flag("timeout", "t", "int", "Seconds to wait before killing the container"),
    Flag("time", "", "int", "Seconds to wait before killing the container (deprecated: use --timeout)", hidden=True, same_as="timeout"),
)  # fmt: skip
COMMAND = Command(
    "stop [OPTIONS] CONTAINER [CONTAINER...]",
    run,
    *_FLAGS,
    args=(1, MANY),
    aliases="docker container stop, docker stop",
)
RESTART = Command(
    "restart [OPTIONS] CONTAINER [CONTAINER...]",
    run_restart,
    *_FLAGS,
    args=(1, MANY),
    aliases="docker container restart, docker restart",
)
