"""docker load and save: round trips, compressions, archives that lie."""

import gzip
import io
import json
import lzma
import os
import sys
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine
from support.images import digest, docker_archive, image_config, oci_archive
from support.rootfs import busybox, entry, symlink, tar, untar

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def layers(engine: Engine, image: str) -> list[str]:
    return list(engine.get(f"/images/{image}/json")["RootFS"]["Layers"])


def test_save_and_load_keep_everything(engine: Engine, box: Box) -> None:
    image = box.image()
    engine.ok(
        "load",
        "-q",
        stdin=docker_archive([busybox(), tar([entry("x", b"x")])], image, Labels={"a": "b"}),
    )
    before = engine.get(f"/images/{image}/json")
    saved = engine.output("save", image)
    engine.ok("rmi", image)
    assert engine.docker("load", stdin=saved).stdout == f"Loaded image: {image}\n"
    after = engine.get(f"/images/{image}/json")
    assert after["Id"] == before["Id"]
    assert after["RootFS"] == before["RootFS"]
    assert after["Config"] == before["Config"]
    assert box.sh("cat /x", image=image) == "x"


def test_what_save_writes_is_both_oci_and_docker(engine: Engine) -> None:
    members = untar(engine.output("save", f"{BUSYBOX}:latest"))
    (manifest,) = json.loads(members["manifest.json"][1])
    assert manifest["RepoTags"] == [f"{BUSYBOX}:latest"]
    assert digest(members[manifest["Config"]][1]) == engine.get(f"/images/{BUSYBOX}/json")["Id"]
    assert [digest(members[layer][1]) for layer in manifest["Layers"]] == layers(engine, BUSYBOX)
    assert json.loads(members["oci-layout"][1]) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads(members["index.json"][1])
    (top,) = index["manifests"]
    assert top["annotations"]["io.containerd.image.name"].endswith(f"{BUSYBOX}:latest")
    blob = members["blobs/sha256/" + top["digest"][7:]][1]
    assert digest(blob) == top["digest"]
    assert json.loads(blob)["config"]["digest"] == engine.get(f"/images/{BUSYBOX}/json")["Id"]


def test_several_images_in_one_archive(engine: Engine, box: Box) -> None:
    one, two = box.image(), box.image()
    engine.ok("tag", BUSYBOX, one)
    engine.ok("load", "-q", stdin=docker_archive([tar([entry("x", b"x")])], two))
    saved = engine.output("save", one, two)
    manifests = json.loads(untar(saved)["manifest.json"][1])
    assert sorted(tag for m in manifests for tag in m["RepoTags"]) == sorted([one, two])
    engine.ok("rmi", one, two)
    assert sorted(engine.docker("load", stdin=saved).lines) == sorted(
        [f"Loaded image: {one}", f"Loaded image: {two}"]
    )


def test_save_to_a_file_and_load_from_it(engine: Engine, box: Box, tmp_path: Path) -> None:
    image = box.image()
    engine.ok("tag", BUSYBOX, image)
    engine.ok("save", "-o", str(tmp_path / "a.tar"), image)
    engine.ok("rmi", image)
    assert engine.ok("load", "-i", str(tmp_path / "a.tar")) == f"Loaded image: {image}"


def test_an_untagged_image_is_told_by_its_id(engine: Engine, box: Box) -> None:
    archive = docker_archive([tar([entry(box.prefix, b"x")])])
    out = engine.docker("load", stdin=archive).stdout
    identity = out.removeprefix("Loaded image ID: ").strip()
    box.on_exit(lambda: engine.docker("rmi", identity))
    assert out == f"Loaded image ID: {identity}\n"
    assert identity.startswith("sha256:")


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "xz": lzma.compress,
}


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_an_archive_may_be_compressed(engine: Engine, box: Box, compression: str) -> None:
    image, layer = box.image(), tar([entry("c", compression.encode())])
    archive = COMPRESSIONS[compression](docker_archive([layer], image))
    result = engine.docker("load", stdin=archive)
    if 'exec: "xz"' in result.stderr:
        pytest.skip("this engine finds no xz")
    assert result.stdout == f"Loaded image: {image}\n", result
    assert layers(engine, image) == [digest(layer)]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_layers_of_an_oci_archive_may_be_compressed(
    engine: Engine, box: Box, compression: str
) -> None:
    image = box.image()
    layer = tar([entry("c", compression.encode())])
    suffix = {"gzip": "+gzip", "zstd": "+zstd"}.get(compression, "")
    archive = oci_archive(
        [busybox(), layer],
        f"docker.io/library/{image}",
        blobs=[COMPRESSIONS[compression](data) for data in (busybox(), layer)],
        media_type="application/vnd.oci.image.layer.v1.tar" + suffix,
    )
    result = engine.docker("load", stdin=archive)
    if "blobs/json: no such file" in result.stderr:
        pytest.skip("this engine loads no archives without manifest.json")
    assert result.code == 0, result
    assert layers(engine, image) == [digest(busybox()), digest(layer)]
    assert box.sh("cat /c", image=image) == compression


def corrupt(archive: bytes, name: str, data: bytes) -> bytes:
    """The archive with one member's content replaced."""
    members = [
        entry(info.name, data if info.name.endswith(name) else content)
        for info, content in untar(archive).values()
    ]
    return tar(members)


def without(archive: bytes, name: str) -> bytes:
    return tar([m for n, m in untar(archive).items() if not n.endswith(name)])


LAYER = tar([entry("f", os.urandom(8))])
UNSEEN = tar([entry("f", os.urandom(8))])
GOOD = docker_archive([LAYER], "cf-broken:latest")
MANIFEST = b'[{"Config":"%s","RepoTags":["cf-broken:latest"],"Layers":["%s"]}]'


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        b"garbage" * 1000,
        GOOD[: len(GOOD) // 2],
        gzip.compress(GOOD)[:-40],
        without(GOOD, "manifest.json"),
        without(docker_archive([UNSEEN], "cf-broken:latest"), "layer.tar"),
        without(GOOD, ".json"),
        corrupt(GOOD, "manifest.json", b"{"),
        corrupt(GOOD, "manifest.json", b"null"),
        corrupt(GOOD, "manifest.json", b'[{"Config":1}]'),
        corrupt(GOOD, "manifest.json", MANIFEST % (b"../../etc/passwd", b"x")),
        corrupt(GOOD, "manifest.json", MANIFEST % (b"/etc/passwd", b"/etc/passwd")),
        corrupt(docker_archive([UNSEEN], "cf-broken:latest"), "layer.tar", LAYER),
        corrupt(GOOD, "layer.tar", b"garbage" * 100),
        docker_archive([LAYER], "UPPER:case"),
        docker_archive([LAYER], "cf-broken:latest", config=b"{}"),
        docker_archive([LAYER], "cf-broken:latest", config=image_config([LAYER, LAYER])),
        tar([symlink("manifest.json", "/etc/passwd")]),
        tar([entry("manifest.json", b"[" * 100000)]),
    ],
    ids=[
        "empty",
        "garbage",
        "half",
        "cut gzip",
        "no manifest",
        "no layer",
        "no config",
        "bad JSON",
        "null",
        "wrong type",
        "dotdot",
        "absolute",
        "wrong digest",
        "layer garbage",
        "bad tag",
        "empty config",
        "too few layers",
        "link",
        "deep JSON",
    ],
)
def test_broken_archives_load_nothing(engine: Engine, box: Box, archive: bytes) -> None:
    before = engine.ok("images", "-aq").split()
    result = engine.docker("load", stdin=archive)
    failed = result.code != 0 or "cf-broken" not in result.stdout
    box.on_exit(lambda: engine.docker("rmi", "-f", "cf-broken:latest"))
    assert failed, result
    assert engine.api("GET", "/images/cf-broken/json").status == 404
    if len(before) < 3:  # nobody else loads images into this engine
        assert engine.ok("images", "-aq").split() == before


def device(name: str) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.devmajor, info.devminor = tarfile.BLKTYPE, 7, 0
    return info, b""


@pytest.mark.parametrize(
    "members",
    [
        [entry("../../../../../../../cf-escaped", b"x")],
        [entry("/../cf-escaped", b"x")],
        [symlink("up", "/"), entry("up/cf-escaped", b"x")],
        [symlink("up", "../../../../../../../../.."), entry("up/cf-escaped", b"x")],
        [
            entry("hard", kind=tarfile.LNKTYPE, link="../../../../../../etc/hostname"),
            entry("hard", b"x"),
        ],
        [entry("hard", kind=tarfile.LNKTYPE, link="/etc/hostname")],
        [symlink("a", "b"), symlink("b", "a"), entry("a/cf-escaped", b"x")],
        [entry("f", b"x"), entry("f/cf-escaped", b"x")],
    ],
    ids=[
        "dotdot",
        "absolute dotdot",
        "absolute link",
        "relative link",
        "hard dotdot",
        "hard absolute",
        "loop",
        "file as directory",
    ],
)
def test_hostile_layers_never_leave_their_directory(
    engine: Engine, box: Box, members: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    image = box.image()
    hostname = Path("/etc/hostname").read_bytes()
    engine.docker("load", "-q", stdin=docker_archive([busybox(), tar(members)], image))
    assert not Path("/cf-escaped").exists()
    assert Path("/etc/hostname").read_bytes() == hostname
    if engine.api("GET", f"/images/{image}/json").status == 200:
        box.run("--", "cat", "/hard", image=image)
        assert Path("/etc/hostname").read_bytes() == hostname


def test_a_sparse_bomb_is_not_unpacked_into_memory(engine: Engine, box: Box) -> None:
    """A gigabyte of zeros in a megabyte of gzip either fits the disk or is refused, and the engine lives on."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    info = tarfile.TarInfo("zeros")
    info.size = 1 << 28
    packed = io.BytesIO()
    packed.write(compressor.compress(info.tobuf()))
    block = bytes(1 << 20)
    for _ in range(256):
        packed.write(compressor.compress(block))
    packed.write(compressor.compress(bytes(10240)) + compressor.flush())
    image = box.image()
    engine.docker("import", "-", image, stdin=packed.getvalue())
    assert engine.api("GET", "/_ping").status == 200
    if engine.api("GET", f"/images/{image}/json").status == 200:
        assert engine.get(f"/images/{image}/json")["Size"] == 1 << 28


def test_save_of_an_unknown_image(engine: Engine, tmp_path: Path) -> None:
    said = engine.fails("save", "-o", str(tmp_path / "x"), "nonesuch")
    assert (
        said == "Error response from daemon: reference does not exist"
        or "No such image: nonesuch" in said
    )
    assert not (tmp_path / "x").exists()
