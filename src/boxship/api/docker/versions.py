"""API versions: which we speak, and what older clients see differently."""

import re
from typing import Any, Final

from boxship.errors import BoxshipError, InvalidArgument

Version = tuple[int, int]

MINIMUM: Final[Version] = (1, 24)
MAXIMUM: Final[Version] = (1, 51)

_PREFIX: Final = re.compile(r"/v([0-9]{1,4})\.([0-9]{1,4})(?:\.[0-9]+)?(/.*)", re.ASCII | re.DOTALL)

SINCE: Final[dict[str, dict[str, Version]]] = {
    "container": {
        "ImageManifestDescriptor": (1, 48),
    },
    "endpoint": {
        "DNSNames": (1, 44),
        "GwPriority": (1, 48),
    },
    "network": {
        "EnableIPv4": (1, 48),
    },
    "image": {
        "Manifests": (1, 47),
        "Descriptor": (1, 48),
    },
    "info": {
        "CDISpecDirs": (1, 44),
        "Containerd": (1, 46),
        "FirewallBackend": (1, 49),
        "DiscoveredDevices": (1, 50),
    },
}
"""Fields of a view that clients of older versions do not get."""

UNTIL: Final[dict[str, dict[str, tuple[Version, Any]]]] = {
    "image": {
        "VirtualSize": ((1, 43), "Size"),
    },
}
"""Fields that ended with a version: the last one, and the field that has their value."""


class ClientTooOld(InvalidArgument):
    """The client's version is below ours; Docker tells so in plain text."""


def text(version: Version) -> str:
    """`1.51`."""
    return f"{version[0]}.{version[1]}"


def split(path: str) -> tuple[Version, str]:
    """The version a path asks for, ours when it asks for none, and the path without it."""
    match = _PREFIX.fullmatch(path)
    if match is None:
        return MAXIMUM, path
    return (int(match[1]), int(match[2])), match[3]


def refusal(version: Version) -> BoxshipError | None:
    """Why we do not speak a version."""
    if version < MINIMUM:
        return ClientTooOld(
            f"client version {text(version)} is too old. Minimum supported API version is "
            f"{text(MINIMUM)}, please upgrade your client to a newer version"
        )
    if version > MAXIMUM:
        return InvalidArgument(
            f"client version {text(version)} is too new. Maximum supported API version is {text(MAXIMUM)}"
        )
    return None


def adapt(view: str, document: dict[str, Any], version: Version) -> dict[str, Any]:
    """A document as clients of *version* expect it."""
    if version >= MAXIMUM:
        return document
    for field, first in SINCE.get(view, {}).items():
        if version < first:
            document.pop(field, None)
    for field, (last, source) in UNTIL.get(view, {}).items():
        if version <= last and source in document:
            document[field] = document[source]
    return document
