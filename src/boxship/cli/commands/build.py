"""boxship build: send a context and show how the image comes to be."""

import os
import sys
from io import StringIO

from boxship.cli import validators
from boxship.cli.build_context import compressed, open_context
from boxship.cli.create_body import pairs
from boxship.cli.credentials import all_header
from boxship.cli.flags import Command, Flag, Options
from boxship.cli.platforms import wanted_platform
from boxship.cli.progress import StreamFailed, show_messages
from boxship.cli.references import parse_reference
from boxship.cli.running import Context, Failed
from boxship.cli.trust import refuse_content_trust
from boxship.cli.units import human_size
from boxship.cli.values import parse_swap
from boxship.client.codec import dumps
from boxship.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

SENDING = "Sending build context to Boxship daemon "
REDRAW_S = 0.1


def run(context: Context, options: Options) -> None:
    """Build an image."""
    refuse_content_trust(options)
    if options.iidfile:
        _forget(options.iidfile)
    source = open_context(options.args[0], options.file)
    quiet = options.quiet
    stream = source.stream
    if stream is not None and options.compress:
        stream = compressed(stream)
    if stream is not None and not quiet:
        stream = _announced(stream)
    query = _query(context, options)
    query["dockerfile"] = source.dockerfile or None
    query["remote"] = source.remote or None
    headers = {"Content-Type": "application/x-tar", **all_header(context)}
    response = context.client.request("POST", "/build", query, stream=stream, headers=headers)
    image = ""

    def on_aux(aux: "Any") -> None:
        nonlocal image
        if isinstance(aux, dict):
            image = str(aux.get("ID") or image)

    kept: StringIO | None = None
    if quiet:
        kept = StringIO()
    try:
        show_messages(response.stream(), kept or sys.stdout, on_aux)
    except StreamFailed as error:
        if kept is not None:
            sys.stderr.write(kept.getvalue())
        raise Failed(str(error), error.code or 1) from None
    if kept is not None:
        sys.stdout.write(kept.getvalue())
        image = image or kept.getvalue().strip()
    if options.iidfile:
        if not image:
            raise Failed(f"Server did not provide an image ID. Cannot write {options.iidfile}")
        with open(options.iidfile, "w", encoding="ascii") as file:
            file.write(image)


def _forget(path: str) -> None:
    """A stale ID must not survive a build that fails."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Failed(f"Removing image ID file: {error.strerror}") from None


def _announced(chunks: "Iterable[bytes]") -> "Iterator[bytes]":
    """Tell how much has been sent: moving on a terminal, once elsewhere."""
    from time import monotonic

    out = sys.stdout
    moving = out.isatty()
    size, last = 0, monotonic()
    for chunk in chunks:
        size += len(chunk)
        if moving and monotonic() - last > REDRAW_S:
            last = monotonic()
            out.write(f"{SENDING}{human_size(size):>8}\r")
            out.flush()
        yield chunk
    out.write(f"{SENDING}{human_size(size):>8}\r\r\n")
    out.flush()


def _query(context: Context, options: Options) -> "dict[str, Any]":
    arguments = {name: value for name, equals, value in _split(options.build_arg)}
    if context.config.values:
        for name, value in context.config.proxies(context.endpoint().host).items():
            arguments.setdefault(name, value)
    labels = pairs(options.label)
    return {
        "t": options.tag or None,
        "buildargs": arguments or None,
        "labels": labels or None,
        "target": options.target or None,
        "nocache": True if options.no_cache else None,
        "pull": "1" if options.pull else None,
        "rm": None if options.rm else "0",
        "forcerm": True if options.force_rm else None,
        "q": True if options.quiet else None,
        "squash": True if options.squash else None,
        "memory": options.memory or None,
        "memswap": options.memory_swap or None,
        "cpushares": options.cpu_shares or None,
        "cpuperiod": options.cpu_period or None,
        "cpuquota": options.cpu_quota or None,
        "cpusetcpus": options.cpuset_cpus or None,
        "cpusetmems": options.cpuset_mems or None,
        "cgroupparent": options.cgroup_parent or None,
        "networkmode": options.network if "network" in options.changed else None,
        "extrahosts": options.add_host or None,
        "ulimits": dumps(options.ulimit) if options.ulimit else None,
        "shmsize": options.shm_size or None,
        "cachefrom": dumps(options.cache_from) if options.cache_from else None,
        "securityopt": options.security_opt or None,
        "isolation": options.isolation or None,
        "platform": wanted_platform(options.platform).lower() or None,
        "version": "1",
    }


def _split(texts: "list[str]") -> "Iterator[tuple[str, str, str | None]]":
    """A build argument without a value is null: the Dockerfile's default counts."""
    for text in texts:
        name, equals, value = text.partition("=")
        yield name, equals, value if equals else None


def _tag(text: str) -> str:
    try:
        parse_reference(text)
    except InvalidArgument as error:
        raise ValueError(str(error)) from None
    return text


COMMAND = Command(
    "build [OPTIONS] PATH | URL | -",
    run,
    Flag("add-host", "", "list", 'Add a custom host-to-IP mapping ("host:ip")', check=validators.extra_host),
    Flag("build-arg", "", "list", "Set build-time variables", check=validators.env),
    Flag("cache-from", "", "strings", "Images to consider as cache sources"),
    Flag("cgroup-parent", "", "string", 'Set the parent cgroup for the "RUN" instructions during build'),
    Flag("compress", "", "bool", "Compress the build context using gzip"),
    Flag("cpu-period", "", "int", "Limit the CPU CFS (Completely Fair Scheduler) period"),
    Flag("cpu-quota", "", "int", "Limit the CPU CFS (Completely Fair Scheduler) quota"),
    Flag("cpu-shares", "c", "int", "CPU shares (relative weight)"),
    Flag("cpuset-cpus", "", "string", "CPUs in which to allow execution (0-3, 0,1)"),
    Flag("cpuset-mems", "", "string", "MEMs in which to allow execution (0-3, 0,1)"),
    Flag("disable-content-trust", "", "bool", "Skip image verification (default true)", default=True),
    Flag("file", "f", "string", 'Name of the Dockerfile (Default is "PATH/Dockerfile")'),
    Flag("force-rm", "", "bool", "Always remove intermediate containers"),
    Flag("iidfile", "", "string", "Write the image ID to the file"),
    Flag("isolation", "", "string", "Container isolation technology"),
    Flag("label", "", "list", "Set metadata for an image", check=validators.label),
    Flag("memory", "m", "bytes", "Memory limit"),
    Flag("memory-swap", "", "bytes", "Swap limit equal to memory plus swap: -1 to enable unlimited swap", check=parse_swap),
    Flag("network", "", "string", 'Set the networking mode for the RUN instructions during build (default "default")', "default"),
    Flag("no-cache", "", "bool", "Do not use cache when building the image"),
    Flag("platform", "", "string", "Set platform if server is multi-platform capable"),
    Flag("pull", "", "bool", "Always attempt to pull a newer version of the image"),
    Flag("quiet", "q", "bool", "Suppress the build output and print image ID on success"),
    Flag("rm", "", "bool", "Remove intermediate containers after a successful build (default true)", default=True),
    Flag("security-opt", "", "strings", "Security options"),
    Flag("shm-size", "", "bytes", 'Size of "/dev/shm"'),
    Flag("squash", "", "bool", "Squash newly built layers into a single new layer", hidden=True),
    Flag("tag", "t", "list", 'Name and optionally a tag in the "name:tag" format', check=_tag),
    Flag("target", "", "string", "Set the target build stage to build."),
    Flag("ulimit", "", "ulimit", "Ulimit options (default [])", check=validators.ulimit),
    Flag("load", "", "bool", "Keep the image in the daemon, as is always done", hidden=True),
    Flag("progress", "", "string", "Kind of progress output; it is always plain", "auto", hidden=True),
    args=(1, 1),
    aliases="docker image build, docker build, docker builder build",
)  # fmt: skip
