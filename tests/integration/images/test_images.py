"""Names, removal, listing, pruning, import and creation of images."""

import json
import time

import msgspec
import pytest

from boxship.errors import Conflict, InvalidArgument, NotFound
from boxship.model.config import RunConfig
from boxship.model.container import Container, ContainerState, HostConfig, Status
from boxship.model.filters import Filters
from boxship.model.image import Image, ImageConfig, NoSuchImage, OCIRunConfig
from boxship.services.images import ImageListing, ImportRequest, Removal
from boxship.store.gc import container_key
from support.image_archives import LAYER, SECOND, config, docker_archive, sha256
from support.image_bench import ImageBench, body

pytestmark = pytest.mark.root

ID = sha256(config(LAYER))
SHORT = ID[7:19]


async def a_web_image(bench: ImageBench, *tags: str) -> Image:
    await bench.load(docker_archive(LAYER, tags=list(tags) or ["web:1"]))
    return await bench.images.get(tags[0] if tags else "web:1")


def a_container(bench: ImageBench, image: Image, status: Status = Status.EXITED) -> Container:
    container = Container(
        id="c0ffee" * 10 + "abcd",
        name="user",
        created=1,
        image=image.id,
        image_reference="web:1",
        config=RunConfig(),
        host_config=HostConfig(),
        state=ContainerState(status=status),
    )
    bench.store.metadata.containers.put(container)
    bench.store.snapshots.prepare(container_key(container.id), image.chain_id)
    return container


async def test_images_are_found_by_name_and_by_id(bench: ImageBench) -> None:
    await a_web_image(bench, "web:1", "web:latest")
    for name in ("web", "web:1", "docker.io/library/web", ID, ID[7:], SHORT, ID[:15], ID[7:9]):
        assert (await bench.images.get(name)).id == ID


@pytest.mark.parametrize(
    ("name", "shown"),
    [("nope", "nope:latest"), ("nope:1", "nope:1"), ("web:2", "web:2"), ("sha256:abc", "sha256:abc"),
     ("sha256:" + "0" * 64, "sha256:" + "0" * 64), ("0" * 64, "sha256:" + "0" * 64)],
)  # fmt: skip
async def test_unknown_images_are_told_in_dockers_words(
    bench: ImageBench, name: str, shown: str
) -> None:
    await a_web_image(bench)
    with pytest.raises(NoSuchImage, match=f"^No such image: {shown}$"):
        await bench.images.get(name)


async def test_an_ambiguous_beginning_of_an_id_finds_none(bench: ImageBench) -> None:
    await bench.load(docker_archive(LAYER))
    number = 0
    while True:
        other = config(SECOND, author=str(number))
        if sha256(other)[7] == ID[7]:
            break
        number += 1
    await bench.load(docker_archive(SECOND, author=str(number)))
    with pytest.raises(NoSuchImage):
        await bench.images.get(ID[7])


async def test_tags_are_given_moved_and_refused(bench: ImageBench) -> None:
    await a_web_image(bench)
    assert (await bench.images.inspect(SHORT)).image.last_tagged == 0  # loading is no tagging
    await bench.images.tag("web:1", "example.com:5000/a/b", "")
    await bench.images.tag("web:1", "other", "v2")
    detail = await bench.images.inspect(SHORT)
    assert detail.tags == ("other:v2", "web:1", "example.com:5000/a/b:latest")
    assert detail.image.last_tagged > time.time() - 100
    for repository, tag in (("Bad", ""), ("x", "bad tag"), ("x@" + ID, ""), ("", "x")):
        with pytest.raises(InvalidArgument):
            await bench.images.tag("web:1", repository, tag)
    with pytest.raises(NoSuchImage):
        await bench.images.tag("nope", "x", "")


async def test_removing_the_last_name_removes_everything(bench: ImageBench) -> None:
    image = await a_web_image(bench, "web:1", "web:2")
    assert await bench.images.remove("web:2") == [Removal(untagged="web:2")]
    assert await bench.images.remove("web:1") == [
        Removal(untagged="web:1"), Removal(deleted=ID), Removal(deleted=image.layers[0].chain_id),
    ]  # fmt: skip
    assert bench.is_empty(), bench.leftovers()
    assert bench.actions() == ["load", "untag", "untag", "delete"]


async def test_removal_by_id_needs_force_for_several_repositories(bench: ImageBench) -> None:
    await a_web_image(bench, "web:1", "other:1")
    text = f"conflict: unable to delete {SHORT} \\(must be forced\\) - image is referenced in multiple repositories"
    with pytest.raises(Conflict, match=text):
        await bench.images.remove(SHORT)
    removed = await bench.images.remove(SHORT, force=True)
    assert [one.untagged for one in removed[:2]] == ["other:1", "web:1"]
    assert bench.is_empty()


async def test_containers_hold_their_image(bench: ImageBench) -> None:
    image = await a_web_image(bench)
    container = a_container(bench, image)
    short = container.id[:12]
    text = (
        f'conflict: unable to remove repository reference "web:1" \\(must force\\) - container {short} '
        f"is using its referenced image {SHORT}"
    )
    with pytest.raises(Conflict, match=text):
        await bench.images.remove("web:1")
    text = f"unable to delete {SHORT} \\(must be forced\\) - image is being used by stopped container {short}"
    with pytest.raises(Conflict, match=text):
        await bench.images.remove(SHORT)
    running = msgspec.structs.replace(container, state=ContainerState(status=Status.RUNNING))
    bench.store.metadata.containers.put(running)
    text = f"unable to delete {SHORT} \\(cannot be forced\\) - image is being used by running container {short}"
    with pytest.raises(Conflict, match=text):
        await bench.images.remove(SHORT, force=True)
    assert (await bench.images.get("web:1")).id == ID


async def test_a_forced_removal_leaves_a_stopped_container_its_layers(bench: ImageBench) -> None:
    image = await a_web_image(bench)
    container = a_container(bench, image)
    removed = await bench.images.remove("web:1", force=True)
    assert removed == [Removal(untagged="web:1"), Removal(deleted=ID)]
    files = bench.store.snapshots.lower_paths(container_key(container.id))
    assert (files[0] / "etc/hostname").exists()
    bench.store.metadata.containers.delete(container.id)
    bench.store.snapshots.remove(container_key(container.id))
    bench.store.collector.sweep()
    assert bench.is_empty()


async def test_shared_layers_stay_until_nobody_needs_them(bench: ImageBench) -> None:
    await a_web_image(bench)
    await bench.load(docker_archive(LAYER, SECOND, tags=["two:1"]))
    removed = await bench.images.remove("two:1")
    assert len(removed) == 3  # untagged, image, its own layer
    assert (await bench.save("web:1")) != b""
    await bench.images.remove("web:1")
    assert bench.is_empty()


def a_child(bench: ImageBench, parent: Image, **config_: object) -> Image:
    with bench.store.collector.tidying("test") as lease:
        made = ImageConfig(architecture="amd64", os="linux", config=OCIRunConfig(**config_))  # type: ignore[arg-type]
        return bench.images.creation.create(made, parent.layers, lease, parent=parent.id)


async def test_parents_are_pruned_with_their_child(bench: ImageBench) -> None:
    parent = await a_web_image(bench)
    middle = a_child(bench, parent, user="a")
    child = a_child(bench, middle, user="b")
    assert [detail.image.id for detail in await bench.images.list(ImageListing())] == [ID, child.id]
    assert len(await bench.images.list(ImageListing(all=True))) == 3
    with pytest.raises(Conflict, match=r"\(cannot be forced\) - image has dependent child images"):
        await bench.images.remove(middle.id, force=True)
    removed = await bench.images.remove(child.id)
    assert removed == [Removal(deleted=child.id), Removal(deleted=middle.id)]
    assert [detail.image.id for detail in await bench.images.list(ImageListing())] == [ID]


async def test_history_names_the_images_made_here(bench: ImageBench) -> None:
    parent = await a_web_image(bench)
    history = await bench.images.history("web:1")
    assert [(row.id, row.size, row.tags, row.created_by) for row in history] == [
        (parent.id, 5, ("web:1",), "step")
    ]


async def test_filters_select(bench: ImageBench) -> None:
    await a_web_image(bench, "web:1", "example.com/web:2")
    await bench.load(docker_archive(SECOND, created="2025-01-01T00:00:00Z", config={}))
    second = sha256(config(SECOND, created="2025-01-01T00:00:00Z", config={}))

    async def found(**filters: str) -> list[str]:
        values: dict[str, tuple[str, ...]] = {name: (value,) for name, value in filters.items()}
        details = await bench.images.list(ImageListing(filters=Filters(values)))
        return [detail.image.id for detail in details]

    assert await found() == [second, ID]
    assert await found(dangling="true") == [second]
    assert await found(dangling="false") == [ID]
    assert await found(label="made") == [ID]
    assert await found(label="made=there") == []
    assert await found(before=second) == [ID]
    assert await found(since=ID) == [second]
    assert await found(until="2024-12-01T00:00:00Z") == [ID]
    assert await found(reference="web") == [ID]
    assert await found(reference="we*:1") == [ID]
    assert await found(reference="*/web:[2-3]") == [ID]
    assert await found(reference="w?") == []
    for name, value in (("nope", "x"), ("dangling", "maybe"), ("until", "never")):
        with pytest.raises(InvalidArgument):
            await found(**{name: value})
    with pytest.raises(NoSuchImage):
        await found(before="nope")
    listed = await bench.images.list(ImageListing(filters=Filters({"reference": ("web",)})))
    assert listed[0].tags == ("web:1",)


async def test_shared_sizes_and_containers_are_counted(bench: ImageBench) -> None:
    image = await a_web_image(bench)
    await bench.load(docker_archive(LAYER, SECOND, tags=["two:1"]))
    a_container(bench, image)
    details = await bench.images.list(ImageListing(shared_size=True, containers=True))
    found = {detail.tags[0]: (detail.shared_size, detail.containers) for detail in details}
    assert found == {"web:1": (5, 1), "two:1": (5, 0)}
    assert bench.images.layers_size() == 5 + 5


async def test_prune_takes_dangling_images_and_with_all_unused_ones(bench: ImageBench) -> None:
    await a_web_image(bench)
    await bench.load(docker_archive(SECOND))
    result = await bench.images.prune(Filters())
    assert [one.deleted for one in result.removed] == [sha256(config(SECOND)), sha256(SECOND)]
    assert result.reclaimed == 5
    assert (await bench.images.prune(Filters())).removed == ()
    result = await bench.images.prune(Filters({"dangling": ("false",), "label!": ("made",)}))
    assert result.removed == ()
    result = await bench.images.prune(Filters({"dangling": ("false",), "until": ("1h",)}))
    assert result.removed[0].untagged == "web:1"
    assert bench.is_empty()
    for filters in (Filters({"x": ("y",)}), Filters({"dangling": ("perhaps",)})):
        with pytest.raises(InvalidArgument):
            await bench.images.prune(filters)


async def test_import_makes_an_image_of_one_layer(bench: ImageBench) -> None:
    request = ImportRequest(
        repository="mine", tag="v1", message="from a tar", changes=("CMD sleep 1", "ENV A=b C=d")
    )
    messages = [m async for m in bench.images.import_(body(LAYER), request)]
    detail = await bench.images.inspect("mine:v1")
    assert [message.status for message in messages] == [detail.image.id]
    assert detail.comment == "from a tar"
    assert detail.image.layers[0].diff_id == sha256(LAYER)
    stored = json.loads(bench.store.content.read(detail.image.id, 1 << 20))
    assert stored["config"]["Cmd"] == ["/bin/sh", "-c", "sleep 1"]
    assert stored["config"]["Env"] == ["A=b", "C=d"]
    assert stored["history"][0]["comment"] == "from a tar"
    assert bench.actions() == ["tag", "import"]


@pytest.mark.parametrize(
    ("data", "request_"),
    [
        (b"no tar" * 300, ImportRequest()),
        (LAYER[:300], ImportRequest()),
        (LAYER, ImportRequest(repository="BAD")),
        (LAYER, ImportRequest(changes=("RUN x",))),
        (LAYER, ImportRequest(changes=("NONSENSE",))),
    ],
)
async def test_a_failed_import_leaves_nothing(
    bench: ImageBench, data: bytes, request_: ImportRequest
) -> None:
    with pytest.raises(InvalidArgument):
        _ = [m async for m in bench.images.import_(body(data), request_)]
    assert bench.is_empty(), bench.leftovers()


async def test_a_snapshot_becomes_a_layer(bench: ImageBench) -> None:
    base = await a_web_image(bench)
    for freeze in (True, False):
        bench.store.snapshots.prepare("step", base.chain_id)
        files = bench.store.snapshots.diff_path("step")
        (files / "new").write_text("data")
        with bench.store.collector.tidying("test") as lease:
            layer = bench.images.creation.layer_of_snapshot(
                "step", base.layers, lease, freeze=freeze
            )
            made = ImageConfig(architecture="amd64", os="linux")
            image = bench.images.creation.create(made, [*base.layers, layer], lease)
        assert layer.size == 4
        below = bench.store.snapshots.diff_path(layer.chain_id)
        assert (below / "new").read_text() == "data"
        assert bench.store.snapshots.keys() == ([] if freeze else ["step"])
        await bench.save(image.id)
        await bench.images.remove(image.id)
    bench.store.snapshots.remove("step")
    await bench.images.remove("web:1")
    assert bench.is_empty(), bench.leftovers()


async def test_images_of_another_platform_are_refused_in_dockers_words(bench: ImageBench) -> None:
    await a_web_image(bench)
    text = r"image with reference web:1 was found but its platform \(linux/amd64\) does not match the specified platform \(linux/s390x\)"
    for action in (bench.images.inspect, bench.images.history):
        with pytest.raises(NotFound, match=text):
            await action("web:1", platform="linux/s390x")
    with pytest.raises(NotFound, match=text):
        await bench.images.remove("web:1", platforms=['{"os":"linux","architecture":"s390x"}'])
    with pytest.raises(NotFound, match="no suitable export target found for platform linux/s390x"):
        await bench.images.save(["web:1"], platform="linux/s390x")
    assert (await bench.images.inspect("web:1", platform="linux/amd64")).tags == ("web:1",)
    assert await bench.load(docker_archive(SECOND, tags=["x:1"]), platform="linux/s390x") == []
    with pytest.raises(InvalidArgument, match="cannot parse platform specifier"):
        await bench.images.inspect("web:1", platform="a/b/c/d")


async def test_an_import_can_be_for_another_platform(bench: ImageBench) -> None:
    request = ImportRequest(repository="mine", platform="linux/arm64/v8")
    _ = [m async for m in bench.images.import_(body(LAYER), request)]
    image = await bench.images.get("mine")
    assert (image.config.os, image.config.architecture, image.config.variant) == (
        "linux", "arm64", "v8",
    )  # fmt: skip
