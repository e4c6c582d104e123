"""Pipes whose readers have gone."""

import os

import pytest

from boxship.linux.pipes import fds_named_in_environment, open_deserted


def test_a_pipe_without_readers_gets_one() -> None:
    reader, writer = os.pipe()
    others = frozenset(range(3, 1024)) - {writer}
    os.write(writer, b"never read")
    assert open_deserted(os.getpid(), except_fds=others) == []
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        os.write(writer, b"more")
    (again,) = open_deserted(os.getpid(), except_fds=others)
    assert os.write(writer, b", but written")
    assert os.read(again, 100) == b"never read, but written"
    with pytest.raises(BlockingIOError):
        os.read(again, 100)
    assert open_deserted(os.getpid(), except_fds=others) == []
    os.close(again)
    os.close(writer)


def test_no_such_process_has_no_pipes() -> None:
    assert open_deserted(1 << 30) == []
    assert fds_named_in_environment(1 << 30, "_OCI_") == frozenset()
