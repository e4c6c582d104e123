"""What builds say, word for word: the stream that docker-py and testcontainers read."""

import json
import re
import tarfile
from typing import Any

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine
from support.rootfs import entry, tar

HEX = re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b")
FILES = {"a.txt": b"a\n", "b.txt": b"b\n", "d/e.txt": b"e\n"}


def build(engine: Engine, text: str, **query: str) -> list[dict[str, Any]]:
    """The messages of a build; one of an error answer."""
    files = [entry(name, content) for name, content in FILES.items()]
    archive = tar([entry("Dockerfile", text.replace("BASE", BUSYBOX).encode()), *files])
    headers = {"Content-Type": "application/x-tar"}
    reply = engine.api("POST", "/build", archive, headers=headers, **query)
    return [json.loads(line) for line in reply.body.splitlines() if line.strip()]


def told(messages: list[dict[str, Any]]) -> str:
    """All that was said, IDs hidden."""
    return HEX.sub("ID", "".join(message.get("stream", "") for message in messages))


def failure(messages: list[dict[str, Any]]) -> str:
    last = messages[-1]
    if "error" in last:
        assert last["errorDetail"]["message"] == last["error"]
        return str(last["error"])
    return str(last.get("message", ""))


def test_the_stream_of_a_build(engine: Engine, box: Box) -> None:
    text = (
        f"FROM BASE AS one\nRUN echo {box.prefix} > /f\nFROM BASE\nCOPY --from=one /f /\nCMD x y\n"
    )
    name = box.image("1")
    messages = build(engine, text, t=name)
    assert told(messages) == (
        f"Step 1/5 : FROM {BUSYBOX} AS one\n ---> ID\n"
        f"Step 2/5 : RUN echo {box.prefix} > /f\n"
        " ---> Running in ID\n ---> Removed intermediate container ID\n ---> ID\n"
        f"Step 3/5 : FROM {BUSYBOX}\n ---> ID\n"
        "Step 4/5 : COPY --from=one /f /\n ---> ID\n"
        "Step 5/5 : CMD x y\n"
        " ---> Running in ID\n ---> Removed intermediate container ID\n ---> ID\n"
        f"Successfully built ID\nSuccessfully tagged {name}\n"
    )
    identities = [message["aux"]["ID"] for message in messages if "aux" in message]
    assert len(identities) == 2
    assert identities[-1] == engine.get(f"/images/{name}/json")["Id"]
    assert "Using cache" in told(build(engine, text))


def test_steps_that_stay(engine: Engine) -> None:
    said = told(build(engine, "FROM BASE\nRUN true\n", rm="0", nocache="1"))
    assert " ---> Running in ID\n ---> ID\n" in said
    assert "Removed" not in said


def test_triggers(engine: Engine, box: Box) -> None:
    name = box.image()
    build(engine, "FROM BASE\nONBUILD RUN echo x\nONBUILD ENV a=b\n", t=name)
    said = told(build(engine, f"FROM {name}\nENV c=d\n", nocache="1"))
    assert said.startswith(
        f"Step 1/2 : FROM {name}\n# Executing 2 build triggers\n"
        " ---> Running in ID\nx\n ---> Removed intermediate container ID\n"
        " ---> Running in ID\n ---> Removed intermediate container ID\n ---> ID\n"
        "Step 2/2 : ENV c=d\n"
    )


def test_standard_error_is_red(engine: Engine) -> None:
    said = told(build(engine, "FROM BASE\nRUN echo bad >&2\n", nocache="1"))
    assert "\x1b[91mbad\n\x1b[0m" in said


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (
            "FROM BASE\nHEALTHCHECK CMD a b\nHEALTHCHECK NONE\n",
            "Note: overriding previous HEALTHCHECK: [CMD-SHELL a b]\n",
        ),
        (
            "FROM BASE\nENV a=1 \\\n\n b=2\n",
            "[WARNING]: Empty continuation line found in: ENV a=1  b=2\n",
        ),
    ],
)
def test_notes(engine: Engine, text: str, part: str) -> None:
    assert part in told(build(engine, text, nocache="1"))


def test_arguments_nobody_asked_for(engine: Engine) -> None:
    said = told(build(engine, "FROM BASE\nARG A\n", buildargs='{"A":"1","B":"2","NO_PROXY":"x"}'))
    assert "[Warning] One or more build-args [B] were not consumed\n" in said


def history(engine: Engine, box: Box, text: str, **query: str) -> list[str]:
    name = box.image()
    assert failure(build(engine, text, t=name, **query)) == ""
    return [HEX.sub("ID", row["CreatedBy"]) for row in engine.get(f"/images/{name}/history")]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("ENV A=1 B='two words'", ["/bin/sh -c #(nop)  ENV A=1 B=two words"]),
        ("MAINTAINER me <m@e>", ["/bin/sh -c #(nop)  MAINTAINER me <m@e>"]),
        ("ARG Y Z=7", ["/bin/sh -c #(nop)  ARG Y Z=7"]),
        ("EXPOSE 81 80/udp", ["/bin/sh -c #(nop)  EXPOSE 80/udp 81"]),
        ("VOLUME /a /b", ["/bin/sh -c #(nop)  VOLUME [/a /b]"]),
        ("WORKDIR /w\nWORKDIR x", ["/bin/sh -c #(nop) WORKDIR /w/x"]),
        ("CMD echo $A", ['/bin/sh -c #(nop)  CMD ["/bin/sh" "-c" "echo $A"]']),
        (
            "HEALTHCHECK --interval=5s CMD x",
            ["/bin/sh -c #(nop)  HEALTHCHECK &{[CMD-SHELL x] 5s 0s 0s 0s 0}"],
        ),
        ("COPY a.txt b/", ["/bin/sh -c #(nop) COPY file:ID in b/ "]),
        (
            "COPY --chown=1:2 a.txt b.txt /d/",
            ["/bin/sh -c #(nop) COPY --chown=1:2 multi:ID in /d/ "],
        ),
        ("ADD d /x", ["/bin/sh -c #(nop) ADD dir:ID in /x "]),
        ("ARG X=5\nARG HTTP_PROXY\nRUN true", ["|1 X=5 /bin/sh -c true"]),
        ('SHELL ["/bin/sh", "-ec"]\nRUN true', ["/bin/sh -ec true"]),
        ('RUN ["/bin/true", "a b"]', ["/bin/true a b"]),
    ],
)
def test_history(engine: Engine, box: Box, text: str, rows: list[str]) -> None:
    assert history(engine, box, f"FROM BASE\n{text}\n")[: len(rows)] == rows


def test_proxies_are_used_and_not_told(engine: Engine, box: Box) -> None:
    text = 'FROM BASE\nRUN test "$HTTP_PROXY" = secret\n'
    arguments = {"buildargs": '{"HTTP_PROXY":"secret"}'}
    assert history(engine, box, text, **arguments)[0] == '|0 /bin/sh -c test "$HTTP_PROXY" = secret'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("FROM scratch\n", "No image was generated. Is your Dockerfile empty?"),
        ("FROM ${X}\n", "base name (${X}) should not be blank"),
        ("FROM BASE AS a\nFROM BASE AS a\n", "a stage name already used"),
        ("FROM BASE\nCOPY --from=0 a b\n", "invalid from flag value 0: refers to current build stage"),
        ("FROM BASE\nCOPY --from=5 a b\n", "invalid from flag value 5: index out of bounds"),
        ("FROM BASE\nCOPY ../x /\n", "COPY failed: forbidden path outside the build context: ../x ()"),
        (
            "FROM BASE AS x\nFROM BASE\nCOPY --from=x nope /\n",
            "COPY failed: stat nope: file does not exist",
        ),
        (
            "FROM BASE\nCOPY a.txt b.txt /x\n",
            ("When using COPY with more than one source file, the destination must be a directory "
            "and end with a /"),
        ),
        ("FROM BASE\nCOPY n*pe /\n", "COPY failed: no source files were specified"),
        (
            "FROM BASE\nCOPY --chown=nobodyx a.txt /\n",
            ("unable to convert uid/gid chown string to host mapping: can't find uid for user nobodyx: "
            "no such user: nobodyx"),
        ),
        (
            "FROM BASE\nRUN --mount=type=cache,target=/x true\n",
            ("the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to "
            "learn how to build images with BuildKit enabled"),
        ),
        (
            'FROM BASE\nENV "a=b c\n',
            ('failed to process "\\"a": unexpected end of statement while looking for matching '
            "double-quote"),
        ),
        ("FROM BASE\nENV a=${b?}\n", 'failed to process "${b?}": b: is not allowed to be unset'),
        ("FROM BASE\nWORKDIR /etc/passwd\n", "Cannot mkdir: /etc/passwd is not a directory"),
        ("FROM BASE\nSTOPSIGNAL FOO\n", "invalid signal: FOO"),
        ("FROM BASE\nRUN exit 3\n", "The command '/bin/sh -c exit 3' returned a non-zero code: 3"),
        (
            "FROM BASE\nADD http://127.0.0.1:1/x /\n",
            'ADD failed: Get "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused',
        ),
        ("FROM BASE\nFOO\n", "dockerfile parse error on line 2: unknown instruction: FOO (did you mean FROM?)"),
        ("FROM BASE\nCMD [1]\n", "failed to parse Dockerfile: when using JSON array syntax, arrays must be comprised of strings only"),
        ("# only\n", "failed to parse Dockerfile: file with no instructions"),
    ],
)  # fmt: skip
def test_failures(engine: Engine, text: str, complaint: str) -> None:
    messages = build(engine, text)
    assert failure(messages) == complaint
    if complaint.endswith("code: 3"):
        assert messages[-1]["errorDetail"]["code"] == 3


@pytest.mark.parametrize(
    ("query", "status", "complaint"),
    [
        ({"target": "zz"}, 400, 'target stage "zz" could not be found'),
        ({"dockerfile": "nofile"}, 500, "Cannot locate specified Dockerfile: nofile"),
        ({"dockerfile": "../x"}, 500, "forbidden path outside the build context: ../x ()"),
        ({"squash": "1"}, 400, "squash is only supported with experimental mode"),
        (
            {"buildargs": "x"},
            400,
            "error reading build args: invalid character 'x' looking for beginning of value",
        ),
    ],
)
def test_requests_that_are_refused(
    engine: Engine, query: dict[str, str], status: int, complaint: str
) -> None:
    archive = tar([entry("Dockerfile", f"FROM {BUSYBOX}\n".encode())])
    headers = {"Content-Type": "application/x-tar"}
    reply = engine.api("POST", "/build", archive, headers=headers, **query)
    assert (reply.status, json.loads(reply.body)["message"]) == (status, complaint)


def test_nothing_set_is_null_in_the_config(engine: Engine, box: Box) -> None:
    name = box.image()
    build(engine, "FROM BASE\nCMD a\nCMD []\nENTRYPOINT []\n", t=name)
    config = engine.get(f"/images/{name}/json")["Config"]
    assert (config["Cmd"], config["Entrypoint"]) == (None, None)


def test_the_dockerfile_may_be_a_symlink_inside_the_context(engine: Engine) -> None:
    link = tarfile.TarInfo("Dockerfile")
    link.type, link.linkname = tarfile.SYMTYPE, "/docker/Dockerfile"
    real = entry("docker/Dockerfile", f"FROM {BUSYBOX}\nCOPY docker/Dockerfile /f\n".encode())
    headers = {"Content-Type": "application/x-tar"}
    reply = engine.api("POST", "/build", tar([real, (link, b"")]), headers=headers)
    assert b"Successfully built" in reply.body


def test_the_dockerfile_is_never_the_hosts(engine: Engine) -> None:
    link = tarfile.TarInfo("Dockerfile")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    headers = {"Content-Type": "application/x-tar"}
    reply = engine.api("POST", "/build", tar([(link, b"")]), headers=headers)
    assert reply.error == (500, "Cannot locate specified Dockerfile: Dockerfile")


@pytest.mark.parametrize(
    ("query", "body", "status", "message"),
    [
        ({"t": "UP"}, b"", 500, "repository name (library/UP) must be lowercase"),
        ({"remote": "x"}, b"", 500, "remoteURL (x) could not be recognized as URL"),
        ({}, b"no archive", 500, "unexpected EOF"),
        ({"cachefrom": "x"}, b"", 400, "error reading cache-from: invalid character 'x'"),
        ({"ulimits": "x"}, b"", 400, "error reading ulimit settings: invalid character 'x'"),
    ],
)
def test_requests_that_cannot_be(
    engine: Engine, query: dict[str, str], body: bytes, status: int, message: str
) -> None:
    reply = engine.api(
        "POST", "/build", body, headers={"Content-Type": "application/x-tar"}, **query
    )
    assert reply.status == status
    assert message in reply.message
