"""Tags of log entries: Go templates on the facts of a container, as far as tags use them. Pure.

`{{.Name}}`, `{{.ImageName}}` and the like, quoted texts, pipelines of Docker's string functions, `index` on
labels and variables, and trimming with `{{-` and `-}}`. The CLI's template engine is not used here: the
engine must not import the CLI, and tags need a tenth of it.
"""

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from boxship.engine.logging.info import LogInfo
from boxship.errors import Internal

DEFAULT: Final = "{{.ID}}"
_TOKEN: Final = re.compile(r'\s*("(?:[^"\\]|\\.)*"|`[^`]*`|\||[^\s|]+)')
_SHORT: Final = 12

_FIELDS: Final[dict[str, Callable[[LogInfo], Any]]] = {
    "ID": lambda info: info.container_id[:_SHORT],
    "FullID": lambda info: info.container_id,
    "ContainerID": lambda info: info.container_id,
    "Name": lambda info: info.name,
    "ContainerName": lambda info: f"/{info.name}",
    "ImageID": lambda info: info.image_id[:_SHORT],
    "ImageFullID": lambda info: info.image_id,
    "ContainerImageID": lambda info: info.image_id,
    "ImageName": lambda info: info.image_name,
    "ContainerImageName": lambda info: info.image_name,
    "Command": lambda info: info.command,
    "ContainerCreated": lambda info: info.created,
    "ContainerLabels": lambda info: dict(info.labels),
    "ContainerEnv": lambda info: list(info.env),
    "Config": lambda info: dict(info.options),
    "DaemonName": lambda _: "docker",
}
_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "lower": lambda text: text.lower(),
    "upper": lambda text: text.upper(),
    "title": lambda text: " ".join(word[:1].upper() + word[1:] for word in text.split(" ")),
    "json": lambda value: msgspec.json.encode(value).decode(),
    "split": lambda text, separator: text.split(separator),
    "join": lambda values, separator: separator.join(values),
    "truncate": lambda text, length: text[: int(length)],
    "pad": lambda text, before, after: " " * int(before) + text + " " * int(after),
    "print": lambda *values: "".join(map(str, values)),
    "index": lambda value, key: value.get(key, "") if isinstance(value, dict) else value[int(key)],
}


def parse_tag(info: LogInfo, default: str = DEFAULT) -> str:
    """What the option `tag`, or else the default, says for this container; raise with Go's words."""
    text = info.options.get("tag", "") or default
    if text == DEFAULT:
        return info.container_id[:_SHORT]
    return _render(text, info)


def _render(text: str, info: LogInfo) -> str:
    made, position = "", 0
    while (begin := text.find("{{", position)) >= 0:
        end = text.find("}}", begin)
        if end < 0:
            raise _failure(text, begin, "unclosed action", parsing=True)
        before, action = text[position:begin], text[begin + 2 : end]
        position = end + 2
        if action.startswith("- "):
            before, action = before.rstrip(), action[2:]
        if action.endswith(" -"):
            action = action[:-2]
            position += len(text[position:]) - len(text[position:].lstrip())
        made += before + _action(text, begin, action, info)
    return made + text[position:]


def _action(text: str, begin: int, action: str, info: LogInfo) -> str:
    if action.startswith("/*") and action.endswith("*/"):
        return ""
    value: Any = None
    command: list[str] = []
    piped = False
    for word in [*_TOKEN.findall(action), "|"]:
        if word != "|":
            command.append(word)
            continue
        if not command:
            raise _failure(text, begin, "missing value for command", parsing=True)
        value = _command(text, begin, command, [value] if piped else [], info)
        command, piped = [], True
    return str(value)


def _command(text: str, begin: int, command: list[str], last: list[Any], info: LogInfo) -> Any:
    name, *operands = command
    if not name.isidentifier():
        return _value(text, begin, name, info)
    function = _FUNCTIONS.get(name)
    if function is None:
        raise _failure(text, begin, f'function "{name}" not defined', parsing=True)
    values = [_value(text, begin, operand, info) for operand in operands] + last
    try:
        return function(*values)
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        reason = f'executing "log-tag" at <{" ".join(command)}>: error calling {name}: {error}'
        raise _failure(text, begin, reason) from error


def _value(text: str, begin: int, operand: str, info: LogInfo) -> Any:
    if operand[:1] in {'"', "`"}:
        return operand[1:-1]
    if operand.lstrip("-").isdigit():
        return int(operand)
    field = _FIELDS.get(operand[1:]) if operand.startswith(".") else None
    if field is None:
        name = operand.lstrip(".").partition(".")[0]
        reason = f"can't evaluate field {name} in type *logger.Info"
        raise _failure(text, begin, f'executing "log-tag" at <{operand}>: {reason}')
    return field(info)


def _failure(text: str, begin: int, reason: str, *, parsing: bool = False) -> Internal:
    line = text.count("\n", 0, begin) + 1
    column = "" if parsing else f"{begin - text.rfind(chr(10), 0, begin) + 1}:"
    return Internal(f"template: log-tag:{line}:{column} {reason}")
