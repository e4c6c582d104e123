"""boxship version: ours and the daemon's."""

import sys

from boxship.cli.flags import FORMAT_HELP, Command, Flag, Options
from boxship.cli.formatting import BAD_TEMPLATE, FormatFailed, print_template
from boxship.cli.running import Context, Failed
from boxship.cli.times import ansi
from boxship.cli.version import client_version
from boxship.client.codec import dumps
from boxship.errors import BoxshipError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WIDTH = 19


def run(context: Context, options: Options) -> None:
    """Print both; without a daemon ours and the reason."""
    client = client_version(context.context_name())
    server: Any = None
    failure = ""
    try:
        server = context.client.get("/version")
        client["APIVersion"] = client["ApiVersion"] = context.client.version
    except BoxshipError as error:
        failure = str(error)
    if options.format == "json":
        sys.stdout.write(dumps({"Client": _json_client(client), "Server": server}) + "\n")
    elif options.format:
        both = {"Client": client, "Server": server}
        try:
            print_template(
                options.format, both, root_type="system.versionInfo", what="", name="version"
            )
        except FormatFailed as error:
            if not failure or error.exit_status == BAD_TEMPLATE:
                raise
    else:
        sys.stdout.write(_client_text(client) + ("\n" + _server_text(server) if server else ""))
    if failure:
        raise Failed(failure)


def _json_client(client: "dict[str, Any]") -> "dict[str, Any]":
    return {key: value for key, value in client.items() if key != "APIVersion"}


def _line(indent: int, label: str, value: object) -> str:
    return f"{' ' * indent}{label + ':':<{WIDTH - indent + 1}}{value}\n"


def _client_text(client: "dict[str, Any]") -> str:
    rows = {
        "Version": client["Version"],
        "API version": client["ApiVersion"],
        "Python version": client["PythonVersion"],
        "OS/Arch": f"{client['Os']}/{client['Arch']}",
        "Context": client["Context"],
    }
    return "Client:\n" + "".join(_line(1, label, value) for label, value in rows.items())


def _server_text(server: "Any") -> str:
    platform = (server.get("Platform") or {}).get("Name", "")
    text = f"Server: {platform}\n" if platform else "Server:\n"
    for component in server.get("Components") or [_engine(server)]:
        details = component.get("Details") or {}
        text += f" {component['Name']}:\n" + _line(2, "Version", component["Version"])
        if component["Name"] != "Engine":
            text += "".join(_line(2, key, details[key]) for key in sorted(details))
            continue
        minimum = details.get("MinAPIVersion", "")
        rows = {
            "API version": f"{details.get('ApiVersion', '')} (minimum version {minimum})",
            "Go version": details.get("GoVersion", ""),
            "Git commit": details.get("GitCommit", ""),
            "Built": ansi(details.get("BuildTime", "")),
            "OS/Arch": f"{details.get('Os', '')}/{details.get('Arch', '')}",
            "Experimental": details.get("Experimental", "false"),
        }
        if not rows["Go version"]:
            del rows["Go version"]
        text += "".join(_line(2, label, value) for label, value in rows.items())
    return text


def _engine(server: "Any") -> "dict[str, Any]":
    """The only component of a daemon that lists none."""
    return {"Name": "Engine", "Version": server.get("Version", ""), "Details": server}


COMMAND = Command("version [OPTIONS]", run, Flag("format", "f", "string", FORMAT_HELP))
