"""boxship export: a container's file system as a tar archive."""

from boxship.cli.files import write_archive
from boxship.cli.flags import Command, Flag, Options
from boxship.cli.running import Context, path_name


def run(context: Context, options: Options) -> None:
    """Write the archive to a file or to stdout."""
    name = options.args[0]
    write_archive(
        options.output,
        lambda: context.client.request("GET", f"/containers/{path_name(name)}/export"),
        "failed to export container",
    )


COMMAND = Command(
    "export [OPTIONS] CONTAINER",
    run,
    Flag("output", "o", "string", "Write to a file, instead of STDOUT"),
    args=(1, 1),
    aliases="docker container export, docker export",
)
