"""Processes started inside running containers."""

from typing import Protocol

import msgspec

from boxship.model.container import Exec
from boxship.services.streams import Attachment


class ExecRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to run, and how."""

    cmd: tuple[str, ...]
    env: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""
    tty: bool = False
    privileged: bool = False
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    detach_keys: str = ""
    console_size: tuple[int, int] = (0, 0)


class Execs(Protocol):
    """Exec sessions: create, then start once."""

    async def create(self, container: str, request: ExecRequest) -> str:
        """Register a session and return its ID; the container must run."""
        ...

    async def start(
        self, exec_id: str, *, detach: bool, tty: bool, console_size: tuple[int, int] | None = None
    ) -> Attachment | None:
        """Start it; with *detach* return None at once, else the streams, of which nothing is missed."""
        ...

    async def resize(self, exec_id: str, height: int, width: int) -> None:
        """Set the size of its terminal."""
        ...

    async def inspect(self, exec_id: str, *, usable: bool = False) -> Exec:
        """The session as it is now; raise NoSuchExec.

        *usable* raises Conflict too, when its container does not run, is paused or restarts.
        """
        ...
