"""Progress messages, on a terminal and elsewhere."""

import io
import json
from typing import Any

import pytest

from boxship.cli.progress import StreamFailed, bar, show_messages
from boxship.cli.running import Failed


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def stream(*messages: dict[str, Any]) -> list[bytes]:
    data = b"\r\n".join(json.dumps(message).encode() for message in messages)
    return [data[i : i + 7] for i in range(0, len(data), 7)]


PULL = (
    {"status": "Pulling from library/x", "id": "latest"},
    {"status": "Pulling fs layer", "progressDetail": {}, "id": "aaa"},
    {"status": "Downloading", "progressDetail": {"current": 500, "total": 1000}, "id": "aaa"},
    {"status": "Pull complete", "progressDetail": {}, "id": "aaa"},
    {"status": "Digest: sha256:x"},
)


def test_without_a_terminal_bars_are_left_out() -> None:
    out = io.StringIO()
    show_messages(stream(*PULL), out)
    assert out.getvalue().splitlines() == [
        "latest: Pulling from library/x",
        "aaa: Pulling fs layer",
        "aaa: Pull complete",
        "Digest: sha256:x",
    ]


def test_on_a_terminal_a_line_is_drawn_anew() -> None:
    out = Screen()
    show_messages(stream(*PULL), out)
    assert "\x1b[1A\x1b[2K\raaa: Downloading" in out.getvalue()
    assert out.getvalue().endswith("Digest: sha256:x\n")


def test_bars() -> None:
    detail = {"current": 500, "total": 1000}
    assert bar(detail, 200) == "[" + "=" * 25 + ">" + " " * 25 + "]     500B/1kB"
    assert bar(detail, 80) == "    500B/1kB"
    assert bar({"current": 500}, 200) == "    500B"
    assert bar({}, 200) == ""
    assert bar({"current": 3, "total": 4, "units": "files"}, 80) == "3/4 files"


def test_an_error_in_the_stream_ends_it() -> None:
    with pytest.raises(StreamFailed, match="no space left") as caught:
        show_messages(
            stream({"errorDetail": {"code": 3, "message": "no space left"}, "error": "x"}), None
        )
    assert caught.value.code == 3
    with pytest.raises(Failed, match="authentication is required"):
        show_messages(stream({"errorDetail": {"code": 401, "message": "x"}}), None)


def test_what_is_aside_is_handed_over() -> None:
    found: list[Any] = []
    show_messages(stream({"aux": {"ID": "sha256:1"}}, {"stream": "x"}), io.StringIO(), found.append)
    assert found == [{"ID": "sha256:1"}]
