"""Working at both ends of a stream at once: hashing and inflating release the GIL, so does writing."""

import contextlib
import hashlib
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Final

from boxship.model.digest import Digest
from boxship.store.archive.compression import Source, decompressed

Put = Callable[[bytes], None]

_DEPTH: Final = 8  # chunks of a mebibyte in flight


class _ReaderGone(Exception):
    """Ends the producing thread."""


class Hashing:
    """The same for chunks."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._hash = hashlib.sha256()
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._hash.update(chunk)
            self.size += len(chunk)
            yield chunk

    @property
    def digest(self) -> Digest:
        """Of all that passed."""
        return Digest(f"sha256:{self._hash.hexdigest()}")


def ahead(chunks: Iterable[bytes]) -> Generator[bytes, None, None]:
    """Run the iterable in a thread of its own, a few chunks ahead of the reader.

    Closing the iterator ends the thread; what the iterable raises is raised here.
    """

    def produce(put: Put) -> None:
        for chunk in chunks:
            put(chunk)

    return produced(produce)


def produced(function: Callable[[Put], None]) -> Generator[bytes, None, None]:
    """What a function passes to the callable it is given; it runs in a thread of its own."""
    ready: queue.Queue[bytes | BaseException | None] = queue.Queue(_DEPTH)
    stop = threading.Event()

    def put(chunk: bytes | BaseException | None) -> None:
        while not stop.is_set():
            try:
                ready.put(chunk, timeout=0.1)
                return
            except queue.Full:
                continue
        raise _ReaderGone

    def work() -> None:
        with contextlib.suppress(_ReaderGone):
            try:
                function(put)
            except _ReaderGone:
                raise
            except BaseException as error:  # noqa: BLE001 - raised again on the other side
                put(error)
            else:
                put(None)

    thread = threading.Thread(target=work, name="boxship-produced")
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


def plain(source: Source) -> Generator[bytes, None, None]:
    """The decompressed bytes, prepared ahead in another thread."""
    return ahead(decompressed(source))
