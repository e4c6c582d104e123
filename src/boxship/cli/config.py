"""The user's `config.json`, shared with Docker's own CLI."""

from boxship.client.codec import BadJSON, dumps, indent, loads
from boxship.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Config:
    """What config.json says; `values` is the file as it is, so that saving keeps the rest."""

    def __init__(self, path: str, values: "dict[str, Any]") -> None:
        self.path = path
        self.values = values
        self.broken = ""  # why the file could not be read; it is not ours to overwrite then

    @property
    def http_headers(self) -> "dict[str, str]":
        return dict(self.values.get("HttpHeaders") or {})

    @property
    def current_context(self) -> str:
        return str(self.values.get("currentContext") or "")

    @property
    def detach_keys(self) -> str:
        return str(self.values.get("detachKeys") or "")

    def format_for(self, key: str) -> str:
        """A default of --format such as psFormat."""
        return str(self.values.get(key) or "")

    def proxies(self, host: str) -> "dict[str, str]":
        """Proxy variables for containers and builds, in both spellings."""
        table = self.values.get("proxies") or {}
        chosen = table.get(host) or table.get("default") or {}
        names = {
            "httpProxy": "HTTP_PROXY",
            "httpsProxy": "HTTPS_PROXY",
            "ftpProxy": "FTP_PROXY",
            "noProxy": "NO_PROXY",
            "allProxy": "ALL_PROXY",
        }
        found = {}
        for key, name in names.items():
            if chosen.get(key):
                found[name] = found[name.lower()] = str(chosen[key])
        return found

    def save(self) -> None:
        """Write the file anew, for the user alone."""
        import os

        if self.broken:
            raise InvalidArgument(f"cannot save to a broken configuration: {self.broken}")
        folder = os.path.dirname(self.path)
        os.makedirs(folder, 0o700, exist_ok=True)
        temporary = f"{self.path}.{os.getpid()}.tmp"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(indent(dumps(self.values), "\t"))
            os.replace(temporary, os.path.realpath(self.path))
        except BaseException:
            os.unlink(temporary)
            raise


def load(folder: str) -> Config:
    """Read config.json in *folder*; a missing file is an empty one, a broken one only a warning."""
    path = f"{folder}/config.json"
    try:
        with open(path, "rb") as file:
            values = loads(file.read() or b"{}")
        if not isinstance(values, dict):
            raise BadJSON(f"cannot use {type(values).__name__} as a configuration")  # noqa: TRY301 - one report for all
    except (FileNotFoundError, NotADirectoryError):
        return Config(path, {})
    except BadJSON as error:
        return _unusable(path, f"Error parsing config file ({path}): {error}")
    except OSError as error:
        reason = (error.strerror or "").lower()
        return _unusable(path, f"Error loading config file: open {path}: {reason}")
    return Config(path, values)


def _unusable(path: str, reason: str) -> Config:
    import sys

    sys.stderr.write(f"WARNING: {reason}\n")
    config = Config(path, {})
    config.broken = reason
    return config
