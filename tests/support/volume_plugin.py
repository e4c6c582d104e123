"""A small volume plugin, as a process: `python volume_plugin.py SOCKET FOLDER [SCOPE]`.

Volumes are folders below FOLDER; what it was asked is a line each in FOLDER/calls. A volume made with the
option `fail=VERB` has that verb refused.
"""

import contextlib
import json
import socketserver
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any


class Plugin:
    """What the plugin knows; kept in a file, so that it survives its own restart."""

    def __init__(self, folder: Path, scope: str) -> None:
        self.folder = folder
        self.scope = scope
        self.file = folder / "state.json"
        self.volumes: dict[str, dict[str, Any]] = {}
        if self.file.exists():
            self.volumes = json.loads(self.file.read_text())

    def answer(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        name = body.get("Name", "")
        with (self.folder / "calls").open("a") as calls:
            calls.write(f"{method} {name} {body.get('ID', '')}".strip() + "\n")
        if method == "Plugin.Activate":
            return {"Implements": ["VolumeDriver"]}
        verb = method.removeprefix("VolumeDriver.")
        if verb == "Capabilities":
            return {"Capabilities": {"Scope": self.scope}}
        if verb == "List":
            return {"Volumes": [self.described(each) for each in sorted(self.volumes)]}
        if verb == "Create":
            if body.get("Opts", {}).get("fail") == "create":
                return {"Err": "no room for this"}
            self.volumes.setdefault(name, {"opts": body.get("Opts") or {}, "mounts": []})
            return self.kept()
        return self.of_volume(verb, name, body)

    def of_volume(self, verb: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
        volume = self.volumes.get(name)
        if volume is None:
            return {"Err": f"no volume {name}"}
        if volume["opts"].get("fail") == verb.lower():
            return {"Err": f"{verb} went wrong"}
        place = self.folder / "data" / name
        match verb:
            case "Get":
                return {"Volume": self.described(name)}
            case "Path":
                return {"Mountpoint": str(place)}
            case "Mount":
                place.mkdir(parents=True, exist_ok=True)
                volume["mounts"].append(body["ID"])
                return self.kept() | {"Mountpoint": str(place)}
            case "Unmount":
                volume["mounts"].remove(body["ID"])
                return self.kept()
            case "Remove":
                del self.volumes[name]
                return self.kept()
            case _:
                return {"Err": f"no method {verb}"}

    def described(self, name: str) -> dict[str, Any]:
        place = self.folder / "data" / name
        return {
            "Name": name,
            "Mountpoint": str(place) if place.exists() else "",
            "CreatedAt": "2020-01-02T03:04:05Z",
            "Status": {"mounts": len(self.volumes[name]["mounts"])},
        }

    def kept(self) -> dict[str, Any]:
        self.file.write_text(json.dumps(self.volumes))
        return {}


def serve(socket: str, folder: str, scope: str = "local") -> None:
    plugin = Plugin(Path(folder), scope)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = json.dumps(plugin.answer(self.path.strip("/"), json.loads(data or b"{}")))
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.docker.plugins.v1.1+json")
            self.end_headers()
            self.wfile.write(answer.encode())

        def address_string(self) -> str:
            return "engine"

        def log_message(self, *args: Any) -> None:
            """Nothing: tests' output is the tests'."""

    Path(socket).parent.mkdir(parents=True, exist_ok=True)
    Path(socket).unlink(missing_ok=True)
    with socketserver.ThreadingUnixStreamServer(socket, Handler) as server:
        server.serve_forever()


@contextlib.contextmanager
def volume_plugin(socket: Path, folder: Path, scope: str = "local") -> Iterator[Path]:
    """A running plugin; the file with the calls it got."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, str(socket), str(folder), scope]
    with subprocess.Popen(command) as process:
        try:
            while not socket.exists():
                assert process.poll() is None
                time.sleep(0.02)
            yield folder / "calls"
        finally:
            process.kill()
            process.wait()
            socket.unlink(missing_ok=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
