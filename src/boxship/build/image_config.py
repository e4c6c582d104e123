"""Instructions that only change an image's configuration: what each makes of it, and what history says.

Used by builds, and by `commit --change` and `import --change`. Follows moby daemon/builder/dockerfile
dispatchers.go.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from boxship.dockerfile.expand import expand, expand_words
from boxship.dockerfile.instructions import (
    Cmd,
    Command,
    Entrypoint,
    Env,
    Expose,
    HealthCheck,
    Instruction,
    Label,
    Onbuild,
    Shell,
    StopSignal,
    User,
    Volume,
    Workdir,
)
from boxship.dockerfile.parser import DockerfileError
from boxship.dockerfile.quoting import quote
from boxship.dockerfile.reading import read_text
from boxship.dockerfile.units import format_duration
from boxship.errors import InvalidArgument
from boxship.model.image import OCIHealthcheck, OCIRunConfig
from boxship.model.signals import parse_signal

DEFAULT_SHELL: Final = ("/bin/sh", "-c")
_CHANGES: Final = frozenset(
    [
        "CMD",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "HEALTHCHECK",
        "LABEL",
        "ONBUILD",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ]
)
_PORTS: Final = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_SIGNAL_NUMBER: Final = re.compile(r"[+-]?0*[1-9][0-9]*")
_replace = msgspec.structs.replace


class Applied(NamedTuple):
    """The configuration after an instruction, and the text history keeps of it."""

    config: OCIRunConfig
    comment: str


def apply_changes(config: OCIRunConfig, changes: Sequence[str]) -> OCIRunConfig:
    """Apply `--change` instructions; raise InvalidArgument."""
    for change in changes:
        for line in change.splitlines():
            if not line.strip():
                continue
            keyword = line.split()[0]
            applied = None
            if keyword.upper() in _CHANGES:
                applied = apply(config, read_text(line), environment_of(config))
            if applied is None:
                raise InvalidArgument(f"{keyword} is not a valid change command")
            config = applied.config
    return config


def apply(  # noqa: PLR0911 - one line an instruction
    config: OCIRunConfig,
    instruction: Instruction,
    environment: Mapping[str, str],
    escape: str = "\\",
) -> Applied | None:
    """What the instruction makes of the configuration; None for one that does more than that."""
    match instruction:
        case Env():
            return _env(config, instruction, environment, escape)
        case Label():
            return _label(config, instruction, environment, escape)
        case Expose():
            return _expose(config, instruction, environment, escape)
        case Volume():
            return _volume(config, instruction, environment, escape)
        case User():
            user = expand(instruction.user, environment, escape)
            return Applied(_replace(config, user=user), f"USER {user}")
        case StopSignal():
            name = expand(instruction.signal, environment, escape)
            if not _SIGNAL_NUMBER.fullmatch(name):  # any number will do here
                parse_signal(name)
            return Applied(_replace(config, stop_signal=name), f"STOPSIGNAL {name}")
        case Workdir():
            path = working_dir(config, expand(instruction.path, environment, escape))
            return Applied(_replace(config, working_dir=path), f"WORKDIR {path}")
        case Cmd() | Entrypoint():
            return _command(config, instruction)
        case Shell():
            shell = instruction.words
            return Applied(_replace(config, shell=shell), f"SHELL {_go_list(shell)}")
        case Onbuild():
            triggers = (*(config.on_build or ()), instruction.trigger)
            return Applied(_replace(config, on_build=triggers), f"ONBUILD {instruction.trigger}")
        case HealthCheck():
            return _health_check(config, instruction)
        case _:
            return None


def environment_of(config: OCIRunConfig) -> dict[str, str]:
    """The variables of a configuration."""
    return dict(split_pair(pair) for pair in config.env or ())


def split_pair(pair: str) -> tuple[str, str]:
    """`A=b` as a pair; without `=` the value is empty."""
    key, _, value = pair.partition("=")
    return key, value


def shell_of(config: OCIRunConfig) -> tuple[str, ...]:
    """What runs the shell form."""
    return config.shell or DEFAULT_SHELL


def command_line(config: OCIRunConfig, command: Command) -> tuple[str, ...]:
    """A command as it runs: the shell form goes through the image's shell."""
    return (*shell_of(config), *command.words) if command.shell_form else command.words


def working_dir(config: OCIRunConfig, path: str) -> str:
    """WORKDIR's argument, from the working directory so far."""
    if not path:
        raise InvalidArgument("cannot normalize nothing")
    joined = posixpath.normpath(posixpath.join("/", config.working_dir or "/", path))
    return "/" + joined.lstrip("/")


def set_env(env: Sequence[str] | None, key: str, value: str) -> tuple[str, ...]:
    """The list with one variable set, in its place if it was there."""
    pair = f"{key}={value}"
    found = list(env or ())
    for index, old in enumerate(found):
        if old.partition("=")[0] == key:
            found[index] = pair
            return tuple(found)
    return (*found, pair)


def _env(
    config: OCIRunConfig, instruction: Env, environment: Mapping[str, str], escape: str
) -> Applied:
    # all values see the variables as they were before this instruction
    env = config.env
    comments: list[str] = []
    for raw_key, raw_value in instruction.pairs:
        key, value = expand(raw_key, environment, escape), expand(raw_value, environment, escape)
        if not key:
            raise DockerfileError("ENV names can not be blank", instruction.line)
        env = set_env(env, key, value)
        comments.append(f"{key}={value}")
    return Applied(_replace(config, env=env), f"ENV {' '.join(comments)}")


def _label(
    config: OCIRunConfig, instruction: Label, environment: Mapping[str, str], escape: str
) -> Applied:
    pairs = [
        (expand(key, environment, escape), expand(value, environment, escape))
        for key, value in instruction.pairs
    ]
    comment = " ".join(f"{key}={value}" for key, value in pairs)
    return Applied(
        _replace(config, labels={**(config.labels or {}), **dict(pairs)}), f"LABEL {comment}"
    )


def _expose(
    config: OCIRunConfig, instruction: Expose, environment: Mapping[str, str], escape: str
) -> Applied:
    words = [word for port in instruction.ports for word in expand_words(port, environment, escape)]
    ports: dict[str, dict[str, str] | None] = dict(config.exposed_ports or {})
    for word in words:
        ports.update({port: {} for port in _ports(word)})
    return Applied(_replace(config, exposed_ports=ports), f"EXPOSE {' '.join(sorted(words))}")


def _ports(word: str) -> Iterator[str]:
    """Ports as `docker run -p` spells them; a place on the host is allowed, and of no effect."""
    ports, _, protocol = word.partition("/")
    host, _, inside = ports.rpartition(":")
    if not inside:
        raise InvalidArgument(f"No port specified: {word}<empty>")
    container = _port_range(inside, "containerPort")
    if host.rpartition(":")[2]:
        _port_range(host.rpartition(":")[2], "hostPort")
    protocol = (protocol or "tcp").lower()
    if protocol not in ("tcp", "udp", "sctp"):
        raise InvalidArgument(f"Invalid proto: {protocol}")
    for port in container:
        yield f"{port}/{protocol}"


def _port_range(text: str, what: str) -> range:
    match = _PORTS.fullmatch(text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if not first <= last <= 65535:
        raise InvalidArgument(f"Invalid {what}: {text}")
    return range(first, last + 1)


def _volume(
    config: OCIRunConfig, instruction: Volume, environment: Mapping[str, str], escape: str
) -> Applied:
    paths = [expand(path, environment, escape) for path in instruction.paths]
    if not all(path.strip() for path in paths):
        raise InvalidArgument("VOLUME specified can not be an empty string")
    volumes: dict[str, dict[str, str] | None] = dict(config.volumes or {})
    volumes.update({path: {} for path in paths})
    return Applied(_replace(config, volumes=volumes), f"VOLUME {_go_list(paths)}")


def _command(config: OCIRunConfig, instruction: Cmd | Entrypoint) -> Applied:
    words = command_line(config, instruction.command)
    comment = f"[{' '.join(quote(word) for word in words)}]"
    if isinstance(instruction, Cmd):
        changed = _replace(config, cmd=words or None, args_escaped=False)
        return Applied(changed, f"CMD {comment}")
    return Applied(_replace(config, entrypoint=words or None), f"ENTRYPOINT {comment}")


def _health_check(config: OCIRunConfig, instruction: HealthCheck) -> Applied:
    base = config.healthcheck or OCIHealthcheck()
    check = OCIHealthcheck(
        test=instruction.test,  # what is not said here stays as the base image has it
        interval=instruction.interval or base.interval,
        timeout=instruction.timeout or base.timeout,
        start_period=instruction.start_period or base.start_period,
        start_interval=instruction.start_interval or base.start_interval,
        retries=instruction.retries or base.retries,
    )
    times = (
        instruction.interval,
        instruction.timeout,
        instruction.start_period,
        instruction.start_interval,
    )
    shown = " ".join(format_duration(time) for time in times)
    comment = f"HEALTHCHECK &{{{_go_list(instruction.test)} {shown} {instruction.retries}}}"
    return Applied(_replace(config, healthcheck=check), comment)


def _go_list(words: Sequence[str]) -> str:
    return f"[{' '.join(words)}]"
