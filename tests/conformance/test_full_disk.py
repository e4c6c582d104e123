"""A full disk: clear words, nothing half-made, and room again after removal."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.conftest import EXTERNAL, prepare
from support.box import BUSYBOX
from support.boxshipd import Boxshipd, boxshipd
from support.engine import eventually
from support.images import docker_archive
from support.rootfs import busybox, entry, tar

SIZE = 48 << 20


@pytest.fixture
def small() -> Iterator[Boxshipd]:
    """A boxshipd whose data root has 48 MiB."""
    if EXTERNAL:
        pytest.skip("for boxshipd only")
    mount = Path(tempfile.mkdtemp(prefix="bxs-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", mount], check=True)
    try:
        with boxshipd(data_root=mount / "data") as daemon:
            prepare(daemon.engine)
            yield daemon
    finally:
        subprocess.run(["umount", "-l", mount], check=True)
        mount.rmdir()


def free(daemon: Boxshipd) -> int:
    found = os.statvfs(daemon.data_root)
    return found.f_bavail * found.f_frsize


def big(tag: str) -> bytes:
    return docker_archive([busybox(), tar([entry("big", os.urandom(SIZE))])], tag)


def test_a_load_that_does_not_fit(small: Boxshipd) -> None:
    before, images = free(small), small.engine.ok("images", "-aq")
    result = small.engine.docker("load", "-q", stdin=big("big:latest"))
    assert result.code == 1
    assert (
        "no space left on device" in result.stderr.lower()
        or "larger than there is room" in result.stderr
    )
    assert small.engine.ok("images", "-aq") == images
    assert before - free(small) < 1 << 20
    assert small.engine.ok("run", "--rm", BUSYBOX, "echo", "well") == "well"


def test_an_import_that_does_not_fit(small: Boxshipd) -> None:
    before = free(small)
    archive = tar([entry("big", os.urandom(SIZE))])
    assert (
        "no space left on device" in small.engine.fails("import", "-", "big", stdin=archive).lower()
    )
    assert before - free(small) < 1 << 20
    assert small.stop() == 0  # no thread waits for a reader that has gone


def test_a_container_that_fills_it(small: Boxshipd) -> None:
    engine, before = small.engine, free(small)
    result = engine.docker("run", "--name", "hog", BUSYBOX, "dd", "if=/dev/zero", "of=/f", "bs=1M")
    assert result.code == 1
    assert "No space left on device" in result.stderr
    assert engine.ok("ps", "-a", "--format", "{{.Names}}") == "hog"
    engine.docker("create", "--name", "another", BUSYBOX)
    engine.docker("rm", "another")
    engine.ok("rm", "hog")
    assert before - free(small) < 1 << 20
    assert engine.ok("run", "--rm", BUSYBOX, "echo", "well") == "well"


def test_a_build_that_does_not_fit(small: Boxshipd) -> None:
    engine, before = small.engine, free(small)
    text = f"FROM {BUSYBOX}\nRUN dd if=/dev/zero of=/f bs=1M\n".encode()
    result = engine.docker("build", "-t", "big", "-", stdin=text)
    assert result.code != 0
    assert "No space left on device" in result.stdout + result.stderr
    assert engine.ok("ps", "-aq") == ""
    assert before - free(small) < 2 << 20


def test_a_copy_that_does_not_fit(small: Boxshipd) -> None:
    engine, before = small.engine, free(small)
    engine.ok("create", "--name", "target", BUSYBOX)
    archive = tar([entry("big", os.urandom(SIZE))])
    assert engine.docker("cp", "-", "target:/tmp", stdin=archive).code == 1
    engine.ok("rm", "target")
    assert before - free(small) < 1 << 20


def test_a_log_that_does_not_fit(small: Boxshipd) -> None:
    """The container goes on, the daemon says so, and logs go on once there is room."""
    engine = small.engine
    script = "i=0; while :; do i=$((i+1)); seq $((i*500)) $((i*500+499)); sleep 0.02; done"
    engine.ok(
        "run", "-d", "--name", "talks", "--log-opt", "max-size=1g", BUSYBOX, "sh", "-c", script
    )
    filler = small.data_root / "filler"
    filler.write_bytes(bytes(max(free(small) - (1 << 20), 0)))
    eventually(lambda: "cannot write the log of talks" in small.log, within=30)
    assert engine.ok("inspect", "-f", "{{.State.Running}}", "talks") == "true"
    assert engine.docker("logs", "-n", "1", "talks").code == 0
    filler.unlink()
    assert engine.ok("exec", "talks", "echo", "well") == "well"

    def newest() -> int:
        return int(engine.ok("logs", "-n", "1", "talks") or 0)

    before = newest()
    eventually(lambda: newest() > before, within=30)
    engine.ok("rm", "-f", "talks")
