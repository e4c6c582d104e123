"""What a case of the differential tests does: steps, each one API call or one command line.

`<word>` in any text is a placeholder: what a step before saved under that name, one of the engine's own
(`<image>`: a busybox image; `<prefix>`: how all names of this case begin, `<scene>`: those of the scene; `<begin>`, `<now>`: seconds since
the epoch when the case began, and now), else a name of this case's own – the same at each mention, and
whatever has that name (container, volume, network, image) is removed afterwards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Enum, auto
from typing import Any

LATEST = "v1.51"


class Look(Enum):
    """How closely two answers are compared."""

    ALL = auto()
    SHAPE = auto()
    """Names and types of fields, not their values."""
    STATUS = auto()
    """Status or exit code only."""
    NOTHING = auto()
    """Not at all: it sets the scene, and has to succeed."""


class Body(Enum):
    """How an answer's body is read."""

    AUTO = auto()
    """By its Content-Type: JSON documents, or text."""
    TAR = auto()
    """A list of the archive's members."""
    FRAMES = auto()
    """The texts of the streams of a multiplexed stream."""
    SIZE = auto()
    """Whether there is one."""


@dataclass(frozen=True)
class Call:
    """One API request."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    raw: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    version: str = LATEST
    reading: Body = Body.AUTO
    look: Look = Look.ALL
    save: str = ""
    """Placeholder that the answer's Id becomes."""
    poll: Mapping[str, Any] = field(default_factory=dict)
    """Asked again until the answer has these values, `{"State/Running": False}`, or text, `{"": "up"}`."""
    first: int = 0
    """Read this many documents of an endless stream, then leave."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Hijacked:
    """One request whose connection becomes a stream: sends *stdin*, reads to the end."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    stdin: bytes = b""
    half_close: bool = True
    upgrade: str = "tcp"
    version: str = LATEST
    look: Look = Look.ALL

    def __str__(self) -> str:
        return f"{self.method} {self.path} (hijacked)"


@dataclass(frozen=True)
class Command:
    """One command line."""

    words: tuple[str, ...]
    stdin: bytes = b""
    environment: Mapping[str, str] = field(default_factory=dict)
    look: Look = Look.ALL
    save: str = ""

    def __str__(self) -> str:
        return " ".join(self.words)


Step = Call | Hijacked | Command


@dataclass(frozen=True)
class Case:
    """A named script; what it makes is removed afterwards."""

    name: str
    steps: tuple[Step, ...]
    slow: bool = False

    def __str__(self) -> str:
        return self.name


def case(name: str, *steps: Step, slow: bool = False) -> Case:
    """A case of these steps."""
    return Case(name, steps, slow)


def api(method: str, path: str, json: Any = None, /, **options: Any) -> Call:
    """A request with a JSON body or none; options are Call's fields, others go into the query."""
    return Call(method, path, json=json, **_sorted(Call, options))


def hijack(method: str, path: str, json: Any = None, /, **options: Any) -> Hijacked:
    """A request that becomes a stream; options are Hijacked's fields, others go into the query."""
    return Hijacked(method, path, json=json, **_sorted(Hijacked, options))


def cli(*words: str, **options: Any) -> Command:
    """A command line, without the program: `cli("ps", "-a")`, or `cli("ps -a")` if no word has a space."""
    split = tuple(words[0].split()) if len(words) == 1 else words
    return Command(split, **options)


def given(*steps: Step) -> tuple[Step, ...]:
    """Steps that only set the scene."""
    return tuple(replace(step, look=Look.NOTHING) for step in steps)


def _sorted(kind: type[Call | Hijacked], options: Mapping[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(kind)}
    known = {name: value for name, value in options.items() if name in names}
    others = {name: value for name, value in options.items() if name not in known}
    return {**known, "query": {**known.get("query", {}), **others}}


FOREVER = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"]


def create(name: str, *command: str, **settings: Any) -> tuple[Step, ...]:
    """Create a container: its name's placeholder, its command, fields of its configuration."""
    body = {"Image": "<image>", "Cmd": list(command) or FOREVER, **settings}
    return given(api("POST", "/containers/create", body, name=f"<{name}>", save=f"{name}id"))


def start(name: str, *command: str, **settings: Any) -> tuple[Step, ...]:
    """Create a container and start it."""
    made = create(name, *command, **settings)
    return (*made, *given(api("POST", f"/containers/<{name}>/start")))


def finish(name: str, *command: str, **settings: Any) -> tuple[Step, ...]:
    """Create a container, start it, wait for its end."""
    made = create(name, *command, **settings)
    begun = given(api("POST", f"/containers/<{name}>/start"))
    return (*made, *begun, *given(api("POST", f"/containers/<{name}>/wait")))


def flat(*parts: Case | Sequence[Case]) -> list[Case]:
    """One list of cases and lists of them."""
    return [item for part in parts for item in ([part] if isinstance(part, Case) else part)]
