"""boxship save: images as an archive."""

from boxship.cli.files import write_archive
from boxship.cli.flags import MANY, Command, Flag, Options
from boxship.cli.platforms import platform_json
from boxship.cli.running import Context


def run(context: Context, options: Options) -> None:
    """Write an archive of images to a file or to stdout."""
    query = {
        "names": options.args,
        "platform": platform_json(options.platform) if options.platform else None,
    }
    write_archive(
        options.output,
        lambda: context.client.request("GET", "/images/get", query),
        "failed to save image",
    )


COMMAND = Command(
    "save [OPTIONS] IMAGE [IMAGE...]",
    run,
    Flag("output", "o", "string", "Write to a file, instead of STDOUT"),
    Flag("platform", "", "string", 'Save only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")'),
    args=(1, MANY),
    aliases="docker image save, docker save",
)  # fmt: skip
