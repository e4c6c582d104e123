"""boxship load: images from an archive."""

import sys

from boxship.cli.files import open_error, read_chunks, stdin_chunks
from boxship.cli.flags import Command, Flag, Options
from boxship.cli.platforms import platform_json
from boxship.cli.progress import show_messages
from boxship.cli.running import Context, Failed


def run(context: Context, options: Options) -> None:
    """Send an archive to the daemon and print which images it held."""
    if options.input:
        try:
            with open(options.input, "rb"):
                pass
        except OSError as error:
            raise Failed(open_error(options.input, error)) from None
        stream = read_chunks(options.input)
    elif sys.stdin.isatty():
        raise Failed("requested load from stdin, but stdin is empty")
    else:
        stream = stdin_chunks()
    quiet = options.quiet or not sys.stdout.isatty()
    query = {
        "quiet": "1" if quiet else "0",
        "platform": platform_json(options.platform) if options.platform else None,
    }
    headers = {"Content-Type": "application/x-tar"}
    response = context.client.request("POST", "/images/load", query, stream=stream, headers=headers)
    if "json" in response.headers.get("content-type", ""):
        show_messages(response.stream(), sys.stdout)
        return
    for data in response.stream():
        sys.stdout.buffer.write(data)


COMMAND = Command(
    "load [OPTIONS]",
    run,
    Flag("input", "i", "string", "Read from tar archive file, instead of STDIN"),
    Flag("platform", "", "string", 'Load only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")'),
    Flag("quiet", "q", "bool", "Suppress the load output"),
    aliases="docker image load, docker load",
)  # fmt: skip
