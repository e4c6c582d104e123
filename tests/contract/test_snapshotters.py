"""What every snapshotter does; the kernel mounts what they describe."""

import contextlib
import io
import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from boxship.errors import Conflict, InvalidArgument
from boxship.model.mount import Mount
from boxship.store.archive.reader import TarReader
from boxship.store.archive.unpacker import unpack
from boxship.store.archive.writer import TarWriter
from boxship.store.metadata import Metadata
from boxship.store.snapshots.native import NativeSnapshotter
from boxship.store.snapshots.overlay import OverlaySnapshotter
from boxship.store.snapshots.snapshotter import (
    Kind,
    NoSuchSnapshot,
    SnapshotExists,
    SnapshotInUse,
    Snapshotter,
)
from support.tars import Item, directory, file, symlink, tar

pytestmark = pytest.mark.root


@contextlib.contextmanager
def mounted(mounts: Sequence[Mount], target: Path) -> Iterator[Path]:
    target.mkdir(exist_ok=True)
    for mount in mounts:
        options = ",".join(option for option in mount.options if option != "rbind")
        kind = ["--bind"] if mount.type == "bind" else ["-t", mount.type]
        subprocess.run(["mount", *kind, "-o", options, mount.source, target], check=True)
    try:
        yield target
    finally:
        subprocess.run(["umount", target], check=True)


class SnapshotterContract:
    """Subclass and provide `make`."""

    def make(self, root: Path, metadata: Metadata) -> Snapshotter:
        raise NotImplementedError

    @pytest.fixture
    def metadata(self, tmp_path: Path) -> Iterator[Metadata]:
        metadata = Metadata(tmp_path / "meta.db")
        yield metadata
        metadata.close()

    @pytest.fixture
    def snapshots(self, tmp_path: Path, metadata: Metadata) -> Snapshotter:
        return self.make(tmp_path / "snapshots", metadata)

    def layer(self, snapshots: Snapshotter, name: str, parent: str | None, *items: Item) -> None:
        with snapshots.unpacking(parent) as work:
            fd = os.open(work.directory, os.O_PATH)
            try:
                result = unpack([tar(*items)], fd, work.options)
            finally:
                os.close(fd)
            work.commit(name, parent, result)

    def seen(self, snapshots: Snapshotter, key: str, tmp_path: Path) -> dict[str, str]:
        with mounted(snapshots.mounts(key), tmp_path / "mnt") as root:
            return {
                str(path.relative_to(root)): path.read_text()
                for path in root.rglob("*")
                if path.is_file()
            }

    def test_layers_stack(self, snapshots: Snapshotter, tmp_path: Path) -> None:
        self.layer(
            snapshots,
            "one",
            None,
            file("a", b"1"),
            directory("d"),
            file("d/x", b"x"),
            file("gone", b""),
        )
        self.layer(
            snapshots,
            "two",
            "one",
            file("b", b"2"),
            file(".wh.gone"),
            directory("d"),
            file("d/.wh..wh..opq"),
        )
        self.layer(snapshots, "three", "two", file("a", b"3"), symlink("l", "a"))
        snapshots.prepare("box", "three")
        assert self.seen(snapshots, "box", tmp_path) == {"a": "3", "b": "2", "l": "3"}
        snapshots.view("look", "two")
        assert self.seen(snapshots, "look", tmp_path) == {"a": "1", "b": "2"}

    def test_a_container_writes_to_its_own_layer_only(
        self, snapshots: Snapshotter, tmp_path: Path
    ) -> None:
        self.layer(snapshots, "base", None, file("a", b"1"), file("old", b"old"))
        for key in ("one", "two"):
            with mounted(snapshots.prepare(key, "base"), tmp_path / "mnt") as root:
                (root / "a").write_text(key)
                (root / "old").unlink()
        assert self.seen(snapshots, "one", tmp_path) == {"a": "one"}
        assert self.seen(snapshots, "two", tmp_path) == {"a": "two"}
        snapshots.prepare("fresh", "base")
        assert self.seen(snapshots, "fresh", tmp_path) == {"a": "1", "old": "old"}

    def test_views_cannot_be_written(self, snapshots: Snapshotter, tmp_path: Path) -> None:
        self.layer(snapshots, "base", None, file("a", b"1"))
        with (
            mounted(snapshots.view("look", "base"), tmp_path / "mnt") as root,
            pytest.raises(OSError, match="Read-only"),
        ):
            (root / "a").write_text("x")

    def test_a_commit_can_be_stood_on(self, snapshots: Snapshotter, tmp_path: Path) -> None:
        self.layer(snapshots, "base", None, file("a", b"1"))
        with mounted(snapshots.prepare("step", "base"), tmp_path / "mnt") as root:
            (root / "b").write_text("22")
            (root / "a").unlink()
        committed = snapshots.commit("next", "step")
        assert (committed.key, committed.kind, committed.parent) == ("next", Kind.COMMITTED, "base")
        assert committed.size == 2
        assert snapshots.find("step") is None
        snapshots.prepare("box", "next")
        assert self.seen(snapshots, "box", tmp_path) == {"b": "22"}

    def test_changes_and_diff_tell_the_same(self, snapshots: Snapshotter, tmp_path: Path) -> None:
        self.layer(
            snapshots, "base", None,
            directory("d", mtime_ns=10**9), file("d/keep", b"", mtime_ns=10**9), file("d/gone", b"", mtime_ns=10**9),
            file("changed", b"1", mtime_ns=10**9), directory("dir", mtime_ns=10**9), file("dir/f", b"", mtime_ns=10**9),
        )  # fmt: skip
        with mounted(snapshots.prepare("box", "base"), tmp_path / "mnt") as root:
            (root / "d/gone").unlink()
            (root / "changed").write_text("2")
            (root / "new").mkdir()
            (root / "new/file").write_text("n")
        changes = [(change.path, change.kind) for change in snapshots.changes("box")]
        assert changes == [
            ("/changed", 0),
            ("/d", 0),
            ("/d/gone", 2),
            ("/new", 1),
            ("/new/file", 1),
        ]
        assert snapshots.size("box") == 2
        output = io.BytesIO()
        writer = TarWriter(output.write)
        snapshots.write_diff("box", writer)
        writer.close()
        names = sorted(entry.name.rstrip(b"/") for entry in TarReader([output.getvalue()]))
        assert names == [b"changed", b"d", b"d/.wh.gone", b"new", b"new/file"]

    def test_keys_and_parents_are_checked(self, snapshots: Snapshotter) -> None:
        self.layer(snapshots, "base", None, file("a", b"1"))
        snapshots.prepare("box", "base")
        with pytest.raises(SnapshotExists):
            snapshots.prepare("box", "base")
        with pytest.raises(NoSuchSnapshot):
            snapshots.prepare("other", "nope")
        with pytest.raises(Conflict):
            snapshots.prepare("other", "box")
        with pytest.raises(NoSuchSnapshot):
            snapshots.mounts("nope")
        with pytest.raises(InvalidArgument):
            snapshots.mounts("base")
        with pytest.raises(SnapshotExists):
            snapshots.commit("base", "box")
        assert snapshots.stat("box").kind is Kind.ACTIVE
        assert snapshots.keys() == ["box"]

    def test_a_parent_with_children_cannot_be_removed(
        self, snapshots: Snapshotter, tmp_path: Path
    ) -> None:
        self.layer(snapshots, "base", None, file("a", b"1"))
        snapshots.prepare("box", "base")
        with pytest.raises(SnapshotInUse):
            snapshots.remove("base")
        assert self.seen(snapshots, "box", tmp_path) == {"a": "1"}
        snapshots.remove("box")
        snapshots.remove("base")
        assert list(snapshots.list()) == []
        assert list((tmp_path / "snapshots").iterdir()) == []
        with pytest.raises(NoSuchSnapshot):
            snapshots.remove("base")

    def test_a_failed_layer_leaves_nothing(self, snapshots: Snapshotter, tmp_path: Path) -> None:
        with pytest.raises(InvalidArgument):
            self.layer(snapshots, "bad", None, file("a", b"1"), file("../x", b"1"))
        assert list(snapshots.list()) == []
        assert list((tmp_path / "snapshots").iterdir()) == []

    def test_of_two_equal_layers_one_stays(self, snapshots: Snapshotter, tmp_path: Path) -> None:
        threads = [
            threading.Thread(target=self.layer, args=(snapshots, "same", None, file("a", b"1")))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [one.key for one in snapshots.list()] == ["same"]
        assert len(list((tmp_path / "snapshots").iterdir())) == 1

    def test_recovery_brings_rows_and_directories_together(
        self, snapshots: Snapshotter, metadata: Metadata, tmp_path: Path
    ) -> None:
        self.layer(snapshots, "good", None, file("a", b"1"))
        self.layer(snapshots, "lost", None, file("a", b"1"))
        snapshots.prepare("above", "lost")
        snapshots.prepare("box", "good")
        (tmp_path / "snapshots" / "999").mkdir()
        lost = snapshots.diff_path("lost").parent
        subprocess.run(["rm", "-r", lost], check=True)
        again = self.make(tmp_path / "snapshots", metadata)
        again.recover()
        assert sorted(one.key for one in again.list()) == ["box", "good"]
        assert len(list((tmp_path / "snapshots").iterdir())) == 2
        assert self.seen(again, "box", tmp_path) == {"a": "1"}

    def test_numbers_are_never_used_twice(self, snapshots: Snapshotter) -> None:
        self.layer(snapshots, "one", None)
        first = snapshots.diff_path("one")
        snapshots.remove("one")
        self.layer(snapshots, "two", None)
        assert snapshots.diff_path("two") != first

    def test_the_root_directory_looks_as_its_layer_says(
        self, snapshots: Snapshotter, tmp_path: Path
    ) -> None:
        self.layer(snapshots, "one", None, directory(".", 0o1777, uid=5, gid=6))
        self.layer(snapshots, "two", "one", file("a", b""))
        with mounted(snapshots.prepare("box", "two"), tmp_path / "mnt") as root:
            status = root.stat()
        assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o1777, 5, 6)


class TestOverlay(SnapshotterContract):
    def make(self, root: Path, metadata: Metadata) -> Snapshotter:
        return OverlaySnapshotter(root, metadata, sync=lambda _: None)

    def test_many_layers_are_one_mount(self, snapshots: Snapshotter, tmp_path: Path) -> None:
        parent = None
        for number in range(60):
            self.layer(snapshots, f"layer{number}", parent, file(f"f{number}", b"x"))
            parent = f"layer{number}"
        (mount,) = snapshots.prepare("box", parent)
        assert mount.type == "overlay"
        assert mount.options[0].count(":") == 59
        assert len(snapshots.describe("box")["LowerDir"].split(":")) == 60


class TestNative(SnapshotterContract):
    def make(self, root: Path, metadata: Metadata) -> Snapshotter:
        return NativeSnapshotter(root, metadata, sync=lambda _: None)
