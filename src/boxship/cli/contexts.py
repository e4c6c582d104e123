"""Docker contexts on disk: `contexts/meta/<sha256 of the name>/meta.json` and TLS files beside."""

import hashlib
import os

from boxship.cli.hosts import Endpoint
from boxship.client.codec import dumps, loads
from boxship.errors import AlreadyExists, InvalidArgument, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-")


def check_name(name: str) -> None:
    """Raise InvalidArgument for a name Docker refuses."""
    if name == "":
        raise InvalidArgument("context name cannot be empty")
    if name == "default":
        raise InvalidArgument('"default" is a reserved context name')
    if not name[0].isalnum() or len(name) < 2 or not set(name) <= _ALLOWED:
        raise InvalidArgument(
            f'context name "{name}" is invalid, names are validated against regexp '
            '"^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$"'
        )


class NoSuchContext(NotFound):
    """The store has no context of this name."""

    def __init__(self, name: str, path: str) -> None:
        super().__init__(
            f'context "{name}": context not found: open {path}: no such file or directory'
        )


class Store:
    """The contexts of one configuration folder."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def _meta(self, name: str) -> str:
        return f"{self._folder}/contexts/meta/{hashlib.sha256(name.encode()).hexdigest()}"

    def tls_path(self, name: str) -> str:
        """Where the TLS files of a context are."""
        return f"{self._folder}/contexts/tls/{hashlib.sha256(name.encode()).hexdigest()}"

    def meta_path(self, name: str) -> str:
        """Where the description of a context is."""
        return self._meta(name)

    def get(self, name: str) -> "dict[str, Any]":
        """The metadata of a context; raise NoSuchContext."""
        path = self._meta(name) + "/meta.json"
        try:
            with open(path, "rb") as file:
                found = loads(file.read())
        except FileNotFoundError:
            raise NoSuchContext(name, path) from None
        return dict(found)

    def has(self, name: str) -> bool:
        return os.path.exists(self._meta(name) + "/meta.json")

    def names(self) -> "list[str]":
        """All of them, sorted."""
        root = f"{self._folder}/contexts/meta"
        found = []
        for entry in os.listdir(root) if os.path.isdir(root) else ():
            try:
                with open(f"{root}/{entry}/meta.json", "rb") as file:
                    found.append(str(loads(file.read())["Name"]))
            except (FileNotFoundError, NotADirectoryError):
                continue
        return sorted(found)

    def create(
        self, name: str, description: str, host: str, tls: "dict[str, str]", *, skip_verify: bool
    ) -> None:
        """Add a context."""
        check_name(name)
        if self.has(name):
            raise AlreadyExists(f'context "{name}" already exists')
        self.write(name, description, host, tls, skip_verify=skip_verify)

    def write(
        self, name: str, description: str, host: str, tls: "dict[str, str]", *, skip_verify: bool
    ) -> None:
        """Store a context, replacing one of the same name."""
        metadata = {"Description": description} if description else {}
        endpoint = {"Host": host, "SkipTLSVerify": skip_verify}
        value = {"Name": name, "Metadata": metadata, "Endpoints": {"docker": endpoint}}
        os.makedirs(self._meta(name), 0o755, exist_ok=True)
        with open(self._meta(name) + "/meta.json", "w", encoding="utf-8") as file:
            file.write(dumps(value))
        contents = {}
        for part, path in tls.items():
            with open(path, "rb") as source:
                contents[part] = source.read()
        self.write_tls(name, contents)

    def write_tls(self, name: str, files: "dict[str, bytes]") -> None:
        """Store TLS files (ca, cert, key) of a context, for the user alone."""
        folder = self.tls_path(name) + "/docker"
        for part, content in files.items():
            os.makedirs(folder, 0o700, exist_ok=True)
            with open(f"{folder}/{part}.pem", "wb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(content)

    def remove(self, name: str) -> None:
        """Delete a context and its TLS files."""
        import shutil

        self.get(name)
        shutil.rmtree(self._meta(name))
        shutil.rmtree(self.tls_path(name), ignore_errors=True)

    def tls_files(self, name: str) -> "dict[str, str]":
        """The TLS files that exist: ca, cert, key."""
        folder = self.tls_path(name) + "/docker"
        return {
            part: f"{folder}/{part}.pem"
            for part in ("ca", "cert", "key")
            if os.path.exists(f"{folder}/{part}.pem")
        }

    def endpoint(self, name: str) -> Endpoint:
        """The daemon a context points to."""
        try:
            value = self.get(name)
        except NoSuchContext as error:
            raise InvalidArgument(
                f"Failed to initialize: unable to resolve docker endpoint: {error}"
            ) from None
        docker = (value.get("Endpoints") or {}).get("docker") or {}
        files = self.tls_files(name)
        if not files and not docker.get("SkipTLSVerify"):
            return Endpoint(str(docker.get("Host")))
        from boxship.client.tls import TlsFiles

        tls = TlsFiles(**files, verify=not docker.get("SkipTLSVerify"))
        return Endpoint(str(docker.get("Host")), tls if files else None)
