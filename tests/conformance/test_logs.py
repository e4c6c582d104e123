"""docker logs."""

import re
import threading

import pytest

from support.box import Box
from support.engine import Engine, eventually

STAMP = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"


@pytest.fixture
def ten(box: Box) -> str:
    return box.ended("--", "seq", "10")


@pytest.mark.parametrize(
    ("flags", "lines"),
    [
        ([], range(1, 11)),
        (["--tail", "3"], range(8, 11)),
        (["-n", "0"], []),
        (["--tail", "100"], range(1, 11)),
        (["--tail", "all"], range(1, 11)),
        (["--tail", "-1"], range(1, 11)),
        (["--tail", "x"], range(1, 11)),
        (["--since", "1h"], range(1, 11)),
        (["--until", "1h"], []),
        (["--since", "2099-01-01T00:00:00Z"], []),
        (["--until", "2099-01-01T00:00:00Z", "-n", "2"], [9, 10]),
        (["-f", "--tail", "2"], [9, 10]),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) and v and isinstance(v[0], str) else "",
)
def test_a_part(engine: Engine, ten: str, flags: list[str], lines: list[int]) -> None:
    assert engine.docker("logs", *flags, ten).lines == [str(n) for n in lines]


def test_streams_stay_apart(engine: Engine, box: Box) -> None:
    name = box.ended("--", "sh", "-c", "echo out; echo err >&2")
    result = engine.docker("logs", name)
    assert (result.stdout, result.stderr) == ("out\n", "err\n")


def test_timestamps(engine: Engine, ten: str) -> None:
    lines = engine.ok("logs", "-t", "-n", "2", ten).splitlines()
    assert re.fullmatch(f"{STAMP} 9", lines[0])
    assert re.fullmatch(f"{STAMP} 10", lines[1])


def test_since_and_until_a_moment(engine: Engine, box: Box) -> None:
    name = box.ended("--", "sh", "-c", "echo a; sleep 0.1; echo b; sleep 0.1; echo c")
    stamps = [line.split()[0] for line in engine.ok("logs", "-t", name).splitlines()]
    assert engine.ok("logs", "--since", stamps[1], name) == "b\nc"
    assert engine.ok("logs", "--until", stamps[1], name) == "a\nb"
    assert engine.ok("logs", "--since", stamps[1], "--until", stamps[1], name) == "b"


def test_follow_shows_what_comes_and_ends_with_the_container(engine: Engine, box: Box) -> None:
    name = box.start("-i", "--", "sh", "-c", "echo first; read x; sleep 0.3; echo last")
    box.wait_for_log(name, "first")
    with engine.started("logs", "-f", name) as logs:
        assert logs.stdout
        assert logs.stdout.readline() == b"first\n"
        engine.ok("attach", name, stdin=b"go\n")
        assert logs.stdout.readline() == b"last\n"
        assert logs.wait(10) == 0


def test_follow_ends_when_it_is_removed(engine: Engine, box: Box) -> None:
    name = box.start("--", "sh", "-c", "echo up; sleep 1000")
    box.wait_for_log(name, "up")
    with engine.started("logs", "-f", name) as logs:
        assert logs.stdout
        assert logs.stdout.readline() == b"up\n"
        engine.ok("rm", "-f", name)
        logs.wait(10)


def test_logs_span_restarts(engine: Engine, box: Box) -> None:
    name = box.ended("--", "echo", "again")
    engine.ok("start", "-a", name)
    assert engine.ok("logs", name) == "again\nagain"


def test_a_line_without_its_end_is_kept(engine: Engine, box: Box) -> None:
    name = box.ended("--", "printf", "no newline")
    assert engine.docker("logs", name).stdout == "no newline"


def test_a_long_line_is_one_line(engine: Engine, box: Box) -> None:
    name = box.ended("--", "sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; echo; echo end")
    assert engine.ok("logs", name) == "x" * 100000 + "\nend"
    assert engine.ok("logs", "--tail", "1", name) == "end"


def test_bytes_that_are_not_text_survive_as_json_allows(engine: Engine, box: Box) -> None:
    name = box.ended("--", "printf", "a\\tb\\r\\n\\001\\342\\202\\254\\n")
    assert engine.output("logs", name) == b"a\tb\r\n\x01\xe2\x82\xac\n"


def test_a_terminal_s_output_is_one_stream(engine: Engine, box: Box) -> None:
    name = box.ended("-t", "--", "sh", "-c", "echo out; echo err >&2")
    result = engine.docker("logs", name)
    assert (result.stdout, result.stderr) == ("out\r\nerr\r\n", "")


def test_a_container_that_never_ran_has_none(engine: Engine, box: Box) -> None:
    assert engine.ok("logs", box.create()) == ""


def test_an_unknown_container(engine: Engine) -> None:
    assert (
        engine.fails("logs", "nonesuch")
        == "Error response from daemon: No such container: nonesuch"
    )


def test_the_none_driver_has_nothing_to_read(engine: Engine, box: Box) -> None:
    name = box.ended("--log-driver", "none", "--", "echo", "lost")
    assert engine.fails("logs", name) == (
        "Error response from daemon: configured logging driver does not support reading"
    )


def test_no_stream_chosen_is_refused(engine: Engine, ten: str) -> None:
    assert engine.api("GET", f"/containers/{ten}/logs").error == (
        400,
        "Bad parameters: you must choose at least one stream",
    )


@pytest.mark.parametrize("parameter", ["since", "until"])
def test_a_bad_time_is_refused(engine: Engine, ten: str, parameter: str) -> None:
    reply = engine.api("GET", f"/containers/{ten}/logs?stdout=1&{parameter}=x")
    assert reply.error == (500, 'strconv.ParseInt: parsing "x": invalid syntax')


def test_labels_and_environment_are_kept_with_details(engine: Engine, box: Box) -> None:
    name = box.ended("--log-opt", "labels=a", "-l", "a=b", "--", "echo", "x")
    assert engine.ok("logs", "--details", name) == "a=b x"


def test_size_limits_rotate(engine: Engine, box: Box) -> None:
    name = box.ended("--log-opt", "max-size=10k", "--log-opt", "max-file=2", "--", "seq", "5000")
    lines = engine.ok("logs", name).splitlines()
    assert 0 < len(lines) < 1000
    assert lines == [str(n) for n in range(5001 - len(lines), 5001)]


def test_many_followers_see_the_same(engine: Engine, box: Box) -> None:
    name = box.start(
        "--", "sh", "-c", "for i in 1 2 3 4 5; do echo $i; sleep 0.05; done; sleep 0.2"
    )
    seen: list[str] = []
    followers = [
        threading.Thread(target=lambda: seen.append(engine.ok("logs", "-f", name)))
        for _ in range(4)
    ]
    for follower in followers:
        follower.start()
    for follower in followers:
        follower.join(15)
    assert seen == ["1\n2\n3\n4\n5"] * 4


def test_a_hundred_thousand_lines_come_back_in_order(engine: Engine, box: Box) -> None:
    name = box.ended("--network", "none", "-d", "--", "seq", "100000")
    engine.ok("wait", name)
    eventually(lambda: engine.ok("logs", "-n", "1", name) == "100000")
    assert engine.ok("logs", name) == "\n".join(map(str, range(1, 100001)))
