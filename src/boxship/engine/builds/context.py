"""Build contexts: from the request's body, a git repository or a URL, to a directory of ours.

What comes is hostile: archives are unpacked by descriptor, git runs with no protocol but the one named,
downloads are bounded.
"""

import asyncio
import contextlib
import errno
import hashlib
import ipaddress
import os
import posixpath
import re
import shutil
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from boxship.build.ops.sources import read_file
from boxship.concurrency import consume, in_thread
from boxship.dockerfile.ignore import IgnoreMatcher, read_ignore_file
from boxship.errors import Internal, InvalidArgument
from boxship.store.archive.compression import Source, decompressed, detect
from boxship.store.archive.unpacker import UnpackOptions, unpack
from boxship.store.snapshots.space import FULL, free_bytes

AddressInfo = tuple[int, int, int, str, tuple[str | bytes | int, ...]]

MAX_DOWNLOAD: Final = 16 << 30
_IGNORE_LIMIT: Final = 4 << 20
_DOCKERFILE_LIMIT: Final = 16 << 20
_GIT_URL: Final = re.compile(r"https?://.*\.git(?:#.+)?")
_GIT_PREFIXES: Final = ("git://", "github.com/", "git@")
_COMPLAINT_LIMIT: Final = 4096
_COMMIT_CHARS: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+@-]*")


def is_git_url(text: str) -> bool:
    """Whether a remote context is a repository (moby builder/remotecontext/urlutil)."""
    return text.startswith(_GIT_PREFIXES) or _GIT_URL.fullmatch(text) is not None


async def receive_context(body: AsyncIterator[bytes], directory: Path) -> None:
    """Unpack the request's tar, in any compression."""
    await consume(body, lambda source: _unpack_context(source, directory))


def _unpack_context(source: Source, directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # owned by root, as everything that COPY brings: who built the archive does not matter
        options = UnpackOptions(
            owner=(0, 0), max_bytes=free_bytes(directory), max_bytes_reason=FULL
        )
        unpack(decompressed(source), fd, options)
    finally:
        os.close(fd)


async def clone_context(url: str, directory: Path) -> Path:
    """Clone `URL#ref:subdir`; returns the directory of the context, below *directory*."""
    repository, _, fragment = url.partition("#")
    reference, _, subdirectory = fragment.partition(":")
    if repository.startswith("github.com/"):
        repository = f"https://{repository}"
    if reference and _COMMIT_CHARS.fullmatch(reference) is None:
        raise InvalidArgument(f"invalid git reference: {reference}")
    directory, home = directory / "tree", directory / "home"
    await in_thread(directory.mkdir)
    await in_thread(home.mkdir)
    await _git(directory, "init", "--quiet")
    await _git(directory, "remote", "add", "--", "origin", repository)
    await _fetch(directory, reference)
    await _git(directory, "submodule", "--quiet", "update", "--init", "--recursive", "--depth", "1")
    context = directory
    for part in posixpath.normpath(subdirectory or ".").split("/"):
        if part in ("", "."):
            continue
        context = context / part
        if part == ".." or not stat.S_ISDIR(_lstat_mode(context)):
            raise InvalidArgument(f"error evaluating subdirectory {subdirectory}: not a directory")
    await in_thread(shutil.rmtree, directory / ".git", ignore_errors=True)
    return context


async def _fetch(directory: Path, reference: str) -> None:
    """Fetch and check out a branch, a tag or a commit: as little as the server lets us."""
    for depth in (("--depth", "1"), ()):  # plain HTTP servers give no shallow copies
        with contextlib.suppress(Internal):
            await _git(directory, "fetch", *depth, "--quiet", "origin", "--", reference or "HEAD")
            await _git(directory, "checkout", "--quiet", "--detach", "FETCH_HEAD", "--")
            return
    await _git(directory, "fetch", "--quiet", "--tags", "origin")  # a commit by its number
    await _git(directory, "checkout", "--quiet", "--detach", reference or "FETCH_HEAD", "--")


async def _git(directory: Path, *arguments: str) -> None:
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        # nobody's configuration; above all none that came with the repository
        "HOME": str(directory.parent / "home"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "http:https:git:ssh",  # no file, no ext
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
    }
    for name in ("http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "GIT_SSL_CAINFO"):
        if name in os.environ:
            environment[name] = os.environ[name]
    process = await asyncio.create_subprocess_exec(
        "git",
        *("-c", "core.hooksPath=/dev/null", "-c", "core.symlinks=true"),
        *arguments,
        cwd=directory,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, complaint = await process.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        text = complaint[:_COMPLAINT_LIMIT].decode(errors="replace") or arguments[0]
        raise Internal(f"error fetching: {text}: exit status {process.returncode}")


async def download_context(url: str, directory: Path, dockerfile: str) -> str:
    """A remote tar becomes the context; anything else is the Dockerfile, whose name is returned."""
    with tempfile.TemporaryDirectory(dir=directory.parent) as holder:
        try:
            path = await download(url, Path(holder))
        except InvalidArgument as error:
            raise Internal(f"error downloading remote context {url}: {error}") from error
        with path.open("rb") as file:
            head = file.read(512)
            file.seek(0)
            if detect(head) != "" or head[257:262] == b"ustar":
                await in_thread(_unpack_context, file, directory)
                return dockerfile
            # under a name of ours: the one asked for might lead anywhere
            (directory / "Dockerfile").write_bytes(file.read(_DOCKERFILE_LIMIT + 1))
            return "Dockerfile"


async def download(url: str, directory: Path, checksum: str = "") -> Path:
    """Fetch a URL into a file named after it, as ADD does; raise InvalidArgument in its words."""
    name = posixpath.basename(unquote(urlsplit(url).path))
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise InvalidArgument(f"cannot determine filename for source {url}")
    path = directory / name
    import aiohttp  # noqa: PLC0415 - the client costs memory and start time, and few builds need it

    digest = hashlib.sha256()
    size = 0
    try:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(socket_factory=_outgoing_socket),
                timeout=timeout,
                trust_env=True,
                auto_decompress=False,
            ) as session,
            session.get(url, max_redirects=10) as response,
        ):
            if response.status >= 400:
                raise InvalidArgument(
                    f"failed to GET {url} with status {response.status} {response.reason}"
                )
            with path.open("xb") as file:
                path.chmod(0o600)
                async for chunk in response.content.iter_chunked(1 << 20):
                    size += len(chunk)
                    if size > MAX_DOWNLOAD:
                        raise InvalidArgument(f"{url} is larger than {MAX_DOWNLOAD} bytes")
                    digest.update(chunk)
                    await in_thread(file.write, chunk)
            modified = response.headers.get("Last-Modified", "")
    except aiohttp.ClientConnectorError as error:
        number = error.errno or 0
        why = os.strerror(number).lower() if number > 0 else str(error)
        raise InvalidArgument(
            f'Get "{url}": dial tcp {error.host}:{error.port}: connect: {why}'
        ) from error
    except (aiohttp.ClientError, ValueError, TimeoutError) as error:
        raise InvalidArgument(f'Get "{url}": {error}') from error
    except OSError as error:
        raise InvalidArgument(f"cannot keep {url}: {error.strerror}") from error
    if checksum and checksum != f"sha256:{digest.hexdigest()}":
        raise InvalidArgument(f"digest mismatch sha256:{digest.hexdigest()}: {checksum}")
    moment = 0.0
    with contextlib.suppress(ValueError, TypeError):
        moment = parsedate_to_datetime(modified).timestamp()
    os.utime(path, (moment, moment))
    return path


def _outgoing_socket(address: AddressInfo) -> socket.socket:
    """A socket for one resolved address, of a redirect too.

    Link-local ones are refused: clouds keep their machines' credentials at 169.254.169.254, and who may
    write a Dockerfile need not be who may have those.
    """
    family, kind, protocol, _, place = address
    if ipaddress.ip_address(str(place[0]).partition("%")[0]).is_link_local:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return socket.socket(family, kind, protocol)


def read_context_file(directory: Path, name: str, limit: int) -> bytes | None:
    """A file of the context, no symlink out of it followed; None when there is none."""
    try:
        return read_file(str(directory), name, limit)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise InvalidArgument(f"{name} is larger than {limit} bytes") from error
        return None


def find_dockerfile(directory: Path, name: str) -> tuple[str, bytes]:
    """The Dockerfile's name and content; raise in Docker's words when it is missing."""
    wanted = name or "Dockerfile"
    if posixpath.normpath(wanted).split("/")[0] == "..":
        raise CannotLocate(f"forbidden path outside the build context: {wanted} ()")
    for candidate in (wanted, *(("dockerfile",) if not name or name == "Dockerfile" else ())):
        data = read_context_file(directory, candidate, _DOCKERFILE_LIMIT)
        if data is not None:
            return candidate, data
    raise CannotLocate(f"Cannot locate specified Dockerfile: {wanted}")


class CannotLocate(Internal):
    """The Dockerfile is not in the context."""


def apply_ignore_file(directory: Path, dockerfile: str) -> None:
    """Take what `.dockerignore` excludes out of the context; the Dockerfile was read before."""
    data = read_context_file(directory, f"{dockerfile}.dockerignore", _IGNORE_LIMIT)
    if data is None:
        data = read_context_file(directory, ".dockerignore", _IGNORE_LIMIT)
    if data is None:
        return
    patterns = read_ignore_file(data)
    if patterns:
        _remove_excluded(directory, IgnoreMatcher(patterns))


def _remove_excluded(directory: Path, matcher: IgnoreMatcher) -> None:
    # ours alone since it was unpacked, so that paths cannot be exchanged under us
    for folder, folders, files in os.walk(directory):
        base = Path(folder).relative_to(directory)
        for name in list(folders):
            path = str(base / name)
            full = Path(folder, name)
            if not matcher.excluded(path):
                continue
            if full.is_symlink():
                full.unlink()
            elif not matcher.has_exceptions:
                shutil.rmtree(full)
                folders.remove(name)
        for name in files:
            if matcher.excluded(str(base / name)):
                Path(folder, name).unlink()
    if matcher.has_exceptions:
        _remove_empty(directory, matcher)


def _remove_empty(directory: Path, matcher: IgnoreMatcher) -> None:
    for folder, _, _ in os.walk(directory, topdown=False):
        path = str(Path(folder).relative_to(directory))
        if path != "." and matcher.excluded(path):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()


def _lstat_mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except OSError:
        return 0


def write_files(directory: Path, files: Mapping[str, str]) -> None:
    """Here-documents as files of a folder of their own."""
    directory.mkdir(0o700)
    for name, content in files.items():
        if "/" in name or "\0" in name or name in (".", "..") or len(os.fsencode(name)) > 255:
            raise InvalidArgument(f"here-document is not the name of a file: {name[:300]}")
        path = directory / name
        path.write_text(content)
        path.chmod(0o644)
