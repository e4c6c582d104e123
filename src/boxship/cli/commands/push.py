"""boxship push."""

import sys

from boxship.cli.credentials import auth_header
from boxship.cli.flags import Command, Flag, Options
from boxship.cli.platforms import platform_json
from boxship.cli.progress import show_messages
from boxship.cli.references import parse_reference
from boxship.cli.running import Context, Failed, path_name
from boxship.cli.trust import refuse_content_trust


def run(context: Context, options: Options) -> None:
    """Send an image to its registry."""
    refuse_content_trust(options)
    reference = parse_reference(options.args[0])
    if options.all_tags and (reference.tag or reference.digest):
        raise Failed("tag can't be used with --all-tags/-a")
    if not options.all_tags and not reference.tag and not reference.digest:
        reference.tag = "latest"
        if not options.quiet:
            sys.stdout.write("Using default tag: latest\n")
            sys.stdout.flush()
    query = {
        "tag": reference.tag or None,
        "platform": platform_json(options.platform) if options.platform else None,
    }
    response = context.client.request(
        "POST",
        f"/images/{path_name(reference.full_name)}/push",
        query,
        headers=auth_header(context, reference.domain),
    )
    show_messages(response.stream(), None if options.quiet else sys.stdout, lambda _aux: None)
    if options.quiet:
        suffix = str(reference)[len(reference.familiar_name) :]
        sys.stdout.write(reference.full_name + suffix + "\n")


COMMAND = Command(
    "push [OPTIONS] NAME[:TAG]",
    run,
    Flag("all-tags", "a", "bool", "Push all tags of an image to the repository"),
    Flag("disable-content-trust", "", "bool", "Skip image signing (default true)", default=True),
    Flag("platform", "", "string", "Push a platform-specific manifest as a single-platform image to the registry.\nImage index won't be pushed, meaning that other manifests, including attestations won't be preserved.\n'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)"),
    Flag("quiet", "q", "bool", "Suppress verbose output"),
    args=(1, 1),
    aliases="docker image push, docker push",
)  # fmt: skip
