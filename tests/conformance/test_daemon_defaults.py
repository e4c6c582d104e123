"""What the daemon's flags make of every container: devices by name, profiles, limits, runtimes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.conftest import EXTERNAL, prepare
from support.boxshipd import boxshipd
from support.engine import Engine

ACME = """\
cdiVersion: 0.6.0
kind: acme.com/gizmo
devices:
- name: one
  containerEdits:
    env: [GIZMO=1]
    deviceNodes:
    - path: /dev/gizmo
      hostPath: /dev/null
      permissions: r
    mounts:
    - {hostPath: HERE/shared, containerPath: /opt/acme, options: [ro, bind]}
    hooks:
    - hookName: createContainer
      path: /bin/sh
      args: [sh, -c, "cat >/dev/null; echo made > HERE/hooked"]
"""
PROFILE = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5}],
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Path]]:
    """An engine with much on its command line, and a directory of the host's."""
    if EXTERNAL:
        pytest.skip("for boxshipd only")
    here = tmp_path_factory.mktemp("told")
    (here / "shared").mkdir()
    (here / "shared" / "file").write_text("from acme")
    (here / "cdi").mkdir()
    (here / "cdi" / "acme.yaml").write_text(ACME.replace("HERE", str(here)))
    (here / "profile.json").write_text(json.dumps(PROFILE))
    flags = (
        *("--cdi-spec-dir", str(here / "cdi"), "--no-new-privileges"),
        *("--seccomp-profile", str(here / "profile.json")),
        *("--default-ulimit", "nofile=777:888", "--default-shm-size", "3m"),
        *("--add-runtime", "mine=crun", "--cgroup-parent", "cfdefaults.slice"),
    )
    with boxshipd(*flags) as daemon:
        yield prepare(daemon.engine), here


def run(engine: Engine, *args: str) -> str:
    return engine.ok("run", "--rm", *args)


def test_a_device_by_name_brings_what_its_vendor_says(told: tuple[Engine, Path]) -> None:
    engine, here = told
    script = "echo $GIZMO; ls -l /dev/gizmo | cut -c1-10; cat /opt/acme/file; : > /opt/acme/x"
    flags = ("--device", "acme.com/gizmo=one", "conformance-busybox", "sh", "-c")
    result = engine.docker("run", "--rm", *flags, script)
    assert result.stdout == "1\ncrw-rw-rw-\nfrom acme"
    assert "Read-only file system" in result.stderr
    assert (here / "hooked").read_text() == "made\n"


def test_info_shows_the_devices(told: tuple[Engine, Path]) -> None:
    engine, here = told
    info = engine.get("/info")
    assert info["CDISpecDirs"] == [str(here / "cdi")]
    assert info["DiscoveredDevices"] == [{"Source": "cdi", "ID": "acme.com/gizmo=one"}]
    assert "name=no-new-privileges" in info["SecurityOptions"]
    assert {"crun", "mine", "io.containerd.runc.v2"} <= info["Runtimes"].keys()


def test_containers_get_the_daemons_defaults(told: tuple[Engine, Path]) -> None:
    engine, _ = told
    script = (
        "grep NoNewPrivs /proc/self/status | cut -f2; ulimit -Sn; ulimit -Hn; "
        "df -k /dev/shm | awk 'END {print $2}'; mkdir /x 2>&1; grep -c cfdefaults.slice /proc/1/cgroup"
    )
    out = run(engine, "--cgroupns", "host", "conformance-busybox", "sh", "-c", script).splitlines()
    assert out[:4] == ["1", "777", "888", "3072"]
    assert out[4] == "mkdir: can't create directory '/x': Input/output error"
    assert int(out[5]) > 0


def test_a_container_may_differ(told: tuple[Engine, Path]) -> None:
    engine, _ = told
    flags = ("--security-opt", "no-new-privileges=false", "--security-opt", "seccomp=unconfined")
    script = "grep NoNewPrivs /proc/self/status | cut -f2; ulimit -n; mkdir /x && echo made"
    more = ("--ulimit", "nofile=99", "--runtime", "mine", "conformance-busybox", "sh", "-c")
    assert run(engine, *flags, *more, script) == "0\n99\nmade"
