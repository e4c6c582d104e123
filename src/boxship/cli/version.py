"""What version of the client this is."""

from boxship import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def version_line() -> str:
    """`boxship --version`."""
    return f"Boxship version {__version__}\n"


def client_version(context: str) -> "dict[str, Any]":
    """The fields of `boxship version` about ourselves."""
    import sys
    from os import uname

    from boxship.client.http import API_VERSION

    machine = uname().machine
    python = ".".join(str(part) for part in sys.version_info[:3])
    return {
        "Version": __version__,
        "APIVersion": API_VERSION,
        "ApiVersion": API_VERSION,
        "DefaultAPIVersion": API_VERSION,
        "GitCommit": "",
        "PythonVersion": python,
        "GoVersion": "",
        "Os": "linux",
        "Arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine),
        "BuildTime": "",
        "Context": context,
    }
