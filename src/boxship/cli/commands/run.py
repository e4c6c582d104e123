"""boxship run: create a container, attach to it, start it, and end as it ends."""

import sys

from boxship.cli.attaching import ExitWatch, attach, check_tty
from boxship.cli.container_flags import CONTAINER_FLAGS
from boxship.cli.creating import create, prepare
from boxship.cli.flags import MANY, Command, Flag, Options
from boxship.cli.run_errors import reported
from boxship.cli.running import Context, Failed
from boxship.cli.streams import Detached
from boxship.errors import BoxshipError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from boxship.cli.signals import SignalProxy
    from boxship.cli.streams import Session


def run(context: Context, options: Options) -> int:
    """Run a command in a new container."""
    with reported("run", only_flags=True):
        body = prepare(context, options)
    if options.detach:
        if options.attach:
            raise Failed("conflicting options: cannot specify both --attach and --detach")
        for key in ("AttachStdin", "AttachStdout", "AttachStderr", "StdinOnce"):
            body[key] = False
    else:
        check_tty(stdin=body["AttachStdin"], tty=body["Tty"])
    with reported("run"):
        container = create(context, options, body)
    return _run_attached(context, options, body, container)


def _run_attached(
    context: Context, options: Options, body: "dict[str, Any]", container: str
) -> int:
    output = body["AttachStdout"] or body["AttachStderr"]
    attached = output or body["AttachStdin"]
    proxy = (
        _proxy_signals(context, options, body, container)
        if options.sig_proxy and attached
        else None
    )
    session: Session | None = None
    try:
        if attached:
            session = attach(
                context.client,
                container,
                tty=body["Tty"],
                stdin=body["AttachStdin"],
                stdout=body["AttachStdout"],
                stderr=body["AttachStderr"],
                keys=options.detach_keys or context.config.detach_keys,
            )
        watch = None
        if attached or options.rm:
            condition = "removed" if options.rm else "next-exit"
            watch = ExitWatch(context.client, container, condition)
        try:
            with reported("run"):
                context.client.request("POST", f"/containers/{container}/start").read()
        except BoxshipError:
            if session is not None:
                session.restore()
            if options.rm and watch is not None:
                watch.result()
            raise
        if session is None:
            _print_id(container)
            return 0
        if body["Tty"] and sys.stdout.isatty():
            from boxship.cli.signals import follow_size

            follow_size(context.client, f"/containers/{container}")
        try:
            session.run()
        except Detached:
            return 0
        return watch.result() if output and watch is not None else 0
    finally:
        if session is not None:
            session.restore()
        if proxy is not None:
            proxy.remove()


def _print_id(container: str) -> None:
    sys.stdout.write(container + "\n")
    sys.stdout.flush()


def _proxy_signals(
    context: Context, _options: Options, body: "dict[str, Any]", container: str
) -> "SignalProxy":
    from boxship.cli.signals import SignalProxy

    proxy = SignalProxy(context.client, container)
    proxy.install(resize=body["Tty"] and sys.stdout.isatty())
    return proxy


COMMAND = Command(
    "run [OPTIONS] IMAGE [COMMAND] [ARG...]",
    run,
    *CONTAINER_FLAGS,
    Flag("detach", "d", "bool", "Run container in background and print container ID"),
    Flag("detach-keys", "", "string", "Override the key sequence for detaching a container"),
    Flag("disable-content-trust", "", "bool", "Skip image verification (default true)", default=True),
    Flag("name", "", "string", "Assign a name to the container"),
    Flag("platform", "", "string", "Set platform if server is multi-platform capable"),
    Flag("pull", "", "string", 'Pull image before running ("always", "missing", "never") (default "missing")', "missing"),
    Flag("quiet", "q", "bool", "Suppress the pull output"),
    Flag("sig-proxy", "", "bool", "Proxy received signals to the process (default true)", default=True),
    args=(1, MANY),
    interspersed=False,
    aliases="docker container run, docker run",
)  # fmt: skip
