"""cp, diff, export and commit, with hostile paths too."""

import contextlib
import tarfile
from collections.abc import AsyncIterator

import pytest

from boxship.errors import BoxshipError, Internal, InvalidArgument, NotFound
from boxship.services.files import CommitRequest
from support.rootfs import directory, entry, symlink, tar, untar
from support.yard import Yard, collect

pytestmark = pytest.mark.root


async def body(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), 1000):
        yield data[at : at + 1000]


async def read(yard: Yard, name: str, path: str) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    archive = await yard.services.files.read_archive(name, path)
    return untar(await collect(archive.chunks))


@pytest.mark.parametrize("running", [False, True])
async def test_what_was_written_is_read(yard: Yard, running: bool) -> None:
    name = await yard.create("sleep", "100", host={"binds": ("vol:/v",)})
    if running:
        await yard.services.containers.start(name)
    files = yard.services.files
    for place in ("/tmp", "/v", "/v/", "tmp/."):
        await files.write_archive(name, place, body(tar([entry("a.txt", b"text", uid=7)])))
    for path in ("/tmp/a.txt", "/v/a.txt"):
        found = await read(yard, name, path)
        assert found["a.txt"][1] == b"text"
        assert found["a.txt"][0].uid == 7
    assert list(await read(yard, name, "/v")) == ["v", "v/a.txt"]
    assert (yard.root / "data/volumes/vol/_data/a.txt").read_text() == "text"
    stat = await files.stat(name, "/bin/sh")
    assert (stat.name, stat.mode, stat.link_target) == ("sh", 0o777 | 1 << 27, "/bin/busybox")
    with pytest.raises(NotFound, match=f"Could not find the file /nope in container {name}"):
        await files.stat(name, "/nope")
    with pytest.raises(InvalidArgument, match="extraction point is not a directory"):
        await files.write_archive(name, "/etc/passwd", body(tar([])))
    if running:  # the container sees it as well
        _, out, _ = await yard.run("ls", "/v", host={"binds": ("vol:/v",)})
        assert out == b"a.txt\n"
    await yard.clear()
    await yard.volumes.remove("vol")


async def test_nothing_leads_out_of_the_container(yard: Yard, tmp_path: object) -> None:
    name = await yard.create("true")
    secret = yard.root / "secret"
    secret.write_text("host")
    files = yard.services.files
    links = tar([symlink("up", "../../../../../../../.."), symlink("abs", str(yard.root))])
    await files.write_archive(name, "/", body(links))
    for path in (f"/up{secret}", "/abs/secret", f"/../..{secret}", f"/proc/self/root{secret}"):
        with pytest.raises(NotFound):
            await files.read_archive(name, path)
        with pytest.raises(NotFound):
            await files.write_archive(name, path, body(tar([entry("x")])))
    hostile = tar([symlink("way", str(yard.root)), entry("way/evil", b"x")])
    with contextlib.suppress(BoxshipError):  # refused, or unpacked inside: both are harmless
        await files.write_archive(name, "/tmp", body(hostile))
    assert not (yard.root / "evil").exists()


async def test_read_only_means_read_only(yard: Yard) -> None:
    outside = yard.root / "outside"
    outside.mkdir()
    name = await yard.create(
        "true", host={"readonly_rootfs": True, "binds": (f"{outside}:/host:ro", "vw:/w")}
    )
    files = yard.services.files
    upload = tar([entry("x", b"1")])
    with pytest.raises(InvalidArgument, match="container rootfs is marked read-only"):
        await files.write_archive(name, "/tmp", body(upload))
    with pytest.raises(InvalidArgument, match="mounted volume is marked read-only"):
        await files.write_archive(name, "/host", body(upload))
    await files.write_archive(name, "/w", body(upload))
    assert list(outside.iterdir()) == []
    await yard.clear()
    await yard.volumes.remove("vw")


async def test_changes_leave_out_what_the_engine_mounts_upon(yard: Yard) -> None:
    await yard.run("sh", "-c", "rm /etc/group; echo x > /new; touch /home/app/f", name="job")
    changes = [(c.path, c.kind) for c in await yard.services.files.changes("job")]
    assert changes == [
        ("/etc", 0),
        ("/etc/group", 2),
        ("/home", 0),
        ("/home/app", 0),
        ("/home/app/f", 1),
        ("/new", 1),
    ]


async def test_export_is_the_root_without_volumes(yard: Yard) -> None:
    await yard.run(
        "sh", "-c", "echo 1 > /v/in; echo 2 > /out", name="job", host={"binds": ("vx:/v",)}
    )
    members = untar(await collect(await yard.services.files.export("job")))
    assert members["out"][1] == b"2\n"
    assert "v/in" not in members
    assert "bin/busybox" in members
    await yard.clear()
    await yard.volumes.remove("vx")


async def test_a_reader_that_goes_away_frees_the_container(yard: Yard) -> None:
    name = await yard.create("true")
    archive = await yard.services.files.read_archive(name, "/")
    await anext(archive.chunks)
    await archive.chunks.aclose()  # type: ignore[attr-defined]
    await yard.services.containers.start(name)


async def test_special_files_do_not_block(yard: Yard) -> None:
    script = "mkfifo /tmp/pipe; mknod /tmp/null c 1 3; ln /etc/passwd /tmp/hard; : > /tmp/plain"
    await yard.run("sh", "-c", script, name="job")
    found = await read(yard, "job", "/tmp")
    assert found["tmp/pipe"][0].isfifo()
    assert found["tmp/null"][0].ischr()
    assert (await yard.services.files.stat("job", "/tmp/pipe")).mode == 0o644 | 1 << 25
    assert list(await read(yard, "job", "/tmp/pipe")) == ["pipe"]


async def test_garbage_is_refused(yard: Yard) -> None:
    name = await yard.create("true")
    with pytest.raises(Internal, match=r"^archive/tar: invalid tar header$"):
        await yard.services.files.write_archive(name, "/", body(b"garbage" * 200))


async def test_every_compression(yard: Yard) -> None:
    import bz2
    import gzip
    import lzma

    name = await yard.create("true")
    for squeeze in (gzip.compress, bz2.compress, lzma.compress):
        data = squeeze(tar([directory("d"), entry("d/f", b"1" * 10000)]))
        await yard.services.files.write_archive(name, "/tmp", body(data))
        assert (await read(yard, name, "/tmp/d/f"))["f"][1] == b"1" * 10000


async def test_commit_pauses_and_hands_over(yard: Yard) -> None:
    name = await yard.create("sleep", "100")
    await yard.services.containers.start(name)
    await yard.services.files.commit(name, CommitRequest(repository="r"))
    assert yard.images.committed[0][0].id == name
    assert (await yard.actions())[-3:] == ["pause", "commit", "unpause"]
