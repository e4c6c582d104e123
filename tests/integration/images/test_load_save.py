"""Loading and saving image archives."""

import bz2
import gzip
import io
import json
import lzma
import sys
import tarfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from boxship.errors import BoxshipError, InvalidArgument, NotFound
from boxship.model.image import NoSuchImage
from boxship.services.images import ImageListing
from support.image_archives import LAYER, SECOND, Layout, config, docker_archive, sha256
from support.image_bench import ImageBench
from support.tars import directory, file, hardlink, symlink, tar, tar_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


pytestmark = pytest.mark.root

ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


@pytest.mark.parametrize("outer", ENCODERS)
async def test_archives_load_in_every_compression(bench: ImageBench, outer: str) -> None:
    archive = ENCODERS[outer](docker_archive(LAYER, SECOND, tags=["web:1", "example.com/web:2"]))
    assert await bench.load(archive, size=7000) == [
        "Loaded image: web:1\n",
        "Loaded image: example.com/web:2\n",
    ]
    image = await bench.images.get("web:1")
    assert image.id == sha256(config(LAYER, SECOND))
    assert [layer.diff_id for layer in image.layers] == [sha256(LAYER), sha256(SECOND)]
    assert image.size == 5 + len("box") + len("#!")
    assert bench.actions() == ["load"]
    files = bench.store.snapshots.diff_path(image.layers[0].chain_id)
    assert (files / "etc/hostname").read_bytes() == b"box"
    assert bench.synced == 1


@pytest.mark.parametrize("inner", ENCODERS)
async def test_layers_load_in_every_compression(bench: ImageBench, inner: str) -> None:
    archive = docker_archive(
        LAYER, tags=["web:1"], blobs={"layer0/layer.tar": ENCODERS[inner](LAYER)}
    )
    await bench.load(archive)
    saved = await bench.save("web:1")
    with tarfile.open(fileobj=io.BytesIO(saved)) as found:
        layer = found.extractfile("blobs/sha256/" + sha256(LAYER)[7:])
        assert layer is not None
        assert layer.read() == LAYER


async def test_an_image_without_names_tells_its_id(bench: ImageBench) -> None:
    assert await bench.load(docker_archive(LAYER)) == [
        f"Loaded image ID: {sha256(config(LAYER))}\n"
    ]
    (detail,) = await bench.images.list(ImageListing())
    assert (detail.tags, detail.digests) == ((), ())


async def test_a_name_moves_to_the_image_loaded_last(bench: ImageBench) -> None:
    await bench.load(docker_archive(LAYER, tags=["web:1"]))
    old = sha256(config(LAYER))
    assert await bench.load(docker_archive(SECOND, tags=["web:1"])) == [
        f"The image web:1 already exists, renaming the old one with ID {old} to empty string\n",
        "Loaded image: web:1\n",
    ]
    assert (await bench.images.get("web:1")).id == sha256(config(SECOND))
    assert (await bench.images.get(old)).id == old


async def test_save_and_load_are_each_others_inverse(bench: ImageBench, tmp_path: Path) -> None:
    await bench.load(docker_archive(LAYER, SECOND, tags=["web:1", "web:2"]))
    await bench.load(docker_archive(LAYER, tags=["base:1"]))
    saved = await bench.save("web", "base:1")
    again = ImageBench(tmp_path / "again")
    assert await again.load(saved) == [
        "Loaded image: web:1\n", "Loaded image: web:2\n", "Loaded image: base:1\n",
    ]  # fmt: skip
    assert await again.save("web", "base:1") == saved
    again.store.close()
    with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
        names = archive.getnames()
        repositories = json.load(archive.extractfile("repositories"))  # type: ignore[arg-type]
    assert {"oci-layout", "index.json", "manifest.json"} < set(names)
    assert repositories == {
        "web": {"1": sha256(SECOND)[7:], "2": sha256(SECOND)[7:]},
        "base": {"1": sha256(LAYER)[7:]},
    }


async def test_save_of_unknown_names_uses_dockers_words(bench: ImageBench) -> None:
    with pytest.raises(NoSuchImage, match=r"^No such image: nope$"):
        await bench.images.save(["nope"])
    with pytest.raises(NotFound, match=r"^reference does not exist$"):
        await bench.images.save(["nope:1"])


@pytest.mark.parametrize("suffix", ["", "+gzip", "+zstd"])
async def test_oci_layouts_load(bench: ImageBench, suffix: str) -> None:
    layout = Layout()
    encode = ENCODERS[{"": "plain", "+gzip": "gzip", "+zstd": "zstd"}[suffix]]
    stored = encode(LAYER)
    manifest = layout.image((LAYER, stored, suffix))
    named = {**manifest, "annotations": {"io.containerd.image.name": "docker.io/library/web:1"}}
    assert await bench.load(layout.tar(named)) == ["Loaded image: web:1\n"]
    image = await bench.images.get("web:1")
    assert image.manifest.digest == manifest["digest"]
    assert image.layers[0].blob.digest == sha256(stored)


async def test_an_index_gives_the_image_for_this_machine(bench: ImageBench) -> None:
    from boxship.engine.images.platforms import host_platform

    host = host_platform()
    layout = Layout()
    mine = layout.image(
        (LAYER, LAYER, ""), platform={"os": "linux", "architecture": host.architecture}
    )
    other = layout.image((SECOND, SECOND, ""), platform={"os": "linux", "architecture": "s390x"})
    inner = layout.index(other, mine)
    await bench.load(layout.tar(inner))
    (detail,) = await bench.images.list(ImageListing())
    assert detail.image.layers[0].diff_id == sha256(LAYER)


def mismatched_layer() -> bytes:
    return docker_archive(LAYER, blobs={"layer0/layer.tar": SECOND})


def second_image_broken() -> bytes:
    good, bad = config(LAYER), config(LAYER, SECOND)
    items = [
        {"Config": "good.json", "RepoTags": ["good:1"], "Layers": ["l1"]},
        {"Config": "bad.json", "RepoTags": ["bad:1"], "Layers": ["l1", "l2"]},
    ]
    return tar_of({"good.json": good, "bad.json": bad, "l1": LAYER, "l2": b"no tar" * 200,
                   "manifest.json": json.dumps(items).encode()})  # fmt: skip


def self_referring_index() -> bytes:
    layout = Layout()
    layout.blobs["blobs/sha256/" + "0" * 64] = b"{}"
    entry = {
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "digest": "sha256:" + "0" * 64,
        "size": 2,
    }
    return layout.tar(entry)


def deep_index() -> bytes:
    layout = Layout()
    entry = layout.image((LAYER, LAYER, ""))
    for _ in range(20):
        entry = layout.index(entry)
    return layout.tar(entry)


def wide_index() -> bytes:
    layout = Layout()
    return layout.tar(*[layout.image((LAYER, LAYER, ""))] * 10_001)


def polyglot() -> bytes:
    layout = Layout()
    entry = layout.image((LAYER, LAYER, ""))
    name = "blobs/sha256/" + entry["digest"][7:]
    document = {**json.loads(layout.blobs.pop(name)), "manifests": []}
    return layout.tar(layout.document(document, entry["mediaType"]))


def wrong_media_type() -> bytes:
    layout = Layout()
    entry = layout.image((LAYER, LAYER, ""))
    return layout.tar(
        {**entry, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"}
    )


def lying_blob(*, size: int = 0, digest: str = "") -> bytes:
    layout = Layout()
    entry = layout.image((LAYER, LAYER, ""))
    return layout.tar({**entry, "size": entry["size"] + size, "digest": digest or entry["digest"]})


def wrong_content() -> bytes:
    layout = Layout()
    entry = layout.image((LAYER, LAYER, ""))
    layout.blobs["blobs/sha256/" + sha256(LAYER)[7:]] = SECOND
    return layout.tar(entry)


def manifest(value: object, **blobs: bytes) -> bytes:
    return tar_of({"manifest.json": json.dumps(value).encode(), **blobs})


HOSTILE = {
    "empty": b"",
    "text": b"hello\n",
    "zeros": bytes(100_000),
    "no manifest": tar_of({"foo": b"x"}),
    "truncated": docker_archive(LAYER)[:5000],
    "truncated gzip": gzip.compress(docker_archive(LAYER))[:-20],
    "null manifest": manifest(None),
    "manifest of another form": manifest({"Config": 1}),
    "no JSON": tar_of({"manifest.json": b"{" * 100_000}),
    "deep JSON": tar_of({"manifest.json": b"[" * 1_000_000}),
    "missing config": manifest([{"Config": "x.json", "Layers": []}]),
    "config outside": manifest([{"Config": "../../../../etc/passwd", "Layers": []}]),
    "layer outside": docker_archive(LAYER).replace(b"layer0/layer.tar", b"../../etc/passwd"),
    "symlink to outside": tar(symlink("manifest.json", "/etc/passwd")),
    "symlink loop": tar(symlink("manifest.json", "a"), symlink("a", "manifest.json")),
    "two manifests": tar(file("manifest.json", b"[]"), file("./manifest.json", b"[]")),
    "layer count": docker_archive(LAYER, blobs={"config.json": config(LAYER, SECOND)}),
    "wrong layer": mismatched_layer(),
    "second image broken": second_image_broken(),
    "no rootfs": docker_archive(blobs={"config.json": b'{"os":"linux"}'}),
    "another OS": docker_archive(LAYER, os="windows"),
    "bad diff id": docker_archive(LAYER, rootfs={"type": "layers", "diff_ids": ["sha256:../../x"]}),
    "sha512 diff id": docker_archive(LAYER, rootfs={"type": "layers", "diff_ids": ["sha512:" + "0" * 128]}),
    "too much history": docker_archive(LAYER, history=[{}, {}, {}]),
    "too many layers": docker_archive(*[LAYER] * 200),
    "bad tag": docker_archive(LAYER, tags=["Bad/Name:x"]),
    "no tag": docker_archive(LAYER, tags=["web"]),
    "layer leads out": docker_archive(tar_of({"../../evil": b"x"})),
    "index refers to itself": self_referring_index(),
    "index too deep": deep_index(),
    "index too wide": wide_index(),
    "polyglot": polyglot(),
    "wrong media type": wrong_media_type(),
    "size lie": lying_blob(size=1),
    "digest as path": lying_blob(digest="sha256:../../../../etc/passwd"),
    "wrong content": wrong_content(),
    "huge document": tar_of({"manifest.json": b" " * (9 << 20)}),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
async def test_bad_archives_are_refused_and_leave_nothing(bench: ImageBench, name: str) -> None:
    with pytest.raises(BoxshipError) as caught:
        await bench.load(HOSTILE[name])
    assert isinstance(caught.value, InvalidArgument) or name in (
        "sha512 diff id",
        "layer leads out",
    )
    assert bench.is_empty(), bench.leftovers()
    assert bench.actions() == []


async def test_an_empty_list_of_images_is_no_mistake(bench: ImageBench) -> None:
    assert await bench.load(manifest([])) == []
    assert bench.is_empty()


async def test_a_bad_layer_for_a_known_one_does_not_get_in(bench: ImageBench) -> None:
    """The layer is here already: the archive's own version of it is neither used nor kept."""
    await bench.load(docker_archive(LAYER, tags=["good:1"]))
    await bench.load(
        docker_archive(LAYER, tags=["bad:1"], author="x", blobs={"layer0/layer.tar": SECOND})
    )
    bad = await bench.images.get("bad:1")
    assert bad.layers[0].blob.digest == sha256(LAYER)


async def test_a_client_that_goes_away_leaves_nothing(bench: ImageBench) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield docker_archive(LAYER)[:3000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        async for _ in bench.images.load(broken(), quiet=True):
            pass
    assert bench.is_empty()


async def test_old_layouts_with_links_between_layers_load(bench: ImageBench) -> None:
    items = [{"Config": "c.json", "RepoTags": ["web:1"], "Layers": ["a/layer.tar", "b/layer.tar"]}]
    archive = tar(
        file("c.json", config(LAYER, LAYER)), file("a/layer.tar", LAYER),
        symlink("b/layer.tar", "../a/layer.tar"), file("manifest.json", json.dumps(items).encode()),
    )  # fmt: skip
    await bench.load(archive)
    assert len((await bench.images.get("web:1")).layers) == 2


async def test_a_hard_link_into_the_layer_below_is_resolved(bench: ImageBench) -> None:
    """Layers are unpacked side by side: this one has to wait for the one below it."""
    above = tar(hardlink("etc/alias", "etc/hostname"))
    for layers in ((LAYER, above), (LAYER, above, SECOND)):
        await bench.load(docker_archive(*layers, tags=["web:1"]))
        image = await bench.images.get("web:1")
        files = bench.store.snapshots.diff_path(image.layers[1].chain_id)
        assert (files / "etc/alias").read_bytes() == b"box"
        await bench.images.remove("web:1")
        assert bench.is_empty()
    with pytest.raises(InvalidArgument, match="no such file"):
        await bench.load(docker_archive(LAYER, tar(hardlink("x", "nowhere"))))
    assert bench.is_empty()


async def test_implied_directories_look_as_in_the_layer_below(bench: ImageBench) -> None:
    below = tar(directory("opt", 0o2770, uid=5, gid=6), file("opt/a", b"a"))
    await bench.load(docker_archive(below, tar(file("opt/b", b"b")), tags=["web:1"]))
    image = await bench.images.get("web:1")
    status = (bench.store.snapshots.diff_path(image.layers[1].chain_id) / "opt").stat()
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o2770, 5, 6)
