"""What a request and an image make of a container, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from boxship.engine.containers.contract import Capabilities, Settings
from boxship.engine.containers.create import host_config as hosts
from boxship.engine.containers.create.config_merge import command_line, merged_config
from boxship.engine.containers.create.limits import check_limits, without_unsupported
from boxship.engine.containers.create.mount_specs import (
    check_request,
    is_mode,
    parse_bind,
    parse_request,
    parse_volumes_from,
)
from boxship.engine.containers.create.validate import (
    check_config,
    check_host_config,
    check_options,
)
from boxship.errors import BoxshipError, Internal, InvalidArgument
from boxship.model.config import Healthcheck, RunConfig
from boxship.model.container import HostConfig, LogConfig, RestartPolicy, ThrottleDevice
from boxship.model.mount import BindOptions, MountRequest, TmpfsOptions, VolumeOptions
from boxship.model.network import EndpointSettings, PortBinding

SETTINGS = Settings(
    root=Path("/containers"),
    runtimes=frozenset({"crun"}),
    default_runtime="crun",
    capabilities=Capabilities(cpus=2, cpu_list="0-1"),
)


@pytest.mark.parametrize(
    ("request_", "image", "expected"),
    [
        ({}, {"entrypoint": ("e",), "cmd": ("c",)}, ("e", "c")),
        ({"cmd": ("x",)}, {"entrypoint": ("e",), "cmd": ("c",)}, ("e", "x")),
        ({"entrypoint": ("x",)}, {"entrypoint": ("e",), "cmd": ("c",)}, ("x",)),
        ({"entrypoint": ("x",), "cmd": ("y",)}, {"cmd": ("c",)}, ("x", "y")),
        ({"entrypoint": ("",), "cmd": ("y",)}, {"entrypoint": ("e",)}, ("y",)),
        ({"entrypoint": ()}, {"entrypoint": ("e",), "cmd": ("c",)}, ("c",)),
    ],
)
def test_what_runs(
    request_: dict[str, Any], image: dict[str, Any], expected: tuple[str, ...]
) -> None:
    path, args = command_line(merged_config(RunConfig(**request_), RunConfig(**image)))
    assert (path, *args) == expected


@pytest.mark.parametrize("request_", [{}, {"entrypoint": ("",)}])
def test_nothing_to_run_is_refused(request_: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="no command specified"):
        merged_config(RunConfig(**request_), RunConfig())


def test_the_request_goes_before_the_image() -> None:
    config = merged_config(
        RunConfig(
            env=("A=1", "B"),
            labels={"x": "mine"},
            user="",
            exposed_ports={"80/tcp": {}},
            healthcheck=Healthcheck(retries=7),
            cmd=("c",),
        ),
        RunConfig(
            env=("A=2", "C=3"),
            labels={"x": "theirs", "y": "1"},
            user="app",
            working_dir="/srv",
            exposed_ports={"90/tcp": {}},
            volumes={"/data": {}},
            healthcheck=Healthcheck(test=("CMD", "t"), retries=3, interval=5),
        ),
    )
    assert config.env == ("A=1", "B", "C=3")
    assert config.labels == {"x": "mine", "y": "1"}
    assert (config.user, config.working_dir, config.volumes) == ("app", "/srv", {"/data": {}})
    assert set(config.exposed_ports or ()) == {"80/tcp", "90/tcp"}
    assert config.healthcheck == Healthcheck(test=("CMD", "t"), retries=7, interval=5)


@pytest.mark.parametrize(
    ("host_config", "text"),
    [
        ({"memory": 5 << 20}, "Minimum memory limit allowed is 6MB"),
        (
            {"nano_cpus": 3 * 10**9},
            "range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
        ),
        (
            {"memory": 10 << 20, "memory_swap": 5 << 20},
            "Minimum memoryswap limit should be larger than memory limit, see usage",
        ),
        (
            {"memory_swap": 50 << 20},
            "You should always set the Memory limit when using Memoryswap limit, see usage",
        ),
        ({"memory_swappiness": 200}, "Invalid value: 200, valid memory swappiness range is 0-100"),
        ({"memory_reservation": 1 << 20}, "Minimum memory reservation allowed is 6MB"),
        (
            {"memory": 10 << 20, "memory_reservation": 20 << 20},
            "Minimum memory limit can not be less than memory reservation limit, see usage",
        ),
        (
            {"nano_cpus": 10**9, "cpu_quota": 5000},
            "Conflicting options: Nano CPUs and CPU Quota cannot both be set",
        ),
        (
            {"nano_cpus": 10**9, "cpu_period": 5000},
            "Conflicting options: Nano CPUs and CPU Period cannot both be set",
        ),
        (
            {"cpu_period": 1},
            "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
        ),
        ({"cpu_quota": 1}, "CPU cfs quota can not be less than 1ms (i.e. 1000)"),
        ({"cpuset_cpus": "9"}, "Requested CPUs are not available - requested 9, available: 0-1"),
        ({"cpuset_cpus": "x"}, "Invalid value x for cpuset cpus: invalid format: x"),
        (
            {"cpuset_cpus": "0-99999999999"},
            "Invalid value 0-99999999999 for cpuset cpus: value of out range, maximum is 8192",
        ),
        ({"cpu_shares": -5}, "invalid CPU shares (-5): value must be a positive integer"),
        (
            {"cpu_realtime_period": 1000, "cpu_realtime_runtime": 2000},
            "cpu real-time runtime cannot be higher than cpu real-time period",
        ),
        ({"blkio_weight": 5}, "Range of blkio weight is from 10 to 1000"),
        (
            {"auto_remove": True, "restart_policy": RestartPolicy(name="always")},
            "can't create 'AutoRemove' container with restart policy",
        ),
        (
            {"restart_policy": RestartPolicy(name="foo")},
            "invalid restart policy: unknown policy 'foo'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
        ),
        (
            {"restart_policy": RestartPolicy(name="no", maximum_retry_count=3)},
            "invalid restart policy: maximum retry count can only be used with 'on-failure'",
        ),
        (
            {"restart_policy": RestartPolicy(name="on-failure", maximum_retry_count=-3)},
            "invalid restart policy: maximum retry count cannot be negative",
        ),
        ({"runtime": "foo"}, "unknown or invalid runtime name: foo"),
        ({"runtime": "/bin/io.runc.v2"}, "unknown or invalid runtime name: /bin/io.runc.v2"),
        ({"cap_add": ("FOO",)}, 'invalid CapAdd: unknown capability: "CAP_FOO"'),
        ({"cap_drop": ("cap_foo",)}, 'invalid CapDrop: unknown capability: "CAP_FOO"'),
        (
            {"network_mode": "container:"},
            "invalid network mode: invalid container format container:<name|id>",
        ),
        (
            {"network_mode": "container:x", "publish_all_ports": True},
            "conflicting options: port publishing and the container type network mode",
        ),
        (
            {"network_mode": "host", "links": ("a",)},
            "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
        ),
        ({"port_bindings": {"x": ()}}, 'invalid port specification: "x"'),
        (
            {"port_bindings": {"80/tcp": (PortBinding(host_port="90-80"),)}},
            'invalid port specification: "90-80"',
        ),
        (
            {"port_bindings": {"80/tcp": (PortBinding(host_port="99999"),)}},
            'invalid port specification: "99999"',
        ),
        ({"pid_mode": "foo"}, "invalid PID mode: foo"),
        ({"ipc_mode": "foo"}, "invalid IPC mode: foo"),
        ({"uts_mode": "foo"}, "invalid UTS mode: foo"),
        ({"cgroupns_mode": "foo"}, "invalid cgroup namespace mode: foo"),
        ({"shm_size": -1}, "SHM size can not be less than 0"),
        ({"oom_score_adj": 5000}, "Invalid value 5000, range for oom score adj is [-1000, 1000]"),
        ({"isolation": "foo"}, "invalid isolation (foo): linux only supports 'default'"),
        (
            {"io_maximum_iops": 5},
            "invalid option: QoS maximum IOPs configuration is not supported on linux",
        ),
        (
            {"extra_hosts": ("a\n6.6.6.6 b:1.2.3.4",)},
            'invalid add-host "a\\n6.6.6.6 b:1.2.3.4": it has control characters',
        ),
        (
            {"dns_search": ("a\nnameserver 6.6.6.6",)},
            'invalid dns-search "a\\nnameserver 6.6.6.6": it has control characters',
        ),
        ({"extra_hosts": ("foo",)}, 'bad format for add-host: "foo"'),
        ({"extra_hosts": ("foo:bar",)}, 'invalid IP address in add-host: "bar"'),
        (
            {"annotations": {"": "x"}},
            "invalid Annotations: the empty string is not permitted as an annotation key",
        ),
        ({"tmpfs": {"/": ""}}, "invalid specification: destination can't be '/'"),
        ({"tmpfs": {"a": ""}}, "invalid mount path: 'a' mount path must be absolute"),
        (
            {"mounts": (MountRequest(type="bind", source="/nonexist", target="/a"),)},
            'invalid mount config for type "bind": bind source path does not exist: /nonexist',
        ),
    ],
)
def test_host_configs_that_docker_refuses(host_config: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        check_host_config(HostConfig(**host_config), RunConfig(), SETTINGS)
    assert str(refusal.value) == text


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (
            {"working_dir": "rel"},
            "the working directory 'rel' is invalid, it needs to be an absolute path",
        ),
        ({"stop_signal": "FOO"}, "invalid signal: FOO"),
        (
            {"hostname": "x\n1.2.3.4 y"},
            'invalid hostname "x\\n1.2.3.4 y": it has control characters',
        ),
        ({"domainname": "x\r"}, 'invalid domainname "x\\r": it has control characters'),
        (
            {"env": ("A=\0b",)},
            'invalid environment variable "A=\\x00b": contains nul byte (\\x00)',
        ),
        ({"cmd": ("a", "b\0")}, 'invalid argument "b\\x00": contains nul byte (\\x00)'),
        ({"env": ("",)}, "invalid environment variable: "),
        ({"env": ("=x",)}, "invalid environment variable: =x"),
        (
            {"healthcheck": Healthcheck(interval=1000)},
            "Interval in Healthcheck cannot be less than 1ms",
        ),
        ({"healthcheck": Healthcheck(retries=-1)}, "Retries in Healthcheck cannot be negative"),
    ],
)
def test_configs_that_docker_refuses(config: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        check_config(RunConfig(**config))
    assert str(refusal.value) == text


@pytest.mark.parametrize(
    "host_config",
    [
        {},
        {"network_mode": "host"},
        {"extra_hosts": ("a:host-gateway", "b:::1")},
        {"cap_add": ("ALL", "net_admin"), "cap_drop": ("CAP_CHOWN",)},
        {"port_bindings": {"80/tcp": (PortBinding(host_port="8000-8010"),), "53/udp": None}},
        {"ipc_mode": "shareable", "pid_mode": "host", "uts_mode": "host"},
        {"memory": 6 << 20, "memory_swap": -1, "memory_swappiness": -1},
        {"cpuset_cpus": "0,1", "nano_cpus": 2 * 10**9},
    ],
)
def test_host_configs_that_pass(host_config: dict[str, Any]) -> None:
    assert check_host_config(HostConfig(**host_config), RunConfig(), SETTINGS) == []


def test_warnings() -> None:
    asked = HostConfig(
        network_mode="host", port_bindings={"80/tcp": ()}, oom_kill_disable=True, cpu_percent=3
    )
    assert check_host_config(asked, RunConfig(), SETTINGS) == [
        "linux does not support CPU percent. Percent discarded.",
        (
            "OOM killer is disabled for the container, but no memory limit is set, "
            "this can result in the system running out of resources."
        ),
        "Published ports are discarded when using host network mode",
    ]


def test_limits_the_kernel_lacks_are_left_out_with_a_warning() -> None:
    bare = Capabilities(
        cpus=2,
        memory_limit=False,
        swap_limit=False,
        memory_swappiness=False,
        memory_reservation=False,
        oom_kill_disable=False,
        pids_limit=False,
        cpu_cfs=False,
        cpu_shares=False,
        cpuset=False,
        blkio_weight=False,
        blkio_throttle=False,
    )
    asked = HostConfig(
        memory=1 << 30,
        memory_swap=2 << 30,
        memory_swappiness=5,
        memory_reservation=1 << 29,
        oom_kill_disable=True,
        pids_limit=10,
        cpu_shares=5,
        cpu_quota=5000,
        cpuset_cpus="0",
        blkio_weight=50,
        blkio_device_read_bps=(ThrottleDevice(path="/dev/sda", rate=1),),
    )
    warnings = check_limits(asked, bare)
    assert len(warnings) == 10
    assert all("Your kernel does not support" in warning for warning in warnings)
    left = without_unsupported(asked, bare)
    assert (left.memory, left.memory_swap, left.pids_limit, left.cpu_shares) == (0, -1, None, 0)
    assert (left.cpuset_cpus, left.cpu_quota, left.blkio_device_read_bps) == ("", 0, ())


def completed(**asked: Any) -> HostConfig:
    return hosts.completed(HostConfig(**asked), SETTINGS, lambda name: f"id-of-{name}")


def test_defaults_are_those_that_docker_shows() -> None:
    found = completed()
    assert found.network_mode == "bridge"
    assert found.shm_size == 64 << 20
    assert (found.ipc_mode, found.cgroupns_mode, found.runtime) == ("private", "host", "crun")
    assert found.restart_policy == RestartPolicy(name="no")
    assert found.log_config == LogConfig(type="json-file", config={})
    assert found.oom_kill_disable is False
    assert found.pids_limit is None
    assert "/proc/kcore" in (found.masked_paths or ())
    assert found.readonly_paths == (
        "/proc/bus",
        "/proc/fs",
        "/proc/irq",
        "/proc/sys",
        "/proc/sysrq-trigger",
    )


def test_what_was_asked_stays() -> None:
    found = completed(
        memory=10 << 20,
        pids_limit=-1,
        masked_paths=(),
        network_mode="container:x",
        pid_mode="container:y",
    )
    assert found.memory_swap == 20 << 20
    assert found.pids_limit is None
    assert found.masked_paths == ()
    assert (found.network_mode, found.pid_mode) == ("container:id-of-x", "container:id-of-y")
    assert completed(privileged=True).masked_paths is None


def test_networks_of_a_container() -> None:
    assert hosts.networks("bridge", {}, "") == {"bridge": EndpointSettings()}
    assert hosts.networks("container:x", {}, "") == {}
    asked = {"default": EndpointSettings(aliases=("a",))}
    assert hosts.networks("bridge", asked, "02:00:00:00:00:01") == {
        "bridge": EndpointSettings(aliases=("a",), mac_address="02:00:00:00:00:01")
    }


@pytest.mark.parametrize(
    ("text", "kind", "source", "target", "read_only"),
    [
        ("/a:/b", "bind", "/a", "/b", False),
        ("/a/:/b/:ro", "bind", "/a", "/b", True),
        ("name:/b:rw,nocopy", "volume", "", "/b", False),
        ("/only", "volume", "", "/only", False),
        ("/a:/b:z,rslave,ro", "bind", "/a", "/b", True),
    ],
)
def test_binds(text: str, kind: str, source: str, target: str, *, read_only: bool) -> None:
    point = parse_bind(text)
    assert (point.type, point.source, point.destination, point.read_only) == (
        kind,
        source,
        target,
        read_only,
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a:/x:foo", "invalid mode: foo"),
        ("aa:/b:ro,rw", "invalid mode: ro,rw"),
        ("a:b:c:d", "invalid volume specification: 'a:b:c:d'"),
        ("", "invalid volume specification: ''"),
        ("/a:ro", "invalid volume specification: '/a:ro'"),
        (
            "a:/",
            "invalid volume specification: 'a:/': invalid mount config for type \"volume\": invalid specification: destination can't be '/'",
        ),
        (
            "aa:rel",
            "invalid volume specification: 'aa:rel': invalid mount config for type \"volume\": invalid mount path: 'rel' mount path must be absolute",
        ),
    ],
)
def test_binds_that_docker_refuses(text: str, reason: str) -> None:
    with pytest.raises(Internal) as refusal:  # 500, as in Docker
        parse_bind(text)
    assert str(refusal.value) == reason


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (
            MountRequest(type="bind", source="rel", target="/a"),
            "invalid mount path: 'rel' mount path must be absolute",
        ),
        (MountRequest(type="bind", target="/a"), "field Source must not be empty"),
        (MountRequest(type="volume", source="v"), "field Target must not be empty"),
        (MountRequest(type="foo", target="/a"), "mount type unknown"),
        (MountRequest(type="tmpfs", source="x", target="/a"), "field Source must not be specified"),
        (
            MountRequest(type="volume", target="/a", read_only=True),
            "must not set ReadOnly mode when using anonymous volumes",
        ),
        (
            MountRequest(type="volume", target="/a", volume_options=VolumeOptions(subpath="x")),
            "must not set Subpath when using anonymous volumes",
        ),
        (
            MountRequest(
                type="volume", source="v", target="/a", volume_options=VolumeOptions(subpath="../x")
            ),
            "subpath must be a relative path within the volume",
        ),
        (
            MountRequest(
                type="bind", source="/", target="/a", bind_options=BindOptions(propagation="x")
            ),
            "invalid propagation mode: x",
        ),
        (
            MountRequest(
                type="tmpfs", target="/a", tmpfs_options=TmpfsOptions(options=(("foo",),))
            ),
            "invalid option: foo",
        ),
    ],
)
def test_mounts_that_docker_refuses(request_: MountRequest, reason: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        check_request(request_)
    assert str(refusal.value) == f'invalid mount config for type "{request_.type}": {reason}'


def test_options_of_another_type_are_refused() -> None:
    request = MountRequest(type="bind", source="/", target="/a", volume_options=VolumeOptions())
    with pytest.raises(
        InvalidArgument, match='type "bind": field VolumeOptions must not be specified'
    ):
        check_request(request)


def test_tmpfs_options_have_the_largest_unit() -> None:
    options = TmpfsOptions(size_bytes=3 << 20, mode=0o1777, options=(("exec",),))
    request = MountRequest(type="tmpfs", target="/a", tmpfs_options=options)
    assert parse_request(request).tmpfs_options == ("mode=1777", "size=3m", "exec")


def test_modes_and_volumes_from() -> None:
    assert is_mode("ro,z,nocopy")
    assert not is_mode("ro,,z")
    assert parse_volumes_from("web:ro") == ("web", "ro")
    for bad in ("", "web:foo", "web:nocopy", "web:rshared"):
        with pytest.raises(InvalidArgument):
            parse_volumes_from(bad)


@pytest.mark.parametrize("option", ["foo", "foo=bar", "no-new-privileges=maybe"])
def test_security_options(option: str) -> None:
    with pytest.raises(BoxshipError, match="invalid --security-opt"):
        check_options(HostConfig(security_opt=(option,)))
    check_options(
        HostConfig(security_opt=("no-new-privileges", "seccomp=unconfined", "label:disable"))
    )
