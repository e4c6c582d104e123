"""Mounting what a local volume's options describe: `type`, `device` and `o`, told as Docker does. Blocking."""

import os
import re
import socket
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from boxship.errors import Internal
from boxship.linux import mounts, syscalls

_NETWORK: Final = frozenset({"nfs", "nfs4", "cifs"})
_PASSWORD: Final = re.compile(r"\bpassword=[^,]*")
_RESOLVING: Final = "error resolving passed in network volume address"


def mount_volume(options: Mapping[str, str], target: str) -> None:
    """Mount at *target*; a failure leaves nothing mounted there."""
    kind, device, text = (options.get(key, "") for key in ("type", "device", "o"))
    if not device:
        raise Internal("missing device in volume options")
    if kind in _NETWORK:
        device, text = _resolved(kind, device, text)
    steps = mounts.plan(text.split(","))
    flags, data = steps.flags, ",".join(steps.data)
    try:
        syscalls.mount(device, target, kind, flags, data or None)
    except OSError as error:
        raise _told("mount", device, target, flags, data, error) from error
    try:
        _finish(target, steps)
    except OSError as error:
        mounts.unmount(target, lazy=True)
        raise _told("remount", "", target, flags, "", error) from error


def _finish(target: str, steps: mounts.MountPlan) -> None:
    """What the first mount(2) did not look at: read-only for binds, propagation."""
    bind_read_only = syscalls.MS_BIND | syscalls.MS_RDONLY
    if steps.flags & bind_read_only == bind_read_only:
        syscalls.mount(None, target, None, steps.flags | syscalls.MS_REMOUNT)
    for propagation in steps.propagation:
        syscalls.mount(None, target, None, propagation)


def _told(verb: str, device: str, target: str, flags: int, data: str, error: OSError) -> Internal:
    """In the words of moby's mount package, without passwords."""
    text = f"{verb} {device}:{target}" if device else f"{verb} {target}"
    if flags:
        text += f", flags: 0x{flags:x}"
    if data:
        text += f", data: {_PASSWORD.sub('password=********', data)}"
    reason = os.strerror(error.errno or 0).lower()
    return Internal(f"failed to mount local volume: {text}: {reason}")


def _resolved(kind: str, device: str, text: str) -> tuple[str, str]:
    """The kernel takes addresses only: look names up."""
    address = next((o[5:] for o in text.split(",") if o.startswith("addr=")), "")
    if address and not _is_address(address):
        return device, text.replace(f"addr={address}", f"addr={_look_up(address)}", 1)
    if kind != "cifs":
        return device, text
    host = urlsplit(device).hostname
    if host and not _is_address(host):
        device = unquote(device.replace(host, _look_up(host), 1))
    return device, text


def _is_address(text: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, text)
        except OSError:
            continue
        return True
    return False


def _look_up(host: str) -> str:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise Internal(f"{_RESOLVING}: lookup {host}: no such host") from error
    return str(found[0][4][0])
