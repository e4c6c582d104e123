"""The PID file: held by flock, so that no stale one is ever in the way."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from boxship.engine.lock import hold_file


@contextlib.contextmanager
def hold_pidfile(path: Path) -> Iterator[None]:
    """Write our PID for others to read; refuse to start beside a daemon that holds the file."""
    path.parent.mkdir(parents=True, exist_ok=True)

    def refusal(holder: str) -> str:
        who = f"process with PID {holder} is still running" if holder else "it is locked"
        return f"failed to start daemon, ensure boxshipd is not running or delete {path}: {who}"

    with hold_file(path, refusal):
        try:
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
