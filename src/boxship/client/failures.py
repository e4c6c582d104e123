"""A daemon's error answers as the errors that the engine raises in process."""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from boxship.errors import BoxshipError, Internal, InvalidArgument
from boxship.model.container import (
    ContainerNameTaken,
    ContainerNotRunning,
    NoSuchContainer,
    NoSuchExec,
)
from boxship.model.image import ImageInUse, NoSuchImage
from boxship.model.network import NetworkInUse, NetworkNameTaken, NoSuchNetwork
from boxship.model.process import RuntimeRefused
from boxship.model.volume import NoSuchVolume, VolumeInUse
from boxship.wire.statuses import KINDS

_CONCRETE: Final[tuple[tuple[int, str, Callable[[re.Match[str]], BoxshipError]], ...]] = (
    (404, r"No such container: (.*)", lambda m: NoSuchContainer(m[1])),
    (404, r"No such exec instance: (.*)", lambda m: NoSuchExec(m[1])),
    (404, r"No such image: (.*)", lambda m: NoSuchImage(m[1])),
    (404, r"get (.*): no such volume", lambda m: NoSuchVolume(m[1])),
    (404, r"network (.*) not found", lambda m: NoSuchNetwork(m[1])),
    (403, r".*(?:has active endpoints|pre-defined network).*", lambda m: NetworkInUse(m[0])),
    (409, r"container (\S+) is not running", lambda m: ContainerNotRunning(m[1])),
    (409, r'Conflict\. The container name "/(.+?)" .* by container "(\w+)"\..*',
     lambda m: ContainerNameTaken(m[1], m[2])),
    (409, r"network with name (.*) already exists", lambda m: NetworkNameTaken(m[1])),
    (409, r"conflict: unable to .*", lambda m: ImageInUse(m[0])),
    (409, r"remove (.*): volume is in use - \[(.*)\]",
     lambda m: VolumeInUse(m[1], m[2].split(", "))),
)  # fmt: skip
_ERRORS: Final = tuple((code, re.compile(form, re.DOTALL), make) for code, form, make in _CONCRETE)

_MISSING: Final = ("executable file not found", "no such file or directory", "not a directory")


def error_of(status: int, text: str) -> BoxshipError:
    """The error that an answer stands for: its kind by the status, its class by Docker's words."""
    for code, form, make in _ERRORS:
        if code == status and (match := form.fullmatch(text)):
            error = make(match)
            if str(error) == text:
                return error
    if "OCI runtime" in text and "failed" in text:
        return RuntimeRefused(text, _exit_code(text))
    return KINDS.get(status, InvalidArgument if status < 500 else Internal)(text)


def _exit_code(text: str) -> int:
    """As the docker CLI tells them apart."""
    lower = text.lower()
    if any(words in lower for words in _MISSING):
        return 127
    return 126 if "permission denied" in lower else 128


def text_of(status: int, media_type: str, body: bytes, route: str) -> str:
    """What an error answer says."""
    text = ""
    if "json" in media_type:
        try:
            text = str(msgspec.json.decode(body).get("message", ""))
        except (msgspec.DecodeError, UnicodeDecodeError, AttributeError):
            text = ""
    return (text or body.decode("utf-8", "replace")).strip() or (
        f"request returned {status} for API route and version {route}, "
        "check if the server supports the requested API version"
    )
