"""What the OCI runtimes say about themselves, for those who ask the engine."""

from collections.abc import Iterable

import msgspec

from boxship.errors import BoxshipError
from boxship.linux import oci_runtime
from boxship.linux.oci_runtime import OciRuntime


class Description(msgspec.Struct, frozen=True):
    """A runtime's version and commit, and its `features` (OCI's features.md) as JSON; "" for unknown."""

    version: str = ""
    commit: str = ""
    features: str = ""


def describe(runtimes: Iterable[OciRuntime]) -> dict[str, Description]:
    """Ask each program once; descriptions by the runtimes' names. Blocking."""
    by_path: dict[str, Description] = {}
    found = {}
    for runtime in runtimes:
        if runtime.path not in by_path:
            by_path[runtime.path] = _ask(runtime.path)
        found[runtime.name] = by_path[runtime.path]
    return found


def _ask(path: str) -> Description:
    try:
        lines = oci_runtime.version(path).splitlines()
        features = oci_runtime.features(path)
    except BoxshipError:
        return Description()
    commit = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("commit:")), ""
    )
    return Description(lines[0].rpartition(" ")[2] if lines else "", commit, features)
