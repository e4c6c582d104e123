"""Pipes whose readers have gone."""

import os

import pytest

from boxship.linux.pipes import drain_deserted, fds_named_in_environment


def test_a_pipe_without_readers_is_emptied() -> None:
    reader, writer = os.pipe()
    others = frozenset(range(3, 1024)) - {writer}
    os.write(writer, b"never read")
    assert drain_deserted(os.getpid(), except_fds=others) is None
    os.close(reader)
    assert drain_deserted(os.getpid(), except_fds=others) == len(b"never read")
    again = os.open(f"/proc/self/fd/{writer}", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        os.read(again, 100)
    os.close(again)
    os.close(writer)


def test_no_such_process_has_no_pipes() -> None:
    assert drain_deserted(1 << 30) is None
    assert fds_named_in_environment(1 << 30, "_OCI_") == frozenset()
