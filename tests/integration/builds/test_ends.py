"""Builds that end early: their client leaves, or the engine dies under them."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from support.boxshipd import Boxshipd, cgroups_of, mounts_below, processes_of
from support.builds import Builder
from support.engine import eventually
from support.rootfs import entry, tar

pytestmark = pytest.mark.root

STARTED = b'"started'  # the output, not the step that says echo
SLEEPS = "FROM $BASE\nRUN sleep 98765 & echo started; sleep 98764\n"


def sleepers() -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:1] == [b"sleep"] and words[1] in (b"98765", b"98764"):
            found.append(int(path.parent.name))
    return found


def namespaces_of(pids: list[int]) -> set[int]:
    return {os.stat(f"/proc/{pid}/ns/net").st_ino for pid in pids}


def named_namespaces() -> set[int]:
    """The network namespaces that something keeps mounted."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return {int(line.split("net:[")[1].split("]")[0]) for line in lines if "net:[" in line}


def remains(daemon: Boxshipd, steps: set[str]) -> list[str]:
    """What is there of builds, besides their images."""
    ports = Path("/sys/class/net", daemon.bridge(), "brif")
    return [
        *(f"build {each.name}" for each in (daemon.data_root / "builds").iterdir()),
        *(f"mount {each}" for each in mounts_below(daemon.root) if "/builds/" in each),
        *(f"process {each}" for each in sleepers()),
        *(f"process {each}" for each in processes_of(daemon.root) if each != daemon.pid),
        *(f"cgroup {each}" for each in cgroups_of(steps)),
        *(f"port {each.name}" for each in (ports.iterdir() if ports.is_dir() else ())),
    ]


def steps_of(daemon: Boxshipd) -> set[str]:
    return {each.name for each in (daemon.data_root / "builds").glob("*/*") if len(each.name) == 64}


def snapshots(daemon: Boxshipd) -> set[str]:
    return {each.name for each in daemon.data_root.glob("snapshots/*")}


def test_a_client_that_leaves_ends_the_step(own: Boxshipd) -> None:
    builder = Builder(own.engine)
    before = snapshots(own)
    with builder.started(SLEEPS, STARTED):
        eventually(lambda: len(sleepers()) == 2)
        pids, steps = sleepers(), steps_of(own)
        assert steps
        namespaces = namespaces_of(pids)
        assert namespaces <= named_namespaces()
    eventually(lambda: not remains(own, steps))
    assert not namespaces & named_namespaces()
    eventually(lambda: snapshots(own) <= before)


def test_a_client_that_leaves_while_stages_run_side_by_side(own: Boxshipd) -> None:
    builder = Builder(own.engine)
    text = "FROM $BASE AS a\nRUN echo started; sleep 98764\nFROM $BASE AS b\nRUN sleep 98765\nFROM a\nCOPY --from=b /x /\n"
    with builder.started(text, STARTED):
        eventually(lambda: len(sleepers()) == 2)
        steps = steps_of(own)
    eventually(lambda: not remains(own, steps))


def test_curl_killed_in_the_middle_of_its_context(own: Boxshipd) -> None:
    with subprocess.Popen(
        [
            "curl",
            "-sN",
            "--unix-socket",
            own.engine.host.removeprefix("unix://"),
            "-T",
            "-",
            "-X",
            "POST",
            "http://d/build",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as curl:
        assert curl.stdin
        curl.stdin.write(bytes(1000))
        curl.stdin.flush()
        eventually(lambda: list((own.data_root / "builds").iterdir()))
        curl.kill()
    eventually(lambda: not remains(own, set()))


@pytest.mark.parametrize("lonely", [False, True], ids=["after RUN began", "twice"])
def test_a_killed_engine_in_the_middle_of_run(own: Boxshipd, lonely: bool) -> None:
    """The step's processes, which nobody waits for any more, are ended by the next engine."""
    builder = Builder(own.engine)
    before = snapshots(own)
    with builder.started(SLEEPS, STARTED):
        pids, steps = sleepers(), steps_of(own)
        namespaces = namespaces_of(pids)
        own.kill()
    if lonely:
        own.start()
        own.kill()
    own.start()
    assert remains(own, steps) == []
    assert not namespaces & named_namespaces()
    assert snapshots(own) <= before
    builder.build("FROM $BASE\nRUN echo again\n").ok()


COPIES = """FROM $BASE AS a
RUN head -c 30000000 /dev/urandom > /big
RUN head -c 30000000 /dev/urandom > /big2
FROM $BASE
COPY --from=a / /copy/
"""


@pytest.mark.parametrize("moment", [0.02, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.1, 1.5])
def test_a_killed_engine_at_any_moment(own: Boxshipd, moment: float) -> None:
    builder = Builder(own.engine)
    connection = own.engine.connection()
    connection.request(
        "POST", "/v1.51/build?t=made", body=tar([entry("Dockerfile", builder.filled(COPIES))])
    )
    time.sleep(moment)
    steps = steps_of(own)
    own.kill()
    connection.close()
    own.start()
    assert remains(own, steps) == []
    own.engine.ok("image", "prune", "-af")
    assert own.engine.get("/images/json", all="1") == []
