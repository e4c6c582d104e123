import os
import signal
import threading
import time

import pytest

from boxship.errors import Unavailable
from boxship.linux import process


def test_a_program_is_run_to_its_end() -> None:
    done = process.run(["sh", "-c", "cat; echo err >&2; exit 3"], input=b"in")
    assert done == (3, b"in", b"err\n")


def test_a_missing_program_is_told() -> None:
    with pytest.raises(Unavailable, match="cannot run /nosuch: No such file"):
        process.run(["/nosuch"])


def test_a_program_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(Unavailable, match=r"sleep did not end within 0\.02 s"):
        process.run(["sleep", "10"], timeout_s=0.02)


def test_a_process_is_known_by_when_it_started() -> None:
    pid = process.spawn(["sleep", "100"])
    started = process.start_time(pid)
    assert started is not None
    assert process.is_alive(pid, started)
    assert not process.is_alive(pid, started + 1)  # as if the PID had been used again
    assert process.open_pidfd_of(pid, started + 1) is None
    assert process.parent(pid) == os.getpid()
    fd = process.open_pidfd_of(pid, started)
    assert fd is not None
    assert process.send_signal(fd, signal.SIGKILL)
    while (code := process.reap(pid)) is None:
        time.sleep(0.001)
    assert code == 137
    assert not process.is_alive(pid, started)
    assert not process.send_signal(fd, signal.SIGKILL)
    os.close(fd)
    assert process.reap(pid) is None


def test_a_zombie_is_not_alive() -> None:
    pid = process.spawn(["true"])
    fd = process.open_pidfd(pid)
    assert fd is not None
    os.set_blocking(fd, True)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert process.start_time(pid) is None
    assert process.reap(pid) == 0
    os.close(fd)


def test_descriptors_do_not_leak_into_programs() -> None:
    read, write = os.pipe()
    kept, other = os.pipe()
    script = f"ls /proc/self/fd; test -e /proc/self/fd/{kept}"
    out_read, out_write = os.pipe()
    pid = process.spawn(["sh", "-c", script], stdout=out_write, kept_fds=(kept,))
    os.close(out_write)
    os.waitpid(pid, 0)
    shown = os.read(out_read, 4096).decode().split()
    for fd in (read, write, kept, other, out_read):
        os.close(fd)
    assert str(kept) in shown
    assert not {str(fd) for fd in (read, write, other)} & set(shown)


def test_names_with_parentheses_do_not_confuse(tmp_path: object) -> None:
    pid = process.spawn(["sh", "-c", "printf 'a) R 5 (' > /proc/$$/comm; sleep 100 & wait"])
    try:
        deadline = time.monotonic() + 5
        while b") R" not in _stat(pid) and time.monotonic() < deadline:
            time.sleep(0.001)
        assert process.parent(pid) == os.getpid()
    finally:
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _stat(pid: int) -> bytes:
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read()


def test_a_number_that_became_a_threads_is_no_process() -> None:
    """Numbers are used again; pidfd_open(2) has errors of its own for threads."""
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        assert thread.native_id
        assert process.open_pidfd(thread.native_id) is None
        assert process.has_ended(thread.native_id)
        assert not process.has_ended(os.getpid())
    finally:
        over.set()
        thread.join()
