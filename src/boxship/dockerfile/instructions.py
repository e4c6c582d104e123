"""Instructions: what each statement of a Dockerfile says, before variables are expanded.

One frozen value an instruction of the Dockerfile reference; follows moby/buildkit
frontend/dockerfile/instructions.
"""

from typing import Final

import msgspec

from boxship.dockerfile.parser import Heredoc


class Instruction(msgspec.Struct, frozen=True, kw_only=True):
    """What all have: the line they begin on and their text in one line."""

    line: int
    original: str


class Command(msgspec.Struct, frozen=True):
    """A command: `words` as given in JSON, or one text for the shell."""

    words: tuple[str, ...]
    shell_form: bool


class From(Instruction, frozen=True, kw_only=True):
    """Begins a stage."""

    image: str
    name: str = ""
    platform: str = ""


class Run(Instruction, frozen=True, kw_only=True):
    """Runs a command and keeps what it changes; the flags are BuildKit's."""

    command: Command
    mounts: tuple[str, ...] = ()
    network: str = ""
    security: str = ""
    heredocs: tuple[Heredoc, ...] = ()

    @property
    def buildkit_flag(self) -> str:
        """The first flag that needs BuildKit, if any."""
        if self.mounts:
            return "mount"
        return "network" if self.network else "security" if self.security else ""


class Copy(Instruction, frozen=True, kw_only=True):
    """COPY and ADD: sources into the destination, the last word."""

    keyword: str
    sources: tuple[str, ...]
    destination: str
    from_: str = ""
    chown: str = ""
    chmod: str = ""
    checksum: str = ""
    link: bool = False
    parents: bool = False
    exclude: tuple[str, ...] = ()
    keep_git_dir: bool = False
    unpack: bool | None = None
    heredocs: tuple[Heredoc, ...] = ()


class Env(Instruction, frozen=True, kw_only=True):
    """Sets variables, here and in the image."""

    pairs: tuple[tuple[str, str], ...]


class Label(Instruction, frozen=True, kw_only=True):
    """Sets labels."""

    pairs: tuple[tuple[str, str], ...]


class Arg(Instruction, frozen=True, kw_only=True):
    """Declares build arguments, with defaults or None."""

    pairs: tuple[tuple[str, str | None], ...]


class Cmd(Instruction, frozen=True, kw_only=True):
    """The default command."""

    command: Command


class Entrypoint(Instruction, frozen=True, kw_only=True):
    """What the command is given to."""

    command: Command


class Shell(Instruction, frozen=True, kw_only=True):
    """The shell of the shell form."""

    words: tuple[str, ...]


class Expose(Instruction, frozen=True, kw_only=True):
    """Ports that the program listens on."""

    ports: tuple[str, ...]


class Volume(Instruction, frozen=True, kw_only=True):
    """Folders that get volumes."""

    paths: tuple[str, ...]


class User(Instruction, frozen=True, kw_only=True):
    """Who runs."""

    user: str


class Workdir(Instruction, frozen=True, kw_only=True):
    """Where it runs."""

    path: str


class StopSignal(Instruction, frozen=True, kw_only=True):
    """The signal that ends it."""

    signal: str


class Onbuild(Instruction, frozen=True, kw_only=True):
    """A statement for builds upon this image."""

    trigger: str


class Maintainer(Instruction, frozen=True, kw_only=True):
    """The author."""

    name: str


class HealthCheck(Instruction, frozen=True, kw_only=True):
    """A health check; durations in nanoseconds; `test` is as in the image's config."""

    test: tuple[str, ...]
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


KEYWORDS: Final = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
]
