"""Where plugins say that they are: sockets, `.spec` and `.json` files by the plugin's name. Blocking."""

import stat
from collections.abc import Sequence
from pathlib import Path

import msgspec

from boxship.errors import Internal, NotFound


class PluginTLS(msgspec.Struct, frozen=True, rename="pascal"):
    """How to speak TLS with a plugin: files, as Docker's `.json` names them."""

    insecure_skip_verify: bool = False
    ca_file: str = msgspec.field(default="", name="CAFile")
    cert_file: str = ""
    key_file: str = ""


class PluginAddress(msgspec.Struct, frozen=True):
    """`unix:///run/docker/plugins/x.sock`, `tcp://host:port`; TLS where a `.json` file says so."""

    url: str
    tls: PluginTLS | None = None


class _Described(msgspec.Struct, rename="pascal"):
    name: str = ""
    addr: str = ""
    tls_config: PluginTLS | None = msgspec.field(default=None, name="TLSConfig")


class PluginFolders:
    """Folders that are searched: for sockets first, then for descriptions."""

    def __init__(self, sockets: Sequence[Path], specs: Sequence[Path]) -> None:
        self._sockets = sockets
        self._specs = specs

    def __repr__(self) -> str:
        return f"PluginFolders({', '.join(map(str, (*self._sockets, *self._specs)))})"

    def find(self, name: str) -> PluginAddress:
        """Where the plugin of this name is; raise NotFound."""
        if "/" not in name and name not in ("", ".", ".."):
            for folder in self._sockets:
                for path in _candidates(folder, name, ".sock"):
                    if _is_socket(path):
                        return PluginAddress(f"unix://{path}")
            for folder in self._specs:
                for path in (
                    *_candidates(folder, name, ".spec"),
                    *_candidates(folder, name, ".json"),
                ):
                    if path.is_file():
                        return _read(path)
        raise NotFound(f'plugin "{name}" not found')


def _candidates(folder: Path, name: str, suffix: str) -> tuple[Path, Path]:
    return folder / f"{name}{suffix}", folder / name / f"{name}{suffix}"


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False


def _read(path: Path) -> PluginAddress:
    try:
        if path.suffix == ".spec":
            return _checked(PluginAddress(path.read_text().strip()))
        described = msgspec.json.decode(path.read_bytes(), type=_Described)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise Internal(f"cannot read {path}: {error}") from error
    return _checked(PluginAddress(described.addr, described.tls_config))


def _checked(address: PluginAddress) -> PluginAddress:
    if "://" not in address.url:
        raise Internal("Unknown protocol")
    return address
