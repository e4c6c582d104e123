"""The driver `local`: a folder of ours, or whatever a volume's options have mounted there."""

import contextlib
import secrets
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from boxship.concurrency import in_thread
from boxship.engine.volumes.contract import DriverVolume
from boxship.errors import Internal, InvalidArgument
from boxship.model.sizes import parse_size
from boxship.model.volume import Volume, parse_name

LOCAL: Final = "local"
_OPTIONS: Final = ("type", "device", "o", "size")
_REQUIRED: Final = {"device": ("type",), "type": ("device",), "o": ("device", "type")}

Mounter = Callable[[Mapping[str, str], str], None]
Unmounter = Callable[[str], None]
IsMounted = Callable[[str], bool]


class LocalDriver:
    """Implements VolumeDriver. A volume is the folder `<root>/<name>/_data`."""

    name = LOCAL
    scope = "local"

    def __init__(
        self, root: Path, *, mount: Mounter, unmount: Unmounter, is_mounted: IsMounted
    ) -> None:
        self._root = root
        self._mount = mount
        self._unmount = unmount
        self._is_mounted = is_mounted

    def __repr__(self) -> str:
        return f"LocalDriver({self._root})"

    def recover(self, known: Collection[str]) -> None:
        """Finish removals and drop folders of creations that a crash cut short."""
        self._root.mkdir(mode=0o701, parents=True, exist_ok=True)
        for folder in self._root.iterdir():
            if folder.name.startswith(".removed-"):
                shutil.rmtree(folder)
            elif folder.name not in known:
                with contextlib.suppress(OSError):  # not empty: somebody else's, leave it alone
                    (folder / "_data").rmdir()
                    folder.rmdir()

    async def create(self, name: str, options: Mapping[str, str]) -> str:
        """See VolumeDriver."""
        _check_name(name)
        _check_options(options)
        await in_thread(self._make_folder, name)
        return str(self._root / name / "_data")

    def _make_folder(self, name: str) -> None:
        folder = self._root / name
        try:
            folder.mkdir(mode=0o701, exist_ok=True)
            (folder / "_data").mkdir(mode=0o755, exist_ok=True)
            (folder / "_data").chmod(0o755)  # whatever the umask says
        except OSError as error:
            with contextlib.suppress(OSError):
                folder.rmdir()
            raise Internal((error.strerror or str(error)).lower()) from error

    async def remove(self, volume: Volume) -> None:
        """See VolumeDriver."""
        await in_thread(self._remove_folder, volume)

    def _remove_folder(self, volume: Volume) -> None:
        self._ensure_unmounted(volume)
        removed = self._root / f".removed-{secrets.token_hex(8)}"
        with contextlib.suppress(FileNotFoundError):
            (self._root / volume.name).rename(removed)
            shutil.rmtree(removed)

    async def find(self, name: str) -> DriverVolume | None:  # noqa: ARG002 - the Protocol's
        """See VolumeDriver; rows are all there is to know."""
        return None

    async def list(self) -> Sequence[DriverVolume]:
        """See VolumeDriver."""
        return ()

    async def mount(self, volume: Volume, holder: str) -> str:  # noqa: ARG002 - the Protocol's
        """See VolumeDriver; mounted once for all."""
        if self.needs_mount(volume):
            await in_thread(self._ensure_mounted, volume)
        return volume.mountpoint

    def _ensure_mounted(self, volume: Volume) -> None:
        if self._is_mounted(volume.mountpoint):
            return
        self._mount(volume.options or {}, volume.mountpoint)

    async def unmount(
        self,
        volume: Volume,
        holder: str,  # noqa: ARG002 - the Protocol's
        *,
        last: bool,
    ) -> None:
        """See VolumeDriver."""
        if last and self.needs_mount(volume):
            await in_thread(self._ensure_unmounted, volume)

    def _ensure_unmounted(self, volume: Volume) -> None:
        if self._is_mounted(volume.mountpoint):
            self._unmount(volume.mountpoint)

    def needs_mount(self, volume: Volume) -> bool:
        """See VolumeDriver."""
        options = volume.options or {}
        return bool(options.get("type") or options.get("device"))


def _check_name(name: str) -> None:
    if len(name.encode()) == 1:
        raise InvalidArgument(
            "volume name is too short, names should be at least two alphanumeric characters"
        )
    parse_name(name)


def _check_options(options: Mapping[str, str]) -> None:
    for option in options:
        if option not in _OPTIONS:
            raise InvalidArgument(f'invalid option: "{option}"')
    if options.get("type") == "cifs" and _has_port(options.get("device", "")):
        raise InvalidArgument("port not allowed in CIFS device URL, include 'port' in 'o='")
    if options.get("size", "").startswith("-"):
        raise InvalidArgument(f"invalid size: '{options['size']}'")
    if "size" in options and parse_size(options["size"]) > 0:
        raise InvalidArgument("quota size requested but no quota support")
    for option, required in _REQUIRED.items():
        for other in required:
            if option in options and other not in options:
                raise InvalidArgument(f'missing required option: "{other}"')


def _has_port(device: str) -> bool:
    try:
        return urlsplit(device).port is not None
    except ValueError as error:
        raise InvalidArgument(f"error parsing mount device url: {error}") from error
