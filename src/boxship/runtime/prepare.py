"""Preparing a bundle, in a thread: root file system, identity, working directory, config.json."""

import contextlib
import errno
import os
import posixpath
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from boxship.errors import Internal, InvalidArgument
from boxship.linux import apparmor, devices, mounts, programs
from boxship.linux.safepath import (
    mkdirs_in_root,
    open_in_root,
    opened_root,
    read_file_in_root,
)
from boxship.model.container import HostConfig
from boxship.model.mount import Mount
from boxship.model.process import RuntimeRefused
from boxship.runtime import cdi, mount_targets, sources
from boxship.runtime.contract import Bundle
from boxship.runtime.failures import OTHER, create_refused
from boxship.runtime.spec import Facts, Findings, build
from boxship.runtime.spec.mounts import SHM_SIZE
from boxship.runtime.spec.resources import block_devices
from boxship.runtime.spec.users import Identity, resolve

_ACCOUNTS_LIMIT: Final = 16 << 20  # a passwd file beyond that is an attack
# Through these a process would reach the host's files (CVE-2024-21626).
_MAGIC_LINK: Final = re.compile(r"/proc/[^/]+/(task/[^/]+/)?(fd|cwd|root|map_files)(/|$)")


def prepare(
    bundle: Bundle, facts: Facts, finish: Callable[[dict[str, Any]], None] = lambda _: None
) -> dict[str, Any]:
    """Make everything the OCI runtime needs; on failure nothing stays mounted. Returns the spec.

    *finish* may change the spec before it is written.
    """
    with contextlib.ExitStack() as undo:
        rootfs = mount_rootfs(bundle.directory, bundle.rootfs_mounts)
        undo.callback(unmount_rootfs, bundle.directory)
        if bundle.container.host_config.ipc_mode == "shareable":
            bundle = msgspec.structs.replace(bundle, shm_path=mount_shm(bundle))
            undo.callback(unmount_shm, bundle.directory)
        undo.callback(sources.release, bundle.directory)
        points = sources.place(bundle.directory, bundle.mounts, bundle.images)
        bundle = msgspec.structs.replace(bundle, mounts=points)
        try:
            spec = build(bundle, facts, _find(bundle, rootfs))
            requests = bundle.container.host_config.device_requests or ()
            cdi.give(spec, requests, facts.cdi_directories)
        except InvalidArgument as error:
            # Docker: the request to start was right, so whatever is wrong now is a system error
            raise RuntimeRefused(str(error), OTHER) from error
        if spec["process"].get("apparmorProfile") == apparmor.DEFAULT_PROFILE:
            apparmor.ensure_default(
                bundle.directory
            )  # package upgrades unload what they don't know
        finish(spec)
        write_private(f"{bundle.directory}/config.json", msgspec.json.encode(spec))
        undo.pop_all()
    return spec


def _find(bundle: Bundle, rootfs: str) -> Findings:
    config, host_config = bundle.container.config, bundle.container.host_config
    with opened_root(rootfs) as root_fd:
        refuse_false_directories(root_fd)
        mount_targets.check(root_fd, rootfs, bundle.mounts)
        identity = find_identity(root_fd, config.user, host_config.group_add or ())
        make_working_directory(root_fd, config.working_dir)
        if bundle.mtab:
            make_mtab(root_fd)
    return Findings(
        identity=identity,
        devices=find_devices(host_config),
        every_device=tuple(devices.find_below("/dev")) if host_config.privileged else (),
        block_numbers={path: device_numbers(path) for path in block_devices(host_config)},
    )


def make_mtab(root_fd: int) -> None:
    """/etc/mtab, which tools of old read to learn what is mounted."""
    with contextlib.suppress(OSError):  # no folder, or a file of the image's
        etc = open_in_root(root_fd, "etc", os.O_PATH | os.O_DIRECTORY)
        try:
            os.symlink("/proc/mounts", "mtab", dir_fd=etc)
        finally:
            os.close(etc)


def mount_shm(bundle: Bundle) -> str:
    """A /dev/shm on the host, for other containers to join."""
    path = f"{bundle.directory}/shm"
    Path(path).mkdir(mode=0o700, exist_ok=True)
    size = bundle.container.host_config.shm_size or SHM_SIZE
    options = ("nosuid", "noexec", "nodev", "mode=1777", f"size={size}")
    mounts.perform(Mount("tmpfs", "shm", options), path)
    return path


def unmount_shm(directory: str) -> None:
    """Undo mount_shm; harmless when there is none."""
    mounts.unmount(f"{directory}/shm", lazy=True)


@contextlib.contextmanager
def explained(what: str) -> Iterator[None]:
    """Tell a failing system call (a full disk, say) as what it prevented."""
    try:
        yield
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        raise Internal(f"{what}:{where}: {(error.strerror or '').lower()}") from error


def mount_rootfs(directory: str, wanted: Sequence[Mount]) -> str:
    """Mount a root file system at `<directory>/rootfs`; harmless when it is there already."""
    rootfs = f"{directory}/rootfs"
    Path(rootfs).mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_mounted(directory, rootfs, wanted):
        for mount in wanted:
            mounts.perform(mount, rootfs)
    return rootfs


def unmount_rootfs(directory: str) -> None:
    """Undo mount_rootfs; harmless when it is not mounted."""
    while mounts.unmount(f"{directory}/rootfs", lazy=True):
        pass


def runs(directory: str, described: Path) -> bool:
    """False when the kernel refused the program that a bundle's config.json or an exec's names."""
    try:
        document = msgspec.json.decode(described.read_bytes())
        described_process = document.get("process", document)
        environment = dict(each.partition("=")[::2] for each in described_process["env"])
        with opened_root(f"{directory}/rootfs") as root_fd:
            return programs.runs(
                root_fd, described_process["args"], environment, described_process["cwd"]
            )
    except (OSError, msgspec.DecodeError, LookupError):
        return True


def find_identity(root_fd: int, user: str, group_add: Sequence[str]) -> Identity:
    """Resolve a user against the accounts inside a root file system; raise in Docker's words."""
    passwd = _accounts(root_fd, "etc/passwd")
    group = _accounts(root_fd, "etc/group")
    return resolve(user, group_add, passwd, group)


def refuse_false_directories(root_fd: int) -> None:
    """Raise when a directory that the runtime fills is a symlink: runc followed it (CVE-2026-41579)."""
    for name in ("dev", "proc", "sys"):
        try:
            status = os.stat(name, dir_fd=root_fd, follow_symlinks=False)
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(status.st_mode):
            raise create_refused(f"/{name} in the image is not a directory", ())


def make_working_directory(root_fd: int, path: str) -> None:
    """Make WORKDIR where the image lacks it; raise in Docker's words."""
    clean = posixpath.normpath(path or "/")
    if clean == "/":
        return
    if not clean.startswith("/"):
        raise InvalidArgument(
            f"the working directory '{path}' is invalid, it needs to be an absolute path"
        )
    if is_magic_link(clean):
        raise create_refused(f"mkdir {clean}: not a directory", ())
    try:
        mkdirs_in_root(root_fd, clean, 0o755, 0, 0)
    except (NotADirectoryError, FileExistsError) as error:
        raise InvalidArgument(f"Cannot mkdir: {clean} is not a directory") from error
    except OSError as error:
        if error.errno != errno.EROFS:
            raise InvalidArgument(f"Cannot mkdir: {clean}: {error.strerror}") from error


def is_magic_link(path: str) -> bool:
    """Whether a working directory would be a door to the host's files."""
    return _MAGIC_LINK.match(posixpath.normpath(path)) is not None


def find_devices(host_config: HostConfig) -> dict[str, tuple[devices.Device, ...]]:
    """Look up what --device names; a directory stands for all devices below it."""
    return {
        mapping.path_on_host: _devices_at(mapping.path_on_host)
        for mapping in host_config.devices or ()
    }


def write_private(path: str, data: bytes) -> None:
    """Write a file that only root reads."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
    finally:
        os.close(fd)


def _devices_at(path: str) -> tuple[devices.Device, ...]:
    try:
        return tuple(devices.find_at(path))
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise RuntimeRefused(
            f'error gathering device information while adding custom device "{path}": {reason}',
            OTHER,
        ) from error


def device_numbers(path: str) -> tuple[int, int]:
    """Major and minor number of a block device that a limit names."""
    try:
        return devices.numbers(path)
    except OSError as error:
        raise InvalidArgument(f"stat {path}: {(error.strerror or '').lower()}") from error


def _accounts(root_fd: int, path: str) -> bytes:
    try:
        return read_file_in_root(root_fd, path, _ACCOUNTS_LIMIT)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise InvalidArgument(f"cannot read the container's /{path}: {error.strerror}") from error


def _is_mounted(directory: str, rootfs: str, wanted: Sequence[Mount]) -> bool:
    if Path(rootfs).stat().st_dev != Path(directory).stat().st_dev:
        return True
    # a bind mount may lie on the same device: only then the (long) table of mounts is worth reading
    return any("bind" in mount.type for mount in wanted) and mounts.is_mount_point(rootfs)
