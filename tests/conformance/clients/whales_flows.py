"""python-on-whales' documented main flows: whales_flows.py FLOW IMAGE PREFIX. Needs only that package."""

# mypy: ignore-errors

import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from python_on_whales import DockerException, docker
from python_on_whales.exceptions import NoSuchContainer, NoSuchVolume

_, FLOW, IMAGE, PREFIX = sys.argv


def raised(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(kind)


def flow_run():
    assert docker.run(IMAGE, ["echo", "hi"], remove=True) == "hi"
    output = docker.run(IMAGE, ["sh", "-c", "echo a; echo b >&2"], remove=True, stream=True)
    assert sorted(output) == [("stderr", b"b\n"), ("stdout", b"a\n")]
    failing = ["sh", "-c", "echo why >&2; exit 3"]
    error = raised(DockerException, lambda: docker.run(IMAGE, failing, remove=True))
    assert error.return_code == 3


def flow_containers():
    with docker.run(IMAGE, ["sleep", "100"], detach=True, name=PREFIX, labels={"a": "b"}) as made:
        assert made.state.running
        assert made.config.labels["a"] == "b"
        assert made.host_config.log_config.type == "json-file"
        assert made.network_settings.networks["bridge"].ip_address
        assert made.execute(["sh", "-c", "echo $A"], envs={"A": "1"}) == "1"
        assert [each.name for each in docker.container.list(filters={"label": "a=b"})] == [PREFIX]
        made.pause()
        assert made.state.paused
        made.unpause()
        docker.container.update(made, memory="64m", memory_swap="-1")
        assert made.host_config.memory == 64 << 20
        made.rename(PREFIX + "-b")
        assert made.name == PREFIX + "-b"
        made.restart(time=0)
        made.stop(time=0)
        assert not made.state.running
    assert not docker.container.exists(PREFIX)
    raised(NoSuchContainer, lambda: docker.container.inspect(PREFIX))


def flow_files_and_changes():
    with docker.run(IMAGE, ["sleep", "100"], detach=True, name=PREFIX) as made:
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder, "here")
            here.write_text("content")
            made.copy_to(here, "/tmp/there")
            made.copy_from("/tmp/there", Path(folder, "back"))
            assert Path(folder, "back").read_text() == "content"
            made.export(Path(folder, "all.tar"))
            assert Path(folder, "all.tar").stat().st_size > 1 << 20
        assert made.diff()["/tmp/there"] == "A"
        image = made.commit(tag=PREFIX + ":1", message="why")
        assert docker.run(PREFIX + ":1", ["cat", "/tmp/there"], remove=True) == "content"
        image.remove(force=True)


def flow_logs_stats_top_wait():
    with docker.run(
        IMAGE, ["sh", "-c", "echo a; sleep 1; echo b >&2; exit 4"], detach=True
    ) as made:
        assert list(docker.logs(made, follow=True, stream=True)) == [
            ("stdout", b"a\n"),
            ("stderr", b"b\n"),
        ]
        assert docker.wait(made) == 4
    with docker.run(IMAGE, ["sleep", "100"], detach=True) as made:
        (stats,) = docker.stats(containers=[made])
        assert stats.container_id == made.id
        assert stats.memory_limit > 0


def flow_images():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_text(f"FROM {IMAGE}\nARG A\nRUN echo $A > /built\n")
        docker.legacy_build(folder, tags=[PREFIX + ":1"], build_args={"A": "x"})
        assert docker.run(PREFIX + ":1", ["cat", "/built"], remove=True) == "x"
        image = docker.image.inspect(PREFIX + ":1")
        assert image.repo_tags == [PREFIX + ":1"]
        assert image.os == "linux"
        assert image.root_fs.type == "layers"
        image.tag(PREFIX + ":2")
        docker.save([PREFIX + ":1", PREFIX + ":2"], output=Path(folder, "images.tar"))
        docker.image.remove([PREFIX + ":1", PREFIX + ":2"])
        assert not docker.image.exists(PREFIX + ":1")
        docker.load(Path(folder, "images.tar"))
    docker.image.remove([PREFIX + ":1", PREFIX + ":2"])


def flow_volumes_and_networks():
    volume = docker.volume.create(PREFIX, labels={"a": "b"})
    assert (
        docker.run(IMAGE, ["sh", "-c", "echo x > /v/f"], volumes=[(volume, "/v")], remove=True)
        == ""
    )
    assert docker.run(IMAGE, ["cat", "/v/f"], volumes=[(volume, "/v", "ro")], remove=True) == "x"
    assert volume.labels == {"a": "b"}
    volume.remove()
    raised(NoSuchVolume, lambda: docker.volume.inspect(PREFIX))
    network = docker.network.create(PREFIX, subnet="10.213.79.0/24", gateway="10.213.79.1")
    assert network.ipam.config[0]["Subnet"] == "10.213.79.0/24"
    with docker.run(IMAGE, ["sleep", "100"], detach=True, networks=[network]) as made:
        assert made.network_settings.networks[PREFIX].ip_address == "10.213.79.2"
        docker.network.disconnect(network, made)
        docker.network.connect(network, made, alias="other")
    network.remove()


def flow_compose():
    text = f"""
services:
  one:
    image: {IMAGE}
    command: ["sh", "-c", "echo up; sleep 100"]
    volumes: ["data:/data"]
    healthcheck: {{test: ["CMD", "true"], interval: 1s}}
  two:
    image: {IMAGE}
    command: ["sleep", "100"]
    depends_on: {{one: {{condition: service_healthy}}}}
volumes: {{data: {{}}}}
"""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "compose.yaml").write_text(text)
        client = docker.client_config
        project = type(docker)(
            compose_files=[Path(folder, "compose.yaml")],
            compose_project_name=PREFIX,
            host=client.host,
        )
        project.compose.up(detach=True)
        try:
            assert len(project.compose.ps()) == 2
            assert project.compose.execute("two", ["ping", "-c1", "one"], tty=False)
            assert "up" in project.compose.logs(services=["one"])
            project.compose.restart("two", timeout=0)
            assert sorted(project.compose.config().services) == ["one", "two"]
        finally:
            project.compose.down(volumes=True, timeout=0)
        assert docker.container.list(all=True, filters={"name": PREFIX}) == []


def flow_system():
    info = docker.info()
    assert info.n_cpu > 0
    assert info.os_type == "linux"
    assert docker.version().server.api_version
    assert docker.system.disk_free().images.total_count >= 1
    since = datetime.now().astimezone() - timedelta(seconds=1)
    with docker.run(IMAGE, ["true"], detach=True, name=PREFIX) as made:
        docker.wait(made)
    # a moment to come: what happens in its second is not past yet
    until = datetime.now().astimezone() + timedelta(seconds=2)
    found = docker.system.events(since=since, until=until, filters={"container": PREFIX})
    actions = [event.action for event in found]
    assert actions[:3] == ["create", "start", "die"], actions


globals()["flow_" + FLOW]()
