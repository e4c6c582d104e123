"""boxship pull."""

import sys

from boxship.cli.credentials import auth_header
from boxship.cli.flags import Command, Flag, Options
from boxship.cli.platforms import wanted_platform
from boxship.cli.progress import show_messages
from boxship.cli.references import parse_reference
from boxship.cli.running import Context, Failed
from boxship.cli.trust import refuse_content_trust


def run(context: Context, options: Options) -> None:
    """Fetch an image from its registry."""
    refuse_content_trust(options)
    reference = parse_reference(options.args[0])
    named = bool(reference.tag or reference.digest)
    if options.all_tags and named:
        raise Failed("tag can't be used with --all-tags/-a")
    if not options.all_tags and not named:
        reference.tag = "latest"
        if not options.quiet:
            sys.stdout.write("Using default tag: latest\n")
    query = {
        "fromImage": reference.full_name,
        "tag": None if options.all_tags else (reference.digest or reference.tag),
        "platform": wanted_platform(options.platform).lower() or None,
    }
    sys.stdout.flush()
    response = context.client.request(
        "POST", "/images/create", query, headers=auth_header(context, reference.domain)
    )
    show_messages(response.stream(), None if options.quiet else sys.stdout)
    suffix = "" if options.all_tags else str(reference)[len(reference.familiar_name) :]
    sys.stdout.write(reference.full_name + suffix + "\n")


COMMAND = Command(
    "pull [OPTIONS] NAME[:TAG|@DIGEST]",
    run,
    Flag("all-tags", "a", "bool", "Download all tagged images in the repository"),
    Flag("disable-content-trust", "", "bool", "Skip image verification (default true)", default=True),
    Flag("platform", "", "string", "Set platform if server is multi-platform capable"),
    Flag("quiet", "q", "bool", "Suppress verbose output"),
    args=(1, 1),
    aliases="docker image pull, docker pull",
)  # fmt: skip
