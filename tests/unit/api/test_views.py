"""Docker's documents."""

import msgspec
import pytest

from boxship.api.docker.views import containers, events
from boxship.model.container import ContainerState, Health, Status
from boxship.model.event import Event
from boxship.model.network import Endpoint, EndpointSettings, PublishedPort
from boxship.model.progress import Progress
from boxship.services.containers import ContainerDetail
from boxship.wire.times import SECOND
from support.local_engine import a_container

NOW = 1_700_000_100 * SECOND
LATEST = (1, 51)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (ContainerState(), "Created"),
        (ContainerState(status=Status.RUNNING, started_at=NOW - 5 * SECOND), "Up 5 seconds"),
        (
            ContainerState(status=Status.PAUSED, started_at=NOW - 5 * SECOND),
            "Up 5 seconds (Paused)",
        ),
        (
            ContainerState(
                status=Status.RUNNING, started_at=NOW - 90 * SECOND, health=Health(status="healthy")
            ),
            "Up About a minute (healthy)",
        ),
        (
            ContainerState(status=Status.RUNNING, started_at=NOW, health=Health(status="starting")),
            "Up Less than a second (health: starting)",
        ),
        (
            ContainerState(
                status=Status.EXITED, started_at=1, finished_at=NOW - SECOND, exit_code=137
            ),
            "Exited (137) 1 second ago",
        ),
        (
            ContainerState(status=Status.RESTARTING, started_at=1, finished_at=NOW, exit_code=1),
            "Restarting (1) Less than a second ago",
        ),
        (ContainerState(status=Status.REMOVING), "Removal In Progress"),
        (ContainerState(status=Status.DEAD), "Dead"),
    ],
)
def test_status_texts(state: ContainerState, expected: str) -> None:
    assert containers.status_text(a_container(state=state), NOW) == expected


def test_words_with_spaces_are_quoted_in_commands() -> None:
    assert containers.command(a_container(path="sh", args=("-c", "sleep 1"))) == "sh -c 'sleep 1'"
    assert containers.command(a_container(path="cat")) == "cat"


def a_detail() -> ContainerDetail:
    container = a_container(
        state=ContainerState(status=Status.RUNNING, started_at=1, pid=7),
        networks={"bridge": EndpointSettings()},
    )
    config = msgspec.structs.replace(container.config, exposed_ports={"80/tcp": {}, "81/udp": {}})
    endpoint = Endpoint(
        id="e1",
        network_id="n1",
        network_name="bridge",
        container_id=container.id,
        container_name="web",
        ipv4_address="172.17.0.2",
        ipv4_prefix=16,
        gateway="172.17.0.1",
    )
    return ContainerDetail(
        container=msgspec.structs.replace(container, config=config),
        endpoints=(endpoint,),
        ports=(
            PublishedPort(container_port=80, protocol="tcp", host_ip="0.0.0.0", host_port=8080),
        ),
    )


def test_ports_of_a_running_container() -> None:
    document = containers.inspection(a_detail(), LATEST)["NetworkSettings"]
    assert document["Ports"] == {
        "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}],
        "81/udp": None,
    }
    assert document["IPAddress"] == document["Networks"]["bridge"]["IPAddress"] == "172.17.0.2"
    assert containers.summary(a_detail(), LATEST)["Ports"] == [
        {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"PrivatePort": 81, "Type": "udp"},
    ]


def test_a_stopped_container_keeps_its_networks_without_addresses() -> None:
    detail = a_detail()
    stopped = msgspec.structs.replace(
        detail.container, state=ContainerState(status=Status.EXITED, started_at=1)
    )
    detail = msgspec.structs.replace(detail, container=stopped, endpoints=(), ports=())
    document = containers.inspection(detail, LATEST)
    assert document["State"]["Pid"] == 0
    assert document["NetworkSettings"]["Ports"] == {}
    assert document["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] == ""


def test_lists_show_annotations_to_newer_clients_only() -> None:
    detail = a_detail()
    host_config = msgspec.structs.replace(detail.container.host_config, annotations={"a": "b"})
    container = msgspec.structs.replace(detail.container, host_config=host_config)
    detail = msgspec.structs.replace(detail, container=container)
    assert "Annotations" not in containers.summary(detail, (1, 45))["HostConfig"]
    assert containers.summary(detail, (1, 46))["HostConfig"]["Annotations"] == {"a": "b"}


def test_events_of_containers_keep_the_old_fields() -> None:
    event = Event(
        type="container",
        action="start",
        actor_id="c1",
        attributes={"image": "busybox"},
        time_ns=NOW + 5,
    )
    assert events.event(event) == {
        "status": "start",
        "id": "c1",
        "from": "busybox",
        "Type": "container",
        "Action": "start",
        "Actor": {"ID": "c1", "Attributes": {"image": "busybox"}},
        "scope": "local",
        "time": 1_700_000_100,
        "timeNano": NOW + 5,
    }
    assert "status" not in events.event(msgspec.structs.replace(event, type="network"))


def test_progress_messages() -> None:
    assert events.progress(Progress(stream="Step 1\n")) == {"stream": "Step 1\n"}
    assert events.progress(Progress(error="no", error_code=2)) == {
        "errorDetail": {"code": 2, "message": "no"},
        "error": "no",
    }
    assert events.progress(Progress(aux={"ID": "sha256:x"})) == {"aux": {"ID": "sha256:x"}}
    assert events.progress(Progress(id="a", status="Pulling")) == {
        "status": "Pulling",
        "progressDetail": {},
        "id": "a",
    }
    assert events.progress(Progress(id="a", status="Loading", current=512, total=1024)) == {
        "status": "Loading",
        "progressDetail": {"current": 512, "total": 1024},
        "progress": "[=========================>                         ]     512B/1.024kB",
        "id": "a",
    }


def test_a_finished_bar_is_full() -> None:
    assert events.bar(1024, 1024) == f"[{'=' * 50}>]  1.024kB/1.024kB"
    assert events.bar(5, 0) == "      5B"
