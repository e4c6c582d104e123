"""testcontainers' documented main flows: testcontainers_flows.py FLOW IMAGE PREFIX. Needs only that package."""

# mypy: ignore-errors

import os
import sys
import tempfile
import urllib.request
from pathlib import Path

os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"

from testcontainers.core.container import DockerContainer
from testcontainers.core.image import DockerImage
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import (
    HealthcheckWaitStrategy,
    HttpWaitStrategy,
    LogMessageWaitStrategy,
    PortWaitStrategy,
)

_, FLOW, IMAGE, PREFIX = sys.argv
SERVE = [
    "sh",
    "-c",
    "mkdir /www; echo hello > /www/index.html; echo ready; httpd -f -p 8080 -h /www",
]


def flow_a_service_with_a_port():
    made = DockerContainer(IMAGE).with_command(SERVE).with_exposed_ports(8080).with_name(PREFIX)
    with made.waiting_for(HttpWaitStrategy(8080).for_status_code(200)) as service:
        host, port = service.get_container_host_ip(), service.get_exposed_port(8080)
        with urllib.request.urlopen(f"http://{host}:{port}/", timeout=10) as page:
            assert page.read() == b"hello\n"
        code, output = service.exec(["sh", "-c", "echo $0; exit 3"])
        assert (code, output) == (3, b"sh\n")
        assert service.get_logs() == (b"ready\n", b"")


def flow_waiting_for_logs_and_ports():
    made = DockerContainer(IMAGE).with_command(SERVE).with_exposed_ports(8080)
    with made.waiting_for(LogMessageWaitStrategy("ready")) as service:
        assert service.get_wrapped_container().status in ("created", "running")
    with made.waiting_for(PortWaitStrategy(8080)) as service:
        assert int(service.get_exposed_port(8080)) > 0


def flow_environment_volumes_and_files():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        Path(folder, "f").write_text("bound\n")
        made = (
            DockerContainer(IMAGE)
            .with_command("sh -c 'cat /mnt/f; echo $GREETING; sleep 100'")
            .with_env("GREETING", "hi")
            .with_volume_mapping(folder, "/mnt", "ro")
            .with_kwargs(mem_limit="64m")
        )
        with made.waiting_for(LogMessageWaitStrategy("hi")) as service:
            assert service.get_logs()[0] == b"bound\nhi\n"
            service.get_wrapped_container().reload()
            assert service.get_wrapped_container().attrs["HostConfig"]["Memory"] == 64 << 20


def flow_networks_with_aliases():
    with Network() as network:
        web = DockerContainer(IMAGE).with_command(SERVE).with_network(network)
        with web.with_network_aliases("web").waiting_for(LogMessageWaitStrategy("ready")):
            asker = DockerContainer(IMAGE).with_command("sleep 100").with_network(network)
            with asker as other:
                command = [
                    "sh",
                    "-c",
                    "for i in 1 2 3 4 5; do wget -qO- http://web:8080 && break; sleep 0.2; done",
                ]
                assert other.exec(command) == (0, b"hello\n")


def flow_images_built_for_a_test():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_text(
            f'FROM {IMAGE}\nHEALTHCHECK --interval=1s CMD true\nCMD ["sleep", "100"]\n'
        )
        with DockerImage(path=folder, tag=PREFIX + ":1") as image:
            made = DockerContainer(str(image)).waiting_for(HealthcheckWaitStrategy())
            with made as service:
                service.get_wrapped_container().reload()
                assert service.get_wrapped_container().health == "healthy"


globals()["flow_" + FLOW]()
