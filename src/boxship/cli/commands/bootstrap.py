"""boxship bootstrap: a base image from the distribution's packages, where no registry is in reach."""

import os
import shutil
import subprocess
import sys

from boxship.cli.build_context import file_entry
from boxship.cli.flags import Command, Flag, Options
from boxship.cli.pack import finished
from boxship.cli.progress import show_messages
from boxship.cli.running import Context, Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Literal

FOLDERS = "bin dev etc home proc root sys tmp usr usr/bin usr/sbin sbin var var/run var/spool"
PASSWD = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"
GROUP = b"root:x:0:\nnobody:x:65534:\n"
SOURCES = (
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/*.sources",
    "/etc/apt/sources.list.d/*.list",
)
CHUNK = 1 << 20


def run(context: Context, options: Options) -> None:
    """Make the image and import it."""
    what, _, suite = options.args[0].partition(":")
    if what == "busybox" and not suite:
        _import(context, options.tag or "busybox:latest", _busybox(), 'CMD ["sh"]')
    elif what == "debian":
        suite = suite or _own_suite()
        name = options.tag or f"debian:{suite}"
        _import(context, name, _debian(suite, options), 'CMD ["bash"]')
    else:
        raise Failed(f'cannot bootstrap "{options.args[0]}": choose busybox or debian[:suite]')


def _import(context: Context, name: str, stream: "Iterable[bytes]", change: str) -> None:
    repository, _, tag = name.rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", "")
    query = {
        "fromSrc": "-",
        "repo": repository,
        "tag": tag or "latest",
        "message": "bootstrapped from the distribution's packages",
        "changes": change,
    }
    headers = {"Content-Type": "application/x-tar"}
    response = context.client.request(
        "POST", "/images/create", query, stream=stream, headers=headers
    )
    show_messages(response.stream(), sys.stdout)
    sys.stdout.write(f"{name}\n")


def _find(program: str, package: str) -> str:
    """Where a program is; its package is installed when it is missing and we may."""
    found = shutil.which(program)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        sys.stderr.write(f"installing {package} …\n")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        if done.returncode:
            subprocess.run(["apt-get", "update", "-qq"], capture_output=True, check=False)
            done = subprocess.run(command, env=environment, capture_output=True, check=False)
        if done.returncode:
            reason = done.stderr.decode("utf-8", "replace").strip()
            raise Failed(f"cannot install {package}: {reason}")
        found = shutil.which(program)
    if found is None:
        raise Failed(f"cannot find {program}: install the package {package}")
    return found


def _entry(name: str, kind: bytes, mode: int, link: str = "") -> bytes:
    from tarfile import PAX_FORMAT, TarInfo
    from time import time

    info = TarInfo(name)
    info.type, info.mode, info.linkname, info.mtime = kind, mode, link, int(time())
    return info.tobuf(PAX_FORMAT, "utf-8", "surrogateescape")


def _busybox() -> "Iterator[bytes]":
    """The statically linked busybox, with a link for each of its applets."""
    program = _find("busybox", "busybox-static")
    with open(program, "rb") as file:
        binary = file.read()
    if _is_dynamic(binary):
        raise Failed(f"{program} is dynamically linked: install the package busybox-static")
    listing = subprocess.run([program, "--list"], capture_output=True, text=True, check=False)
    if listing.returncode:
        raise Failed(f"{program} --list: {listing.stderr.strip()}")
    return finished(_busybox_entries(binary, listing.stdout.split()))


def _busybox_entries(binary: bytes, applets: "list[str]") -> "Iterator[bytes]":
    from tarfile import DIRTYPE, SYMTYPE

    for folder in FOLDERS.split():
        yield _entry(folder, DIRTYPE, 0o1777 if folder == "tmp" else 0o755)
    yield from file_entry("bin/busybox", binary, 0o755)
    for applet in applets:
        if applet != "busybox":
            yield _entry(f"bin/{applet}", SYMTYPE, 0o777, "busybox")
    yield from file_entry("etc/passwd", PASSWD, 0o644)
    yield from file_entry("etc/group", GROUP, 0o644)


def _is_dynamic(binary: bytes) -> bool:
    """Whether an ELF file asks for a loader (has a PT_INTERP segment)."""
    if binary[:5] != b"\x7fELF\x02":
        return False
    order: Literal["little", "big"] = "little" if binary[5] == 1 else "big"
    offset = int.from_bytes(binary[32:40], order)
    size, count = (int.from_bytes(binary[i : i + 2], order) for i in (54, 56))
    kinds = (
        int.from_bytes(binary[offset + i * size : offset + i * size + 4], order)
        for i in range(count)
    )
    return 3 in kinds


def _own_suite() -> str:
    """The release this machine runs, else stable."""
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            values = dict(line.rstrip("\n").partition("=")[::2] for line in file)
    except FileNotFoundError:
        return "stable"
    if values.get("ID", "").strip('"') == "debian":
        return values.get("VERSION_CODENAME", "stable").strip('"')
    return "stable"


def _debian(suite: str, options: Options) -> "Iterator[bytes]":
    """A minimal Debian made by mmdebstrap; the system's own mirrors if they have the suite."""
    program = _find("mmdebstrap", "mmdebstrap")
    command = [
        program,
        "--variant=minbase",
        *(f"--include={packages}" for packages in options.include or ()),
        "--format=tar",
        '--aptopt=APT::Install-Recommends "false"',
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        suite,
        "-",
    ]
    if suite == _own_suite() and _sources():
        command += _sources()
    sys.stderr.write(f"making debian {suite} with mmdebstrap …\n")
    return _output(command)


def _sources() -> "list[str]":
    from glob import glob

    return [path for pattern in SOURCES for path in sorted(glob(pattern)) if os.path.getsize(path)]


def _output(command: "list[str]") -> "Iterator[bytes]":
    """What a program writes; its failure ends the upload in the middle, so nothing is imported."""
    import tempfile

    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            while data := process.stdout.read(CHUNK):
                yield data
            if process.wait():
                log.seek(0)
                lines = log.read().decode("utf-8", "replace").splitlines()
                reason = "\n".join(f"  {line}" for line in lines[-12:])
                raise Failed(f"{command[0]} failed with status {process.returncode}:\n{reason}")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


COMMAND = Command(
    "bootstrap [OPTIONS] busybox|debian[:SUITE]",
    run,
    Flag("tag", "t", "string", 'Name the image (default "busybox:latest" or "debian:SUITE")'),
    Flag("include", "", "list", "Install these packages too (debian)"),
    args=(1, 1),
)
