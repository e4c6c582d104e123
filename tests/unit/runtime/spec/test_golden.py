"""Whole OCI specs, kept in tests/golden/oci; BOXSHIP_UPDATE_GOLDEN=1 rewrites them, for review.

They were compared with what Docker Engine 28.5.2 gives its runtime for the same `docker run`: alike but
for the OCI version, device rules that only repeat others, and empty sections.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boxship.linux.capabilities import ALL
from boxship.linux.devices import Device
from boxship.linux.seccomp import Host
from boxship.model.config import RunConfig
from boxship.model.container import (
    Container,
    DeviceMapping,
    HostConfig,
    ThrottleDevice,
    Ulimit,
    WeightDevice,
)
from boxship.model.mount import BindOptions, MountPoint, MountRequest
from boxship.model.process import RuntimeRefused
from boxship.runtime.contract import Bundle
from boxship.runtime.spec import Facts, Findings, build, cgroup_path
from boxship.runtime.spec.users import Identity

GOLDEN = Path(__file__).parents[3] / "golden" / "oci"
FUSE = Device("/dev/fuse", "c", 10, 229, 0o600, 0, 0)
LOOP = Device("/dev/loop0", "b", 7, 0, 0o660, 0, 6)
TUN = Device("/dev/net/tun", "c", 10, 200, 0o666, 0, 0)
ROOT = Identity(0, 0, (0,))


def bind(destination: str, **options: Any) -> MountPoint:
    return MountPoint(type="bind", source="/source", destination=destination, **options)


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "v2": {"facts": {"cgroup_v2": True}},
    "terminal": {
        "config": {"tty": True, "env": ("A=1", "A=2", "PATH")},
        "host_config": {"console_size": (24, 80)},
    },
    "privileged": {"host_config": {"privileged": True}, "every": (FUSE, LOOP)},
    "read-only": {
        "host_config": {"readonly_rootfs": True},
        "mounts": (
            MountPoint(type="tmpfs", destination="/tmp"),
            MountPoint(type="tmpfs", destination="/run", tmpfs_options=("size=10m", "exec", "rw")),
        ),
    },
    "limits": {
        "host_config": {
            "memory": 100 << 20,
            "memory_reservation": 50 << 20,
            "memory_swappiness": 10,
            "oom_kill_disable": True,
            "nano_cpus": 1_500_000_000,
            "cpu_shares": 100,
            "cpuset_cpus": "0",
            "cpuset_mems": "0",
            "pids_limit": 50,
            "blkio_weight": 300,
            "blkio_weight_device": (WeightDevice(path="/dev/vda", weight=200),),
            "blkio_device_read_bps": (ThrottleDevice(path="/dev/vda", rate=1 << 20),),
            "blkio_device_write_iops": (ThrottleDevice(path="/dev/vda", rate=100),),
            "oom_score_adj": 500,
        },
        "numbers": {"/dev/vda": (254, 0)},
    },
    "limits-v2": {
        "host_config": {"memory": 1 << 20, "memory_swap": -1, "oom_kill_disable": True, "memory_swappiness": 5},
        "facts": {"cgroup_v2": True},
    },
    "devices": {
        "host_config": {
            "devices": (
                DeviceMapping(path_on_host="/dev/fuse", path_in_container="/dev/fuse"),
                DeviceMapping(path_on_host="/dev/loop0", path_in_container="/dev/xx", cgroup_permissions="r"),
                DeviceMapping(path_on_host="/dev/net", path_in_container="/dev/other"),
            ),
            "device_cgroup_rules": ("c 42:* rmw", "a *:* r"),
        },
        "found": {"/dev/fuse": (FUSE,), "/dev/loop0": (LOOP,), "/dev/net": (TUN,)},
    },
    "host-namespaces": {
        "host_config": {"network_mode": "host", "pid_mode": "host", "ipc_mode": "host", "uts_mode": "host"},
        "joined": {"pid": "", "ipc": "", "uts": ""},
        "network_namespace": "",
        "shm_path": "/dev/shm",
    },
    "joined-namespaces": {
        "host_config": {"network_mode": "container:x", "pid_mode": "container:x", "ipc_mode": "container:x"},
        "joined": {"pid": "/proc/7/ns/pid", "ipc": "/proc/7/ns/ipc"},
        "shm_path": "/shm/of/x",
    },
    "user": {
        "identity": Identity(1000, 1000, (1000, 5)),
        "config": {"working_dir": "/work", "domainname": "example.org"},
        "host_config": {
            "ulimits": (Ulimit(name="nofile", soft=1000, hard=2000), Ulimit(name="core", soft=-1, hard=-1)),
            "sysctls": {"net.core.somaxconn": "100"},
            "annotations": {"a.b": "c", "run.oci.handler": "krun"},
        },
        "default_ulimits": {"nofile": (5, 6), "nproc": (7, 8)},
    },
    "init": {"init_path": "/usr/bin/tini"},
    "unconfined": {
        "host_config": {
            "security_opt": ("seccomp=unconfined", "no-new-privileges", "writable-cgroups=true"),
            "masked_paths": (),
            "readonly_paths": (),
            "cap_add": ("ALL",),
            "cap_drop": ("MKNOD",),
        }
    },
    "own-profile": {
        "host_config": {"security_opt": ('seccomp={"defaultAction":"SCMP_ACT_ALLOW"}', "apparmor=mine")},
        "facts": {"apparmor_profile": "default"},
    },
    "apparmor": {"facts": {"apparmor_profile": "default"}},
    "apparmor-absent": {"host_config": {"security_opt": ("apparmor=mine",)}},
    "mounts": {
        "mounts": (
            bind("/ro", read_only=True, propagation="rprivate"),
            bind("/plain", propagation="rslave", recursive=False),
            bind(
                "/top-ro/../only",
                read_only=True,
                spec=MountRequest(bind_options=BindOptions(read_only_non_recursive=True)),
            ),
            MountPoint(type="volume", source="/volume", destination="/volume"),
            MountPoint(type="tmpfs", destination="/dev/shm"),
            bind("/etc/hosts"),
        ),
        "files": {"/etc/hosts": "/box/hosts", "/etc/hostname": "/box/hostname"},
    },
}  # fmt: skip


def spec_of(case: dict[str, Any]) -> dict[str, Any]:
    container = Container(
        id="f" * 64,
        name="golden",
        created=0,
        image=None,
        image_reference="",
        config=RunConfig(hostname="ffffffffffff", **case.get("config", {})),
        host_config=HostConfig(**case.get("host_config", {})),
        path="sleep",
        args=("100",),
    )
    facts = Facts(capabilities=ALL, seccomp_host=Host("amd64", (6, 1)), **case.get("facts", {}))
    findings = Findings(
        identity=case.get("identity", ROOT),
        devices=case.get("found", {}),
        every_device=case.get("every", ()),
        block_numbers=case.get("numbers", {}),
    )
    given = ("mounts", "files", "joined", "shm_path", "init_path", "default_ulimits")
    bundle = Bundle(
        container=container,
        directory="/box",
        log_path="/box/log",
        rootfs_mounts=(),
        network_namespace=case.get("network_namespace", "/run/netns/x"),
        **{key: case[key] for key in given if key in case},
    )
    spec: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(build(bundle, facts, findings)))
    seccomp = spec["linux"].get("seccomp", {})
    if len(seccomp.get("syscalls", ())) > 5:  # its own tests show what the default profile says
        rules = json.dumps(seccomp["syscalls"], sort_keys=True).encode()
        seccomp["syscalls"] = hashlib.sha256(rules).hexdigest()
    return spec


@pytest.mark.parametrize("name", CASES)
def test_spec_is_as_reviewed(name: str) -> None:
    spec = spec_of(CASES[name])
    path = GOLDEN / f"{name}.json"
    if os.environ.get("BOXSHIP_UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(spec, indent=1) + "\n")
    assert spec == json.loads(path.read_text())


@pytest.mark.parametrize(
    ("facts", "parent", "oci", "cgroup"),
    [
        ({}, "", "/boxship/ID", "/boxship/ID"),
        ({}, "a/b", "/a/b/ID", "/a/b/ID"),
        ({}, "../../x", "/x/ID", "/x/ID"),
        (
            {"systemd_cgroups": True, "cgroup_parent": "system.slice"},
            "",
            "system.slice:boxship:ID",
            "/system.slice/boxship-ID.scope",
        ),
        (
            {"systemd_cgroups": True, "cgroup_parent": "system.slice"},
            "a-b.slice",
            "a-b.slice:boxship:ID",
            "/a.slice/a-b.slice/boxship-ID.scope",
        ),
    ],
)
def test_where_the_cgroup_is(facts: dict[str, Any], parent: str, oci: str, cgroup: str) -> None:
    case = {"facts": facts, "host_config": {"cgroup_parent": parent}}
    assert spec_of(case)["linux"]["cgroupsPath"].replace("f" * 64, "ID") == oci
    container = Container(
        id="ID",
        name="x",
        created=0,
        image=None,
        image_reference="",
        config=RunConfig(),
        host_config=HostConfig(cgroup_parent=parent),
    )
    known = Facts(capabilities=ALL, seccomp_host=Host("amd64", (6, 1)), **facts)
    assert cgroup_path(container, "", known) == cgroup


@pytest.mark.parametrize(
    ("facts", "options", "expected"),
    [
        ({}, (), False),
        ({"no_new_privileges": True}, (), True),
        ({"no_new_privileges": True}, ("no-new-privileges=false",), False),
    ],
)
def test_no_new_privileges_may_be_the_daemons_default(
    facts: dict[str, Any], options: tuple[str, ...], *, expected: bool
) -> None:
    spec = spec_of({"facts": facts, "host_config": {"security_opt": options}})
    assert spec["process"].get("noNewPrivileges", False) is expected


@pytest.mark.parametrize(
    ("shares", "text"),
    [
        (1, "the minimum allowed cpu-shares is 2"),
        (1 << 20, "the maximum allowed cpu-shares is 262144"),
    ],
)
def test_shares_that_v1_would_change_are_refused(shares: int, text: str) -> None:
    with pytest.raises(RuntimeRefused, match=text):
        spec_of({"host_config": {"cpu_shares": shares}})
    spec_of({"facts": {"cgroup_v2": True}, "host_config": {"cpu_shares": shares}})


def test_a_read_only_root_has_read_only_files() -> None:
    spec = spec_of(
        {"host_config": {"readonly_rootfs": True}, "files": {"/etc/hosts": "/box/hosts"}}
    )
    assert spec["mounts"][-1]["options"] == ["rbind", "ro", "rprivate"]


def test_no_golden_file_is_forgotten() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(CASES)
