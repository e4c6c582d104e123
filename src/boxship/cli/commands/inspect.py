"""boxship inspect, and inspect of one kind."""

import sys

from boxship.cli.flags import FORMAT_HELP, MANY, Command, Flag, Options
from boxship.cli.platforms import platform_json
from boxship.cli.running import Context, path_name
from boxship.client.codec import indent, loads
from boxship.client.errors import ApiError
from boxship.errors import BoxshipError, InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from boxship.client.http import Client

TYPES = (
    "config",
    "container",
    "image",
    "network",
    "node",
    "plugin",
    "secret",
    "service",
    "task",
    "volume",
)
_PATHS = {
    "container": "/containers/{}/json",
    "image": "/images/{}/json",
    "network": "/networks/{}",
    "volume": "/volumes/{}",
    "plugin": "/plugins/{}/json",
    "service": "/services/{}",
    "task": "/tasks/{}",
    "node": "/nodes/{}",
    "secret": "/secrets/{}",
    "config": "/configs/{}",
}
_ORDER = ("container", "image", "network", "volume", "plugin")
_EMPTY = {"network": "network", "volume": "volume", "container": "container", "image": "image"}


def run(context: Context, options: Options) -> int:
    """Print objects of any kind, the first kind that has the name."""
    kind = options.type
    if "type" in options.changed and not kind:
        raise InvalidArgument(f"type is empty: must be one of {_types_text()}")
    if kind and kind not in TYPES:
        raise InvalidArgument(f'unknown type: "{kind}": must be one of {_types_text()}')

    def find(name: str) -> str:
        if kind:
            found = _one(context.client, kind, name, size=options.size)
            _warn(kind, size=options.size)
            return found
        return _any(context.client, name, size=options.size)

    return _inspect(options, find)


def _types_text() -> str:
    return ", ".join(f'"{kind}"' for kind in TYPES)


def _one(client: "Client", kind: str, name: str, *, size: bool = False, platform: str = "") -> str:
    if not name.strip():
        what = "container name or ID" if kind == "container" else f"{kind} name or ID"
        if kind == "image":
            what = "image name or ID"
        raise InvalidArgument(f"invalid {what}: value is empty")
    query: dict[str, object] = {"size": "1"} if size and kind == "container" else {}
    if platform:
        query["platform"] = platform_json(platform)
    return client.request("GET", _PATHS[kind].format(path_name(name)), query).text()


def _any(client: "Client", name: str, *, size: bool) -> str:
    for kind in _ORDER:
        try:
            found = _one(client, kind, name, size=size)
        except ApiError as error:
            text = error.message
            if error.status in {404, 501} or "not supported" in text or "invalid reference" in text:
                continue
            raise
        _warn(kind, size=size)
        return found
    raise InvalidArgument(f"Error: No such object: {name}")


def _warn(kind: str, *, size: bool) -> None:
    if size and kind != "container":
        sys.stderr.write(f"WARNING: --size ignored for {kind}\n")


def _inspect(options: Options, find: object, root_type: str = "") -> int:
    found: list[str] = []
    errors: list[str] = []
    status = 1
    for name in options.args:
        try:
            found.append(find(name).strip())  # type: ignore[operator]
        except (ApiError, InvalidArgument) as error:
            errors.append(str(error))
    try:
        _print(options.format, found, root_type)
    except BoxshipError as error:
        status = getattr(error, "exit_status", status)
        errors.append(str(error))
    if errors:
        sys.stdout.flush()
        sys.stderr.write("\n".join(errors) + "\n")
        return status
    return 0


def _print(source: str, found: "list[str]", root_type: str) -> None:
    if not source:
        text = indent("[" + ",".join(found) + "]") if found else "[]"
        sys.stdout.write(text + "\n")
        return
    if source == "json":
        sys.stdout.write("[" + ",".join(_compact(text) for text in found) + "]\n")
        return
    from boxship.cli.formatting import BAD_TEMPLATE, FormatFailed
    from boxship.cli.gofmt import typed
    from boxship.cli.template_run import parse_template, render
    from boxship.cli.templates import TemplateError

    try:
        template = parse_template(source)
    except TemplateError as error:
        failure = FormatFailed(f"template parsing error: {error}")
        failure.exit_status = BAD_TEMPLATE
        raise failure from None
    out = []
    try:
        for text in found:
            value = typed(loads(text))
            shown = render(template, value, go_types=True, root_type=root_type)
            out.append(shown + "\n")  # what was rendered before a failure is printed
    except TemplateError as error:
        sys.stdout.write("".join(out) + "\n")
        raise FormatFailed(f"template parsing error: {error}") from None
    sys.stdout.write("".join(out) or "\n")


def _compact(text: str) -> str:
    return indent(text, "").replace("\n", "").replace('": ', '":')


def _command(kind: str, noun: str, *more: Flag) -> Command:
    def run_kind(context: Context, options: Options) -> int:
        size = bool(options.values.get("size"))
        platform = str(options.values.get("platform", ""))
        return _inspect(
            options,
            lambda name: _one(context.client, kind, name, size=size, platform=platform),
            "volume.Volume" if kind == "volume" else "",
        )

    return Command(
        f"inspect [OPTIONS] {noun} [{noun}...]",
        run_kind,
        Flag("format", "f", "string", FORMAT_HELP),
        *more,
        args=(1, MANY),
    )


COMMAND = Command(
    "inspect [OPTIONS] NAME|ID [NAME|ID...]",
    run,
    Flag("format", "f", "string", FORMAT_HELP),
    Flag("size", "s", "bool", "Display total file sizes if the type is container"),
    Flag("type", "", "string", "Only inspect objects of the given type"),
    args=(1, MANY),
)
CONTAINER = _command(
    "container", "CONTAINER", Flag("size", "s", "bool", "Display total file sizes")
)
IMAGE = _command(
    "image", "IMAGE",
    Flag("platform", "", "string", "Inspect a specific platform of the multi-platform image.\nIf the image or the server is not multi-platform capable, the command will error out if the platform does not match.\n'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)"),
)  # fmt: skip
NETWORK = _command(
    "network", "NETWORK", Flag("verbose", "v", "bool", "Verbose output for diagnostics")
)
VOLUME = _command("volume", "VOLUME")
