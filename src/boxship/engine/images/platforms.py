"""Platforms: this machine's, those that images are for, and those that clients ask for."""

import platform as host
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from boxship.errors import InvalidArgument, NotFound
from boxship.model.descriptor import Platform
from boxship.model.image import ImageConfig

_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
_PART: Final = re.compile(r"[A-Za-z0-9_.-]+")
_OS_PATTERN: Final = r"([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?"
_OS_PART: Final = re.compile(_OS_PATTERN)
_OS_PATTERN_QUOTED: Final = '"^' + _OS_PATTERN.replace("\\", "\\\\") + '$"'
_OS: Final = {"macos": "darwin"}
_SYSTEMS: Final = frozenset(
    [
        "aix",
        "android",
        "darwin",
        "dragonfly",
        "freebsd",
        "hurd",
        "illumos",
        "ios",
        "js",
        "linux",
        "nacl",
        "netbsd",
        "openbsd",
        "plan9",
        "solaris",
        "windows",
        "zos",
    ]
)
_KNOWN: Final = frozenset(
    [
        "386",
        "amd64",
        "amd64p32",
        "arm",
        "armbe",
        "arm64",
        "arm64be",
        "ppc64",
        "ppc64le",
        "loong64",
        "mips",
        "mipsle",
        "mips64",
        "mips64le",
        "mips64p32",
        "mips64p32le",
        "ppc",
        "riscv",
        "riscv64",
        "s390",
        "s390x",
        "sparc",
        "sparc64",
        "wasm",
    ]
)
_ALIASES: Final = {
    "i386": ("386", ""),
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}


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
    parts = text.split("/", 3)
    _check_parts(text, parts)
    if len(parts) == 1:  # either half may stand alone
        return _half(text)
    if len(parts) > 3:
        raise InvalidArgument(f'"{text}": cannot parse platform specifier: invalid argument')
    architecture, variant = _normalised(parts[1], parts[2] if len(parts) > 2 else "")
    if len(parts) > 2 and architecture == "arm64":
        variant = variant or "v8"
    return Platform(architecture, _OS.get(parts[0].lower(), parts[0].lower()), variant)


def _check_parts(text: str, parts: Sequence[str]) -> None:
    if _OS_PART.fullmatch(parts[0]) is None:
        raise InvalidArgument(
            f'"{parts[0]}" is an invalid OS component of "{text}": OSAndVersion specifier component '
            f"must match {_OS_PATTERN_QUOTED}: invalid argument"
        )
    for part in parts[1:]:
        if _PART.fullmatch(part) is None:
            raise InvalidArgument(
                f'"{part}" is an invalid component of "{text}": platform specifier component must '
                f'match "^{_PART.pattern}$": invalid argument'
            )


def _half(text: str) -> Platform:
    here, lower = host_platform(), text.lower()
    if _OS.get(lower, lower) in _SYSTEMS:
        return Platform(here.architecture, _OS.get(lower, lower))
    architecture, variant = _normalised(text, "")
    if architecture not in _KNOWN:
        raise InvalidArgument(
            f'"{text}": unknown operating system or architecture: invalid argument'
        )
    return Platform(architecture, here.os, variant)


def _normalised(architecture: str, variant: str) -> tuple[str, str]:
    """The architecture's one name among many, and its variant unless that is the usual one."""
    architecture, variant = architecture.lower(), variant.lower()
    if architecture in _ALIASES:
        architecture, variant = _ALIASES[architecture][0], _ALIASES[architecture][1] or variant
    usual = {"amd64": ("v1",), "arm64": ("8", "v8", "v8.0"), "386": (variant,)}
    return architecture, "" if variant in usual.get(architecture, ()) else variant


def check_platform(name: str, config: ImageConfig, wanted: Platform | None) -> None:
    """Raise NotFound, in Docker's words, unless the image is for this platform."""
    if not is_on(config, wanted):
        raise NotFound(
            f"image with reference {name} was found but its platform ({platform_of(config)}) does "
            f"not match the specified platform ({wanted})"
        )


def foreign(config: ImageConfig, wanted: Platform | None) -> list[str]:
    """A warning for who did not ask for a platform and gets another than this machine's."""
    if wanted is not None or is_on(config, host_platform()):
        return []
    here = host_platform()
    text = (
        f"The requested image's platform ({platform_of(config)}) does not match the detected host "
        f"platform ({here}) and no specific platform was requested"
    )
    return [text]


def is_on(config: ImageConfig, wanted: Platform | None) -> bool:
    """Tell whether an image is for this platform; any is when none is wanted."""
    if wanted is None:
        return True
    found = platform_of(config)
    return (found.os, found.architecture) == (wanted.os, wanted.architecture) and (
        not wanted.variant or not found.variant or wanted.variant == found.variant
    )
