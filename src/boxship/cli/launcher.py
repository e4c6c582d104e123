"""Starting the daemon when nobody named one and none listens."""

import os
import sys
import time

from boxship.errors import Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from boxship.client.http import Client

WAIT_S = 20.0
TAIL_LINES = 12


def start_daemon(client: "Client") -> bool:
    """Start boxshipd detached and wait for its socket; False where that is not ours to do."""
    import fcntl

    socket_path = client.address.path
    if not socket_path:
        return False
    folder = os.path.dirname(socket_path)
    try:
        os.makedirs(folder, 0o711, exist_ok=True)
        lock = os.open(f"{folder}/start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except PermissionError:
        return False  # not root: the plain "cannot connect" says what is wrong
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two starters the second finds it running
        if not _listening(client):
            _start(client, f"{folder}/boxshipd.log")
    finally:
        os.close(lock)
    return True


def _listening(client: "Client") -> bool:
    from _socket import AF_UNIX, SOCK_STREAM, socket

    probe = socket(AF_UNIX, SOCK_STREAM)
    try:
        probe.connect(client.address.path)
    except OSError:
        return False
    finally:
        probe.close()
    return True


def _command() -> "list[str]":
    beside = os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "boxshipd")
    if os.access(beside, os.X_OK):
        return [beside]
    return [sys.executable, "-m", "boxship.daemon.main"]


def _start(client: "Client", log_path: str) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    read_end, write_end = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        _become_daemon(log_path, write_end)
    os.close(write_end)
    os.waitpid(child, 0)
    pid = int(os.read(read_end, 32) or b"0")
    os.close(read_end)
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if _listening(client):
            return
        if not _alive(pid):
            break
        time.sleep(0.02)
    raise Unavailable(
        f"cannot start boxshipd: it {'does not answer' if _alive(pid) else 'ended at once'}; "
        f"the end of {log_path}:\n{_tail(log_path)}"
    )


def _become_daemon(log_path: str, report: int) -> None:
    """In the child: leave the session, fork once more, and become boxshipd. Never returns."""
    try:
        os.setsid()
        pid = os.fork()
        if pid:
            os.write(report, str(pid).encode())
            os._exit(0)
        null = os.open(os.devnull, os.O_RDWR)
        log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        os.dup2(null, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.chdir("/")
        command = _command()
        os.execv(command[0], command)  # noqa: S606 - our own daemon
    except OSError as error:
        os.write(2, f"cannot run boxshipd: {error}\n".encode())
    finally:
        os._exit(127)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _tail(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "".join("  " + line for line in file.readlines()[-TAIL_LINES:]).rstrip("\n")
    except OSError as error:
        return f"  {error}"
