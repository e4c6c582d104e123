"""The OCI runtimes' complaints, told in the words that Docker's clients know from runc.

The docker CLI picks its exit code (127, 126 or 125) by these words, and people search for them.
"""

import re
from collections.abc import Sequence
from typing import Final

from boxship.errors import BoxshipError, Internal, InvalidArgument
from boxship.linux.oci_runtime import message
from boxship.linux.process import limit_number
from boxship.model.process import RuntimeRefused

NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
OTHER: Final = 128

_CREATE: Final = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: "
    "runc create failed: unable to start container process: "
)
_CREATE_ONLY: Final = _CREATE.removesuffix("unable to start container process: ")
_INIT: Final = "error during container init: "
RELATIVE_CWD: Final = "OCI runtime exec failed: exec failed: Cwd must be an absolute path"
_EXEC: Final = "OCI runtime exec failed: exec failed: unable to start container process: "
_RUNC_OWN: Final = re.compile(
    r"^(runc create failed|exec failed): unable to start container process: "
)
_ENOTDIR_HINT: Final = (
    ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host "
    "path exists and is the expected type"
)

# crun's words → runc's; {name} are groups of the pattern, {program} is what was to be run.
_TRANSLATIONS: Final = (
    (r"executable file `(?P<path>[^`/]*)` not found in \$PATH", 'exec: "{path}": executable file not found in $PATH'),
    (r"executable file `(?P<path>[^`]*)` not found", 'exec: "{path}": stat {path}: no such file or directory'),
    (r"the path `[^`]*` exists but it is not executable", 'exec: "{program}": permission denied'),
    (r"the path `[^`]*` is not a regular file", 'exec: "{program}": is a directory: permission denied'),
    (r"open executable: Permission denied", 'exec: "{program}": permission denied'),
    (r"open executable: (Operation not permitted|Is a directory)", 'exec: "{program}": is a directory: permission denied'),
    (r"open executable: (?P<reason>.*)", 'exec: "{program}": {reason}'),
    (r"chdir(?: to)? `(?P<path>[^`]*)`: (?P<reason>.*)", 'chdir to cwd ("{path}") set in config.json failed: {reason}'),
    (r"mount `(?P<source>[^`]*)` to `/?(?P<path>[^`]*)`: (?P<reason>.*)", 'error mounting "{source}" to rootfs at "/{path}": {reason}'),
    (r"error stat'ing file `(?P<source>[^`]*)`: (?P<reason>.*)", "failed to fulfil mount request: open {source}: {reason}"),
    (r"write to /proc/sys/(?P<path>\S*): (?P<reason>.*)", "failed to write sysctl {dotted}: write fsmount:fscontext:proc/./sys/{path}: {reason}"),
    (r"the sysctl `(?P<path>[^`]*)` is not namespaced", 'sysctl "{path}" is not in a separate kernel namespace'),
    (r"setrlimit `(?P<limit>[^`]*)`: (?P<reason>.*)", "error setting rlimits for ready process: error setting rlimit type {number}: {reason}"),
    (r"open /proc/sys/(?P<path>\S*): (?P<reason>.*)", "open sysctl {dotted} file: unsafe procfs detected: openat2 fsmount:fscontext:proc/./sys/{path}: {reason}"),
    (r"write file `(?P<path>/proc/\S*/attr/apparmor/exec)`: (?P<reason>.*)", "unable to apply apparmor profile: apparmor failed to apply profile: write {path}: {reason}"),
    (r"sethostname: (?P<reason>.*)", "sethostname: {reason}"),
    (r"writ(?:e|ing file) `(?P<path>[a-z0-9]+\.[^`/]*)`: (?P<reason>.*)", "error setting cgroup config for procHooks process: failed to write {path}: {reason}"),
)  # fmt: skip
# what runc finds out by reading the configuration
_BEFORE_THE_PROCESS: Final = (
    (
        re.compile(r"the sysctl `(?P<name>[^`]*)` requires a new network namespace"),
        'sysctl "{name}" not allowed in host network namespace',
    ),
    (
        re.compile(r"the sysctl `(?P<name>[^`]*)` requires a new IPC namespace"),
        'sysctl "{name}" is not allowed in the hosts ipc namespace',
    ),
    (
        re.compile(r"the sysctl `(?P<name>[^`]*)` requires a new UTS namespace"),
        'sysctl "{name}" is not allowed in the hosts uts namespace',
    ),
)
_PATTERNS: Final = tuple((re.compile(pattern), words) for pattern, words in _TRANSLATIONS)


def create_refused(text: str, args: Sequence[str]) -> RuntimeRefused:
    """What `docker start` reports when the runtime could not create the container."""
    complaint = message(text)
    if own := _RUNC_OWN.match(complaint):
        said = complaint[own.end() :]
        # runc before 1.2 did not say where it happened
        return refused(_CREATE + (_INIT if said.startswith("exec: ") else "") + said)
    for pattern, words in _BEFORE_THE_PROCESS:
        if match := pattern.search(complaint):
            return refused(_CREATE_ONLY + words.format(**match.groupdict()))
    return refused(_CREATE + _INIT + translated(complaint, args))


def init_failed(reason: str) -> RuntimeRefused:
    """What `docker start` reports when the new container's own first steps fail."""
    return refused(_CREATE + _INIT + reason)


def update_refused(container_id: str, exit_code: int, complaint: str) -> Internal:
    """What `docker update` reports when the limits of a running container could not be set."""
    return Internal(
        f"Cannot update container {container_id}: runc did not terminate successfully: "
        f"exit status {exit_code}: {complaint}"
    )


def no_such_runtime(name: str) -> BoxshipError:
    """What `docker start` reports for a runtime's name that stands for none; containerd tries shims."""
    if "." not in name:
        return InvalidArgument(f"unknown or invalid runtime name: {name}")
    program = "-".join(("containerd-shim", *name.split(".")[-2:]))
    return RuntimeRefused(
        "failed to create task for container: failed to start shim: failed to resolve runtime path: "
        f'runtime "{name}" binary not installed "{program}": file does not exist',
        OTHER,
    )


def exec_not_begun(reason: str) -> RuntimeRefused:
    """What `docker exec` reports when the process's description is wrong already."""
    return RuntimeRefused(f"OCI runtime exec failed: exec failed: {reason}", OTHER)


def exec_refused(text: str, args: Sequence[str]) -> RuntimeRefused:
    """What `docker exec` reports when the runtime could not start the process."""
    complaint = message(text)
    if own := _RUNC_OWN.match(complaint):
        return refused(_EXEC + complaint[own.end() :])
    return refused(_EXEC + translated(complaint, args))


def refused(text: str) -> RuntimeRefused:
    """The error with the exit code that Docker derives from its words."""
    lower = text.lower()
    if "not a directory" in lower:
        return RuntimeRefused(text if _ENOTDIR_HINT in text else text + _ENOTDIR_HINT, NOT_FOUND)
    if "executable file not found" in lower or "no such file or directory" in lower:
        return RuntimeRefused(text, NOT_FOUND)
    if "permission denied" in lower:
        return RuntimeRefused(text, NOT_EXECUTABLE)
    return RuntimeRefused(text, OTHER)


def translated(complaint: str, args: Sequence[str]) -> str:
    """One of crun's complaints in runc's words; as it is when we do not know it."""
    program = args[0] if args else ""
    if not program and "open executable" in complaint:
        return 'exec: "": executable file not found in $PATH'
    for pattern, words in _PATTERNS:
        if match := pattern.search(complaint):
            groups = match.groupdict("")
            groups["reason"] = groups.get("reason", "").lower()
            dotted = groups.get("path", "").replace("/", ".")
            number = limit_number(groups["limit"]) if "limit" in groups else 0
            return words.format(program=program, dotted=dotted, number=number, **groups)
    return complaint
