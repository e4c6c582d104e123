"""Keyword arguments as requests."""

import pytest

from boxship.errors import InvalidArgument
from boxship.library.options import BoxOptions, request_of
from boxship.model.config import RunConfig
from boxship.model.container import HostConfig, RestartPolicy
from boxship.model.network import PortBinding
from boxship.services.containers import ContainerRequest


def test_nothing_given_is_nothing_asked() -> None:
    request = request_of("busybox", (), {})
    assert request == ContainerRequest(config=RunConfig(image="busybox"))


def test_the_container() -> None:
    options: BoxOptions = {
        "name": "web",
        "entrypoint": ["/bin/sh", "-c"],
        "env": {"A": "1", "B": "x=y"},
        "user": "app:users",
        "workdir": "/srv",
        "hostname": "h",
        "labels": {"k": "v"},
        "tty": True,
        "open_stdin": True,
        "platform": "linux/arm64",
    }
    request = request_of("busybox", ("echo", "hi"), options)
    assert (request.name, request.platform) == ("web", "linux/arm64")
    assert request.config == RunConfig(
        image="busybox",
        cmd=("echo", "hi"),
        entrypoint=("/bin/sh", "-c"),
        env=("A=1", "B=x=y"),
        user="app:users",
        working_dir="/srv",
        hostname="h",
        labels={"k": "v"},
        tty=True,
        open_stdin=True,
    )


def test_the_host() -> None:
    options: BoxOptions = {
        "volumes": ["data:/data:ro", "/anonymous"],
        "ports": {80: 8080, "53/udp": None, "443": "127.0.0.1:8443", "81": "[::1]:81"},
        "network": "net",
        "memory": "64m",
        "cpus": 1.5,
        "read_only": True,
        "init": False,
        "cap_drop": ["ALL"],
        "restart": "on-failure:3",
    }
    request = request_of("busybox", (), options)
    assert request.config.volumes == {"/anonymous": {}}
    assert set(request.config.exposed_ports or ()) == {"80/tcp", "53/udp", "443/tcp", "81/tcp"}
    assert request.host_config == HostConfig(
        binds=("data:/data:ro",),
        port_bindings={
            "80/tcp": (PortBinding(host_port="8080"),),
            "53/udp": (PortBinding(),),
            "443/tcp": (PortBinding(host_ip="127.0.0.1", host_port="8443"),),
            "81/tcp": (PortBinding(host_ip="::1", host_port="81"),),
        },
        network_mode="net",
        memory=64 << 20,
        nano_cpus=1_500_000_000,
        readonly_rootfs=True,
        init=False,
        cap_drop=("ALL",),
        restart_policy=RestartPolicy(name="on-failure", maximum_retry_count=3),
    )


def test_keywords_complete_whole_values() -> None:
    options: BoxOptions = {
        "config": RunConfig(stop_signal="SIGINT", user="a", exposed_ports={"1/tcp": {}}),
        "host_config": HostConfig(pids_limit=9),
        "user": "b",
        "ports": {2: None},
        "privileged": True,
    }
    request = request_of("busybox", ("true",), options)
    assert (request.config.stop_signal, request.config.user) == ("SIGINT", "b")
    assert set(request.config.exposed_ports or ()) == {"1/tcp", "2/tcp"}
    assert (request.host_config.pids_limit, request.host_config.privileged) == (9, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ports": {"http": 80}}, "invalid container port: http"),
        ({"memory": "much"}, "invalid size: 'much'"),
        ({"restart": "on-failure:x"}, "invalid restart policy: on-failure:x"),
        ({"entrypoint": "sh -c"}, "expected a list of words"),
        ({"cap_add": "ALL"}, "expected a list of words"),
    ],
)
def test_what_makes_no_sense(options: BoxOptions, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        request_of("busybox", (), options)
