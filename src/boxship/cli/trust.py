"""Content trust: not ours to check, so it must not be thought to be checked."""

from os import environ

from boxship.errors import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from boxship.cli.flags import Options


def refuse_content_trust(options: "Options") -> None:
    """Raise Unsupported where signatures are asked for; skipping them silently would be a lie."""
    if "disable_content_trust" in options.changed:
        wanted = not options.disable_content_trust
    else:
        wanted = environ.get("DOCKER_CONTENT_TRUST", "").lower() in {"1", "t", "true"}
    if wanted:
        raise Unsupported(
            "content trust is not supported: unset DOCKER_CONTENT_TRUST or pass "
            "--disable-content-trust"
        )
