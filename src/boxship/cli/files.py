"""Archives to and from files and the standard streams."""

import os
import sys

from boxship.cli.running import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from boxship.client.http import Response

CHUNK = 1 << 20


def write_archive(output: str, request: "Callable[[], Response]", what: str) -> None:
    """Stream an answer into *output*, which appears only when it is whole; or to stdout."""
    if not output:
        if sys.stdout.isatty():
            raise Failed("cowardly refusing to save to a terminal. Use the -o flag or redirect")
        for data in request().stream():
            sys.stdout.buffer.write(data)
        return
    _check_output(output, what)
    response = request()
    if not os.path.lexists(output) or os.path.isfile(output):
        _write_new(output, response)
        return
    with open(output, "wb") as file:  # a device or a pipe cannot be replaced by a rename
        for data in response.stream():
            file.write(data)


def _write_new(output: str, response: "Response") -> None:
    temporary = f"{output}.{os.getpid()}.part"
    try:
        with open(temporary, "wb") as file:
            file.writelines(response.stream())
        os.replace(temporary, output)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def _check_output(output: str, what: str) -> None:
    folder = os.path.dirname(output) or "."
    if not os.path.isdir(folder):
        raise Failed(f"{what}: invalid output path: stat {folder}: no such file or directory")
    if os.path.isdir(output):
        raise Failed(f'{what}: invalid output path: "{output}" must be a file, not a directory')


def read_chunks(path: str) -> "Iterator[bytes]":
    """A file in pieces."""
    with open(path, "rb") as file:
        while data := file.read(CHUNK):
            yield data


def stdin_chunks() -> "Iterator[bytes]":
    """Stdin as it comes."""
    while data := os.read(0, 65536):
        yield data


def open_error(path: str, error: OSError) -> str:
    """Go's text for a file that cannot be opened."""
    return f"open {path}: {(error.strerror or str(error)).lower()}"
