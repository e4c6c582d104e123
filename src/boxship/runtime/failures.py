"""The OCI runtimes' complaints, told in the words that Docker's clients know from runc."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from boxship.linux.oci_runtime import message
from boxship.runtime.contract import RuntimeRefused

_CREATE: Final = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: "
    "runc create failed: unable to start container process: "
)
_INIT: Final = "error during container init: "
_EXEC: Final = "OCI runtime exec failed: exec failed: unable to start container process: "
_ENOTDIR_HINT: Final = (
    ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host "
    "path exists and is the expected type"
)

NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
OTHER: Final = 128

Translation = Callable[[re.Match[str], str], str]


def create_refused(text: str, args: Sequence[str]) -> RuntimeRefused:
    """What `docker start` reports when the runtime could not create the container."""
    detail = _translated(message(text), args)
    if detail.startswith(
        "runc create failed: "
    ):  # already runc's words: only the outer ones are missing
        detail = detail.removeprefix("runc create failed: unable to start container process: ")
        return _refused(_CREATE + detail)
    return _refused(_CREATE + _INIT + detail)


def exec_refused(text: str, args: Sequence[str]) -> RuntimeRefused:
    """What `docker exec` reports when the runtime could not start the process."""
    detail = _translated(message(text), args)
    detail = detail.removeprefix("exec failed: unable to start container process: ")
    return _refused(_EXEC + detail)


def _refused(text: str) -> RuntimeRefused:
    lower = text.lower()
    if "not a directory" in lower and _ENOTDIR_HINT not in text:
        return RuntimeRefused(text + _ENOTDIR_HINT, NOT_FOUND)
    if "executable file not found" in lower or "no such file or directory" in lower:
        return RuntimeRefused(text, NOT_FOUND)
    if "permission denied" in lower:
        return RuntimeRefused(text, NOT_EXECUTABLE)
    return RuntimeRefused(text, OTHER)


def _translated(complaint: str, args: Sequence[str]) -> str:
    program = args[0] if args else ""
    for pattern, template in _CRUN:
        if match := pattern.search(complaint):
            reason = (match.groupdict().get("reason") or "").lower()
            path = match.groupdict().get("path") or program
            return template.format(program=program, path=path, reason=reason)
    return complaint


# crun says `<what>: <strerror>`; runc wraps what Go's exec.LookPath says.
_CRUN: Final = (
    (
        re.compile(r"executable file `(?P<path>[^`]*)` not found in \$PATH"),
        'exec: "{path}": executable file not found in $PATH',
    ),
)
