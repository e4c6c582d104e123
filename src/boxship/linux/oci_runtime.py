"""OCI runtimes (crun, runc and others): their command lines, their state directories, their errors.

crun and runc keep a container's state in `<root>/<id>` and its limits in a cgroup, nothing else: removing
both is all that their `delete` does, and writing to `exec.fifo` all that crun's `start` does. We do that
ourselves, which saves two programs of 4 ms each in the life of a container. Any other runtime is asked.
"""

import contextlib
import errno
import os
import posixpath
import re
import shutil
from pathlib import Path
from typing import Final

import msgspec

from boxship.errors import Internal, NotFound, Unavailable
from boxship.linux import process

_RUNC_MESSAGE: Final = re.compile(r'level=(?:error|fatal) msg="((?:[^"\\]|\\.)*)"')


class OciRuntime(msgspec.Struct, frozen=True, kw_only=True):
    """An OCI runtime program and the directory of its state."""

    name: str
    path: str
    root: str
    arguments: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """`crun`, `runc`, or "" for those whose state we do not know."""
        base = posixpath.basename(self.path)
        return base if base in ("crun", "runc") else ""

    def global_arguments(self) -> list[str]:
        """What goes before the verb."""
        return ["--root", self.root, *self.arguments]

    def command(self, verb: str, *arguments: str) -> list[str]:
        """A whole command line."""
        return [self.path, *self.global_arguments(), verb, *arguments]

    def state_directory(self, container_id: str) -> str:
        """Where crun and runc remember a container."""
        return f"{self.root}/{container_id}"

    def release(self, container_id: str) -> bool:
        """Let a created container's process go, as `crun start`; False when the runtime must be asked.

        Raises NotFound when the process is no longer waiting.
        """
        fifo = f"{self.state_directory(container_id)}/exec.fifo"
        if self.kind != "crun":
            return False
        try:
            fd = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno == errno.ENXIO:
                raise NotFound(f"container {container_id} does not wait to be started") from error
            raise Internal(f"cannot open {fifo}: {error.strerror}") from error
        try:
            os.unlink(fifo)
            os.write(fd, b"\0")
        except BrokenPipeError as error:
            raise NotFound(f"container {container_id} does not wait to be started") from error
        finally:
            os.close(fd)
        return True

    def forget(self, container_id: str) -> None:
        """Remove the runtime's state of a container whose processes and cgroup are gone."""
        if self.kind:
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(self.state_directory(container_id))
            return
        process.run(self.command("delete", "--force", container_id))

    def known_containers(self) -> list[str]:
        """IDs of the containers the runtime remembers."""
        try:
            return [
                each.name for each in os.scandir(self.root) if each.is_dir() and each.name[0] != "."
            ]
        except FileNotFoundError:
            return []


def find_program(name: str) -> str:
    """The absolute path of a program; raise Unavailable."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")
    if path is None:
        raise Unavailable(f"{name} is not installed")
    return path


def version(path: str) -> str:
    """What `--version` prints: a line "NAME version NUMBER", then more."""
    return process.run([path, "--version"], timeout_s=10).stdout.decode(errors="replace")


def features(path: str) -> str:
    """What the runtime can do, as one line of JSON; "" when it does not say."""
    done = process.run([path, "features"], timeout_s=10)
    try:
        return msgspec.json.encode(msgspec.json.decode(done.stdout)).decode()
    except msgspec.DecodeError:
        return ""


def message(text: str) -> str:
    """The runtime's own words from what it wrote to standard error, without log decoration."""
    if found := _RUNC_MESSAGE.findall(text):
        return str(found[-1].replace('\\"', '"').replace("\\\\", "\\").replace("\\n", "\n"))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


class _LogEntry(msgspec.Struct):
    msg: str = ""
    level: str = ""


def last_error(log: Path) -> str:
    """The last error in a runtime's JSON log; "" when there is none."""
    try:
        lines = log.read_bytes().splitlines()
    except FileNotFoundError:
        return ""
    for line in reversed(lines):
        try:
            entry = msgspec.json.decode(line, type=_LogEntry)
        except msgspec.DecodeError:
            continue
        if entry.level == "error":
            return entry.msg
    return ""
