"""What one test makes in an engine, all of it named after the test run and removed at its end."""

import itertools
import secrets
from collections.abc import Callable
from typing import Any

from support.engine import Engine, Result, eventually

BUSYBOX = "conformance-busybox"
FOREVER = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done")


class Box:
    """Names for containers, volumes, networks and images that vanish with the test."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.prefix = f"cf{secrets.token_hex(4)}"
        self._count = itertools.count()
        self._undo: list[Callable[[], Any]] = []

    def name(self) -> str:
        """A new container name."""
        return self._named(lambda n: f"/containers/{n}?force=1&v=1")

    def volume(self) -> str:
        return self._named(lambda n: f"/volumes/{n}?force=1")

    def network(self) -> str:
        return self._named(lambda n: f"/networks/{n}")

    def image(self, tag: str = "latest") -> str:
        return self._named(lambda n: f"/images/{n}:{tag}?force=1") + f":{tag}"

    def _named(self, path: Callable[[str], str]) -> str:
        name = f"{self.prefix}-{next(self._count)}"
        self._undo.append(lambda: self.engine.api("DELETE", path(name)))
        return name

    def on_exit(self, undo: Callable[[], Any]) -> None:
        self._undo.append(undo)

    def create(self, *args: str, image: str = BUSYBOX) -> str:
        """Create a container: flags, then maybe "--" and its command; its name."""
        name = self.name()
        self.engine.ok("create", "--name", name, *_split(args, image))
        return name

    def start(self, *args: str, image: str = BUSYBOX) -> str:
        """Start a container in the background, one that runs for ever if no command is given; its name."""
        name = self.name()
        command = args if "--" in args else (*args, "--", *FOREVER)
        self.engine.ok("run", "-d", "--name", name, *_split(command, image))
        return name

    def run(self, *args: str, image: str = BUSYBOX, stdin: bytes | None = None) -> Result:
        """Run to the end and remove: flags, "--", command."""
        return self.engine.docker("run", "--rm", *_split(args, image), stdin=stdin)

    def sh(self, script: str, *flags: str, image: str = BUSYBOX) -> str:
        """What a shell script prints in a container with these flags; it must succeed."""
        result = self.run(*flags, "--", "sh", "-ec", script, image=image)
        assert result.code == 0, result
        return result.stdout.removesuffix("\n")

    def ended(self, *args: str, image: str = BUSYBOX) -> str:
        """Run a container to its end, whatever that is; its name."""
        name = self.name()
        self.engine.docker("run", "--name", name, *_split(args, image))
        return name

    def wait_for_log(self, name: str, text: str) -> None:
        eventually(lambda: text in self.engine.ok("logs", name))

    def close(self) -> None:
        while self._undo:
            self._undo.pop()()


def _split(args: tuple[str, ...], image: str) -> list[str]:
    flags, command = (
        (args[: (i := args.index("--"))], args[i + 1 :]) if "--" in args else (args, ())
    )
    return [*flags, image, *command]
