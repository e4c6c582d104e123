"""Terminals of supervised processes: conmon resizes them when told through its control FIFO."""

import errno
import os

from boxship.errors import Internal

_RESIZE = 1  # conmon's WIN_RESIZE_EVENT
_LARGEST = 1000  # conmon ignores anything beyond


def resize(fifo: str, height: int, width: int) -> bool:
    """Ask the supervisor behind a control FIFO for a size; False when none listens any more."""
    try:
        fd = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENOENT):
            return False
        raise Internal(f"cannot resize the terminal: {error.strerror}") from error
    try:
        os.write(fd, b"%d %d %d\n" % (_RESIZE, min(height, _LARGEST), min(width, _LARGEST)))
    except BrokenPipeError:
        return False
    finally:
        os.close(fd)
    return True
