"""boxship events: what happens, as it happens."""

import sys

from boxship.cli.flags import FORMAT_HELP, Command, Flag, Options
from boxship.cli.formatting import BAD_TEMPLATE, FormatFailed
from boxship.cli.running import Context, check_filter, filters_query
from boxship.cli.times import rfc3339_nano_local, timestamp_query
from boxship.client.codec import dumps, json_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def run(context: Context, options: Options) -> None:
    """Print events until --until, or until we are stopped."""
    show = _printer(options.format)
    query = {
        "since": timestamp_query(options.since) if options.since else None,
        "until": timestamp_query(options.until) if options.until else None,
        "filters": filters_query(options.filter),
    }
    response = context.client.request("GET", "/events", query)
    for event in json_lines(response.stream()):
        sys.stdout.write(show(event) + "\n")
        sys.stdout.flush()


def _printer(source: str) -> "Callable[[Any], str]":
    if not source:
        return _line
    if source == "json":
        return lambda event: dumps(_as_docker(event))
    from boxship.cli.gofmt import Struct
    from boxship.cli.template_functions import Record
    from boxship.cli.template_run import parse_template, render
    from boxship.cli.templates import TemplateError

    class Message(Record):
        """An event, whose JSON is the daemon's."""

        __slots__ = ()

        def as_json(self) -> str:
            return dumps(_as_docker(self.row), html=True)

    def actor(event: "Any") -> "Any":
        found = event.get("Actor") or {}
        return Struct(ID=found.get("ID", ""), Attributes=found.get("Attributes") or {})

    fields = {**_FIELDS, "Actor": actor}

    def show(event: "Any") -> str:
        return render(template, Message(event, fields, "*events.Message"), go_types=True)

    try:
        template = parse_template(source)
        show({})  # a template that cannot be filled is refused before the first event
    except TemplateError as error:
        failure = FormatFailed(f"Error parsing format: {error}")
        failure.exit_status = BAD_TEMPLATE
        raise failure from None
    return show


_KEYS = ("status", "id", "from", "Type", "Action", "Actor", "scope", "time", "timeNano")


def _as_docker(event: "Any") -> "Any":
    """The event as Docker's CLI encodes it anew: its order of fields, attributes by name."""
    found = {key: event[key] for key in _KEYS if event.get(key)}
    actor = event.get("Actor") or {}
    attributes = actor.get("Attributes") or {}
    ordered = {key: attributes[key] for key in sorted(attributes)}
    return {**found, "Actor": {"ID": actor.get("ID", ""), "Attributes": ordered}}


def _text(key: str) -> "Callable[[Any], Any]":
    return lambda event: event.get(key, "")


def _number(key: str) -> "Callable[[Any], Any]":
    return lambda event: event.get(key, 0)


_FIELDS: "dict[str, Callable[[Any], Any]]" = {
    "Status": _text("status"),
    "ID": _text("id"),
    "From": _text("from"),
    "Type": _text("Type"),
    "Action": _text("Action"),
    "Scope": _text("scope"),
    "Time": _number("time"),
    "TimeNano": _number("timeNano"),
}


def _line(event: "Any") -> str:
    nanos = event.get("timeNano") or event.get("time", 0) * 1_000_000_000
    actor = event.get("Actor") or {}
    text = (
        f"{rfc3339_nano_local(nanos)} {event.get('Type')} {event.get('Action')} {actor.get('ID')}"
    )
    attributes = actor.get("Attributes") or {}
    if attributes:
        text += " (" + ", ".join(f"{key}={attributes[key]}" for key in sorted(attributes)) + ")"
    return text


COMMAND = Command(
    "events [OPTIONS]",
    run,
    Flag("filter", "f", "filter", "Filter output based on conditions provided", check=check_filter),
    Flag("format", "", "string", FORMAT_HELP),
    Flag("since", "", "string", "Show all events created since timestamp"),
    Flag("until", "", "string", "Stream events until this timestamp"),
    aliases="docker system events, docker events",
)
