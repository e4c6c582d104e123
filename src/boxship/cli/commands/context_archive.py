"""boxship context export and import."""

import os
import sys

from boxship.cli.contexts import Store, check_name
from boxship.cli.flags import Command, Options
from boxship.cli.running import Context, Failed
from boxship.client.codec import BadJSON, dumps, loads
from boxship.errors import AlreadyExists

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

META = "meta.json"
PARTS = ("ca", "cert", "key")
MAX_SIZE = 10 << 20  # Docker's own bound


def run_export(context: Context, options: Options) -> None:
    """Write a context, its TLS files included, as a tar archive."""
    name = options.args[0]
    target = options.args[1] if len(options.args) > 1 else f"{name}.dockercontext"
    data = _archive(context, name)
    if target == "-":
        if sys.stdout.isatty():
            raise Failed("cowardly refusing to export to a terminal, specify a file path")
        sys.stdout.buffer.write(data)
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        descriptor = os.open(target, flags, 0o600)  # keys are in it
    except OSError as error:
        raise Failed(f"open {target}: {(error.strerror or '').lower()}") from None
    with open(descriptor, "wb") as file:
        file.write(data)
    sys.stderr.write(f'Written file "{target}"\n')


def _archive(context: Context, name: str) -> bytes:
    import io
    import tarfile

    store = Store(context.config_dir)
    if name == "default":
        endpoint = {"Host": context.endpoint().host, "SkipTLSVerify": False}
        meta: dict[str, Any] = {"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}}
        files: dict[str, str] = {}
    else:
        meta, files = store.get(name), store.tls_files(name)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:

        def add(path: str, data: "bytes | None", mode: int) -> None:
            info = tarfile.TarInfo(path)
            info.mode = mode
            if data is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            else:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))

        add(META, dumps(meta).encode(), 0o644)
        if files:
            add("tls", None, 0o700)
            add("tls/docker", None, 0o700)
        for part, path in files.items():
            with open(path, "rb") as file:
                add(f"tls/docker/{part}.pem", file.read(), 0o600)
    return out.getvalue()


def run_import(context: Context, options: Options) -> None:
    """Make a context of an exported one."""
    name, source = options.args
    check_name(name)
    store = Store(context.config_dir)
    if store.has(name):
        raise AlreadyExists(f'context "{name}" already exists')
    meta, files = _read(source)
    endpoint = (meta.get("Endpoints") or {}).get("docker") or {}
    store.create(
        name,
        str((meta.get("Metadata") or {}).get("Description") or ""),
        str(endpoint.get("Host") or ""),
        {},
        skip_verify=bool(endpoint.get("SkipTLSVerify")),
    )
    store.write_tls(name, files)
    sys.stdout.write(f"{name}\n")
    sys.stdout.flush()
    sys.stderr.write(f'Successfully imported context "{name}"\n')


def _read(source: str) -> "tuple[dict[str, Any], dict[str, bytes]]":
    """The description and the TLS files of an archive; anything else in it is an error."""
    import io
    import tarfile

    try:
        with open(0 if source == "-" else source, "rb", closefd=source != "-") as file:
            data = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise Failed(f"open {source}: {(error.strerror or '').lower()}") from None
    if len(data) > MAX_SIZE:
        raise Failed("read exceeds the defined limit")
    names = {f"tls/docker/{part}.pem": part for part in PARTS}
    meta: dict[str, Any] | None = None
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                if member.isdir():
                    continue
                content = tar.extractfile(member) if member.isreg() else None
                if content is None or member.name not in {META, *names}:
                    raise Failed(f"invalid context: unexpected context file: {member.name}")
                if member.name == META:
                    meta = dict(loads(content.read()))
                else:
                    files[names[member.name]] = content.read()
    except (tarfile.TarError, BadJSON, TypeError, ValueError):
        raise Failed("invalid context: no metadata found") from None
    if meta is None:
        raise Failed("invalid context: no metadata found")
    return meta, files


EXPORT = Command(
    "export [OPTIONS] CONTEXT [FILE|-]",
    run_export,
    args=(1, 2),
    long="Export a context to a tar archive FILE or a tar stream on STDOUT.",
)
IMPORT = Command("import CONTEXT FILE|-", run_import, args=(2, 2))
