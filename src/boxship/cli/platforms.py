"""Platform specifiers: `linux/arm64/v8`."""

from boxship.client.codec import dumps
from boxship.errors import InvalidArgument

_ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "i386": "386",
    "armhf": "arm",
    "armel": "arm",
}
_SYSTEMS = frozenset(("linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "wasip1"))
_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")


def parse_platform(text: str) -> "dict[str, str]":
    """Parse and normalise a specifier; raise InvalidArgument."""
    parts = text.split("/")
    if len(parts) > 3:
        raise InvalidArgument(f'"{text}": cannot parse platform specifier: invalid argument')
    for part in parts:
        if not part or not set(part) <= _ALLOWED:
            raise InvalidArgument(
                f'"{part}" is an invalid component of "{text}": platform specifier component '
                'must match "^[A-Za-z0-9_.-]+$": invalid argument'
            )
    if len(parts) == 1:
        word = parts[0].lower()
        if word in _SYSTEMS:
            return {"architecture": _native(), "os": word}
        found = _ARCHITECTURES.get(word, word)
        if found in {"amd64", "arm64", "386", "arm", "ppc64le", "s390x", "riscv64"}:
            return {"architecture": found, "os": "linux"}
        raise InvalidArgument(
            f'"{text}": unknown operating system or architecture: invalid argument'
        )
    architecture = _ARCHITECTURES.get(parts[1].lower(), parts[1].lower())
    platform = {"architecture": architecture, "os": parts[0].lower()}
    if len(parts) == 3 and (architecture, parts[2]) != ("arm64", "v8"):
        platform["variant"] = parts[2]
    return platform


def wanted_platform(given: str) -> str:
    """--platform, or else DOCKER_DEFAULT_PLATFORM."""
    from os import environ

    return given or environ.get("DOCKER_DEFAULT_PLATFORM", "")


def _native() -> str:
    from os import uname

    machine = uname().machine
    return _ARCHITECTURES.get(machine, machine)


def platform_json(text: str) -> str:
    """The specifier as the API's JSON."""
    return dumps(parse_platform(text))
