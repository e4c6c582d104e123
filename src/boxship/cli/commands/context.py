"""boxship context: which daemons there are and which is meant; shared with Docker's CLI."""

import os
import sys

from boxship.cli.contexts import NoSuchContext, Store
from boxship.cli.flags import FORMAT_HELP, MANY, TABLE_FORMAT_HELP, Command, Flag, Options
from boxship.cli.formatting import Listing, print_template
from boxship.cli.hosts import DEFAULT_HOST
from boxship.cli.running import Context, Failed
from boxship.client.codec import dumps, indent
from boxship.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_KEYS = frozenset(("host", "ca", "cert", "key", "skip-tls-verify", "from"))


def _overriding() -> str:
    return next((name for name in ("DOCKER_HOST", "BOXSHIP_HOST") if os.environ.get(name)), "")


def _warn_override(use: str = "a context") -> None:
    name = _overriding()
    if name:
        sys.stdout.flush()
        sys.stderr.write(
            f"Warning: {name} environment variable overrides the active context. "
            f"To use {use}, either set the global --context flag, or unset {name} "
            "environment variable.\n"
        )


def _default_host(context: Context) -> str:
    hosts = context.top.host
    return (
        (hosts[0] if hosts else "")
        or os.environ.get("DOCKER_HOST")
        or os.environ.get("BOXSHIP_HOST")
        or DEFAULT_HOST
    )


def _rows(context: Context) -> "list[dict[str, Any]]":
    store = Store(context.config_dir)
    current = context.context_name()
    rows = [
        {
            "name": "default",
            "description": "Current DOCKER_HOST based configuration",
            "host": _default_host(context),
            "current": current == "default",
        }
    ]
    for name in store.names():
        value = store.get(name)
        endpoint = (value.get("Endpoints") or {}).get("docker") or {}
        rows.append(
            {
                "name": name,
                "description": (value.get("Metadata") or {}).get("Description", ""),
                "host": endpoint.get("Host", ""),
                "current": current == name,
            }
        )
    return rows


def run_list(context: Context, options: Options) -> None:
    """Print the contexts; the current one has a star."""
    rows = sorted(_rows(context), key=lambda row: str(row["name"]))
    if options.quiet:
        sys.stdout.write("".join(f"{row['name']}\n" for row in rows))
        return
    fields = {
        "Current": ("CURRENT", lambda row: row["current"]),
        "Description": ("DESCRIPTION", lambda row: row["description"]),
        "DockerEndpoint": ("DOCKER ENDPOINT", lambda row: row["host"]),
        "Error": ("ERROR", lambda _row: ""),
        "Name": ("NAME", lambda row: row["name"]),
    }
    shown = Listing(
        "*formatter.clientContextContext",
        fields,
        ("Name", "Description", "DockerEndpoint", "Error"),
    )
    if options.format in {"", "table"}:
        shown.fields["Name"] = (
            "NAME",
            lambda row: f"{row['name']} *" if row["current"] else row["name"],
        )
    shown.show(rows, options.format)
    _warn_override()


def run_use(context: Context, options: Options) -> None:
    """Make a context the current one."""
    name = options.args[0]
    config = context.config
    if name == "default":
        config.values.pop("currentContext", None)
    else:
        Store(context.config_dir).get(name)
        config.values["currentContext"] = name
    config.save()
    sys.stdout.write(f"{name}\n")
    sys.stdout.flush()
    if name != "default":
        _warn_override(f'"{name}"')
    sys.stderr.write(f'Current context is now "{name}"\n')


def run_show(context: Context, _options: Options) -> None:
    """Print the current context's name."""
    sys.stdout.write(context.context_name() + "\n")


def _endpoint_settings(texts: "list[str]") -> "dict[str, str]":
    found: dict[str, str] = {}
    for text in texts:
        for field in text.split(","):
            key, equals, value = field.partition("=")
            if not equals:
                raise InvalidArgument(f"{text} must be formatted as key=value")
            if key not in _KEYS:
                raise InvalidArgument(
                    f"unable to create docker endpoint config: unrecognized config key: {key}"
                )
            found[key] = value
    return found


def _write(context: Context, options: Options, *, new: bool) -> None:
    store = Store(context.config_dir)
    name = options.args[0]
    settings = _endpoint_settings(options.docker)
    source = options.values.get("from") or settings.get("from", "")
    tls = {part: settings[part] for part in ("ca", "cert", "key") if settings.get(part)}
    host, skip = settings.get("host", ""), settings.get("skip-tls-verify", "") == "true"
    description = options.description
    if not new:
        known = store.get(name)
        endpoint = (known.get("Endpoints") or {}).get("docker") or {}
        host = host or str(endpoint.get("Host", ""))
        skip = skip or bool(endpoint.get("SkipTLSVerify"))
        if "description" not in options.changed:
            description = (known.get("Metadata") or {}).get("Description", "")
    if source == "default":
        host = _default_host(context)
    elif source:
        endpoint = store.get(source)["Endpoints"]["docker"]
        host, skip = endpoint["Host"], bool(endpoint.get("SkipTLSVerify"))
        tls = store.tls_files(source)
    if new and not host and not source:
        raise InvalidArgument("docker endpoint configuration is required")
    for path in tls.values():
        if not os.path.exists(path):
            raise InvalidArgument(f"open {path}: no such file or directory")
    action = store.create if new else store.write
    action(name, description, host, tls, skip_verify=skip)
    sys.stdout.write(f"{name}\n")
    sys.stdout.flush()
    done = "created" if new else "updated"
    sys.stderr.write(f'Successfully {done} context "{name}"\n')


def run_create(context: Context, options: Options) -> None:
    """Add a context."""
    _write(context, options, new=True)


def run_update(context: Context, options: Options) -> None:
    """Change a context."""
    _write(context, options, new=False)


def run_remove(context: Context, options: Options) -> int:
    """Delete contexts; the current one only by force."""
    store = Store(context.config_dir)
    errors = []
    for name in options.args:
        if name == "default":
            errors.append('context "default" cannot be removed')
        elif not store.has(name):
            if not options.force:
                errors.append(f'context "{name}" does not exist')
        elif context.config.current_context == name and not options.force:
            errors.append(f'context "{name}" is in use, set -f flag to force remove')
        else:
            store.remove(name)
            if context.config.current_context == name:
                context.config.values.pop("currentContext")
                context.config.save()
            sys.stdout.write(f"{name}\n")
    if errors:
        raise Failed("\n".join(errors))
    return 0


def run_inspect(context: Context, options: Options) -> int:
    """Print contexts in full."""
    store = Store(context.config_dir)
    found, errors = [], []
    for name in options.args or [context.context_name()]:
        try:
            found.append(_described(context, store, name))
        except NoSuchContext as error:
            errors.append(str(error))
    if not options.format:
        text = dumps(found, html=True)
        sys.stdout.write((indent(text) if found else "[]") + "\n")
    elif options.format == "json":
        sys.stdout.write(dumps(found) + "\n")
    else:
        for value in found:
            print_template(options.format, value, root_type="context.contextWithTLSListing")
    if errors:
        raise Failed("\n".join(errors))
    return 0


def _described(context: Context, store: Store, name: str) -> "dict[str, Any]":
    if name == "default":
        endpoint = {"Host": _default_host(context), "SkipTLSVerify": False}
        memory = "<IN MEMORY>"
        storage = {"MetadataPath": memory, "TLSPath": memory}
        value: dict[str, Any] = {"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}}
        return {**value, "TLSMaterial": {}, "Storage": storage}
    value = store.get(name)
    files = [f"{part}.pem" for part in store.tls_files(name)]
    storage = {"MetadataPath": store.meta_path(name), "TLSPath": store.tls_path(name)}
    return {
        "Name": value["Name"],
        "Metadata": value.get("Metadata") or {},
        "Endpoints": value.get("Endpoints") or {},
        "TLSMaterial": {"docker": files} if files else {},
        "Storage": storage,
    }


_CREATE_HELP = """{what} a context

Docker endpoint config:

NAME                DESCRIPTION
from                Copy named context's Docker endpoint configuration
host                Docker endpoint on which to connect
ca                  Trust certs signed only by this CA
cert                Path to TLS certificate file
key                 Path to TLS key file
skip-tls-verify     Skip TLS certificate validation

Example:

$ boxship context {verb} my-context --description "some description" --docker "host=tcp://myserver:2376,ca=~/ca-file,cert=~/cert-file,key=~/key-file"
"""
_DESCRIPTION = Flag("description", "", "string", "Description of the context")
_DOCKER = Flag("docker", "", "stringToString", "set the docker endpoint (default [])")
CREATE = Command(
    "create [OPTIONS] CONTEXT",
    run_create,
    _DESCRIPTION,
    _DOCKER,
    Flag("from", "", "string", "create context from a named context"),
    args=(1, 1),
    long=_CREATE_HELP.format(what="Create", verb="create").rstrip("\n"),
)
UPDATE = Command(
    "update [OPTIONS] CONTEXT",
    run_update,
    _DESCRIPTION,
    _DOCKER,
    args=(1, 1),
    long=_CREATE_HELP.format(what="Update", verb="update").rstrip("\n"),
)
INSPECT = Command(
    "inspect [OPTIONS] [CONTEXT] [CONTEXT...]",
    run_inspect,
    Flag("format", "f", "string", FORMAT_HELP),
    args=(0, MANY),
)
LS = Command(
    "ls [OPTIONS]",
    run_list,
    Flag("format", "", "string", TABLE_FORMAT_HELP),
    Flag("quiet", "q", "bool", "Only show context names"),
    aliases="docker context ls, docker context list",
)
RM = Command(
    "rm CONTEXT [CONTEXT...]",
    run_remove,
    Flag("force", "f", "bool", "Force the removal of a context in use"),
    args=(1, MANY),
    aliases="docker context rm, docker context remove",
)
SHOW = Command("show", run_show)
USE = Command("use CONTEXT", run_use, args=(1, 1))
