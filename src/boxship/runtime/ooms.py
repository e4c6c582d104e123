"""Whose memory ran out: conmon drops a file `oom` into the directory where it records the end."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from boxship.linux.inotify import Inotify

log = logging.getLogger(__name__)

NAME: Final = "oom"


class OomWatch:
    """Tells once of each container, as soon as it happens. One descriptor for all of them."""

    def __init__(self) -> None:
        self._inotify: Inotify | None = None
        self._watched: dict[int, tuple[Path, Callable[[], None]]] = {}
        self._numbers: dict[Path, int] = {}

    def __repr__(self) -> str:
        return f"OomWatch({len(self._watched)} containers)"

    def begin(self, directory: Path, tell: Callable[[], None]) -> None:
        """Watch; tells at once of what has happened already."""
        if self._inotify is None:
            self._inotify = Inotify()
            asyncio.get_running_loop().add_reader(self._inotify.fileno(), self._look)
        try:
            number = self._inotify.add(directory, created=True)
        except OSError as error:  # it is known from the end's record, later
            log.warning("cannot watch %s: %s", directory, error.strerror)
            return
        self._watched[number] = (directory, tell)
        self._numbers[directory] = number
        if (directory / NAME).exists():
            self._tell(number)

    def end(self, directory: Path) -> None:
        """Watch no more."""
        number = self._numbers.pop(directory, None)
        if number is not None and self._inotify is not None:
            self._watched.pop(number, None)
            self._inotify.remove(number)

    def close(self) -> None:
        """Watch nobody any more."""
        if self._inotify is not None:
            asyncio.get_running_loop().remove_reader(self._inotify.fileno())
            self._inotify.close()
            self._inotify = None

    def _look(self) -> None:
        if self._inotify is None:
            return
        changed = self._inotify.read()
        for number in list(self._watched if -1 in changed else changed):
            found = self._watched.get(number)
            if found is not None and (found[0] / NAME).exists():
                self._tell(number)

    def _tell(self, number: int) -> None:
        directory, tell = self._watched[number]
        self.end(directory)
        tell()
