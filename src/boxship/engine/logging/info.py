"""What a log driver knows about the container whose log it keeps. Pure."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from boxship.errors import Internal
from boxship.model.container import Container

_GO_REGEXP_ERRORS: Final = (
    ("missing ), unterminated subpattern", "missing closing ): `{pattern}`"),
    ("unbalanced parenthesis", "unexpected ): `{pattern}`"),
    ("unterminated character set", "missing closing ]: `{rest}`"),
    ("nothing to repeat", "missing argument to repetition operator: `{rest}`"),
)


class LogInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Docker's logger.Info: options, and facts for tags and attributes."""

    options: Mapping[str, str]
    container_id: str
    name: str  # without the slash
    command: str
    image_id: str
    image_name: str
    created: str
    env: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}


def log_info(container: Container) -> LogInfo:
    """The facts of a container."""
    seconds, fraction = divmod(container.created, 10**9)
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    digits = f".{fraction:09d}".rstrip("0").rstrip(".")
    return LogInfo(
        options=container.host_config.log_config.config or {},
        container_id=container.id,
        name=container.name,
        command=" ".join((container.path, *container.args)),
        image_id=str(container.image or ""),
        image_name=container.image_reference,
        created=f"{moment}{digits}Z",
        env=container.config.env or (),
        labels=container.config.labels or {},
    )


def extra_attributes(
    info: LogInfo, rename: Callable[[str], str] = lambda key: key
) -> dict[str, str]:
    """The labels and variables that `labels`, `env` and their regular expressions choose."""
    labels = info.labels
    env = dict(pair.split("=", 1) for pair in info.env if "=" in pair)
    found: dict[str, str] = {}
    for source, option in ((labels, "labels"), (env, "env")):
        for key in info.options.get(option, "").split(","):
            if key in source:
                found[rename(key)] = source[key]
        expression = info.options.get(f"{option}-regex", "")
        if expression and (option == "labels" or source):  # Docker looks at the other one late
            pattern = _compiled(expression)
            found |= {rename(k): v for k, v in source.items() if pattern.search(k)}
    return found


def _compiled(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except re.error as error:
        rest = expression[error.pos :] if error.pos is not None else expression
        reason = f"{error.msg}: `{expression}`"
        for ours, go in _GO_REGEXP_ERRORS:
            if error.msg.startswith(ours):
                reason = go.format(pattern=expression, rest=rest)
        raise Internal(f"error parsing regexp: {reason}") from error
