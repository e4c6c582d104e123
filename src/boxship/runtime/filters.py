"""Compiled seccomp filters, kept: compiling Docker's profile takes crun 10 ms, most of a container's start.

crun leaves the program it compiled in the container's state directory, and takes a ready one from an
annotation. A filter is known by the very profile it was compiled from. (crun has a cache of its own from
version 1.20 on; Debian 12's has not.)
"""

import base64
import hashlib
from collections import OrderedDict
from pathlib import Path
from typing import Any, Final

import msgspec

from boxship.linux.oci_runtime import OciRuntime

ANNOTATION: Final = "run.oci.seccomp_bpf_data"
_LARGEST: Final = 1 << 16  # 4096 instructions of 8 bytes are the kernel's limit
_KEPT: Final = 64  # profiles depend on capability sets, which are the users' to choose


class Filters:
    """The most recently used compiled filters, in memory."""

    def __init__(self) -> None:
        self._programs: OrderedDict[bytes, str] = OrderedDict()

    def __repr__(self) -> str:
        return f"Filters({len(self._programs)} compiled)"

    def apply(self, spec: dict[str, Any], runtime: OciRuntime) -> bytes | None:
        """Put a known filter into *spec*; else return the key under which to learn it, if worthwhile."""
        profile = spec["linux"].get("seccomp")
        if profile is None or runtime.kind != "crun":
            return None
        key = hashlib.sha256(msgspec.json.encode(profile)).digest()
        program = self._programs.get(key)
        if program is None:
            return key
        self._programs.move_to_end(key)
        spec.setdefault("annotations", {})[ANNOTATION] = program
        return None

    def learn(self, key: bytes, runtime: OciRuntime, container_id: str) -> None:
        """Keep what crun has just compiled for a container."""
        path = Path(runtime.state_directory(container_id), "seccomp.bpf")
        try:
            program = path.read_bytes()
        except FileNotFoundError:  # a later version keeps it elsewhere, and caches it itself
            return
        if program and len(program) <= _LARGEST and len(program) % 8 == 0:
            self._programs[key] = base64.b64encode(program).decode()
            while len(self._programs) > _KEPT:
                self._programs.popitem(last=False)
