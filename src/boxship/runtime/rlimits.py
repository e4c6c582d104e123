"""Resource limits that the OCI runtime itself would stumble over.

crun sets a process's limits first and prepares its container under them: with few open files or small files
allowed it fails, where runc, which sets them last, does not. So these wait until the process stands ready.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from boxship.linux import process
from boxship.runtime.failures import create_refused

ANNOTATION: Final = "io.boxship.rlimits"
_ENOUGH: Final = {"RLIMIT_NOFILE": 1024, "RLIMIT_FSIZE": 1 << 20}  # for the runtime's own work


def postpone(spec: dict[str, Any], capabilities: Collection[str]) -> list[dict[str, Any]]:
    """Take the limits that must wait out of a spec, which remembers them in an annotation.

    *capabilities* are our own: without CAP_SYS_RESOURCE the kernel lets us limit our own user's processes only.
    """
    user = spec["process"]["user"]
    if "CAP_SYS_RESOURCE" not in capabilities and (user["uid"] or user["gid"]):
        return []
    every = spec["process"].get("rlimits", [])
    late = [limit for limit in every if limit["soft"] < _ENOUGH.get(limit["type"], 0)]
    if late:
        spec["process"]["rlimits"] = [limit for limit in every if limit not in late]
        spec.setdefault("annotations", {})[ANNOTATION] = json.dumps(late)
    return late


def first_process(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The process of a written spec with all its limits, as further processes are to have them."""
    first = dict(spec["process"])
    if late := json.loads(spec.get("annotations", {}).get(ANNOTATION, "[]")):
        first["rlimits"] = [*first["rlimits"], *late]
    return first


def impose(pid: int, limits: Sequence[dict[str, Any]]) -> None:
    """Set limits on a created process that was not let go yet; raise RuntimeRefused."""
    for limit in limits:
        try:
            process.limit(pid, limit["type"], limit["soft"], limit["hard"])
        except (OSError, ValueError) as error:
            raise create_refused(refusal(limit["type"]), ()) from error


def refusal(name: str) -> str:
    """How runc tells that the kernel does not grant a limit."""
    number = process.limit_number(name)
    return (
        "error setting rlimits for ready process: "
        f"error setting rlimit type {number}: operation not permitted"
    )
