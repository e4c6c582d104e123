"""Builds through POST /build, without a client in between: any context, also those no client would send."""

import contextlib
import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from support.engine import Engine
from support.rootfs import entry, tar

BASE = "build-base"


@dataclass(frozen=True)
class Built:
    """What the engine said, in order, and how it ended."""

    text: str
    error: str
    image: str
    seconds: float
    status: int = 200

    @property
    def cached(self) -> int:
        return self.text.count("---> Using cache")

    def ok(self) -> "Built":
        assert not self.error, f"{self.error}\n{self.text}"
        assert self.status == 200, self.error
        return self


class Builder:
    """Builds and looks at what came out."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.token = secrets.token_hex(4)

    def build(
        self, dockerfile: str, files: Mapping[str, bytes] | None = None, /, **query: Any
    ) -> Built:
        """Build from these files; `$BASE` and `$TOKEN` in the Dockerfile are filled in."""
        members = [entry(name, data) for name, data in (files or {}).items()]
        return self.build_tar(
            tar([entry("Dockerfile", self.filled(dockerfile)), *members]), **query
        )

    def filled(self, dockerfile: str) -> bytes:
        return dockerfile.replace("$BASE", BASE).replace("$TOKEN", self.token).encode()

    def build_tar(self, context: bytes, /, **query: Any) -> Built:
        began = time.monotonic()
        reply = self.engine.post("/build", context, **query)
        seconds = time.monotonic() - began
        if reply.status != 200:
            return Built("", reply.message, "", seconds, reply.status)
        messages = [json.loads(line) for line in reply.body.splitlines() if line.strip()]
        text = "".join(each.get("stream", "") for each in messages)
        error = next((each["error"] for each in messages if "error" in each), "")
        images = [each["aux"]["ID"] for each in messages if "aux" in each]
        return Built(text, error, images[-1] if images else "", seconds)

    @contextlib.contextmanager
    def started(self, dockerfile: str, until: bytes) -> Iterator[HTTPConnection]:
        """A build whose output has come to *until*; the connection is closed at the end."""
        connection = self.engine.connection()
        try:
            context = tar([entry("Dockerfile", self.filled(dockerfile))])
            connection.request("POST", "/v1.51/build", body=context)
            response = connection.getresponse()
            assert response.status == 200
            line = b"-"
            while until not in line:
                line = response.readline()
                assert line, f"the build ended before {until!r}"
            yield connection
        finally:
            connection.close()

    def sh(self, image: str, script: str) -> str:
        """What a script prints in the image."""
        return self.engine.ok("run", "--rm", image, "sh", "-c", script)

    def layer_names(self, image: str) -> list[str]:
        """The paths in the image's top layer."""
        import io
        import tarfile

        saved = self.engine.output("save", image)
        with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
            manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
            layer = archive.extractfile(manifest[0]["Layers"][-1])
            assert layer
            with tarfile.open(fileobj=io.BytesIO(layer.read())) as inner:
                return sorted(inner.getnames())

    def history(self, image: str) -> Sequence[str]:
        """What made the image, first step first."""
        return [row["CreatedBy"] for row in reversed(self.engine.get(f"/images/{image}/history"))]
