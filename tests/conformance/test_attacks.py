"""Exploits of the field's history against a container's walls, tried from inside; each named as in its advisory.

What a runtime without a daemon withstands is tried in tests/integration/runtime/test_security.py.
"""

import hashlib
import json
import shutil
import struct
from pathlib import Path

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine, eventually
from support.rootfs import program, syscall_probe

EPERM, ENOSYS = 1, 38
X32 = 0x40000000
# exit(-eax) for a 32-bit system call made by int 0x80
RETURNS_I386 = bytes.fromhex("f7d889c3b801000000cd80")


def programs() -> dict[str, str]:
    """What starts containers here, and the hashes of it."""
    found = {shutil.which(name) for name in ("crun", "runc", "conmon")} - {None}
    return {path: hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in found if path}


def test_a01_the_runtime_cannot_be_overwritten_through_proc_self_exe(
    engine: Engine, box: Box
) -> None:
    """CVE-2019-5736: hold the runtime's program open while it enters, write to it when it has ended."""
    script = (
        "while :; do for p in /proc/[0-9]*; do "
        "case $(readlink $p/exe 2>/dev/null) in *crun*|*runc*|*memfd*|*deleted*) "
        "{ exec 9<$p/exe; } 2>/dev/null && touch /held && (sleep 0.05; echo pwned >/proc/self/fd/9) 2>/dev/null && touch /won; "
        "esac; done; done"
    )
    before = programs()
    name = box.start("--", "sh", "-c", script)
    for _ in range(8):
        engine.docker("exec", name, "/proc/self/exe", "--version")
        engine.docker("exec", name, "true")
    assert programs() == before
    assert engine.docker("exec", name, "test", "-e", "/won").code == 1


@pytest.mark.parametrize(
    "path", ["/proc/self/fd/7", "/proc/self/fd/../fd/7", "/proc/thread-self/fd/8"]
)
def test_a02_no_directory_of_the_host_is_a_working_directory(
    engine: Engine, box: Box, path: str
) -> None:
    """CVE-2024-21626: a working directory by way of a descriptor that the runtime left open."""
    name = box.start()
    assert engine.docker("run", "--rm", "-w", path, BUSYBOX, "ls", "-d", ".").code != 0
    assert engine.docker("exec", "-w", path, name, "ls", "-d", ".").code != 0


def test_a09_no_control_group_can_be_written(engine: Engine, box: Box) -> None:
    """CVE-2023-25809: not its own limits, not another's, not by a file of the host's root group."""
    other = box.start()
    script = (
        "n=0; for f in $(find /sys/fs/cgroup -name cgroup.procs -o -name memory.max "
        "-o -name memory.limit_in_bytes -o -name release_agent -o -name devices.allow); do "
        "{ echo 1 > $f; } 2>/dev/null && n=$((n+1)) || true; done; echo $n"
    )
    assert box.sh(script, "--cgroupns", "host") == "0"
    assert engine.inspect(other)["State"]["Running"]


def test_a11_values_longer_than_a_message_overflow_nothing(engine: Engine, box: Box) -> None:
    """CVE-2021-43784: runc told its first stage in netlink messages with lengths of 16 bits."""
    for fields in (
        {"WorkingDir": "/" + "a" * 70_000},
        {"User": "1" * 70_000},
        {"HostConfig": {"GroupAdd": [str(number) for number in range(1, 70_000, 3)]}},
        {"HostConfig": {"Sysctls": {"kernel.domainname": "x" * 70_000}}},
        {"Hostname": "h" * 70_000},
    ):
        name = box.name()
        body = {"Image": BUSYBOX, "Cmd": ["id", "-u"], **fields}
        engine.api("POST", f"/containers/create?name={name}", body)
        started = engine.docker("start", "-a", name)
        assert started.code != 0 or started.stdout == "0\n"
    assert box.sh("echo well") == "well"


def test_a13_the_hosts_processes_are_seen_but_not_touched(box: Box) -> None:
    """With --pid host: neither their memory nor their files nor their environment."""
    script = (
        "for f in environ mem root/etc/passwd cwd/. maps; do "
        "head -c1 /proc/1/$f >/dev/null 2>&1 && echo $f || true; done; kill -0 1 2>&1 || true"
    )
    assert box.sh(script, "--pid", "host", "-u", "1000").splitlines()[-1:] == [
        "sh: can't kill pid 1: Operation not permitted"
    ]
    assert box.sh(script.partition("; kill")[0], "--pid", "host") == ""


@pytest.mark.parametrize(
    ("what", "number"),
    [
        ("keyctl by x32", X32 | 250),
        ("unshare by x32", X32 | 272),
        ("io_uring_setup by x32", X32 | 425),
        ("mount by x32", X32 | 165),
        ("add_key", 248),
        ("request_key", 249),
        ("io_uring_enter", 426),
        ("io_uring_register", 427),
        ("setns", 308),
        ("open_by_handle_at", 304),
        ("quotactl", 179),
        ("pivot_root", 155),
        ("move_mount", 429),
        ("fsopen", 430),
        ("mount_setattr", 442),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a15_no_other_way_of_calling_passes_the_filter(
    engine: Engine, box: Box, what: str, number: int
) -> None:
    assert run_program(engine, box, syscall_probe(number, 0x10000000, 0)) in (EPERM, ENOSYS), what


@pytest.mark.parametrize(("what", "number"), [("keyctl", 288), ("unshare", 310), ("mount", 21)])
def test_a15_neither_does_the_32_bit_door(engine: Engine, box: Box, what: str, number: int) -> None:
    code = b"\xbb" + struct.pack("<I", 0x10000000) + b"\x31\xc9\xb8" + struct.pack("<I", number)
    probe = program(code + b"\xcd\x80" + RETURNS_I386)
    segfault = 139  # a kernel without 32-bit programs
    assert run_program(engine, box, probe) in (EPERM, ENOSYS, segfault), what


def run_program(engine: Engine, box: Box, binary: bytes) -> int:
    with engine.directory() as host:
        path = host.here / "probe"
        path.write_bytes(binary)
        path.chmod(0o755)
        return box.run("-v", f"{host.there}:/p:ro", "--", "/p/probe").code


def test_a16_bombs_stay_in_their_container(engine: Engine, box: Box) -> None:
    """Descriptors, inodes, processes and memory end where their limits are."""
    files = 'i=0; while exec 5<>/dev/null; do i=$((i+1)); eval "exec $((i+10))<&5"; done'
    assert box.run("--ulimit", "nofile=64", "--", "sh", "-c", files).code != 0
    inodes = "cd /t; i=0; while : > f$i; do i=$((i+1)); done 2>/dev/null; echo $i"
    count = box.sh(f"({inodes}) || true", "--tmpfs", "/t:nr_inodes=20")
    assert int(count or 0) < 20
    forks = "f() { f | f & }; f; sleep 1"
    box.run("--pids-limit", "30", "-m", "64m", "--", "timeout", "3", "sh", "-c", forks)
    assert box.sh("echo well") == "well"


def test_a16_a_crash_is_not_handed_to_a_program_of_the_host(box: Box) -> None:
    script = "echo '|/bin/x' > /proc/sys/kernel/core_pattern"
    assert "Read-only file system" in box.run("--", "sh", "-c", script).stderr


@pytest.mark.parametrize(
    "user", ["4294967296", "2147483648", "0:4294967296", "-1", "99999999999999999999"]
)
def test_a19_a_number_too_large_is_not_root(engine: Engine, box: Box, user: str) -> None:
    """CVE-2024-40635: 2**32 became 0."""
    told = "uids and gids must be in range 0-2147483647"
    assert told in engine.docker("run", "--rm", "-u", user, BUSYBOX, "id", "-u").stderr
    name = box.start()
    result = engine.docker("exec", "-u", user, name, "id", "-u")
    assert (result.code != 0, told in result.stdout + result.stderr) == (True, True)


def test_a22_names_are_lines_of_no_file(engine: Engine, box: Box) -> None:
    """A line break in what ends up in /etc/hosts or /etc/resolv.conf would be a line of the attacker's."""
    evil = "x\n6.6.6.6 evil"
    for fields in (
        {"Hostname": evil},
        {"Domainname": evil},
        {"HostConfig": {"ExtraHosts": [f"{evil}:1.2.3.4"]}},
        {"HostConfig": {"DnsSearch": [evil]}},
        {"HostConfig": {"DnsOptions": [evil]}},
        {"HostConfig": {"Dns": [evil]}},
        {"Env": ["A=\0"]},
        {"Cmd": ["a\0b"]},
    ):
        body = {"Image": BUSYBOX, "Cmd": ["true"], **fields}
        answer = engine.api("POST", f"/containers/create?name={box.name()}", body)
        assert (
            answer.status,
            "evil" in answer.json()["message"] or "nul byte" in answer.json()["message"],
        ) == (400, True)
    listed = box.create("-l", f"a={evil}", "-e", f"B={evil}")
    assert engine.inspect(listed)["Config"]["Labels"] == {"a": evil}
    lines = engine.ok("ps", "-a", "--filter", f"name={listed}", "--format", "{{json .}}")
    assert len(lines.splitlines()) == 1


def test_a25_labels_and_annotations_do_not_steer_the_runtime(engine: Engine, box: Box) -> None:
    """crun would load handlers, write hooks' output and take filters where annotations tell it to."""
    with engine.directory() as host:
        target = host.here / "written"
        words = {
            "run.oci.handler": "wasm",
            "run.oci.hooks.stdout": str(target),
            "run.oci.hooks.stderr": str(target),
            "run.oci.seccomp_bpf_data": "AAAA",
            "run.oci.systemd.force_cgroup_v1": "/sys/fs/cgroup",
            "org.systemd.property.TimeoutStopUSec": "1",
            "io.boxship.rlimits": json.dumps([{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 1}]),
        }
        flags = [
            word
            for k, v in words.items()
            for word in ("--annotation", f"{k}={v}", "-l", f"{k}={v}")
        ]
        name = box.start(*flags)
        assert (
            engine.docker("exec", name, "grep", "^Seccomp:", "/proc/1/status").stdout
            == "Seccomp:\t2\n"
        )
        assert not target.exists()
    eventually(lambda: engine.inspect(name)["State"]["Running"])
