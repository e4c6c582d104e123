"""Files in and out of containers, whichever implementation carries them."""

import io
import os
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import boxship
from boxship.errors import InvalidArgument, NotFound
from boxship.library.any_engine import AnyEngine
from boxship.library.packing import once, packed
from boxship.model.container import NoSuchContainer
from boxship.services.files import CommitRequest

pytestmark = [pytest.mark.root, pytest.mark.asyncio(loop_scope="session")]


async def test_a_file_goes_in_and_comes_out(box: boxship.Box) -> None:
    data = os.urandom(3 << 20)
    await box.write_file("/tmp/sub file", data, mode=0o640)
    assert await box.read_file("/tmp/sub file") == data
    assert (await box.exec("stat", "-c", "%a %u", "/tmp/sub file")).text == "640 0"


async def test_stat_and_archive_agree(engine: AnyEngine, box: boxship.Box) -> None:
    await box.exec("sh", "-c", "echo hello > /tmp/f; ln -s f /tmp/l; touch -d @1000000000 /tmp/f")
    stat = await engine.files.stat(box.id, "/tmp/f")
    assert (stat.name, stat.size, stat.mode, stat.mtime_ns) == ("f", 6, 0o644, 10**18)
    assert (await engine.files.stat(box.id, "/tmp/l")).link_target == "/tmp/f"
    archive = await engine.files.read_archive(box.id, "/tmp/f")
    assert archive.stat == stat
    data = b"".join([chunk async for chunk in archive.chunks])
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == ["f"]


async def test_folders_of_this_machine(box: boxship.Box, tmp_path: Path) -> None:
    source = tmp_path / "tree"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "a").write_text("1")
    (source / "b").symlink_to("deep/a")
    await box.copy_in(source, "/tmp")
    assert (await box.exec("cat", "/tmp/tree/b")).text == "1"
    copied = await box.copy_out("/tmp/tree", tmp_path / "out")
    assert copied == tmp_path / "out" / "tree"
    assert (copied / "deep" / "a").read_text() == "1"
    assert os.readlink(copied / "b") == "deep/a"


async def test_an_archive_cannot_write_outside(box: boxship.Box, tmp_path: Path) -> None:
    await box.exec("sh", "-c", "mkdir /tmp/x; ln -s /etc /tmp/x/out")
    with pytest.raises(InvalidArgument, match="cannot unpack"):
        await box.copy_out("/tmp/x", tmp_path / "out")


async def test_what_is_not_there(engine: AnyEngine, box: boxship.Box) -> None:
    with pytest.raises(NotFound, match="Could not find the file /nope in container"):
        await box.read_file("/nope")
    with pytest.raises(NotFound, match="Could not find the file /nope in container"):
        await engine.files.stat(box.id, "/nope")
    with pytest.raises(NotFound):
        await box.write_file("/nope/f", b"")
    with pytest.raises(InvalidArgument, match="no regular file"):
        await box.read_file("/tmp")


async def test_a_refused_upload_says_why(engine: AnyEngine) -> None:
    async def much() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield bytes(1 << 18)

    with pytest.raises(NoSuchContainer):
        await engine.files.write_archive("no-such-container", "/tmp", much())


@pytest.mark.usefixtures("nothing_new")
async def test_an_upload_that_breaks_is_no_success(engine: AnyEngine, box: boxship.Box) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield packed("whole", b"x" * 1000, 0o644)[:600]
        raise RuntimeError("the source is on fire")

    with pytest.raises(RuntimeError, match="on fire"):
        await engine.files.write_archive(box.id, "/tmp", broken())


@pytest.mark.usefixtures("nothing_new")
async def test_a_download_that_is_given_up_leaves_nothing(
    engine: AnyEngine, box: boxship.Box
) -> None:
    await box.exec("sh", "-c", "head -c 8000000 /dev/zero > /tmp/big")
    archive = await engine.files.read_archive(box.id, "/tmp/big")
    async for _ in archive.chunks:
        break
    await archive.chunks.aclose()  # type: ignore[attr-defined]


async def test_changes_and_export(engine: AnyEngine, box: boxship.Box) -> None:
    await box.write_file("/new", b"")
    found = {change.path: change.kind for change in await engine.files.changes(box.id)}
    assert found["/new"] == 1
    data = b"".join([chunk async for chunk in await engine.files.export(box.id)])
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert "new" in tar.getnames()


async def test_commit(engine: AnyEngine, box: boxship.Box, name: str) -> None:
    await box.write_file("/made", b"here")
    config = b'{"env":["A=b"],"labels":{"k":"v"}}'
    request = CommitRequest(
        repository=name, tag="t", author="me", changes=("CMD cat /made",), config=config
    )
    image_id = await engine.files.commit(box.id, request)
    image = await engine.images.get(f"{name}:t")
    assert (image.id, image.config.author) == (image_id, "me")
    assert image.config.config is not None
    assert image.config.config.labels == {"k": "v"}
    assert "A=b" in (image.config.config.env or ())
    assert (await engine.run(f"{name}:t")).text == "here"
    await engine.images.remove(f"{name}:t")


async def test_compressed_archives(engine: AnyEngine, box: boxship.Box) -> None:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w:gz") as tar:
        entry = tarfile.TarInfo("zipped")
        entry.size = 2
        tar.addfile(entry, io.BytesIO(b"ok"))
    await engine.files.write_archive(box.id, "/tmp", once(plain.getvalue()))
    assert await box.read_file("/tmp/zipped") == b"ok"


async def test_an_image_that_does_not_exist(engine: AnyEngine) -> None:
    with pytest.raises(NotFound, match="No such image: nothing-like-it:latest"):
        await engine.run("nothing-like-it")
