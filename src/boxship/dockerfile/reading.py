"""Statements to instructions: each keyword's grammar, with Docker's words for what is wrong."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Final

from boxship.dockerfile.instructions import (
    KEYWORDS,
    Arg,
    Cmd,
    Command,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    HealthCheck,
    Instruction,
    Label,
    Maintainer,
    Onbuild,
    Run,
    Shell,
    StopSignal,
    User,
    Volume,
    Workdir,
)
from boxship.dockerfile.parser import Dockerfile, DockerfileError, Statement, heredoc_words
from boxship.dockerfile.parser import parse_statement as parse_text
from boxship.dockerfile.suggest import suggestion
from boxship.dockerfile.units import parse_duration
from boxship.errors import InvalidArgument

_STAGE_NAME: Final = re.compile(r"[a-z][a-z0-9-_.]*")
_MAX_DIGITS: Final = 9
_TRUE: Final = frozenset({"", "1", "t", "T", "true", "TRUE", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "false", "FALSE", "False"})


def read_instructions(dockerfile: Dockerfile) -> tuple[Instruction, ...]:
    """All instructions of a Dockerfile; raise DockerfileError at the first wrong one."""
    return tuple(read_instruction(each, dockerfile.escape) for each in dockerfile.statements)


def read_text(text: str, line: int = 1, escape: str = "\\") -> Instruction:
    """One instruction from text, as ONBUILD triggers and `commit --change` have it."""
    return read_instruction(parse_text(text, line, escape), escape)


def read_instruction(statement: Statement, escape: str) -> Instruction:
    """What one statement says."""
    reader = _READERS.get(statement.keyword)
    if reader is None:
        hint = suggestion(statement.keyword, KEYWORDS)
        raise DockerfileError(f"unknown instruction: {statement.keyword}{hint}", statement.line)
    return reader(_Words(statement, escape))


class _Words:
    """A statement being read: its flags are taken one by one, its arguments in the form asked for."""

    def __init__(self, statement: Statement, escape: str) -> None:
        self.statement = statement
        self.keyword = statement.keyword
        self.rest = statement.rest
        self.escape = escape
        self._flags = self._parse_flags()

    def error(self, text: str) -> DockerfileError:
        return DockerfileError(text, self.statement.line)

    def _parse_flags(self) -> dict[str, list[str]]:
        known = _FLAGS.get(self.keyword, ())
        found: dict[str, list[str]] = {}
        for flag in self.statement.flags:
            name, equals, value = flag.removeprefix("--").partition("=")
            if name not in known:
                raise self.error(f"unknown flag: --{name}{suggestion(name, known)}")
            if not equals and name not in _SWITCHES:
                raise self.error(f"missing a value on flag: --{name}")
            if name in found and name not in _REPEATABLE:
                raise self.error(f"duplicate flag specified: --{name}")
            found.setdefault(name, []).append(value)
        return found

    def flag(self, name: str) -> str:
        return self._flags.get(name, [""])[-1]

    def flags(self, name: str) -> tuple[str, ...]:
        return tuple(self._flags.get(name, ()))

    def switch(self, name: str) -> bool | None:
        if name not in self._flags:
            return None
        value = self.flag(name)
        if value in _TRUE or value in _FALSE:
            return value in _TRUE
        raise self.error(f"expecting boolean value for flag --{name}, not: {value}")

    def duration(self, name: str) -> int:
        text = self.flag(name)
        if not text:
            return 0
        try:
            value = parse_duration(text)
        except InvalidArgument as error:
            raise self.error(str(error)) from error
        if value and value < 1_000_000:
            raise self.error(f'Interval "{name}" cannot be less than 1ms')
        return value

    def json(self) -> tuple[str, ...] | None:
        """The arguments as a JSON array of strings, None when they are not one."""
        if not self.rest.startswith("["):
            return None
        try:
            words = json.loads(self.rest)
        except (ValueError, RecursionError):
            return None
        if not all(isinstance(word, str) for word in words):
            raise DockerfileError(
                "failed to parse Dockerfile: when using JSON array syntax, "
                "arrays must be comprised of strings only"
            )
        return tuple(words)

    def words(self) -> tuple[str, ...]:
        """The arguments as a JSON array or separated by white space."""
        words = self.json()
        return words if words is not None else tuple(self.rest.split())

    def command(self) -> Command:
        words = self.json()
        if words is None and not self.rest:
            return Command((), shell_form=True)
        return (
            Command((self.rest,), shell_form=True)
            if words is None
            else Command(words, shell_form=False)
        )

    def require(self, words: Sequence[str], rule: str) -> None:
        counts = {"exactly one argument": len(words) == 1, "at least one argument": len(words) >= 1}
        if not counts[rule]:
            raise self.error(f"{self.keyword} requires {rule}")

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """`k=v k2="v 2"`, or the old form `k the rest`; quotes stay, they are resolved on expansion."""
        words = split_words(self.rest, self.escape)
        if not words:
            raise self.error(f"{self.keyword} requires at least one argument")
        if "=" not in words[0]:
            key, _, value = self.rest.partition(" ")
            if not value.strip():
                raise DockerfileError(
                    f"failed to parse Dockerfile: {self.keyword} must have two arguments"
                )
            return ((key, value.strip()),)
        found: list[tuple[str, str]] = []
        for word in words:
            key, equals, value = word.partition("=")
            if not equals:
                raise DockerfileError(
                    f'failed to parse Dockerfile: Syntax error - can\'t find = in "{word}". '
                    "Must be of the form: name=value"
                )
            if not key:
                raise self.error(f"{self.keyword} names can not be blank")
            found.append((key, value))
        return tuple(found)


def split_words(text: str, escape: str) -> list[str]:
    """Words separated by unquoted, unescaped white space, with quotes and escapes kept."""
    words: list[str] = []
    word: list[str] = []
    quote = ""
    at = 0
    while at < len(text):
        character = text[at]
        if character == escape and quote != "'" and at + 1 < len(text):
            word.append(text[at : at + 2])
            at += 2
            continue
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character.isspace():
            if word:
                words.append("".join(word))
            word.clear()
            at += 1
            continue
        word.append(character)
        at += 1
    return [*words, "".join(word)] if word else words


_FLAGS: Final = {
    "FROM": ("platform",),
    "RUN": ("mount", "network", "security"),
    "COPY": ("from", "chown", "chmod", "link", "parents", "exclude"),
    "ADD": ("chown", "chmod", "link", "checksum", "keep-git-dir", "unpack", "exclude"),
    "HEALTHCHECK": ("interval", "timeout", "start-period", "start-interval", "retries"),
}
_SWITCHES: Final = frozenset({"link", "parents", "keep-git-dir", "unpack"})
_REPEATABLE: Final = frozenset({"mount", "exclude"})


def _from(words: _Words) -> From:
    parts = words.rest.split()
    line, original = words.statement.line, words.statement.original
    platform = words.flag("platform")
    if len(parts) == 1:
        return From(line=line, original=original, image=parts[0], platform=platform)
    if len(parts) != 3 or parts[1].upper() != "AS":
        raise words.error("FROM requires either one or three arguments")
    name = parts[2].lower()
    if not _STAGE_NAME.fullmatch(name):
        raise words.error(
            f'invalid name for build stage: "{parts[2]}", name can\'t start with a number or contain symbols'
        )
    return From(line=line, original=original, image=parts[0], name=name, platform=platform)


def _run(words: _Words) -> Run:
    network = words.flag("network")
    if network not in ("", "default", "none", "host"):
        raise words.error(f'invalid network mode "{network}"')
    return Run(
        line=words.statement.line,
        original=words.statement.original,
        command=words.command(),
        mounts=words.flags("mount"),
        network=network,
        security=words.flag("security"),
        heredocs=words.statement.heredocs,
    )


def _copy(words: _Words) -> Copy:
    parts = words.words()
    if words.statement.heredocs:
        parts = tuple(heredoc_words(words.rest))
    if len(parts) < 2:
        raise words.error(
            f"{words.keyword} requires at least two arguments, but only one was provided. "
            "Destination could not be determined"
        )
    names = {heredoc.name for heredoc in words.statement.heredocs}
    sources = [
        part
        for part in parts[:-1]
        if not ("<<" in part and part.partition("<<")[2].lstrip("-").strip("\"'") in names)
    ]
    return Copy(
        line=words.statement.line,
        original=words.statement.original,
        keyword=words.keyword,
        sources=tuple(sources),
        destination=parts[-1],
        from_=words.flag("from"),
        chown=words.flag("chown"),
        chmod=words.flag("chmod"),
        checksum=words.flag("checksum"),
        link=bool(words.switch("link")),
        parents=bool(words.switch("parents")),
        exclude=words.flags("exclude"),
        keep_git_dir=bool(words.switch("keep-git-dir")),
        unpack=words.switch("unpack"),
        heredocs=words.statement.heredocs,
    )


def _arg(words: _Words) -> Arg:
    parts = split_words(words.rest, words.escape)
    words.require(parts, "at least one argument")
    pairs: list[tuple[str, str | None]] = []
    for part in parts:
        key, equals, value = part.partition("=")
        if not key:
            raise words.error("ARG names can not be blank")
        pairs.append((key, value if equals else None))
    return Arg(line=words.statement.line, original=words.statement.original, pairs=tuple(pairs))


def _shell(words: _Words) -> Shell:
    parts = words.json()
    if parts is None and words.rest:
        raise words.error("SHELL requires the arguments to be in JSON form")
    words.require(parts or (), "at least one argument")
    return Shell(line=words.statement.line, original=words.statement.original, words=parts or ())


def _onbuild(words: _Words) -> Onbuild:
    trigger = words.rest.split(None, 1)[:1]
    words.require(trigger, "at least one argument")
    keyword = trigger[0].upper()
    if keyword == "ONBUILD":
        raise words.error("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if keyword in ("MAINTAINER", "FROM"):
        raise words.error(f"{keyword} isn't allowed as an ONBUILD trigger")
    bodies = "".join(f"\n{each.content}{each.name}" for each in words.statement.heredocs)
    text = re.sub(r"^\s*ONBUILD\s*", "", words.statement.original, flags=re.IGNORECASE)
    return Onbuild(
        line=words.statement.line, original=words.statement.original, trigger=text + bodies
    )


def _health_check(words: _Words) -> HealthCheck:
    kind, _, rest = words.rest.partition(" ")
    words.require(kind.split(), "at least one argument")
    line, original = words.statement.line, words.statement.original
    if kind.upper() == "NONE":
        if rest.strip():
            raise words.error("HEALTHCHECK NONE takes no arguments")
        return HealthCheck(line=line, original=original, test=("NONE",))
    if kind.upper() != "CMD":
        raise words.error(f'Unknown type "{kind.upper()}" in HEALTHCHECK (try CMD)')
    words.rest = rest.strip()
    if not words.rest:
        raise words.error("Missing command after HEALTHCHECK CMD")
    command = words.command()
    if not command.words:
        raise words.error("Missing command after HEALTHCHECK CMD")
    retries = words.flag("retries") or "0"
    if not re.fullmatch(r"-?\d+", retries):
        raise words.error(f'strconv.ParseInt: parsing "{retries}": invalid syntax')
    if len(retries) > _MAX_DIGITS:
        raise words.error(f'strconv.ParseInt: parsing "{retries}": value out of range')
    if int(retries) < 0:
        raise words.error(f"--retries cannot be negative ({retries})")
    return HealthCheck(
        line=line,
        original=original,
        test=("CMD-SHELL" if command.shell_form else "CMD", *command.words),
        interval=words.duration("interval"),
        timeout=words.duration("timeout"),
        start_period=words.duration("start-period"),
        start_interval=words.duration("start-interval"),
        retries=int(retries),
    )


def _one(words: _Words) -> str:
    if not words.rest:
        raise words.error(f"{words.keyword} requires exactly one argument")
    return words.rest


def _many(words: _Words) -> tuple[str, ...]:
    parts = words.words()
    words.require(parts, "at least one argument")
    return parts


def _volume(words: _Words) -> Volume:
    paths = _many(words)
    if any(not path.strip() for path in paths):
        raise words.error("VOLUME specified can not be an empty string")
    return Volume(line=words.statement.line, original=words.statement.original, paths=paths)


_READERS: Final[dict[str, Callable[[_Words], Instruction]]] = {
    "FROM": _from,
    "RUN": _run,
    "COPY": _copy,
    "ADD": _copy,
    "ARG": _arg,
    "SHELL": _shell,
    "ONBUILD": _onbuild,
    "HEALTHCHECK": _health_check,
    "VOLUME": _volume,
    "ENV": lambda w: Env(line=w.statement.line, original=w.statement.original, pairs=w.pairs()),
    "LABEL": lambda w: Label(line=w.statement.line, original=w.statement.original, pairs=w.pairs()),
    "CMD": lambda w: Cmd(line=w.statement.line, original=w.statement.original, command=w.command()),
    "ENTRYPOINT": lambda w: Entrypoint(
        line=w.statement.line, original=w.statement.original, command=w.command()
    ),
    "EXPOSE": lambda w: Expose(
        line=w.statement.line, original=w.statement.original, ports=_many(w)
    ),
    "USER": lambda w: User(line=w.statement.line, original=w.statement.original, user=_one(w)),
    "WORKDIR": lambda w: Workdir(
        line=w.statement.line, original=w.statement.original, path=_one(w)
    ),
    "STOPSIGNAL": lambda w: StopSignal(
        line=w.statement.line, original=w.statement.original, signal=_one(w)
    ),
    "MAINTAINER": lambda w: Maintainer(
        line=w.statement.line, original=w.statement.original, name=_one(w)
    ),
}
