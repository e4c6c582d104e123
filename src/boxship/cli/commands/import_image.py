"""boxship import: an image from a root file system."""

import sys

from boxship.cli.files import open_error, read_chunks, stdin_chunks
from boxship.cli.flags import MANY, Command, Flag, Options
from boxship.cli.progress import show_messages
from boxship.cli.references import parse_reference
from boxship.cli.running import Context, Failed


def run(context: Context, options: Options) -> None:
    """Send a tar file, stdin or a URL and print the new image's ID."""
    source = options.args[0]
    name = options.args[1] if len(options.args) > 1 else ""
    if name:
        parse_reference(name)
    stream = None
    if source == "-":
        stream, shown = stdin_chunks(), "-"
    elif source.startswith(("http://", "https://", "ftp://")):
        shown = source
    else:
        try:
            with open(source, "rb"):
                pass
        except OSError as error:
            raise Failed(open_error(source, error)) from None
        stream, shown = read_chunks(source), "-"
    query = {
        "fromSrc": shown,
        "repo": name,
        "message": options.message or None,
        "changes": options.change or None,
        "platform": options.platform.lower() or None,
    }
    headers = {"Content-Type": "text/plain"} if stream is not None else None
    response = context.client.request(
        "POST", "/images/create", query, stream=stream, headers=headers
    )
    show_messages(response.stream(), sys.stdout)


COMMAND = Command(
    "import [OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
    run,
    Flag("change", "c", "list", "Apply Dockerfile instruction to the created image"),
    Flag("message", "m", "string", "Set commit message for imported image"),
    Flag("platform", "", "string", "Set platform if server is multi-platform capable"),
    args=(1, MANY),
    aliases="docker image import, docker import",
)
