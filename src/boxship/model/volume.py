"""Volumes."""

import re
from typing import Any

import msgspec

from boxship.errors import Conflict, InvalidArgument, NotFound

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")


class NoSuchVolume(NotFound):
    """No volume has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"get {name}: no such volume" if name else "get: no such volume")
        self.name = name


class VolumeInUse(Conflict):
    """A container holds the volume."""

    def __init__(self, name: str, containers: list[str]) -> None:
        super().__init__(f"remove {name}: volume is in use - [{', '.join(containers)}]")


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """A volume as the database keeps it; `created` in nanoseconds since the epoch.

    `status` is what a plugin tells of it beyond that. `made_for` is the container whose creation made
    an anonymous one: without that container it is what an interrupted creation or removal left.
    """

    name: str
    driver: str
    mountpoint: str
    created: int
    labels: dict[str, str] | None = None
    options: dict[str, str] | None = None
    anonymous: bool = False
    made_for: str = ""
    scope: str = "local"
    status: dict[str, Any] | None = None


def parse_name(text: str) -> str:
    """Raise InvalidArgument in Docker's words unless *text* may name a volume."""
    if len(text) < 2 or NAME.fullmatch(text) is None:
        raise InvalidArgument(
            f'"{text}" includes invalid characters for a local volume name, only '
            '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, '
            "use absolute path"
        )
    return text
