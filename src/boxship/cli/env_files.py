"""`--env-file` and `--label-file`, and what the flags beside them add."""

from boxship.cli.files import open_error
from boxship.errors import InvalidArgument

_SPACES = " \t\n\v\f\r"


def read_pairs(path: str, *, inherit: bool) -> "list[str]":
    """The lines of a file; *inherit*: a bare name takes its value from our environment."""
    from os import environ

    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise InvalidArgument(open_error(path, error)) from None
    found = []
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            line = raw.decode().lstrip(_SPACES).rstrip("\r")
        except UnicodeDecodeError:
            raise InvalidArgument(
                f"invalid env file ({path}): invalid utf8 bytes at line {number}: {raw!r}"
            ) from None
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        name = name.lstrip(_SPACES)
        if any(char in _SPACES for char in name):
            raise InvalidArgument(
                f"invalid env file ({path}): variable '{name}' contains whitespaces"
            )
        if not name:
            raise InvalidArgument(f"invalid env file ({path}): no variable name on line '{line}'")
        if equals:
            found.append(f"{name}={value}")
        elif inherit and name in environ:
            found.append(f"{name}={environ[name]}")
    return found


def environment(files: "list[str]", values: "list[str]") -> "list[str] | None":
    """Env: files first; of the flags the last of a name counts."""
    flags: dict[str, str] = {}
    for text in values:
        flags[text.partition("=")[0]] = text
    found = [text for path in files for text in read_pairs(path, inherit=True)]
    return (found + list(flags.values())) or None


def labels(files: "list[str]", values: "list[str]") -> "dict[str, str]":
    """Labels: files first, flags after them."""
    texts = [text for path in files for text in read_pairs(path, inherit=False)] + values
    return {name: value for name, _, value in (text.partition("=") for text in texts)}
