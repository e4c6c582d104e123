"""Platforms: this machine's, those that images are for, and those that clients ask for."""

import platform as host
import re
from typing import Final

import msgspec

from boxship.errors import InvalidArgument
from boxship.model.descriptor import Platform
from boxship.model.image import ImageConfig

_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
_PART: Final = re.compile(r"[A-Za-z0-9_.-]+")


def host_platform() -> Platform:
    """The platform whose images we prefer."""
    machine = host.machine()
    return Platform(architecture=_ARCHITECTURES.get(machine, machine), os="linux")


def platform_of(config: ImageConfig) -> Platform:
    """The platform an image is for."""
    return Platform(
        architecture=config.architecture, os=config.os or "linux", variant=config.variant or ""
    )


def parse_platform(text: str) -> Platform | None:
    """A platform as clients send it: JSON since API 1.48, `os/arch/variant` before; None for none."""
    if not text:
        return None
    if text.startswith("{"):
        try:
            return msgspec.json.decode(text, type=Platform)
        except msgspec.DecodeError as error:
            raise InvalidArgument(f"invalid platform: {error}") from error
    parts = text.split("/")
    if len(parts) > 3 or not all(_PART.fullmatch(part) for part in parts):
        raise InvalidArgument(f'"{text}": cannot parse platform specifier: invalid argument')
    if len(parts) == 1:  # either half may stand alone
        known = parts[0] in _ARCHITECTURES.values()
        here = host_platform()
        return Platform(parts[0], here.os) if known else Platform(here.architecture, parts[0])
    return Platform(architecture=parts[1], os=parts[0], variant=parts[2] if len(parts) > 2 else "")


def is_on(config: ImageConfig, wanted: Platform | None) -> bool:
    """Tell whether an image is for this platform; any is when none is wanted."""
    if wanted is None:
        return True
    found = platform_of(config)
    return (found.os, found.architecture) == (wanted.os, wanted.architecture) and (
        not wanted.variant or not found.variant or wanted.variant == found.variant
    )
