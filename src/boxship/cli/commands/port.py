"""boxship port: where a container's ports are published."""

import sys

from boxship.cli.flags import Command, Options
from boxship.cli.running import Context, Failed, path_name

HIGHEST_PORT = 65535


def run(context: Context, options: Options) -> None:
    """Print all published ports, or the addresses of one."""
    name = options.args[0]
    found = context.client.get(f"/containers/{path_name(name)}/json")
    ports = found["NetworkSettings"].get("Ports") or {}
    if len(options.args) == 1:
        lines = [
            f"{port} -> {_place(binding)}"
            for port in sorted(ports, key=_order)
            for binding in ports[port] or ()
        ]
        sys.stdout.write("".join(line + "\n" for line in lines))
        return
    wanted = options.args[1]
    port, _, protocol = wanted.partition("/")
    problem = _problem(port)
    if problem:
        raise Failed(
            f'Error: invalid port ({port}): strconv.ParseUint: parsing "{port}": {problem}'
        )
    bindings = ports.get(f"{port}/{(protocol or 'tcp').lower()}")
    if not bindings:
        raise Failed(f"Error: No public port '{wanted}' published for {name}")
    sys.stdout.write("".join(_place(binding) + "\n" for binding in bindings))


def _problem(port: str) -> str:
    """What is wrong with the text of a port, in Go's words."""
    if not (port.isascii() and port.isdigit()):
        return "invalid syntax"
    return "value out of range" if int(port) > HIGHEST_PORT else ""


def _order(port: str) -> "tuple[str, int]":
    number, _, protocol = port.partition("/")
    return protocol, int(number)


def _place(binding: "dict[str, str]") -> str:
    ip = binding["HostIp"]
    return f"[{ip}]:{binding['HostPort']}" if ":" in ip else f"{ip}:{binding['HostPort']}"


COMMAND = Command(
    "port CONTAINER [PRIVATE_PORT[/PROTO]]",
    run,
    args=(1, 2),
    aliases="docker container port, docker port",
)
