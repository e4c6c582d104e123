"""Contexts, stages and archives that try to reach the host's files."""

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.boxshipd import Boxshipd
from support.builds import Builder
from support.rootfs import directory, entry, symlink, tar

pytestmark = pytest.mark.root


@pytest.fixture
def secret(tmp_path: Path) -> Iterator[Path]:
    """A file of the host that nobody may read, in a folder that nobody may write to."""
    tmp_path.chmod(0o755)
    path = tmp_path / "secret"
    path.write_text("the host's own")
    yield path
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]
    assert path.read_text() == "the host's own"


def from_context(
    builder: Builder, dockerfile: str, *members: tuple[tarfile.TarInfo, bytes]
) -> bytes:
    return tar([entry("Dockerfile", builder.filled(dockerfile)), *members])


@pytest.mark.parametrize("up", ["", "/proc/1/root", "/proc/self/root", "../../../../../../../.."])
@pytest.mark.parametrize("source", ["link", "link/", "l*", "dir/secret", "dir"])
def test_symlinks_of_the_context(builder: Builder, secret: Path, up: str, source: str) -> None:
    context = from_context(
        builder,
        f"FROM $BASE\nCOPY {source} /stolen/\n",
        symlink("link", f"{up}{secret}"),
        symlink("dir", f"{up}{secret.parent}"),
    )
    built = builder.build_tar(context)
    assert "file not found in build context" in built.error or built.error.endswith(
        "no source files were specified"
    ), built


def test_a_copied_symlink_stays_a_symlink(builder: Builder, secret: Path) -> None:
    context = from_context(
        builder, "FROM $BASE\nCOPY d /d\n", directory("d"), symlink("d/link", str(secret))
    )
    built = builder.build_tar(context).ok()
    assert builder.sh(built.image, "readlink /d/link; cat /d/link 2>&1 || true").splitlines()[
        0
    ] == str(secret)
    assert "the host's own" not in builder.sh(built.image, "cat /d/link 2>&1 || true")


@pytest.mark.parametrize(
    "source", ["../secret", "../../etc/passwd", "a/../../x", "/../../../etc/hostname"]
)
def test_names_that_climb(builder: Builder, source: str) -> None:
    built = builder.build(f"FROM $BASE\nCOPY {source} /stolen\n")
    assert "forbidden path outside the build context" in built.error or (
        "file not found in build context" in built.error
    )


@pytest.mark.parametrize("up", ["", "/proc/1/root", "../../../../../.."])
@pytest.mark.parametrize("destination", ["/out/", "/out/new", "/out/a/b/", "/out"])
@pytest.mark.parametrize("keyword", ["COPY", "ADD"])
def test_destinations_through_symlinks(
    builder: Builder, secret: Path, up: str, destination: str, keyword: str
) -> None:
    """A symlink in the image points into the host; what is written lands in the image."""
    target = f"{up}{secret.parent}"
    built = builder.build(
        f"FROM $BASE\nRUN ln -s {target} /out\n{keyword} secret {destination}\n",
        {"secret": b"mine"},
    )
    if not built.error:
        assert any(
            name.endswith(("secret", "new", "out")) for name in builder.layer_names(built.image)
        )


@pytest.mark.parametrize("compress", ["w", "w:gz", "w:xz"])
def test_archives_through_symlinks(builder: Builder, secret: Path, compress: str) -> None:
    """ADD of an archive with an absolute symlink and a file below it (D01)."""
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode=compress) as archive:  # type: ignore[call-overload]
        members = [
            symlink("out", str(secret.parent)),
            entry("out/secret", b"overwritten"),
            entry("out/new", b"new"),
            entry("../../../../../../climbed", b"x"),
            entry(str(secret), b"absolute"),
        ]
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    built = builder.build("FROM $BASE\nADD a.tar /x/\n", {"a.tar": inner.getvalue()})
    assert not Path("/climbed").exists()
    assert built.error or builder.sh(built.image, "ls -A /x")


def test_hard_links_out_of_an_archive(builder: Builder, secret: Path) -> None:
    inner = tar([entry("stolen", kind=tarfile.LNKTYPE, link=f"../../../../../../{secret}")])
    built = builder.build("FROM $BASE\nADD a.tar /x/\n", {"a.tar": inner})
    assert built.error


def test_symlinks_of_another_stage(builder: Builder, secret: Path) -> None:
    for link in (secret, f"/proc/1/root{secret}", f"../../../../../..{secret}"):
        text = f"FROM $BASE AS a\nRUN ln -s {link} /l; ln -s {secret.parent} /d\nFROM $BASE\n"
        for source in ("/l", "/d/secret", "/d/", "/d/*"):
            assert builder.build(f"{text}COPY --from=a {source} /stolen/\n").error, (link, source)


def test_links_that_go_round(builder: Builder) -> None:
    links = [symlink("a", "b"), symlink("b", "a"), symlink("self", "self/self")]
    for source in ("a", "self", "a/x", "*"):
        context = from_context(builder, f"FROM $BASE\nCOPY {source} /x/\n", *links)
        assert builder.build_tar(context).error or source == "*"


@pytest.mark.parametrize(
    "member",
    [
        entry("../escaped-context", b"x"),
        entry("a/../../escaped-context", b"x"),
        entry("/escaped-context", b"x"),
    ],
    ids=lambda each: str(each[0].name),
)
def test_a_context_is_unpacked_nowhere_else(
    builder: Builder, shared: Boxshipd, member: tuple[tarfile.TarInfo, bytes]
) -> None:
    builder.build_tar(from_context(builder, "FROM $BASE\n", member))
    places = ("/", "/tmp", shared.root, shared.data_root, shared.data_root / "builds")
    assert not any(Path(place, "escaped-context").exists() for place in places)


def test_a_dockerfile_that_is_a_symlink(builder: Builder, secret: Path) -> None:
    secret.write_text("FROM nosuchimage-of-the-host\n")
    for link in (str(secret), f"../../../../../../..{secret}"):
        built = builder.build_tar(tar([symlink("Dockerfile", link)]))
        assert built.error == "Cannot locate specified Dockerfile: Dockerfile"
    built = builder.build_tar(tar([symlink("d", str(secret.parent))]), dockerfile="d/secret")
    assert built.error == "Cannot locate specified Dockerfile: d/secret"
    built = builder.build_tar(tar([entry("f")]), dockerfile=f"../../../../../..{secret}")
    assert built.error.startswith("forbidden path outside the build context")
    secret.write_text("the host's own")


def test_an_ignore_file_deletes_only_in_the_context(builder: Builder, secret: Path) -> None:
    context = from_context(
        builder,
        "FROM $BASE\nCOPY . /c\n",
        symlink("d", str(secret.parent)),
        entry(".dockerignore", f"d/*\nd/**\n../../*\n{secret}\n**/secret\n".encode()),
        symlink("e", str(secret)),
    )
    assert not builder.build_tar(context).error


def test_devices_and_pipes_of_a_context(builder: Builder) -> None:
    """Fifos do not block; a device node is not opened."""
    fifo = tarfile.TarInfo("p")
    fifo.type = tarfile.FIFOTYPE
    device = tarfile.TarInfo("zero")
    device.type, device.devmajor, device.devminor = tarfile.CHRTYPE, 1, 5
    for name in ("p", "zero"):
        context = from_context(builder, f"FROM $BASE\nADD {name} /x/\n", (fifo, b""), (device, b""))
        builder.build_tar(context)
    for name in ("p", "zero"):
        special = tarfile.TarInfo("Dockerfile")
        special.type = tarfile.FIFOTYPE if name == "p" else tarfile.CHRTYPE
        special.devmajor, special.devminor = 1, 5
        assert "Cannot locate" in builder.build_tar(tar([(special, b"")])).error
    ignore = tarfile.TarInfo(".dockerignore")
    ignore.type = tarfile.FIFOTYPE
    builder.build_tar(from_context(builder, "FROM $BASE\n", (ignore, b""))).ok()


def test_what_a_step_sees_of_the_host(builder: Builder) -> None:
    """RUN is confined as containers are."""
    text = "FROM $BASE\nRUN cat /proc/self/status | grep -E 'CapEff|Seccomp:|NoNewPrivs'; ls /dev; mount -t tmpfs x /mnt 2>&1 || echo refused; ls /proc/1/root/etc\n"
    said = builder.build(text, nocache="1").ok().text
    assert "00000000a80425fb" in said
    assert "Seccomp:\t2" in said
    assert "refused" in said
    assert "sda" not in said
    assert os.uname().nodename not in said


@pytest.mark.parametrize(
    "name", ["/tmp/boxship-heredoc", "../../boxship-heredoc", "..", "a/b", "."]
)
def test_here_documents_are_files_of_the_image_only(
    builder: Builder, shared: Boxshipd, name: str
) -> None:
    built = builder.build(f"FROM $BASE\nCOPY <<{name} /x/\nhello\n{name}\n")
    assert built.error
    assert not Path("/tmp/boxship-heredoc").exists()
    assert not list(shared.data_root.rglob("boxship-heredoc"))
