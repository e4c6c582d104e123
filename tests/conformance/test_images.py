"""Images: import, tag, rmi, history, inspect, images, prune."""

import json
import re
import tarfile
from typing import Any

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine
from support.images import digest, docker_archive
from support.rootfs import busybox, entry, tar


def small(engine: Engine, box: Box, text: str = "", **config: Any) -> str:
    """An image of its own with one little file; its name."""
    image = box.image()
    layer = tar([entry("f", (text or image).encode())])
    engine.ok("load", "-q", stdin=docker_archive([layer], image, **config))
    return image


def identity(engine: Engine, image: str) -> str:
    return str(engine.get(f"/images/{image}/json")["Id"])


def test_import_makes_an_image_of_one_layer(engine: Engine, box: Box) -> None:
    image, archive = box.image(), busybox()
    made = engine.ok(
        *(
            "import",
            "-m",
            "why",
            "-c",
            'CMD ["echo", "hi"]',
            "-c",
            "ENV A=b",
            "-c",
            "EXPOSE 80",
            "-",
        ),
        image,
        stdin=archive,
    )
    inspected = engine.get(f"/images/{image}/json")
    assert inspected["Id"] == made
    assert inspected["RootFS"] == {"Type": "layers", "Layers": [digest(archive)]}
    assert (inspected["Comment"], inspected["Os"], inspected["Architecture"]) == (
        "why",
        "linux",
        "amd64",
    )
    assert inspected["Config"]["Cmd"] == ["echo", "hi"]
    assert inspected["Config"]["Env"] == ["A=b"]
    assert inspected["Config"]["ExposedPorts"] == {"80/tcp": {}}
    assert box.run(image=image).stdout == "hi\n"


def test_an_import_from_a_file_and_without_a_name(engine: Engine, box: Box) -> None:
    with engine.directory() as host:
        file = host.here / "root.tar"
        file.write_bytes(tar([entry("f", b"x")]))
        made = engine.ok("import", str(file))
    box.on_exit(lambda: engine.docker("rmi", made))
    assert engine.get(f"/images/{made}/json")["RepoTags"] == []


def test_import_of_what_is_no_archive(engine: Engine, box: Box) -> None:
    image = box.image()
    assert engine.docker("import", "-", image, stdin=b"garbage" * 1000).code == 1
    assert engine.api("GET", f"/images/{image}/json").status == 404


def test_inspect_of_a_loaded_one(engine: Engine) -> None:
    inspected = engine.get(f"/images/{BUSYBOX}/json")
    assert inspected["RepoTags"] == [f"{BUSYBOX}:latest"]
    assert inspected["Created"] == "2026-01-02T03:04:05Z"
    assert inspected["RootFS"]["Layers"] == [digest(busybox())]
    assert inspected["Size"] > 1 << 20
    assert inspected["Config"]["Cmd"] == ["sh"]
    assert engine.get(f"/images/{inspected['Id']}/json")["Id"] == inspected["Id"]
    assert engine.get(f"/images/{inspected['Id'][7:19]}/json")["Id"] == inspected["Id"]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("nonesuch", (404, "No such image: nonesuch:latest")),
        ("nonesuch:tag", (404, "No such image: nonesuch:tag")),
        ("a/b/c", (404, "No such image: a/b/c:latest")),
        ("sha256:" + "0" * 64, (404, "No such image: sha256:" + "0" * 64)),
        (
            "UPPER",
            (400, "invalid reference format: repository name (library/UPPER) must be lowercase"),
        ),
        ("a:b:c", (400, "invalid reference format")),
    ],
)
def test_unknown_and_impossible_names(engine: Engine, name: str, error: tuple[int, str]) -> None:
    assert engine.api("GET", f"/images/{name}/json").error == error


def test_the_client_s_words_for_an_unknown_image(engine: Engine) -> None:
    assert engine.fails("image", "inspect", "nonesuch") == (
        "Error response from daemon: No such image: nonesuch:latest"
    ) or "o such image: nonesuch" in engine.fails("image", "inspect", "nonesuch")
    assert (
        engine.fails("rmi", "nonesuch")
        == "Error response from daemon: No such image: nonesuch:latest"
    )
    assert (
        engine.fails("history", "nonesuch")
        == "Error response from daemon: No such image: nonesuch:latest"
    )
    assert (
        engine.fails("tag", "nonesuch", "x")
        == "Error response from daemon: No such image: nonesuch:latest"
    )


def test_a_tag_is_one_more_name(engine: Engine, box: Box) -> None:
    image = box.image("v1")
    assert engine.ok("tag", BUSYBOX, image) == ""
    assert identity(engine, image) == identity(engine, BUSYBOX)
    assert image in engine.get(f"/images/{BUSYBOX}/json")["RepoTags"]
    assert engine.ok("rmi", image) == f"Untagged: {image}"
    assert engine.api("GET", f"/images/{image}/json").status == 404
    assert engine.api("GET", f"/images/{BUSYBOX}/json").status == 200


def test_a_tag_moves(engine: Engine, box: Box) -> None:
    old, moved = small(engine, box), box.image()
    engine.ok("tag", old, moved)
    engine.ok("tag", BUSYBOX, moved)
    assert identity(engine, moved) == identity(engine, BUSYBOX)
    assert engine.get(f"/images/{old}/json")["RepoTags"] == [old]


@pytest.mark.parametrize("name", ["UPPER", "a:b:c", "a//b", "x:" + "y" * 129])
def test_a_bad_tag_is_refused(engine: Engine, name: str) -> None:
    assert "invalid reference format" in engine.fails("tag", BUSYBOX, name)


def test_removal_tells_what_went(engine: Engine, box: Box) -> None:
    image = small(engine, box)
    gone = identity(engine, image)
    layer = engine.get(f"/images/{image}/json")["RootFS"]["Layers"][0]
    assert engine.ok("rmi", image).splitlines() == [
        f"Untagged: {image}",
        f"Deleted: {gone}",
        f"Deleted: {layer}",
    ]


def test_removal_of_shared_layers_keeps_them(engine: Engine, box: Box) -> None:
    image = box.image()
    top = tar([entry("top", image.encode())])
    engine.ok("load", "-q", stdin=docker_archive([busybox(), top], image))
    assert box.sh("cat /top", image=image) == image
    deleted = engine.ok("rmi", image).splitlines()
    assert len(deleted) == 3
    assert digest(busybox()) not in "".join(deleted)
    assert box.run("--", "true").code == 0


def test_an_image_in_use_is_a_conflict(engine: Engine, box: Box) -> None:
    image = box.image()
    engine.ok(
        "load", "-q", stdin=docker_archive([busybox(), tar([entry("z", image.encode())])], image)
    )
    name = box.create("--", "sleep", "1000", image=image)
    short, container = identity(engine, image)[7:19], engine.inspect(name)["Id"][:12]
    assert engine.fails("rmi", image) == (
        f'Error response from daemon: conflict: unable to remove repository reference "{image}" (must force) - '
        f"container {container} is using its referenced image {short}"
    )
    assert engine.fails("rmi", short) == (
        f"Error response from daemon: conflict: unable to delete {short} (must be forced) - "
        f"image is being used by stopped container {container}"
    )
    engine.ok("start", name)
    assert engine.fails("rmi", "-f", short) == (
        f"Error response from daemon: conflict: unable to delete {short} (cannot be forced) - "
        f"image is being used by running container {container}"
    )
    assert engine.ok("rmi", "-f", image) == f"Untagged: {image}"
    assert engine.inspect(name)["State"]["Running"]
    assert engine.ok("ps", "-f", f"name={name}", "--format", "{{.Image}}") == short
    engine.ok("rm", "-f", name)
    engine.ok("rmi", short)


def test_an_id_with_several_names_is_a_conflict(engine: Engine, box: Box) -> None:
    image, other = small(engine, box), box.image()
    engine.ok("tag", image, other)
    short = identity(engine, image)[7:19]
    assert engine.fails("rmi", short) == (
        f"Error response from daemon: conflict: unable to delete {short} (must be forced) - "
        "image is referenced in multiple repositories"
    )
    assert len(engine.ok("rmi", "-f", short).splitlines()) == 4


def test_history(engine: Engine, box: Box) -> None:
    image = box.image()
    archive = docker_archive([busybox(), tar([entry("x", image.encode())])], image)
    engine.ok("load", "-q", stdin=archive)
    top, base = engine.get(f"/images/{image}/history")
    assert (top["Id"], top["Tags"], top["CreatedBy"]) == (
        identity(engine, image),
        [image],
        "step 1",
    )
    assert (base["Id"], base["Tags"], base["CreatedBy"]) == ("<missing>", None, "step 0")
    assert base["Size"] > 1 << 20 > top["Size"] > 0
    head, *rows = engine.ok("history", image).splitlines()
    assert head.split() == ["IMAGE", "CREATED", "CREATED", "BY", "SIZE", "COMMENT"]
    assert rows[0].startswith(identity(engine, image)[7:19])
    assert rows[1].startswith("<missing>")


def names(engine: Engine, box: Box, *flags: str) -> str:
    """Which images of this test are listed, by their number."""
    rows = engine.ok("images", "--format", "{{.Repository}}:{{.Tag}}", *flags).split()
    mine = (row.removesuffix(":latest") for row in rows if row.startswith(box.prefix))
    return "".join(sorted(name.rpartition("-")[2] for name in mine))


def test_images_and_their_filters(engine: Engine, box: Box) -> None:
    first = small(engine, box, Labels={"mark": box.prefix})
    second = small(engine, box, Labels={"other": "x"})
    assert names(engine, box) == "01"
    assert names(engine, box, "-f", f"label=mark={box.prefix}") == "0"
    assert names(engine, box, "-f", "label=other") == "1"
    assert names(engine, box, "-f", f"reference={box.prefix}-0") == "0"
    assert names(engine, box, "-f", f"reference={box.prefix}*:la*") == "01"
    assert names(engine, box, "-f", "dangling=true") == ""
    assert names(engine, box, first) == "0"
    assert "invalid filter 'nonesuch'" in engine.fails("images", "-f", "nonesuch=1")
    del second


def test_the_images_table(engine: Engine) -> None:
    head, row = engine.ok("images", BUSYBOX).splitlines()
    assert head.split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    short = identity(engine, BUSYBOX)[7:19]
    assert re.fullmatch(rf"{BUSYBOX}\s+latest\s+{short}\s+\S.* ago\s+\d\.\d+MB", row)
    assert engine.ok("images", "-q", "--no-trunc", BUSYBOX) == identity(engine, BUSYBOX)
    row = json.loads(engine.ok("images", "--format", "json", BUSYBOX))
    assert (row["Repository"], row["Tag"], row["ID"]) == (BUSYBOX, "latest", short)


def test_a_row_of_the_api(engine: Engine) -> None:
    (row,) = engine.get("/images/json", filters={"reference": [BUSYBOX]})
    assert row["Id"] == identity(engine, BUSYBOX)
    assert row["RepoTags"] == [f"{BUSYBOX}:latest"]
    assert (row["ParentId"], row["SharedSize"]) == ("", -1)
    assert row["Size"] == engine.get(f"/images/{BUSYBOX}/json")["Size"]


def test_an_untagged_one_is_dangling_and_pruned(engine: Engine, box: Box) -> None:
    image, label = box.image(), f"mark={box.prefix}"
    old = ""
    for text in (b"old", b"new"):
        layer = tar([entry(box.prefix, text)])
        engine.ok("load", "-q", stdin=docker_archive([layer], image, Labels={"mark": box.prefix}))
        old = old or identity(engine, image)
    rows = engine.get("/images/json", filters={"dangling": ["true"], "label": [label]})
    assert [(row["Id"], row["RepoTags"]) for row in rows] == [(old, [])]
    out = engine.ok("image", "prune", "-f", "--filter", f"label={label}").splitlines()
    assert out[:2] == ["Deleted Images:", f"deleted: {old}"]
    assert out[-1].startswith("Total reclaimed space: ")
    assert identity(engine, image) != old
    out = engine.ok("image", "prune", "-af", "--filter", f"label={label}").splitlines()
    assert f"untagged: {image}" in out
    assert engine.api("GET", f"/images/{image}/json").status == 404


def test_prune_spares_what_containers_use(engine: Engine, box: Box) -> None:
    image = box.image()
    layer = tar([entry(box.prefix, b"x")])
    engine.ok(
        "load", "-q", stdin=docker_archive([busybox(), layer], image, Labels={"mark": box.prefix})
    )
    box.create(image=image)
    engine.ok("image", "prune", "-af", "--filter", f"label=mark={box.prefix}")
    assert engine.api("GET", f"/images/{image}/json").status == 200


def test_pulling_an_impossible_name_is_refused(engine: Engine) -> None:
    assert "invalid reference format" in engine.fails("pull", "UPPER")
    assert engine.post("/images/create?fromImage=UPPER").status == 400


def test_whiteouts_hide_files_of_lower_layers(engine: Engine, box: Box) -> None:
    image = box.image()
    lower = tar([entry("d/a", b"a"), entry("d/b", b"b"), entry("o/a", b"a"), entry("f", b"f")])
    upper = tar([entry("d/.wh.a"), entry("o/.wh..wh..opq"), entry("o/new", b"n"), entry(".wh.f")])
    engine.ok("load", "-q", stdin=docker_archive([busybox(), lower, upper], image))
    assert box.sh("ls /d /o; ls /f 2>&1 || true", image=image) == (
        "/d:\nb\n\n/o:\nnew\nls: /f: No such file or directory"
    )


def test_everything_a_layer_can_hold_is_unpacked(engine: Engine, box: Box) -> None:
    image = box.image()
    device = tarfile.TarInfo("null")
    device.type, device.devmajor, device.devminor, device.mode = tarfile.CHRTYPE, 1, 3, 0o666
    layer = tar(
        [
            entry("suid", b"x", mode=0o4755, uid=1000, gid=1001),
            entry("hard", kind=tarfile.LNKTYPE, link="suid", mode=0o4755, uid=1000, gid=1001),
            entry("pipe", kind=tarfile.FIFOTYPE, mode=0o600),
            (device, b""),
            entry("deep/er/file", b"y"),
            entry("name with ü", b"z"),
            entry("l" * 150 + "/" + "m" * 150, b"long"),
        ]
    )
    engine.ok("load", "-q", stdin=docker_archive([busybox(), layer], image))
    script = (
        "stat -c '%a %u %g %h' /suid /hard; test -p /pipe; test -c /null; cat /deep/er/file '/name with ü';"
        "cat /lll*/*"
    )
    assert box.sh(script, image=image).splitlines() == [
        "4755 1000 1001 2",
        "4755 1000 1001 2",
        "yzlong",
    ]


def test_rmi_of_a_blank_name(engine: Engine) -> None:
    assert engine.fails("rmi", " ") == "Error response from daemon: image name cannot be blank"
