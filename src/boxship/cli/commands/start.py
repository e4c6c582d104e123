"""boxship start: start stopped containers, attached to one if asked."""

import sys

from boxship.cli.attaching import ExitWatch, attach
from boxship.cli.flags import MANY, Command, Flag, Options
from boxship.cli.running import Context, Failed, path_name
from boxship.cli.streams import Detached
from boxship.client.errors import ApiError


def run(context: Context, options: Options) -> int:
    """Start containers."""
    if options.attach or options.interactive:
        if len(options.args) > 1:
            raise Failed("you cannot start and attach multiple containers at once")
        return _attached(context, options)
    query = {
        "checkpoint": options.checkpoint or None,
        "checkpoint-dir": options.checkpoint_dir or None,
    }
    failed = []
    for name in options.args:
        try:
            context.client.request("POST", f"/containers/{path_name(name)}/start", query).read()
        except ApiError as error:
            sys.stdout.flush()
            sys.stderr.write(f"{error}\n")
            failed.append(name)
        else:
            sys.stdout.write(f"{name}\n")
    if failed:
        raise Failed(f"Error: failed to start containers: {', '.join(failed)}")
    return 0


def _attached(context: Context, options: Options) -> int:
    client = context.client
    found = client.get(f"/containers/{path_name(options.args[0])}/json")
    container, tty = found["Id"], found["Config"]["Tty"]
    proxy = None
    if not tty:
        from boxship.cli.signals import SignalProxy

        proxy = SignalProxy(client, container)
        proxy.install(resize=False)
    session = attach(
        client,
        container,
        tty=tty,
        stdin=options.interactive and found["Config"]["OpenStdin"],
        keys=options.detach_keys or context.config.detach_keys,
    )
    try:
        removed = (found.get("HostConfig") or {}).get("AutoRemove")
        watch = ExitWatch(client, container, "removed" if removed else "next-exit")
        try:
            client.request("POST", f"/containers/{container}/start").read()
        except ApiError as error:
            session.restore()
            if removed:
                watch.result()
            raise Failed(str(error)) from None
        if tty and sys.stdout.isatty():
            from boxship.cli.signals import follow_size

            follow_size(client, f"/containers/{container}")
        try:
            session.run()
        except Detached:
            return 0
        return watch.result()
    finally:
        session.restore()
        if proxy is not None:
            proxy.remove()


COMMAND = Command(
    "start [OPTIONS] CONTAINER [CONTAINER...]",
    run,
    Flag("attach", "a", "bool", "Attach STDOUT/STDERR and forward signals"),
    Flag("checkpoint", "", "string", "Restore from this checkpoint", hidden=True),
    Flag("checkpoint-dir", "", "string", "Use a custom checkpoint storage directory", hidden=True),
    Flag("detach-keys", "", "string", "Override the key sequence for detaching a container"),
    Flag("interactive", "i", "bool", "Attach container's STDIN"),
    args=(1, MANY),
    aliases="docker container start, docker start",
)
