"""What contexts may be, and what they may cost."""

import bz2
import contextlib
import gzip
import io
import lzma
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.boxshipd import Boxshipd, boxshipd
from support.builds import Builder
from support.images import docker_archive
from support.rootfs import busybox, entry, tar

pytestmark = pytest.mark.root


@contextlib.contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of its own."""
    path = Path(tempfile.mkdtemp(prefix="bxs-small-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "x", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)
        path.rmdir()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress], ids=str)
def test_contexts_of_any_compression(builder: Builder, pack: object) -> None:
    assert callable(pack)
    context = tar([entry("Dockerfile", b"FROM build-base\nCOPY f /f\n"), entry("f", b"content")])
    built = builder.build_tar(pack(context)).ok()
    assert builder.sh(built.image, "cat /f") == "content"


def test_a_zstd_context_and_archive(builder: Builder) -> None:
    if not shutil.which("zstd"):
        pytest.skip("needs the zstd program")
    inner = tar([entry("in", b"inner")])
    packed = subprocess.run(["zstd", "-qc"], input=inner, check=True, capture_output=True).stdout
    built = builder.build("FROM $BASE\nADD a.zst /x/\nCOPY a.zst /y/\n", {"a.zst": packed}).ok()
    assert builder.sh(built.image, "cat /x/in; ls /y") == "innera.zst"


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_add_unpacks_whatever_the_name(builder: Builder, mode: str) -> None:
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode=mode) as archive:  # type: ignore[call-overload]
        info, data = entry("d/in", b"inner", uid=7, gid=8)
        info.mtime = 1_000_000_000
        archive.addfile(info, io.BytesIO(data))
    built = builder.build(
        "FROM $BASE\nADD a.txt /x\nADD --chown=app a.txt /y\nADD plain.tar /z/\n",
        {"a.txt": inner.getvalue(), "plain.tar": b"no archive"},
    ).ok()
    script = "stat -c '%u:%g %Y' /x/d/in; stat -c %u:%g /y/d/in; cat /z/plain.tar"
    assert builder.sh(built.image, script) == "7:8 1000000000\n1000:1001\nno archive"


@pytest.mark.parametrize("size", [0, 100, 511, 5000])
def test_truncated_contexts(builder: Builder, size: int) -> None:
    whole = gzip.compress(
        tar([entry("Dockerfile", b"FROM build-base\n"), entry("f", bytes(20_000))])
    )
    whole = whole if size < len(whole) else tar([entry("f", bytes(20_000))])
    built = builder.build_tar(whole[:size])
    assert built.error, built


@pytest.mark.parametrize(
    "data", [b"garbage" * 500, b"\x1f\x8b" + b"x" * 500, b"\0" * 100], ids=["text", "gzip", "zeros"]
)
def test_garbage_is_refused(builder: Builder, data: bytes) -> None:
    assert builder.build_tar(data).error


def test_a_bomb_does_not_fill_the_disk() -> None:
    """A context that unpacks to more than the disk has is refused, and nothing of it stays."""
    with small_disk(64) as disk, boxshipd(data_root=disk / "data") as daemon:
        daemon.engine.ok("load", "-q", stdin=docker_archive([busybox()], "build-base:latest"))
        builder = Builder(daemon.engine)
        bomb = gzip.compress(bytes(1 << 20), 9) * 200
        whole = gzip.compress(
            tar(
                [
                    entry("Dockerfile", b"FROM build-base\nADD bomb /x/\n"),
                    entry("f", bytes(100 << 20)),
                ]
            )
        )
        built = builder.build_tar(whole)
        assert "disk" in built.error or "space" in built.error, built
        inner = gzip.compress(tar([entry("big", bytes(100 << 20))]))
        built = builder.build("FROM $BASE\nADD bomb /x/\n", {"bomb": inner})
        assert "disk" in built.error or "space" in built.error, built
        builder.build("FROM $BASE\nADD bomb /x/\n", {"bomb": bomb})
        assert list((daemon.data_root / "builds").iterdir()) == []
        builder.build("FROM $BASE\nRUN echo fine\n").ok()


def test_many_files(builder: Builder, shared: Boxshipd) -> None:
    members = [entry(f"d/{n % 50}/{n}", b"x") for n in range(5000)]
    context = tar([entry("Dockerfile", b"FROM build-base\nCOPY d /d\n"), *members])
    built = builder.build_tar(context).ok()
    assert builder.sh(built.image, "find /d -type f | wc -l") == "5000"
    assert list((shared.data_root / "builds").iterdir()) == []


@pytest.mark.parametrize("depth", [600, 3000])
def test_deep_trees(builder: Builder, shared: Boxshipd, depth: int) -> None:
    """Deeper than Python's recursion and the kernel's path names go."""
    names = ["d/" * (depth - 1) + "d", "d/" * depth + "f"]
    for ignore in (b"", b"**/f\n", b"d\n!d/d/d/f\n"):
        context = tar(
            [
                entry("Dockerfile", b"FROM build-base\nCOPY d /d\n"),
                entry(".dockerignore", ignore),
                entry(names[1], b"x"),
            ]
        )
        built = builder.build_tar(context)
        assert built.error or depth < 1000, ignore
        assert "recursion" not in built.error
        assert list((shared.data_root / "builds").iterdir()) == []


def test_long_names(builder: Builder) -> None:
    built = builder.build("FROM $BASE\nCOPY " + "a" * 300 + " /x/\n")
    assert built.error
    built = builder.build("FROM $BASE\nCOPY f /" + "a" * 300 + "/x\nCOPY f /\n", {"f": b""})
    assert built.error
    built = builder.build("FROM $BASE\nWORKDIR /" + "a/" * 3000 + "\n")
    assert "Traceback" not in built.error
    built = builder.build("FROM $BASE\nCOPY <<" + "a" * 300 + " /x/\n" + "a" * 300 + "\n")
    assert built.error


@pytest.mark.parametrize(
    "step",
    [
        "COPY a\0b /x/",
        "COPY f /x\0y",
        "ADD http://127.0.0.1:1/a%00b /x/",
        "ADD http://127.0.0.1:1/a\0b /x/",
        "COPY --chown=a\0b f /x",
        "COPY --chown=99999999999999999999 f /x",
        "COPY --chown=-1:-1 f /x",
        "COPY --chmod=99999999 f /x",
        "COPY --from=a\0b f /x",
        "COPY --exclude=[ . /x",
        "COPY [f /x/",
        "WORKDIR /a\0b",
        "ENV A=a\0b\nRUN true",
        "ENV A\0B=1\nRUN true",
        "ARG A=a\0b\nRUN true",
        "USER a\0b\nRUN true",
        "USER 4294967296\nRUN true",
        "RUN echo a\0b",
        'RUN ["a\\u0000b"]',
        'RUN [""]',
        "RUN []",
        "RUN exit 255",
        "RUN kill -9 $$",
        'SHELL [""]\nRUN true',
        'SHELL ["/nosuch"]\nRUN true',
        "LABEL a\0b=c",
        "EXPOSE 99999999999999999999999",
        "EXPOSE 1-65535\nEXPOSE 0",
        "VOLUME a\0b",
        "STOPSIGNAL 999999999999",
        "HEALTHCHECK --interval=99999999999h CMD x",
        "FROM \0",
        "FROM " + "a/" * 5000 + "b",
        "ARG X=${Y:-" * 200,
    ],
)
def test_nonsense_is_an_error_not_a_bug(builder: Builder, shared: Boxshipd, step: str) -> None:
    said = shared.log.count("Traceback")
    builder.build(f"FROM $BASE\n{step}\n", {"f": b""}, nocache="1")
    assert shared.log.count("Traceback") == said, shared.log[-2500:]
