"""Namespaces on the real kernel."""

import os
import socket
from pathlib import Path

import pytest

from boxship.errors import Internal
from boxship.linux import mounts, namespaces
from boxship.model.mount import Mount

pytestmark = pytest.mark.root


def interfaces() -> list[str]:
    return [name for _, name in socket.if_nameindex()]


def test_a_network_namespace_lives_as_long_as_its_file(tmp_path: Path) -> None:
    path = tmp_path / "ns"
    before = namespaces.namespace_id("/proc/self/ns/net")
    try:
        inside = namespaces.create_netns(
            path, lambda: namespaces.namespace_id("/proc/thread-self/ns/net")
        )
        assert inside != before
        assert namespaces.namespace_id(path) == inside
        assert namespaces.run_in_netns(path, interfaces) == ["lo"]
    finally:
        namespaces.delete_netns(path)
    assert not path.exists()
    assert not mounts.is_mount_point(path)
    assert namespaces.namespace_id("/proc/self/ns/net") == before
    namespaces.delete_netns(path)


def test_a_failure_inside_leaves_no_namespace(tmp_path: Path) -> None:
    def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        namespaces.create_netns(tmp_path / "ns", fail)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "ns").write_text("mine")
    opened = socket.socket()
    with pytest.raises(Internal, match="File exists"):
        namespaces.create_netns(tmp_path / "ns", lambda: opened)
    assert opened.fileno() == -1
    assert (tmp_path / "ns").read_text() == "mine"


def test_mounts_in_a_private_namespace_are_seen_by_nobody_else(tmp_path: Path) -> None:
    def inside() -> int:
        mounts.perform(Mount("tmpfs", "tmpfs"), tmp_path)
        (tmp_path / "file").write_text("private")
        return os.open(tmp_path / "file", os.O_RDONLY)

    fd = namespaces.run_in_mount_namespace(inside)
    with os.fdopen(fd) as file:
        assert file.read() == "private"
    assert list(tmp_path.iterdir()) == []


def test_a_namespace_without_a_file_lives_by_its_descriptor(tmp_path: Path) -> None:
    fd, inside = namespaces.open_netns(lambda: namespaces.namespace_id("/proc/thread-self/ns/net"))
    with os.fdopen(fd):
        assert namespaces.namespace_id(f"/proc/self/fd/{fd}") == inside
        namespaces.pin_netns(fd, tmp_path / "ns")
    try:
        assert namespaces.namespace_id(tmp_path / "ns") == inside
    finally:
        namespaces.delete_netns(tmp_path / "ns")
