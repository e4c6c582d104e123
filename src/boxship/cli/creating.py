"""Creating a container for `run` and `create`: the image is pulled when it is missing."""

import os
import sys

from boxship.cli.create_body import create_body
from boxship.cli.platforms import wanted_platform
from boxship.cli.progress import show_messages
from boxship.cli.references import Reference, parse_reference
from boxship.cli.terminal import terminal_size
from boxship.cli.trust import refuse_content_trust
from boxship.client.errors import ApiError
from boxship.errors import InvalidArgument, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from boxship.cli.flags import Options
    from boxship.cli.running import Context

PULLS = ("always", "missing", "never")
_HEX = frozenset("0123456789abcdef")


def prepare(context: "Context", options: "Options") -> "dict[str, Any]":
    """Check the flags and make the body."""
    if options.pull not in {*PULLS, ""}:
        raise InvalidArgument(
            f"invalid pull option: '{options.pull}': must be one of "
            '"always", "missing" or "never"'
        )
    refuse_content_trust(options)
    if options.use_api_socket:
        raise Unsupported("--use-api-socket is not supported: bind mount the socket with -v")
    image, *command = options.args
    proxies = context.config.proxies(context.endpoint().host) if context.config.values else {}
    given = {text.partition("=")[0] for text in options.env}
    options.values["env"] = [
        *options.env,
        *(f"{name}={value}" for name, value in proxies.items() if name not in given),
    ]
    return create_body(options, image, command)


def create(context: "Context", options: "Options", body: "dict[str, Any]") -> str:
    """Create the container and return its ID."""
    host = body["HostConfig"]
    _warn(host)
    reference = _reference(body["Image"])
    with CidFile(options.cidfile) as cidfile:
        if options.pull == "always":
            pull(context, body["Image"], options)
        host["ConsoleSize"] = list(terminal_size())
        query = {
            "name": options.name or None,
            "platform": _platform(wanted_platform(options.platform)),
        }
        try:
            answer = context.client.post("/containers/create", query, body=body)
        except ApiError as error:
            if error.status != 404 or reference is None or options.pull != "missing":
                raise
            if not options.quiet:
                sys.stderr.write(f"Unable to find image '{reference}' locally\n")
            pull(context, body["Image"], options)
            answer = context.client.post("/containers/create", query, body=body)
        for warning in answer.get("Warnings") or ():
            sys.stderr.write(f"WARNING: {warning}\n")
        container = str(answer["Id"])
        cidfile.write(container)
    return container


def _reference(image: str) -> "Reference | None":
    """The image's name with its tag; None for a bare ID, which is never pulled."""
    if len(image) == 64 and set(image) <= _HEX:
        return None
    if image.startswith("sha256:") and len(image) == 71 and set(image[7:]) <= _HEX:
        return None
    reference = parse_reference(image)
    if not reference.tag and not reference.digest:
        reference.tag = "latest"
    return reference


def _platform(text: str) -> "str | None":
    if not text:
        return None
    from boxship.cli.platforms import parse_platform

    try:
        parsed = parse_platform(text)
    except InvalidArgument as error:
        raise InvalidArgument(f"error parsing specified platform: {error}") from None
    normal = [parsed["os"], parsed["architecture"], parsed.get("variant", "")]
    if text.lower().endswith("arm64/v8"):
        normal[2] = "v8"
    return "/".join(part for part in normal if part)


def pull(context: "Context", image: str, options: "Options") -> None:
    """Fetch the image; progress goes to stderr, since stdout is the container's."""
    from boxship.cli.credentials import auth_header

    reference = parse_reference(image)
    query = {
        "fromImage": reference.full_name,
        "tag": reference.digest or reference.tag or "latest",
        "platform": wanted_platform(options.platform).lower() or None,
    }
    headers = auth_header(context, reference.domain)
    response = context.client.request("POST", "/images/create", query, headers=headers)
    show_messages(response.stream(), None if options.quiet else sys.stderr)


def _warn(host: "dict[str, Any]") -> None:
    if host["OomKillDisable"] and not host["Memory"]:
        sys.stderr.write(
            "WARNING: Disabling the OOM killer on containers without setting a '-m/--memory' "
            "limit may be dangerous.\n"
        )
    for address in host["Dns"]:
        if address.startswith("127.") or address == "::1":
            sys.stderr.write(
                f"WARNING: Localhost DNS setting (--dns={address}) may fail in containers.\n"
            )
            return


class CidFile:
    """--cidfile: must be new; is removed again when no ID came to be written."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._written = False

    def __enter__(self) -> "CidFile":  # noqa: PYI034 - Self costs an import of typing
        if self._path:
            try:
                os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
            except FileExistsError:
                self._written = True
                raise InvalidArgument(
                    "container ID file found, make sure the other container isn't running or "
                    f"delete {self._path}"
                ) from None
            except OSError as error:
                self._written = True
                reason = (error.strerror or "").lower()
                raise InvalidArgument(
                    f"failed to create the container ID file: open {self._path}: {reason}"
                ) from None
        return self

    def write(self, container: str) -> None:
        if self._path:
            with open(self._path, "w", encoding="ascii") as file:
                file.write(container)
        self._written = True

    def __exit__(self, *_error: object) -> None:
        if self._path and not self._written:
            os.unlink(self._path)
