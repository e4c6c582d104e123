"""boxship exec: run a command in a running container."""

import sys

from boxship.cli import validators
from boxship.cli.attaching import check_tty
from boxship.cli.env_files import environment
from boxship.cli.flags import MANY, Command, Flag, Options
from boxship.cli.running import Context, Failed, path_name
from boxship.cli.streams import Session
from boxship.cli.terminal import terminal_size


def run(context: Context, options: Options) -> int:
    """Create an exec, run it attached, and return its exit status."""
    name, *command = options.args
    client = context.client
    detach, tty = options.detach, options.tty
    stdin = options.interactive and not detach
    keys = options.detach_keys or context.config.detach_keys
    env = environment(options.env_file, options.env)
    if not detach:
        check_tty(stdin=stdin, tty=tty)
    body = {
        "User": options.user,
        "Privileged": options.privileged,
        "Tty": tty,
        "AttachStdin": stdin,
        "AttachStderr": not detach,
        "AttachStdout": not detach,
        "Detach": detach,
        "DetachKeys": keys,
        "Env": env,
        "WorkingDir": options.workdir,
        "Cmd": command,
    }
    size = list(terminal_size())
    if tty and any(size):
        body["ConsoleSize"] = size
    identity = client.post(f"/containers/{path_name(name)}/exec", body=body).get("Id")
    if not identity:
        raise Failed("exec ID empty")
    start = {"Detach": detach, "Tty": tty}
    if tty and any(size):
        start["ConsoleSize"] = size
    if detach:
        client.post(f"/exec/{identity}/start", body=start)
        return 0
    connection, _ = client.hijack(f"/exec/{identity}/start", body=start)
    session = Session(connection, tty=tty, stdin=stdin, keys=keys)
    try:
        if tty and sys.stdin.isatty():
            from boxship.cli.signals import follow_size

            follow_size(client, f"/exec/{identity}")
        session.run()
    finally:
        session.restore()
    status = client.get(f"/exec/{identity}/json").get("ExitCode")
    return int(status or 0)


COMMAND = Command(
    "exec [OPTIONS] CONTAINER COMMAND [ARG...]",
    run,
    Flag("detach", "d", "bool", "Detached mode: run command in the background"),
    Flag("detach-keys", "", "string", "Override the key sequence for detaching a container"),
    Flag("env", "e", "list", "Set environment variables", check=validators.env),
    Flag("env-file", "", "list", "Read in a file of environment variables"),
    Flag("interactive", "i", "bool", "Keep STDIN open even if not attached"),
    Flag("privileged", "", "bool", "Give extended privileges to the command"),
    Flag("tty", "t", "bool", "Allocate a pseudo-TTY"),
    Flag("user", "u", "string", 'Username or UID (format: "<name|uid>[:<group|gid>]")'),
    Flag("workdir", "w", "string", "Working directory inside the container"),
    args=(2, MANY),
    interspersed=False,
    aliases="docker container exec, docker exec",
)
