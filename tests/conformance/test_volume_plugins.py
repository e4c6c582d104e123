"""Volume drivers that are plugins: found, used, told about, and still there after a restart."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.conftest import EXTERNAL, prepare
from support.box import BUSYBOX, FOREVER
from support.boxshipd import Boxshipd, boxshipd
from support.engine import eventually
from support.volume_plugin import volume_plugin


@pytest.fixture(scope="module")
def daemon() -> Iterator[Boxshipd]:
    """A boxshipd for these tests: plugins announce themselves below its own exec root."""
    if EXTERNAL:
        pytest.skip("for boxshipd only")
    with boxshipd() as running:
        prepare(running.engine)
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the plugin keeps things."""
    return tmp_path / "plugin"


def calls(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_a_plugin_s_life(daemon: Boxshipd, folder: Path) -> None:
    engine = daemon.engine
    socket = daemon.root / "run" / "plugins" / "shelf.sock"
    with volume_plugin(socket, folder, "global") as log:
        assert engine.ok("volume", "create", "-d", "shelf", "-o", "a=b", "books") == "books"
        shown = engine.get("/volumes/books")
        assert (shown["Driver"], shown["Scope"]) == ("shelf", "global")
        assert (shown["Options"], shown["Status"]) == ({"a": "b"}, {"mounts": 0})
        assert shown["CreatedAt"] == "2020-01-02T03:04:05Z"
        assert {"local", "shelf"} <= set(engine.get("/info")["Plugins"]["Volume"])
        script = "echo text > /b/page"
        engine.ok("run", "--rm", "-v", "books:/b", BUSYBOX, "sh", "-c", script)
        assert (folder / "data/books/page").read_text() == "text\n"
        mounted = [line for line in calls(log) if "ount books" in line]
        assert [line.split()[0] for line in mounted] == [
            "VolumeDriver.Mount",
            "VolumeDriver.Unmount",
        ] * (len(mounted) // 2)
        assert len({line.split()[2] for line in mounted}) == len(mounted) // 2
        error = engine.fails("volume", "create", "-d", "local", "books")
        assert error.endswith(
            "create books: driver 'shelf' already has volume 'books': volume name must be unique"
        )
        engine.ok("volume", "rm", "books")
        assert "VolumeDriver.Remove books" in calls(log)
        assert engine.get("/volumes")["Volumes"] == []


def test_the_plugin_s_complaints_reach_the_user(daemon: Boxshipd, folder: Path) -> None:
    engine = daemon.engine
    socket = daemon.root / "run" / "plugins" / "shelf.sock"
    with volume_plugin(socket, folder):
        told = engine.fails("volume", "create", "-d", "shelf", "-o", "fail=create", "a1")
        assert told == "Error response from daemon: create a1: no room for this"
        engine.ok("volume", "create", "-d", "shelf", "-o", "fail=mount", "a2")
        told = engine.fails("run", "--rm", "-v", "a2:/x:nocopy", BUSYBOX, "true", code=125)
        assert "error while mounting volume '': Mount went wrong" in told
        engine.ok("volume", "create", "-d", "shelf", "-o", "fail=remove", "a3")
        told = engine.fails("volume", "rm", "a3")
        assert told == "Error response from daemon: remove a3: Remove went wrong"
        engine.ok("volume", "rm", "-f", "a3")
        told = engine.fails("volume", "create", "-d", "nobody", "a4")
        assert told.endswith(
            'create a4: error looking up volume plugin nobody: plugin "nobody" not found'
        )
        engine.ok("volume", "rm", "a2")


def test_a_plugin_that_cannot_let_go_does_not_hold_the_container(
    daemon: Boxshipd, folder: Path
) -> None:
    engine = daemon.engine
    socket = daemon.root / "run" / "plugins" / "shelf.sock"
    with volume_plugin(socket, folder):
        engine.ok("volume", "create", "-d", "shelf", "-o", "fail=unmount", "a5")
        assert engine.ok("run", "--rm", "-v", "a5:/x:nocopy", BUSYBOX, "echo", "done") == "done"
        eventually(lambda: "error unmounting volume a5: Unmount went wrong" in daemon.log)
        engine.ok("volume", "rm", "a5")


def test_a_container_keeps_its_plugin_volume_over_restarts(daemon: Boxshipd, folder: Path) -> None:
    engine = daemon.engine
    socket = daemon.root / "run" / "plugins" / "shelf.sock"
    with volume_plugin(socket, folder) as log:
        engine.ok("volume", "create", "-d", "shelf", "books")
        engine.ok("run", "-d", "--name", "reader", "-v", "books:/b:nocopy", BUSYBOX, *FOREVER)
        daemon.kill()
        daemon.start()
        assert engine.ok("exec", "reader", "sh", "-c", "echo 1 > /b/x; cat /b/x") == "1"
        assert [line for line in calls(log) if line.startswith("VolumeDriver.Unmount")] == []
        told = engine.fails("volume", "rm", "books")
        assert "remove books: volume is in use - [" in told
        engine.ok("rm", "-f", "reader")
        mount, unmount = (line for line in calls(log) if "ount books" in line)
        assert mount.split()[2] == unmount.split()[2]
        engine.ok("volume", "rm", "books")


def test_a_socket_in_a_folder_of_its_name_is_found(daemon: Boxshipd, folder: Path) -> None:
    engine = daemon.engine
    place = daemon.root / "far.sock"
    announced = daemon.root / "run" / "plugins" / "far" / "far.sock"
    announced.parent.mkdir(parents=True, exist_ok=True)
    announced.symlink_to(place)
    with volume_plugin(place, folder):
        assert engine.ok("volume", "create", "-d", "far", "v1") == "v1"
        engine.ok("volume", "rm", "v1")


def test_volumes_that_only_the_plugin_knows_are_listed(daemon: Boxshipd, folder: Path) -> None:
    engine = daemon.engine
    socket = daemon.root / "run" / "plugins" / "shelf.sock"
    folder.mkdir()
    (folder / "state.json").write_text('{"old": {"opts": {}, "mounts": []}}')
    with volume_plugin(socket, folder):
        engine.ok("volume", "create", "-d", "shelf", "new")
        names = engine.ok("volume", "ls", "-q", "--filter", "driver=shelf").splitlines()
        assert names == ["new", "old"]
        assert engine.get("/volumes/old")["Driver"] == "shelf"
        engine.ok("volume", "rm", "new", "old")
    eventually(lambda: engine.get("/volumes")["Volumes"] == [])
