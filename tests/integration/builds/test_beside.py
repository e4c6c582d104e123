"""Builds beside each other, and beside those who remove images."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.builds import Builder
from support.images import docker_archive
from support.rootfs import busybox, symlink, tar

pytestmark = pytest.mark.root


def test_the_same_build_many_times_at_once(builder: Builder) -> None:
    """Equal layers are made at the same moment; one of them is kept."""
    text = "FROM $BASE\nCOPY f /f\nWORKDIR /w/$TOKEN\nRUN echo $TOKEN > /t\nENV A=1\n"
    files = {"f": builder.token.encode() * 10_000}
    with ThreadPoolExecutor(6) as pool:
        built = list(pool.map(lambda _: builder.build(text, files).ok(), range(6)))
    for each in built:
        assert builder.sh(each.image, "cat /t; pwd") == f"{builder.token}\n/w/{builder.token}"


def test_everything_is_removed_while_a_build_runs(builder: Builder) -> None:
    base = f"vanishing-{builder.token}"
    builder.engine.ok("load", "-q", stdin=docker_archive([busybox()], f"{base}:latest"))
    text = f"FROM {base}\nRUN echo $TOKEN > /a\nRUN echo started; sleep 1\nRUN cat /a\n"
    context = builder.filled(text)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(builder.build, context.decode(), t=f"{base}-built")
        while not running.done():
            builder.engine.docker("rmi", "-f", base)
            builder.engine.ok("image", "prune", "-f")
        built = running.result()
    if not built.error:
        assert builder.sh(built.image, "cat /a") == builder.token


def test_mount_points_of_an_image_that_lead_elsewhere(builder: Builder) -> None:
    """The image's /etc and /dev are symlinks: what is cleaned up after a step is in its layer."""
    for link in ("/tmp/boxship-elsewhere", "../../../../../tmp/boxship-elsewhere"):
        name = f"crooked-{builder.token}"
        layer = tar([symlink("etc", link), symlink("sys", link)])
        builder.engine.ok("load", "-q", stdin=docker_archive([busybox(), layer], f"{name}:latest"))
        builder.build(f"FROM {name}\nRUN true\nRUN rm -rf /proc /sys; echo > /etc/x\n", nocache="1")
        builder.engine.ok("rmi", "-f", name)


def test_triggers_that_no_dockerfile_could_write(builder: Builder) -> None:
    for trigger in ("FROM x", "NONSENSE", "", "COPY\n", "FROM\nRUN x"):
        name = f"trigger-{builder.token}"
        archive = docker_archive([busybox()], f"{name}:latest", OnBuild=[trigger])
        builder.engine.ok("load", "-q", stdin=archive)
        built = builder.build(f"FROM {name}\n")
        assert "unexpected" not in built.error.lower(), trigger
        assert built.error, trigger
        builder.engine.ok("rmi", "-f", name)
