"""Runs the cases of `mount_table` on an engine and tells what came of each, the same for every engine."""

import json
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from support.box import BUSYBOX, Box
from support.engine import Engine, HostDirectory
from support.images import docker_archive
from support.mount_table import Case
from support.rootfs import busybox, directory, entry, symlink, tar

IMAGE = "conformance-mounts:latest"
RUNTIME = re.compile(r"(OCI runtime create failed:).*", re.DOTALL)
FILES = ("f", "link", "dangling", "sock")
SHOWN = ("Binds", "Mounts", "Tmpfs", "VolumesFrom", "VolumeDriver")


@dataclass(frozen=True)
class Trial:
    """An engine with everything that the cases name."""

    engine: Engine
    box: Box
    host: HostDirectory
    image_id: str

    def filled(self, value: Any) -> Any:
        text = json.dumps(value)
        for mark, real in (
            ("{dir}", self.host.there),
            ("{p}", self.box.prefix),
            ("{image_id}", self.image_id),
            ("{image}", IMAGE),
        ):
            text = text.replace(mark, real)
        return json.loads(text)

    def normal(self, value: Any) -> Any:
        """Without what differs from run to run."""
        text = json.dumps(value, sort_keys=True).replace(self.image_id, "{image_id}")
        text = text.replace(self.host.there, "{dir}").replace(self.box.prefix, "{p}")
        text = text.replace(self.host.here.name, "{dirname}")
        text = re.sub(r"\b[0-9a-f]{64}\b", "{hex}", text)
        text = re.sub(r"(/[^ \\\"':,]*)?/volumes/(\{hex\}|\{p\}|\.)", r"{volumes}/\2", text)
        text = re.sub(
            r"/[^ \\\"':,]*/(overlay2|snapshots|rootfs|image-mounts|containers)/[^ \\\"':,]*",
            "{root}",
            text,
        )
        return json.loads(text)

    def run(self, case: Case) -> Any:
        """What the engine answers, shows and does."""
        self._tidy()
        name = self.box.name()
        body = {"Image": BUSYBOX, **case.config, "HostConfig": case.host}
        if case.script is not None:
            body["Cmd"] = ["sh", "-c", case.script]
        reply = self.engine.api(
            "POST", "/containers/create", self.filled(body), version=case.version, name=name
        )
        if reply.status != 201:
            return self.normal({"create": reply.error})
        told = self.engine.api("GET", f"/containers/{name}/json", version=case.version).json()
        outcome = {
            "inspect": {
                **{key: told["HostConfig"].get(key, "absent") for key in SHOWN},
                "Volumes": told["Config"].get("Volumes", "absent"),
                "Points": sorted(told["Mounts"], key=lambda point: point["Destination"]),
            }
        }
        if case.script is not None:
            outcome |= self._start(name)
        self.engine.api("DELETE", f"/containers/{name}?force=1&v=1")
        return self.normal(outcome)

    def _tidy(self) -> None:
        """As if this were the first case."""
        self.engine.api("DELETE", f"/volumes/{self.box.prefix}-v?force=1")
        for path in self.host.here.iterdir():
            if path.name not in FILES:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _start(self, name: str) -> dict[str, Any]:
        reply = self.engine.api("POST", f"/containers/{name}/start")
        if reply.status != 204:
            # the runtime's own words differ from version to version
            return {"start": [reply.status, RUNTIME.sub(r"\1 …", reply.message)]}
        code = self.engine.api("POST", f"/containers/{name}/wait").json()["StatusCode"]
        told = self.engine.docker("logs", name)
        # whether volumes receive the host's mounts depends on the host's root
        log = (told.stdout + told.stderr).replace(" master", " -")
        return {"exit": code, "log": log}


@contextmanager
def trial(engine: Engine, box: Box) -> Iterator[Trial]:
    """The image, files, volumes and containers that cases name."""
    load_image(engine)
    with engine.directory() as host:
        (host.here / "f").write_text("file\n")
        (host.here / "link").symlink_to("f")
        (host.here / "dangling").symlink_to("nowhere")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(host.here / "sock"))
        p = box.prefix
        engine.ok("volume", "create", f"{p}-full")
        script = (
            "mkdir -p /x/sub /x/empty; echo f > /x/f; echo s > /x/sub/f; chmod 700 /x/empty; "
            "ln -s sub /x/link; ln -s /etc /x/escape"
        )
        engine.ok("run", "--rm", "-v", f"{p}-full:/x", BUSYBOX, "sh", "-c", script)
        made = [
            ("from", "-v", "/v", "-v", f"{p}-full:/w", "-v", f"{host.there}:/ro:ro"),
            ("from2", "-v", "/v", "-v", "/v2"),
            ("chain", "--volumes-from", f"{p}-from:ro"),
            ("tmpfs", "--tmpfs", "/t1", "--mount", "type=tmpfs,dst=/t2"),
        ]
        for name, *flags in made:
            engine.ok("create", "--name", f"{p}-{name}", *flags, BUSYBOX, "true")
        image_id = engine.get(f"/images/{IMAGE}/json")["Id"].removeprefix("sha256:")
        try:
            yield Trial(engine, box, host, image_id)
        finally:
            for name, *_ in reversed(made):
                engine.api("DELETE", f"/containers/{p}-{name}?force=1&v=1")
            for volume in engine.get("/volumes")["Volumes"]:
                if volume["Name"].startswith(p) or volume["Name"] in ("ro", "a", "ab"):
                    engine.api("DELETE", f"/volumes/{volume['Name']}?force=1")


def load_image(engine: Engine) -> None:
    """An image with files and links in it."""
    layer = tar(
        [
            directory("data", 0o750),
            entry("data/seed", b"seed\n", mode=0o640, uid=1000, gid=1001),
            directory("data/sub"),
            entry("data/sub/deep", b"deep\n"),
            symlink("data/inner", "seed"),
            symlink("abs", "/data"),
            symlink("out", "../../../../data"),
            symlink("dangling", "/made/here"),
            symlink("loop", "loop"),
            symlink("link", "tmp"),
        ]
    )
    if engine.api("GET", f"/images/{IMAGE}/json").status == 404:
        engine.ok("load", "-q", stdin=docker_archive([busybox(), layer], IMAGE))
