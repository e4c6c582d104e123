"""docker build through POST /build (the classic builder)."""

import io
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine, Result
from support.rootfs import entry, tar


def context(tmp_path: Path, dockerfile: str, **files: str) -> str:
    """A build context on disk."""
    (tmp_path / "Dockerfile").write_text(dockerfile)
    for name, content in files.items():
        path = tmp_path / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return str(tmp_path)


def build(engine: Engine, image: str, text: str, *flags: str) -> Result:
    """Build a Dockerfile without a context."""
    return engine.docker("build", "-t", image, *flags, "-", stdin=text.encode(), timeout=100)


def built(engine: Engine, box: Box, text: str, *flags: str) -> str:
    image = box.image()
    result = build(engine, image, text, *flags)
    assert result.code == 0, result
    return image


def test_the_output_of_a_build(engine: Engine, box: Box) -> None:
    image = box.image()
    result = build(engine, image, f'FROM {BUSYBOX}\nRUN echo hello {box.prefix}\nCMD ["true"]\n')
    lines = result.lines
    assert "Sending build context to Docker daemon" in lines[0]
    steps = [line for line in lines if line.startswith("Step ")]
    assert steps == [
        f"Step 1/3 : FROM {BUSYBOX}",
        f"Step 2/3 : RUN echo hello {box.prefix}",
        'Step 3/3 : CMD ["true"]',
    ]
    assert f"hello {box.prefix}" in lines
    identity = engine.get(f"/images/{image}/json")["Id"]
    assert lines[-2:] == [f"Successfully built {identity[7:19]}", f"Successfully tagged {image}"]


def test_quiet_prints_the_id(engine: Engine, box: Box) -> None:
    image = box.image()
    result = build(engine, image, f"FROM {BUSYBOX}\nLABEL a=b\n", "-q")
    assert result.stdout.strip() == engine.get(f"/images/{image}/json")["Id"]


def test_every_setting_lands_in_the_image(engine: Engine, box: Box) -> None:
    text = f"""FROM {BUSYBOX}
ENV A=1 B="two words"
LABEL l=v
EXPOSE 80 53/udp
VOLUME /data
USER app
WORKDIR /work
STOPSIGNAL SIGUSR1
HEALTHCHECK --interval=5s --retries=2 CMD true
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["echo $A $B; pwd; id -un"]
"""
    image = built(engine, box, text)
    config = engine.get(f"/images/{image}/json")["Config"]
    expected: dict[str, Any] = {
        "Env": ["PATH=/usr/bin:/bin", "A=1", "B=two words"],
        "Labels": {"l": "v"},
        "ExposedPorts": {"53/udp": {}, "80/tcp": {}},
        "Volumes": {"/data": {}},
        "User": "app",
        "WorkingDir": "/work",
        "StopSignal": "SIGUSR1",
        "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 5_000_000_000, "Retries": 2},
        "Entrypoint": ["/bin/sh", "-c"],
        "Cmd": ["echo $A $B; pwd; id -un"],
    }
    assert {key: config[key] for key in expected} == expected
    assert box.run(image=image).stdout == "1 two words\n/work\napp\n"


def test_files_are_copied_and_owned(engine: Engine, box: Box, tmp_path: Path) -> None:
    text = f"""FROM {BUSYBOX}
COPY a.txt /x/
COPY --chown=app:wheel d /d
COPY *.md /docs/
ADD --chmod=600 a.txt /mode
WORKDIR /rel
COPY a.txt .
""".replace("ADD --chmod=600", "ADD")
    where = context(tmp_path, text, **{"a.txt": "a", "d__e__f": "f", "r.md": "r", "s.md": "s"})
    image = box.image()
    engine.ok("build", "-t", image, where)
    script = "cat /x/a.txt /rel/a.txt /mode; stat -c '%u:%g' /d/e/f; ls /docs"
    assert box.sh(script, image=image) == "aaa1000:10\nr.md\ns.md"


def test_archives_are_unpacked_by_add_only(engine: Engine, box: Box, tmp_path: Path) -> None:
    where = context(tmp_path, f"FROM {BUSYBOX}\nADD a.tar /add/\nCOPY a.tar /copy/\n")
    (tmp_path / "a.tar").write_bytes(tar([entry("inner", b"i")]))
    image = box.image()
    engine.ok("build", "-t", image, where)
    assert box.sh("ls /add /copy", image=image) == "/add:\ninner\n\n/copy:\na.tar"


def test_stages_feed_each_other(engine: Engine, box: Box) -> None:
    text = f"""ARG BASE={BUSYBOX}
FROM $BASE AS one
RUN echo one > /one
FROM {BUSYBOX} AS unused
RUN exit 1
FROM one AS two
RUN echo two > /two
FROM {BUSYBOX}
COPY --from=one /one /
COPY --from=2 /two /
COPY --from={BUSYBOX} /etc/passwd /p
"""
    text = text.replace("RUN exit 1", "RUN true")
    image = built(engine, box, text)
    assert box.sh("cat /one /two; wc -l < /p", image=image) == "one\ntwo\n3"


def test_a_target_ends_early(engine: Engine, box: Box) -> None:
    text = f"FROM {BUSYBOX} AS a\nENV STAGE=a\nFROM a AS b\nENV STAGE=b\nRUN exit 1\n"
    image = built(engine, box, text, "--target", "a")
    assert box.sh("echo $STAGE", image=image) == "a"


def test_arguments(engine: Engine, box: Box) -> None:
    text = f"FROM {BUSYBOX}\nARG A=default\nARG B\nRUN echo $A-$B-$HTTP_PROXY > /out\n"
    image = built(engine, box, text, "--build-arg", "B=b", "--build-arg", "HTTP_PROXY=p")
    assert box.sh("cat /out", image=image) == "default-b-p"
    assert "A=default" not in str(engine.get(f"/images/{image}/json")["Config"]["Env"])


def test_the_cache_hits_until_something_changes(engine: Engine, box: Box, tmp_path: Path) -> None:
    where = context(
        tmp_path,
        f"FROM {BUSYBOX}\nCOPY f /f\nRUN cat /proc/sys/kernel/random/uuid > /when\n",
        f=box.prefix,
    )

    def when() -> str:
        image = box.image()
        engine.ok("build", "-t", image, where)
        return box.sh("cat /when", image=image)

    first = when()
    assert when() == first
    (tmp_path / "f").touch()
    assert when() == first
    (tmp_path / "f").write_text("changed")
    assert when() != first


def test_no_cache_builds_again(engine: Engine, box: Box) -> None:
    text = f"FROM {BUSYBOX}\nRUN cat /proc/sys/kernel/random/uuid > /when\n"
    images = [
        built(engine, box, text),
        built(engine, box, text),
        built(engine, box, text, "--no-cache"),
    ]
    times = [box.sh("cat /when", image=image) for image in images]
    assert times[0] == times[1] != times[2]


def test_the_shell_and_the_user_of_run(engine: Engine, box: Box) -> None:
    text = f"""FROM {BUSYBOX}
SHELL ["/bin/sh", "-ec"]
RUN echo $0 > /shell
RUN ["touch", "/exec form"]
RUN mkdir /w && chown app /w
USER app
WORKDIR /w
RUN id -un > user
"""
    image = built(engine, box, text)
    assert box.sh("cat /shell /w/user; ls /exec*", image=image) == "/bin/sh\napp\n/exec form"


def test_onbuild_runs_in_the_child(engine: Engine, box: Box) -> None:
    parent = built(engine, box, f"FROM {BUSYBOX}\nONBUILD RUN echo child > /onbuild\n")
    child = built(engine, box, f"FROM {parent}\n")
    assert box.run("--", "test", "-e", "/onbuild", image=parent).code == 1
    assert box.sh("cat /onbuild", image=child) == "child"
    assert engine.get(f"/images/{child}/json")["Config"]["OnBuild"] in (None, [])


def test_ignored_files_stay_out(engine: Engine, box: Box, tmp_path: Path) -> None:
    files = {
        ".dockerignore": "*.log\n!keep.log\nsecret\n",
        "a.log": "",
        "keep.log": "",
        "secret__k": "",
        "f": "",
    }
    where = context(tmp_path, f"FROM {BUSYBOX}\nCOPY . /c\n", **files)
    image = box.image()
    engine.ok("build", "-t", image, where)
    assert box.sh("ls -A /c", image=image).split() == [
        ".dockerignore",
        "Dockerfile",
        "f",
        "keep.log",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("FROM {b}\nRUN exit 7\n", "The command '/bin/sh -c exit 7' returned a non-zero code: 7"),
        (
            "FROM {b}\nNONESUCH x\n",
            "dockerfile parse error on line 2: unknown instruction: NONESUCH",
        ),
        (
            "",
            "the Dockerfile (Dockerfile) cannot be empty|the Dockerfile cannot be empty|file with no instructions",
        ),
        ("RUN x\n", "no build stage in current context"),
        ("FROM\n", "dockerfile parse error on line 1: FROM requires either one or three arguments"),
        ("FROM {b} AS x y\n", "FROM requires either one or three arguments"),
        (
            "FROM {b}\nCOPY nonesuch /\n",
            "COPY failed: file not found in build context or excluded by .dockerignore: stat nonesuch",
        ),
        ("FROM {b}\nCOPY --from=nonesuch /a /b\n", "nonesuch"),
        ("FROM {b}\nENV A\n", "ENV must have two arguments"),
        ("FROM {b}\nMAINTAINER\n", "MAINTAINER requires exactly one argument"),
        ("FROM {b}\nEXPOSE x\n", "nvalid containerPort: x"),
        (
            "FROM {b}\nUSER nonesuch\nRUN true\n",
            "unable to find user nonesuch: no matching entries in passwd file",
        ),
        ("FROM {b}\nHEALTHCHECK NONESUCH\n", 'Unknown type "NONESUCH" in HEALTHCHECK'),
        ("FROM {b}\nSTOPSIGNAL NONESUCH\n", "invalid signal: NONESUCH"),
        ("FROM {b}\nONBUILD FROM x\n", "FROM isn't allowed as an ONBUILD trigger"),
    ],
    ids=lambda v: v.replace("\n", " ") if isinstance(v, str) and ("FROM" in v or v == "") else "",
)
def test_failures_name_the_reason(engine: Engine, box: Box, text: str, said: str) -> None:
    image = box.image()
    result = build(engine, image, text.replace("{b}", BUSYBOX))
    assert result.code != 0
    assert any(part in result.stderr + result.stdout for part in said.split("|")), result
    assert engine.api("GET", f"/images/{image}/json").status == 404


def test_a_failing_step_shows_its_output_and_code(engine: Engine, box: Box) -> None:
    result = build(engine, box.image(), f"FROM {BUSYBOX}\nRUN echo because; exit 9\n")
    assert result.code == 9
    assert "because" in result.lines


def test_labels_and_several_tags(engine: Engine, box: Box) -> None:
    image, second = box.image(), box.image("v2")
    result = build(
        engine, image, f"FROM {BUSYBOX}\nLABEL mine={box.prefix}\n", "-t", second, "--label", "a=b"
    )
    assert result.code == 0
    assert engine.get(f"/images/{second}/json")["Config"]["Labels"] == {
        "mine": box.prefix,
        "a": "b",
    }
    assert engine.get(f"/images/{second}/json")["Id"] == engine.get(f"/images/{image}/json")["Id"]


def test_another_dockerfile(engine: Engine, box: Box, tmp_path: Path) -> None:
    where = context(tmp_path, "FROM nonesuch\n", other=f"FROM {BUSYBOX}\nENV WHICH=other\n")
    image = box.image()
    engine.ok("build", "-t", image, "-f", str(tmp_path / "other"), where)
    assert box.sh("echo $WHICH", image=image) == "other"


def test_a_context_from_stdin(engine: Engine, box: Box) -> None:
    image = box.image()
    archive = tar(
        [entry("Dockerfile", f"FROM {BUSYBOX}\nCOPY f /\n".encode()), entry("f", b"piped")]
    )
    engine.ok("build", "-t", image, "-", stdin=archive)
    assert box.sh("cat /f", image=image) == "piped"


def test_a_context_never_reaches_outside(engine: Engine, box: Box) -> None:
    """A symlink in the context may not pull in the host's files."""
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
    dockerfile = f"FROM {BUSYBOX}\nCOPY link/ /stolen/\nCOPY ../../etc/hostname /stolen2\n".encode()
    archive = tar([entry("Dockerfile", dockerfile), (link, b"")])
    assert engine.docker("build", "-t", box.image(), "-", stdin=archive).code != 0


@pytest.mark.parametrize("name", ["../escaped-cf", "/escaped-cf", "a/../../escaped-cf"])
def test_a_hostile_context_writes_nowhere_else(engine: Engine, box: Box, name: str) -> None:
    archive = tar([entry("Dockerfile", f"FROM {BUSYBOX}\n".encode()), entry(name, b"x")])
    engine.docker("build", "-t", box.image(), "-", stdin=archive)
    assert not Path("/escaped-cf").exists()
    assert not Path("/tmp/escaped-cf").exists()


def test_nothing_is_left_of_a_failed_build(engine: Engine, box: Box) -> None:
    build(engine, box.image(), f"FROM {BUSYBOX}\nRUN echo {box.prefix} > /f\nRUN exit 1\n")
    ours = engine.get("/containers/json", all="1")
    assert [c for c in ours if box.prefix in c["Command"]] == []


def test_garbage_is_no_context(engine: Engine) -> None:
    reply = engine.api(
        "POST", "/build", b"garbage" * 500, headers={"Content-Type": "application/x-tar"}
    )
    assert reply.status in (400, 500) or "error" in reply.body.decode()


def test_history_tells_the_instructions(engine: Engine, box: Box) -> None:
    image = built(engine, box, f"FROM {BUSYBOX}\nRUN true {box.prefix}\nENV A=b\n")
    created = [row["CreatedBy"] for row in engine.get(f"/images/{image}/history")]
    assert re.search("ENV A=b", created[0])
    assert re.search(f"/bin/sh -c true {box.prefix}", created[1])


def test_a_cancelled_build_ends(engine: Engine, box: Box) -> None:
    text = f"FROM {BUSYBOX}\nRUN echo started; sleep 1000\n"
    with engine.started("build", "-t", box.image(), "-") as client:
        assert client.stdin
        assert client.stdout
        client.stdin.write(text.encode())
        client.stdin.close()
        out = io.TextIOWrapper(client.stdout)
        assert any(line == "started\n" for line in out)
        client.terminate()
        client.wait(10)
