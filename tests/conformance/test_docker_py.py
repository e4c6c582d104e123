"""docker-py, as programs use it."""

import io
import json
from collections.abc import Iterator

import docker.errors
import pytest
from docker import DockerClient

from support.box import BUSYBOX, Box
from support.engine import Engine
from support.images import docker_archive
from support.rootfs import entry, tar, untar


@pytest.fixture
def client(engine: Engine) -> Iterator[DockerClient]:
    with engine.client() as connected:
        yield connected


def test_run_gives_the_output(client: DockerClient) -> None:
    assert client.containers.run(BUSYBOX, ["echo", "hi"], remove=True) == b"hi\n"
    assert (
        client.containers.run(BUSYBOX, "sh -c 'echo err >&2'", remove=True, stderr=True) == b"err\n"
    )


def test_a_failing_run_raises_with_its_code(client: DockerClient) -> None:
    with pytest.raises(docker.errors.ContainerError) as raised:
        client.containers.run(BUSYBOX, "sh -c 'echo why >&2; exit 3'", remove=True)
    assert (raised.value.exit_status, raised.value.stderr) == (3, b"why\n")


def test_missing_things_raise_their_own_errors(client: DockerClient) -> None:
    with pytest.raises(docker.errors.NotFound):
        client.containers.get("nonesuch")
    with pytest.raises(docker.errors.ImageNotFound):
        client.images.get("nonesuch")
    with pytest.raises(docker.errors.NotFound):
        client.volumes.get("nonesuch")
    with pytest.raises(docker.errors.NotFound):
        client.networks.get("nonesuch")


def test_the_life_of_a_container(client: DockerClient, box: Box) -> None:
    name = box.name()
    container = client.containers.run(
        BUSYBOX,
        ["sh", "-c", "trap 'exit 4' TERM; echo up; while :; do sleep 0.05; done"],
        detach=True,
        name=name,
        environment={"A": "1"},
        labels={"l": "v"},
        mem_limit="64m",
    )
    assert container.status == "created"
    container.reload()
    assert (container.status, container.labels, container.name) == ("running", {"l": "v"}, name)
    box.wait_for_log(name, "up")
    assert container.logs() == b"up\n"
    assert container.exec_run("sh -c 'echo $A; exit 2'") == (2, b"1\n")
    assert container.exec_run("sh -c 'echo o; echo e >&2'", demux=True).output == (b"o\n", b"e\n")
    assert container.top()["Processes"]
    container.pause()
    container.unpause()
    container.rename(box.name())
    container.stop(timeout=5)
    assert container.wait()["StatusCode"] == 4
    container.remove()


def test_streams_of_logs_and_execs(client: DockerClient, box: Box) -> None:
    container = client.containers.get(
        box.start("--", "sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.05; done")
    )
    assert b"".join(container.logs(stream=True, follow=True)) == b"1\n2\n3\n"
    other = client.containers.get(box.start())
    assert b"".join(other.exec_run("seq 3", stream=True).output) == b"1\n2\n3\n"


def test_an_exec_socket_talks_both_ways(client: DockerClient, box: Box) -> None:
    container = client.containers.get(box.start())
    answer = container.exec_run("cat", stdin=True, socket=True, tty=True)
    stream = answer.output._sock if hasattr(answer.output, "_sock") else answer.output
    stream.sendall(b"hello\n")
    data = b""
    while data.count(b"hello") < 2:
        data += stream.recv(100)
    answer.output.close()


def test_archives_go_in_and_out(client: DockerClient, box: Box) -> None:
    container = client.containers.get(box.create())
    assert container.put_archive("/tmp", tar([entry("f", b"data")]))
    chunks, stat = container.get_archive("/tmp/f")
    assert untar(b"".join(chunks))["f"][1] == b"data"
    assert (stat["name"], stat["size"]) == ("f", 4)


def test_attach_from_before_the_start(client: DockerClient, box: Box) -> None:
    container = client.containers.create(
        BUSYBOX, ["sh", "-c", "cat; echo done"], stdin_open=True, name=box.name()
    )
    socket = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    container.start()
    socket._sock.sendall(b"typed\n")
    assert client.api.attach  # the low-level client stays usable beside the hijacked connection
    data = b""
    while b"typed\n" not in data:
        data += socket._sock.recv(100)
    assert data == b"\x01\0\0\0\0\0\0\x06typed\n"
    socket.close()
    container.kill()


def test_images_load_tag_and_vanish(client: DockerClient, box: Box) -> None:
    name = box.image()
    (image,) = client.images.load(docker_archive([tar([entry("f", b"x")])], name))
    assert image.tags == [name]
    other = box.image("v2")
    repository, tag = other.split(":")
    assert image.tag(repository, tag)
    image.reload()
    assert sorted(image.tags) == sorted([name, other])
    assert b"".join(image.save()).find(b"manifest.json") > 0
    assert image.history()[0]["CreatedBy"] == "step 0"
    client.images.remove(image.id, force=True)
    with pytest.raises(docker.errors.ImageNotFound):
        client.images.get(name)


def test_import_and_commit(client: DockerClient, box: Box) -> None:
    name = box.image()
    repository, tag = name.split(":")
    made = client.api.import_image_from_data(tar([entry("f", b"x")]), repository, tag)
    assert json.loads(made.splitlines()[-1])["status"].startswith("sha256:")
    container = client.containers.get(box.ended("--", "touch", "/new"))
    committed = box.image().split(":")[0]
    image = container.commit(committed, changes=['CMD ["ls", "/new"]'])
    assert client.containers.run(image, remove=True) == b"/new\n"


def test_volumes_and_networks(client: DockerClient, box: Box) -> None:
    volume = client.volumes.create(box.volume(), labels={"a": "b"})
    assert volume.attrs["Labels"] == {"a": "b"}
    out = client.containers.run(
        BUSYBOX, "touch /v/f", volumes={volume.name: {"bind": "/v", "mode": "rw"}}, remove=True
    )
    assert out == b""
    volume.remove()
    assert {"bridge", "host", "none"} <= {network.name for network in client.networks.list()}


def test_ports_are_published(client: DockerClient, engine: Engine, box: Box) -> None:
    container = client.containers.run(
        BUSYBOX,
        ["nc", "-ll", "-p", "80", "-e", "echo", "hi"],
        detach=True,
        name=box.name(),
        ports={"80/tcp": ("127.0.0.1", None)},
    )
    container.reload()
    port = int(container.ports["80/tcp"][0]["HostPort"])
    with engine.connect(port) as connection:
        assert connection.makefile().read() == "hi\n"


def test_events_stream(client: DockerClient, box: Box) -> None:
    events = client.events(decode=True, filters={"type": "container"})
    name = box.create()
    for event in events:
        if event["Actor"]["Attributes"].get("name") == name:
            assert event["Action"] == "create"
            break
    events.close()


def test_facts(client: DockerClient) -> None:
    assert client.ping()
    assert client.version()["ApiVersion"] == "1.51"
    assert client.info()["OSType"] == "linux"
    assert client.df()["LayersSize"] > 0


def test_a_build_from_a_dockerfile(client: DockerClient, box: Box) -> None:
    text = f'FROM {BUSYBOX}\nRUN echo built > /made\nCMD ["cat", "/made"]\n'
    image, log = client.images.build(fileobj=io.BytesIO(text.encode()), tag=box.image(), rm=True)
    assert any("Successfully built" in line.get("stream", "") for line in log)
    assert client.containers.run(image, remove=True) == b"built\n"


def test_the_runtime_where_the_low_level_client_puts_it(client: DockerClient, box: Box) -> None:
    """docker-py's test_create_with_runtime: beside the configuration instead of in HostConfig."""
    made = client.api.create_container(BUSYBOX, ["echo", "hi"], name=box.name(), runtime="runc")
    shown = client.api.inspect_container(made["Id"])
    assert shown["HostConfig"]["Runtime"] == "runc"
    client.api.start(made["Id"])
    assert client.api.wait(made["Id"])["StatusCode"] == 0


def test_a_container_comes_back_to_the_network_it_was_taken_off(
    client: DockerClient, box: Box
) -> None:
    network = client.networks.create(box.network())
    container = client.containers.run(
        BUSYBOX, ["sleep", "60"], detach=True, name=box.name(), network=network.name
    )
    for _ in range(2):
        network.disconnect(container)
        container.reload()
        assert container.attrs["NetworkSettings"]["Networks"] == {}
        network.connect(container, aliases=["other"])
        container.reload()
        joined = container.attrs["NetworkSettings"]["Networks"][network.name]
        assert joined["Aliases"] == ["other"]
        assert joined["IPAddress"]


def test_each_line_of_a_log_comes_for_itself(client: DockerClient, box: Box) -> None:
    """Also those that were written at once: programs read logs(stream=True) line by line."""
    container = client.containers.run(
        BUSYBOX, ["printf", "1\\n2\\n\\nlast"], detach=True, name=box.name()
    )
    container.wait()
    assert list(container.logs(stream=True)) == [b"1\n", b"2\n", b"\n", b"last"]


def test_what_a_short_command_wrote_is_in_the_log_at_once(client: DockerClient, box: Box) -> None:
    """docker-py's build tests ask for the log right after start, without waiting."""
    for _ in range(5):
        container = client.containers.run(BUSYBOX, ["echo", "hi"], detach=True, name=box.name())
        assert container.logs() == b"hi\n"


@pytest.mark.parametrize("length", [64, 12])
def test_a_network_given_by_its_id_is_shown_by_its_name(
    client: DockerClient, box: Box, length: int
) -> None:
    """python-on-whales hands over IDs, and looks for names."""
    network = client.networks.create(box.network())
    container = client.containers.run(
        BUSYBOX, ["sleep", "60"], detach=True, name=box.name(), network=network.id[:length]
    )
    container.reload()
    assert list(container.attrs["NetworkSettings"]["Networks"]) == [network.name]
    assert container.attrs["HostConfig"]["NetworkMode"] == network.id[:length]
    network.disconnect(container)
    network.connect(container)
