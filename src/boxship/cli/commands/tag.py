"""boxship tag."""

from boxship.cli.flags import Command, Options
from boxship.cli.references import parse_reference
from boxship.cli.running import Context, path_name
from boxship.errors import InvalidArgument


def run(context: Context, options: Options) -> None:
    """Give an image one more name."""
    source, target = options.args
    try:
        reference = parse_reference(target)
    except InvalidArgument as error:
        raise InvalidArgument(
            f'Error parsing reference: "{target}" is not a valid repository/tag: {error}'
        ) from None
    if reference.digest:
        raise InvalidArgument("refusing to create a tag with a digest reference")
    query = {"repo": reference.full_name, "tag": reference.tag or "latest"}
    context.client.request("POST", f"/images/{path_name(source)}/tag", query).read()


COMMAND = Command(
    "tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
    run,
    args=(2, 2),
    aliases="docker image tag, docker tag",
)
