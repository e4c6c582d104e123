"""Images and builds, whichever implementation makes them."""

import contextlib
from pathlib import Path

import pytest

import boxship
from boxship.errors import BoxshipError, Conflict, NotFound
from boxship.library.any_engine import AnyEngine
from boxship.library.packing import once, pack_context
from boxship.model.image import ImageInUse, NoSuchImage
from boxship.services.builds import BuildRequest
from boxship.services.images import ImageListing, ImportRequest
from support.box import BUSYBOX
from support.images import docker_archive, image_config
from support.rootfs import busybox

pytestmark = [pytest.mark.root, pytest.mark.asyncio(loop_scope="session")]


async def test_what_an_image_is(engine: AnyEngine) -> None:
    detail = await engine.images.inspect(BUSYBOX)
    assert detail.tags == (f"{BUSYBOX}:latest",)
    image = detail.image
    assert image == await engine.images.get(image.id[7:19])
    assert image.config.architecture == "amd64"
    assert image.config.config is not None
    assert image.config.config.cmd == ("sh",)
    assert len(image.layers) == len(image.config.rootfs.diff_ids) == 1
    assert str(image.chain_id) == image.layers[0].diff_id  # of the lowest layer they are the same
    assert image.size > 0
    assert image.created == 1767323045  # seconds


async def test_names_come_and_go(engine: AnyEngine, name: str) -> None:
    await engine.images.tag(BUSYBOX, name, "one")
    await engine.images.tag(f"{name}:one", name, "two")
    filters = boxship.Filters({"reference": (name,)})
    (found,) = await engine.images.list(ImageListing(filters=filters))
    assert {f"{name}:one", f"{name}:two"} <= set(found.tags)
    removed = await engine.images.remove(f"{name}:one")
    assert [removal.untagged for removal in removed] == [f"{name}:one"]
    await engine.images.remove(f"{name}:two")
    with pytest.raises(NoSuchImage, match=f"No such image: {name}:one"):
        await engine.images.get(f"{name}:one")


async def test_load_save_and_history(engine: AnyEngine, tmp_path: Path, name: str) -> None:
    config = image_config([busybox()], Labels={"made": name})
    archive = tmp_path / "image.tar"
    archive.write_bytes(docker_archive([busybox()], f"{name}:latest", config=config))
    assert await engine.load(archive) == [f"{name}:latest"]
    history = await engine.images.history(name)
    assert [item.created_by for item in history] == ["step 0"]
    saved = b"".join([chunk async for chunk in await engine.images.save([name])])
    image_id = (await engine.images.get(name)).id
    await engine.images.remove(name)
    archive.write_bytes(saved)
    assert await engine.load(archive) == [f"{name}:latest"]
    assert (await engine.images.get(name)).id == image_id
    await engine.images.remove(name)


async def test_a_broken_archive_changes_nothing(engine: AnyEngine) -> None:
    before = await engine.images.list(ImageListing(all=True))
    with pytest.raises(BoxshipError):
        async for _ in engine.images.load(once(b"no tar at all" * 100), quiet=True):
            pass
    assert await engine.images.list(ImageListing(all=True)) == before


async def test_import(engine: AnyEngine, name: str) -> None:
    request = ImportRequest(repository=name, tag="t", changes=("CMD echo imported",))
    messages = [m async for m in engine.images.import_(once(busybox()), request)]
    assert messages[-1].status.startswith("sha256:")
    assert (await engine.run(f"{name}:t")).text == "imported"
    await engine.images.remove(f"{name}:t")


async def test_an_image_in_use_stays(engine: AnyEngine, name: str) -> None:
    config = image_config([busybox()], Labels={"made": name})
    archive = docker_archive([busybox()], f"{name}:latest", config=config)
    async for _ in engine.images.load(once(archive), quiet=True):
        pass
    box = await engine.create(name, "true")
    with pytest.raises(ImageInUse, match="is using its referenced image"):
        await engine.images.remove(name)
    with pytest.raises(Conflict):
        await engine.images.remove(name)
    await box.remove()
    await engine.images.remove(name)


def context(folder: Path, *lines: str, **files: str) -> Path:
    (folder / "Dockerfile").write_text("\n".join((f"FROM {BUSYBOX}", *lines)) + "\n")
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


async def test_a_small_build(engine: AnyEngine, tmp_path: Path, name: str) -> None:
    folder = context(
        tmp_path,
        "ARG WHO",
        "COPY . /src/",
        "RUN echo built for $WHO > /out; ls /src >> /out",
        'CMD ["cat", "/out"]',
        kept="1",
        dropped="2",
    )
    (folder / ".dockerignore").write_text("dropped\n")
    image_id = await engine.build(folder, tag=name, build_args={"WHO": "me"})
    assert (await engine.images.get(name)).id == image_id
    assert (await engine.run(name)).text == "built for me\nDockerfile\nkept"
    await engine.images.remove(name)


async def test_a_failing_build_tells_what_happened(engine: AnyEngine, tmp_path: Path) -> None:
    folder = context(tmp_path, "RUN echo so far; exit 9")
    with pytest.raises(boxship.BuildFailed, match="returned a non-zero code: 9") as caught:
        await engine.build(folder)
    assert "so far" in caught.value.log


async def test_a_bad_dockerfile(engine: AnyEngine, tmp_path: Path) -> None:
    with pytest.raises(BoxshipError, match=r"(?i)unknown instruction: NONSENSE"):
        await engine.build(context(tmp_path, "NONSENSE"))


@pytest.mark.usefixtures("nothing_new")
async def test_a_build_that_is_given_up_ends(engine: AnyEngine, tmp_path: Path) -> None:
    folder = context(tmp_path, "RUN echo begun; sleep 60")
    messages = engine.builds.build(BuildRequest(), pack_context(folder, ""))
    async with contextlib.aclosing(messages) as told:  # type: ignore[type-var]
        async for message in told:
            if "begun" in message.stream:
                break


async def test_nothing_of_that_name(engine: AnyEngine) -> None:
    with pytest.raises(NotFound, match="No such image"):
        await engine.images.history("nothing-like-it")
    with pytest.raises(NotFound, match="nothing-like-it"):
        await engine.images.tag("nothing-like-it", "a", "b")
    with pytest.raises(NotFound):
        await engine.images.save(["nothing-like-it"])
