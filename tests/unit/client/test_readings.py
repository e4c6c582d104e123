"""What the API's views write, the client's readings read back: the two tell the same story."""

import json
from typing import Any, TypeVar

import msgspec

from boxship.api.docker.versions import MAXIMUM
from boxship.api.docker.views import containers as container_views
from boxship.api.docker.views import events as event_views
from boxship.api.docker.views import images as image_views
from boxship.api.docker.views import networks as network_views
from boxship.api.docker.views import stats as stats_views
from boxship.api.docker.views import volumes as volume_views
from boxship.client.readings import containers, events, images, networks, stats, volumes
from boxship.model.config import Healthcheck, RunConfig
from boxship.model.container import (
    Container,
    ContainerState,
    Exec,
    Health,
    HealthResult,
    HostConfig,
    RestartPolicy,
    Status,
)
from boxship.model.digest import DiffID, Digest, ImageID
from boxship.model.event import Event
from boxship.model.image import Image, ImageConfig, ImageLayer, OCIRunConfig, RootFS, chain_ids
from boxship.model.mount import MountPoint
from boxship.model.network import (
    IPAM,
    Endpoint,
    EndpointIPAM,
    EndpointSettings,
    IPAMPool,
    Network,
    PortBinding,
    PublishedPort,
)
from boxship.model.progress import Progress
from boxship.model.volume import Volume
from boxship.services.containers import ContainerDetail
from boxship.services.images import HistoryItem, ImageDetail, Removal
from boxship.services.monitoring import BlkioEntry, CpuUse, NetworkUse, Stats
from boxship.services.networks import NetworkDetail
from boxship.services.volumes import VolumeDetail

NS = 1_700_000_000_123_456_789
ID = "c" * 64
IMAGE = ImageID(Digest("sha256:" + "1" * 64))

T = TypeVar("T")


def over_the_wire(document: T) -> Any:
    return json.loads(msgspec.json.encode(document))


ENDPOINT = Endpoint(
    id="e" * 64,
    network_id="n" * 64,
    network_name="bridge",
    container_id=ID,
    container_name="web",
    mac_address="02:42:ac:11:00:02",
    ipv4_address="172.17.0.2",
    ipv4_prefix=16,
    ipv6_address="fd00::2",
    ipv6_prefix=64,
    gateway="172.17.0.1",
    ipv6_gateway="fd00::1",
    dns_names=("web", "www"),
    settings=EndpointSettings(
        aliases=("www",),
        ipam_config=EndpointIPAM(ipv4_address="172.17.0.2"),
        mac_address="02:42:ac:11:00:02",
        gw_priority=3,
    ),
)

CONTAINER = Container(
    id=ID,
    name="web",
    created=NS,
    image=IMAGE,
    image_reference="busybox",
    config=RunConfig(
        image="busybox",
        cmd=("sleep", "1"),
        env=("A=b",),
        labels={"k": "v"},
        exposed_ports={"80/tcp": {}},
        healthcheck=Healthcheck(test=("CMD", "true"), interval=10**9),
        tty=True,
        stop_timeout=0,
        mac_address="02:42:ac:11:00:02",  # as asked for its network
    ),
    host_config=HostConfig(
        network_mode="bridge",
        runtime="crun",
        memory=1 << 20,
        port_bindings={"80/tcp": (PortBinding(host_ip="127.0.0.1", host_port="8080"),)},
        restart_policy=RestartPolicy(name="on-failure", maximum_retry_count=3),
        binds=("/a:/b",),
        init=True,
    ),
    path="sleep",
    args=("1",),
    state=ContainerState(
        status=Status.RUNNING,
        pid=42,
        exit_code=0,
        started_at=NS + 1,
        finished_at=0,
        health=Health(
            status="healthy",
            failing_streak=1,
            log=(HealthResult(start=NS, end=NS + 5, exit_code=1, output="no\n"),),
        ),
    ),
    mounts=(
        MountPoint(
            type="volume",
            destination="/data",
            source="/v/_data",
            name="v",
            driver="local",
            mode="z",
            propagation="rprivate",
        ),
        MountPoint(type="bind", destination="/b", source="/a", read_only=True),
    ),
    networks={"bridge": ENDPOINT.settings},
    restart_count=2,
    runtime="crun",
)

DETAIL = ContainerDetail(
    container=CONTAINER,
    image_name="busybox",
    endpoints=(ENDPOINT,),
    ports=(PublishedPort(container_port=80, protocol="tcp", host_ip="127.0.0.1", host_port=8080),),
    exec_ids=("x",),
    sandbox_id="s",
    sandbox_key="/run/netns/s",
    log_path="/log",
    hosts_path="/hosts",
    hostname_path="/hostname",
    resolv_conf_path="/resolv.conf",
    storage_driver="overlay2",
    size_rw=1,
    size_root_fs=2,
)


def test_a_container() -> None:
    read = containers.inspection(over_the_wire(container_views.inspection(DETAIL, MAXIMUM)))
    for field in Container.__struct_fields__:
        assert getattr(read.container, field) == getattr(CONTAINER, field), field
    assert read == DETAIL


def test_a_row_of_the_list() -> None:
    read = containers.summary(over_the_wire(container_views.summary(DETAIL, MAXIMUM)))
    assert (read.ports, read.size_rw, read.size_root_fs) == (DETAIL.ports, 1, 2)
    for field in ("id", "name", "image", "image_reference", "mounts"):
        assert getattr(read.container, field) == getattr(CONTAINER, field), field
    assert read.container.networks.keys() == {"bridge"}
    assert read.container.created == NS // 10**9 * 10**9
    assert read.container.config.labels == {"k": "v"}
    ended = msgspec.structs.replace(
        CONTAINER,
        state=ContainerState(status=Status.EXITED, exit_code=137, started_at=1, finished_at=2),
    )
    row = container_views.summary(ContainerDetail(container=ended), MAXIMUM)
    assert containers.summary(over_the_wire(row)).container.state.exit_code == 137


def test_an_exec_session() -> None:
    session = Exec(
        id="x",
        container_id=ID,
        cmd=("echo", "a", "b"),
        user="app",
        tty=True,
        attach_stdout=True,
        started=True,
        exit_code=3,
        pid=9,
    )
    assert containers.exec_session(over_the_wire(container_views.exec_session(session))) == session


def test_an_image() -> None:
    diff_ids = tuple(DiffID(Digest("sha256:" + digit * 64)) for digit in "ab")
    unknown = images._UNKNOWN
    image = Image(
        id=IMAGE,
        manifest=unknown,
        config=ImageConfig(
            architecture="arm64",
            os="linux",
            variant="v8",
            config=OCIRunConfig(cmd=("sh",), env=("A=b",), exposed_ports={"80/tcp": {}}),
            created="2026-01-02T03:04:05Z",
            author="me",
            comment="said",
            rootfs=RootFS(diff_ids=diff_ids),
            history=(),
        ),
        layers=tuple(
            ImageLayer(diff_id, chain_id, unknown, 0)
            for diff_id, chain_id in zip(diff_ids, chain_ids(diff_ids), strict=True)
        ),
        size=99,
        created=1767323045.0,
        parent=ImageID(Digest("sha256:" + "2" * 64)),
        last_tagged=1700000000.0,
    )
    detail = ImageDetail(
        image=image,
        tags=("a:latest",),
        digests=("a@sha256:" + "3" * 64,),
        storage_driver="overlay2",
        storage_data={"UpperDir": "/x"},
        comment="said",
    )
    assert images.inspection(over_the_wire(image_views.inspection(detail, MAXIMUM))) == detail
    row = images.summary(over_the_wire(image_views.summary(detail, MAXIMUM)))
    assert (row.tags, row.image.id, row.image.parent, row.image.size) == (
        detail.tags,
        image.id,
        image.parent,
        99,
    )
    history = [HistoryItem(id="a", created=1, created_by="RUN", tags=("t",), size=2, comment="c")]
    assert images.history(over_the_wire(image_views.history(history))) == history
    removals = (Removal(untagged="a"), Removal(deleted="b"))
    assert images.removals(over_the_wire(image_views.removals(removals))) == removals


def test_a_network() -> None:
    network = Network(
        id="n" * 64,
        name="net",
        created=NS,
        driver="bridge",
        enable_ipv6=True,
        ipam=IPAM(
            options={"o": "p"},
            config=(
                IPAMPool(
                    subnet="10.0.0.0/24", gateway="10.0.0.1", auxiliary_addresses={"a": "10.0.0.9"}
                ),
            ),
        ),
        internal=True,
        attachable=True,
        config_from="other",
        options={"x": "y"},
        labels={"k": "v"},
    )
    member = Endpoint(
        id="e",
        network_id=network.id,
        network_name="net",
        container_id=ID,
        container_name="web",
        mac_address="02:42:0a:00:00:02",
        ipv4_address="10.0.0.2",
        ipv4_prefix=24,
    )
    detail = NetworkDetail(network, (member,))
    document = network_views.network(detail, MAXIMUM, containers=True)
    assert networks.network(over_the_wire(document)) == detail


def test_a_volume() -> None:
    volume = Volume(
        name="v", driver="local", mountpoint="/v", created=NS // 10**9 * 10**9, labels={"a": "b"}
    )
    assert volumes.volume(over_the_wire(volume_views.volume(volume))) == volume
    detail = VolumeDetail(volume=volume, size=5, containers=1)
    assert volumes.usage(over_the_wire(volume_views.usage(detail))) == detail


def test_a_sample() -> None:
    cpu = CpuUse(
        total=9, kernel=4, user=5, per_cpu=(4, 5), system=90, online=2, throttled_periods=1
    )
    sample = Stats(
        id=ID,
        name="web",
        read_ns=NS,
        preread_ns=NS - 10**9,
        cpu=cpu,
        precpu=cpu,
        memory_usage=1,
        memory_max_usage=2,
        memory_limit=3,
        memory_failcnt=4,
        memory_stats={"cache": 5},
        pids=2,
        pids_limit=10,
        networks={"eth0": NetworkUse(rx_bytes=1, tx_dropped=2)},
        blkio_service_bytes=(BlkioEntry(8, 0, "Read", 512),),
    )
    assert stats.stats(over_the_wire(stats_views.stats(sample))) == sample


def test_messages_of_streams() -> None:
    event = Event(type="container", action="die", actor_id=ID, attributes={"a": "b"}, time_ns=NS)
    assert events.event(over_the_wire(event_views.event(event))) == event
    for message in (
        Progress(stream="Step 1/2\n"),
        Progress(id="abc", status="Loading layer", current=5, total=10),
        Progress(error="failed", error_code=9),
        Progress(aux={"ID": IMAGE}),
    ):
        assert events.progress(over_the_wire(event_views.progress(message))) == message
