"""A case on one engine, from its first step until nothing of it is left."""

import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from support import boxship_cli
from support.box import BUSYBOX
from support.differential import wires
from support.differential.normal import Normaliser, shape
from support.differential.steps import Body, Call, Case, Command, Hijacked, Look, Step
from support.engine import Engine, eventually

PLACEHOLDER = re.compile(r"<([a-z][a-z0-9]*)>")


@dataclass(frozen=True)
class Side:
    """An engine, and the command line that is used on it."""

    engine: Engine
    program: str = "docker"

    @cached_property
    def cgroup(self) -> str:
        """The version of cgroups that it works with."""
        return str(self.engine.get("/info")["CgroupVersion"])

    @cached_property
    def roots(self) -> dict[str, str]:
        """Where it keeps things, and what we call that."""
        data_root = Path(self.engine.get("/info")["DockerRootDir"])
        ours = data_root.parent / "run"  # the folders that support.boxshipd makes
        run = ours if data_root.name == "data" else Path("/var/run", data_root.name)
        return {str(data_root): "<root>", str(run): "<run>"}


class Script:
    """One run of one case: its names, what it saved, what it made."""

    def __init__(self, side: Side, scene: "Script | None" = None) -> None:
        self._side = side
        self._prefix = f"df{secrets.token_hex(4)}"
        self._begin = time.time()
        self._values: dict[str, str] = dict(scene._values) if scene else {}
        self._own: list[str] = []
        self._scene = scene
        self.normaliser = Normaliser(
            (self._prefix, scene._prefix) if scene else (self._prefix,), side.roots
        )

    def run(self, case: Case) -> list[Any]:
        """What the steps came to, normalised; None for those that set the scene."""
        try:
            return [self.step(step) for step in case.steps]
        finally:
            self.clean()

    def step(self, step: Step) -> Any:
        """Do one step."""
        filled: Step = self._fill(step)
        match filled:
            case Call():
                return self._call(filled)
            case Hijacked():
                reply = wires.hijacked(self._side.engine, filled)
                return self._seen(wires.told(reply, Body.FRAMES), filled.look)
            case Command():
                return self._command(filled)

    def _call(self, step: Call) -> Any:
        reply = wires.call(self._side.engine, step)
        if step.poll:
            reply = eventually(lambda: self._until(step))
        if step.look is Look.NOTHING:
            assert reply.status < 400, f"{step}: {reply.status} {reply.body.decode()}"
        if step.save and reply.status < 300:
            self._values[step.save] = _identity(reply.json())
            if step.method == "POST":
                self._own.append(self._values[step.save])
        if step.look is Look.NOTHING:
            return None
        return self._seen(wires.told(reply, step.reading), step.look)

    def _until(self, step: Call) -> Any:
        reply = wires.call(self._side.engine, step)
        if "" in step.poll:
            return reply if step.poll[""].encode() in reply.body else None
        if all(_at(reply.json(), path) == value for path, value in step.poll.items()):
            return reply
        return None

    def _command(self, step: Command) -> Any:
        program = self._side.program
        result = boxship_cli.run(
            program, step.words, self._side.engine.host, stdin=step.stdin, extra=step.environment
        )
        if step.look is Look.NOTHING:
            assert result.code == 0, f"{step}: {result}"
            self._save(step.save, result.stdout.strip())
            return None
        self._save(step.save, result.stdout.strip())
        if step.look is Look.STATUS:
            return {"code": result.code}
        return {
            "code": result.code,
            "stdout": self._output(result.stdout, program),
            "stderr": self._output(result.stderr, program),
        }

    def _output(self, text: str, program: str) -> Any:
        if program == "boxship":
            text = text.replace("boxship", "docker").replace("Boxship", "Docker")
        text = boxship_cli.LEGACY.sub("", text)
        if text.startswith(("{", "[")):
            try:
                return self.normaliser.value(json.loads(text))
            except ValueError:
                pass
        return self.normaliser.table(text).split("\n")

    def _seen(self, document: dict[str, Any], look: Look) -> Any:
        if look is Look.STATUS:
            return {"status": document["status"]}
        if look is Look.SHAPE:
            document = {**document, "body": shape(document["body"])}
        return self.normaliser.value(document)

    def _save(self, name: str, value: str) -> None:
        if name and value:
            self._values[name] = value
            self._own.append(value)

    def _fill(self, step: Step) -> Any:
        changes = {}
        for one in fields(step):
            value = getattr(step, one.name)
            if one.name not in ("save", "poll") and isinstance(value, str | tuple | Mapping):
                changes[one.name] = self._filled(value)
        return replace(step, **changes)

    def _filled(self, value: Any) -> Any:
        match value:
            case str():
                return PLACEHOLDER.sub(lambda found: self._value(found[1]), value)
            case dict():
                return {self._filled(key): self._filled(item) for key, item in value.items()}
            case list() | tuple():
                return type(value)(self._filled(item) for item in value)
            case _:
                return value

    def _value(self, name: str) -> str:
        match name:
            case "image":
                return BUSYBOX
            case "prefix":
                return self._prefix
            case "scene":
                return self._scene._prefix if self._scene else self._prefix
            case "begin":
                return f"{self._begin:.9f}"
            case "now":
                return f"{time.time():.9f}"
            case _ if name in self._values:
                return self._values[name]
            case _:
                pass
        self._save(name, f"{self._prefix}-{name}")
        return self._values[name]

    def clean(self) -> None:
        """Remove whatever the case made, containers first: they hold the rest."""
        names = [name for name in reversed(self._own) if not re.search(r"[/\s]", name)]
        for path in _MADE:
            for name in names:
                self._side.engine.api("DELETE", path.format(name))


_MADE = (
    "/containers/{}?v=1&force=1",
    "/volumes/{}?force=1",
    "/networks/{}",
    "/images/{}?force=1",
)


def _identity(document: Any) -> str:
    if not isinstance(document, dict):
        return ""
    return str(document.get("Id") or document.get("ID") or document.get("Name") or "")


def _at(document: Any, path: str) -> Any:
    for key in path.split("/"):
        document = document.get(key) if isinstance(document, dict) else None
    return document
