"""A running container's /etc/hosts and /etc/resolv.conf, when its networks change."""

import contextlib
from pathlib import Path

from boxship.engine.networks import hosts
from boxship.model.network import Sandbox


def update_files(directory: Path, before: Sandbox, after: Sandbox) -> None:
    """Bring the files in *directory* from one sandbox to the next, keeping what the container changed.

    In place: the container has these very files mounted.
    """
    with contextlib.suppress(FileNotFoundError):
        if before.hosts != after.hosts:
            path = directory / "hosts"
            path.write_text(hosts.edited(path.read_text(), before.hosts, after.hosts))
        if before.resolv_conf != after.resolv_conf:
            path = directory / "resolv.conf"
            if path.read_text() == before.resolv_conf:  # else it is the container's own now
                path.write_text(after.resolv_conf)
