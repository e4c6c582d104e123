"""boxship rename."""

from boxship.cli.flags import Command, Options
from boxship.cli.running import Context, Failed, path_name
from boxship.client.errors import ApiError
from boxship.errors import InvalidArgument


def run(context: Context, options: Options) -> None:
    """Give a container another name."""
    old, new = (name.strip() for name in options.args)
    if not old or not new:
        raise InvalidArgument("Error: Neither old nor new names may be empty")
    try:
        context.client.request("POST", f"/containers/{path_name(old)}/rename", {"name": new}).read()
    except ApiError as error:
        raise Failed(f"{error}\nError: failed to rename container named {old}") from None


COMMAND = Command(
    "rename CONTAINER NEW_NAME",
    run,
    args=(2, 2),
    aliases="docker container rename, docker rename",
)
