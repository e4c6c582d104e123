"""boxship rm: remove containers."""

from boxship.cli.flags import MANY, Command, Flag, Options
from boxship.cli.running import Context, for_each, path_name
from boxship.client.errors import ApiError
from boxship.errors import InvalidArgument


def run(context: Context, options: Options) -> int:
    """Remove containers; with --force a missing one is no failure of the program."""
    query = {
        "v": True if options.volumes else None,
        "link": True if options.link else None,
        "force": True if options.force else None,
    }

    def act(name: str) -> None:
        trimmed = name.strip("/")
        if not trimmed:
            raise InvalidArgument("container name cannot be empty")
        context.client.delete(f"/containers/{path_name(trimmed)}", query)

    if not options.force:
        return for_each(options.args, act, together=True)
    return _forced(options.args, act)


def _forced(names: "list[str]", act: object) -> int:
    import sys

    failed = 0
    for name in names:
        try:
            act(name)  # type: ignore[operator]
        except ApiError as error:
            failed = failed or int(error.status != 404)
            sys.stdout.flush()
            sys.stderr.write(f"{error}\n")
        else:
            sys.stdout.write(f"{name}\n")
    return failed


COMMAND = Command(
    "rm [OPTIONS] CONTAINER [CONTAINER...]",
    run,
    Flag("force", "f", "bool", "Force the removal of a running container (uses SIGKILL)"),
    Flag("link", "l", "bool", "Remove the specified link"),
    Flag("volumes", "v", "bool", "Remove anonymous volumes associated with the container"),
    args=(1, MANY),
    aliases="docker container rm, docker container remove, docker rm",
)
