"""Bundles to run on the real kernel, and a way to see that nothing is left of them."""

import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from boxship.linux import mounts
from boxship.linux.cgroups import detect
from boxship.model.config import RunConfig
from boxship.model.container import Container, HostConfig, Status
from boxship.model.mount import Mount
from boxship.runtime.choice import Wishes, find_settings
from boxship.runtime.conmon import ConmonRuntime
from boxship.runtime.contract import Bundle, ExitStatus, ProcessStreams, SupervisedProcess


class Workshop:
    """A runtime in a root of its own, and containers on a shared read-only lower directory."""

    def __init__(self, root: Path, lower: Path, runtime: str = "") -> None:
        self.root = root
        self.lower = lower
        self.bundles = root / "containers"
        self.bundles.mkdir(parents=True)
        self.cgroup_parent = f"/boxship-test-{secrets.token_hex(4)}"
        self._runtime_name = runtime
        self.runtime = self.reopened()

    def reopened(self) -> ConmonRuntime:
        """A new runtime object on the same root, as after a restart of the engine."""
        settings = find_settings(
            str(self.root / "run"),
            str(self.bundles),
            Wishes(
                default_runtime=self._runtime_name,
                cgroup_driver="cgroupfs",
                cgroup_parent=self.cgroup_parent,
            ),
        )
        return ConmonRuntime(settings)

    def bundle(
        self,
        *command: str,
        host_config: dict[str, Any] | None = None,
        config: dict[str, Any] | None = None,
        **bundle: Any,
    ) -> Bundle:
        """A bundle with a fresh upper directory; change what is to differ."""
        identifier = secrets.token_hex(32)
        directory = self.bundles / identifier
        directory.mkdir(mode=0o700)
        for name in ("upper", "work"):
            (directory / name).mkdir(mode=0o755)
        options = (
            f"lowerdir={self.lower}",
            f"upperdir={directory}/upper",
            f"workdir={directory}/work",
        )
        container = Container(
            id=identifier,
            name="test",
            created=0,
            image=None,
            image_reference="test",
            config=RunConfig(hostname=identifier[:12], **(config or {})),
            host_config=HostConfig(**(host_config or {})),
            path=command[0],
            args=command[1:],
        )
        return Bundle(
            container=container,
            directory=str(directory),
            log_path=f"{directory}/log",
            rootfs_mounts=(Mount("overlay", "overlay", options),),
            **bundle,
        )

    async def start(self, bundle: Bundle) -> tuple[Container, ProcessStreams]:
        """Create, attach, start."""
        process = await self.runtime.create(bundle)
        container = running(bundle.container, process)
        streams = await self.runtime.attach(container)
        await self.runtime.start(container)
        return container, streams

    async def run(self, bundle: Bundle) -> tuple[ExitStatus, bytes, bytes]:
        """Run to the end, delete, and return how it ended and what it wrote."""
        container, streams = await self.start(bundle)
        out, err = await read_all(streams)
        status = await self.runtime.wait(container)
        streams.close()
        await self.runtime.delete(container)
        return status, out, err

    async def output(self, *command: str, **options: Any) -> str:
        """What a command writes to standard output; it must succeed."""
        status, out, err = await self.run(self.bundle(*command, **options))
        assert status.exit_code == 0, err.decode()
        return out.decode()

    def leftovers(self) -> list[str]:
        """Whatever a runtime that has deleted everything should not have left."""
        found = [entry.target for entry in mounts.mounts_below(self.root)]
        for hierarchy in detect().directories:
            parent = Path(hierarchy + self.cgroup_parent)
            found += [str(path) for path in parent.glob("*/")]
        for name in ("containers", "execs", "exits", "crun", "runc"):
            found += [str(path) for path in (self.root / "run" / name).glob("[!.]*")]
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes()
            except OSError:
                continue
            if str(self.root).encode() in command:
                found.append(command.replace(b"\0", b" ").decode(errors="replace"))
        return found

    async def close(self) -> None:
        """Remove everything, also after a failure."""
        for path in (self.root / "run" / "containers").glob("*.json"):
            template = self.bundle("true").container
            await self.runtime.delete(msgspec.structs.replace(template, id=path.stem))
        mounts.unmount_all(self.root)
        for hierarchy in detect().directories:
            parent = Path(hierarchy + self.cgroup_parent)
            if parent.is_dir():
                parent.rmdir()
        shutil.rmtree(self.root)


def running(container: Container, process: SupervisedProcess) -> Container:
    """The container as the engine remembers it once it runs."""
    state = msgspec.structs.replace(
        container.state,
        status=Status.RUNNING,
        pid=process.pid,
        supervisor_pid=process.supervisor_pid,
        supervisor_started=process.supervisor_started,
    )
    return msgspec.structs.replace(container, state=state)


async def chunks(streams: ProcessStreams) -> AsyncIterator[tuple[int, bytes]]:
    """All output to its end."""
    while (chunk := await streams.read()) is not None:
        yield chunk


async def read_all(streams: ProcessStreams) -> tuple[bytes, bytes]:
    """Standard output and standard error, to their end."""
    parts: dict[int, list[bytes]] = {1: [], 2: []}
    async for stream, data in chunks(streams):
        parts[stream].append(data)
    return b"".join(parts[1]), b"".join(parts[2])
