"""How much a folder holds. Blocking."""

import contextlib
import os


def size_of(folder: str) -> int:
    """Bytes of the files in a folder, hard links counted once; folders themselves count nothing."""
    seen: set[tuple[int, int]] = set()
    total = 0
    pending: list[str | os.DirEntry[str]] = [folder]
    while pending:
        with contextlib.suppress(FileNotFoundError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry)
                    elif (status.st_dev, status.st_ino) not in seen:
                        seen.add((status.st_dev, status.st_ino))
                        total += status.st_size
    return total
