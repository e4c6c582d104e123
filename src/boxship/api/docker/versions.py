"""API versions: which we speak, and what older clients see differently."""

import re
from typing import Any, Final

from boxship.errors import InvalidArgument

Version = tuple[int, ...]

MINIMUM: Final[Version] = (1, 24)
MAXIMUM: Final[Version] = (1, 51)

_PREFIX: Final = re.compile(r"/v([0-9.]+)(/.*)", re.ASCII | re.DOTALL)
_MAX_DIGITS: Final = 18

SINCE: Final[dict[str, dict[str, Version]]] = {
    "container": {
        "ImageManifestDescriptor": (1, 48),
    },
    "network": {
        "EnableIPv4": (1, 48),
    },
    "image": {
        "Manifests": (1, 47),
        "Descriptor": (1, 48),
    },
    "info": {
        "Containerd": (1, 46),
        "FirewallBackend": (1, 49),
        "DiscoveredDevices": (1, 50),
    },
}
"""Fields of a view that clients of older versions do not get."""

UNTIL: Final[dict[str, dict[str, tuple[Version, Any]]]] = {
    "info": {
        "KernelMemory": ((1, 41), "KernelMemoryTCP"),
    },
    "image": {
        "VirtualSize": ((1, 43), "Size"),
    },
}
"""Fields that ended with a version: the last one, and the field that has their value."""


class ClientTooOld(InvalidArgument):
    """The client's version is below ours; Docker tells so in plain text."""


class ClientTooNew(InvalidArgument):
    """The client's version is above ours."""


def text(version: Version) -> str:
    """`1.51`."""
    return ".".join(map(str, version))


def split(path: str) -> tuple[str, str]:
    """The version a path asks for as written, "" if it asks for none, and the path without it."""
    match = _PREFIX.fullmatch(path)
    return (match[1], match[2]) if match else ("", path)


def parse(asked: str) -> Version:
    """The version that was asked for, ours if none was; raise unless we speak it."""
    if not asked:
        return MAXIMUM
    version = _numbers(asked)
    if version < MINIMUM:
        raise ClientTooOld(
            f"client version {asked} is too old. Minimum supported API version is "
            f"{text(MINIMUM)}, please upgrade your client to a newer version"
        )
    if version > MAXIMUM:
        raise ClientTooNew(
            f"client version {asked} is too new. Maximum supported API version is {text(MAXIMUM)}"
        )
    return version


def _numbers(asked: str) -> Version:
    """Its parts; as for Docker, one that is missing is zero, and 1.51.0 is 1.51."""
    parts = [int(part[:_MAX_DIGITS] or 0) for part in asked.split(".")]
    while len(parts) > 2 and not parts[-1]:
        parts.pop()
    return tuple(parts)


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
