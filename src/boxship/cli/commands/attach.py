"""boxship attach: join a running container's streams."""

import sys

from boxship.cli.attaching import ExitWatch, attach, check_tty
from boxship.cli.flags import Command, Flag, Options
from boxship.cli.running import Context, Failed, path_name


def run(context: Context, options: Options) -> int:
    """Attach until the container ends or the user leaves."""
    client = context.client
    name = options.args[0]
    watch = ExitWatch(client, name)
    found = client.get(f"/containers/{path_name(name)}/json")
    _check_state(found["State"])
    tty = found["Config"]["Tty"]
    stdin = not options.no_stdin and found["Config"]["OpenStdin"]
    check_tty(stdin=stdin, tty=tty)
    proxy = None
    if options.sig_proxy and not tty:
        from boxship.cli.signals import SignalProxy

        proxy = SignalProxy(client, name)
        proxy.install(resize=False)
    keys = options.detach_keys or context.config.detach_keys
    session = attach(client, name, tty=tty, stdin=stdin, keys=keys)
    try:
        if tty and sys.stdout.isatty():
            from boxship.cli.signals import follow_size, nudge_size

            nudge_size(client, f"/containers/{path_name(name)}")
            follow_size(client, f"/containers/{path_name(name)}")
        session.run()
        return watch.result()
    finally:
        session.restore()
        if proxy is not None:
            proxy.remove()


def _check_state(state: "dict[str, object]") -> None:
    if not state["Running"]:
        raise Failed("You cannot attach to a stopped container, start it first")
    if state["Paused"]:
        raise Failed("You cannot attach to a paused container, unpause it first")
    if state["Restarting"]:
        raise Failed("You cannot attach to a restarting container, wait until it is running")


COMMAND = Command(
    "attach [OPTIONS] CONTAINER",
    run,
    Flag("detach-keys", "", "string", "Override the key sequence for detaching a container"),
    Flag("no-stdin", "", "bool", "Do not attach STDIN"),
    Flag("sig-proxy", "", "bool", "Proxy all received signals to the process (default true)", default=True),
    args=(1, 1),
    aliases="docker container attach, docker attach",
)  # fmt: skip
