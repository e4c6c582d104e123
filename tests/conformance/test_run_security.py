"""docker run: what a container may do, by default and when asked."""

import os
from pathlib import Path

import pytest

from support.box import Box
from support.engine import Engine
from support.rootfs import syscall_probe

DEFAULT_CAPABILITIES = 0x00000000A80425FB
EPERM, ENOSYS = 1, 38
MASKED = (
    "/proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats "
    "/proc/timer_list /proc/timer_stats /proc/sched_debug /proc/scsi /sys/firmware "
    "/sys/devices/virtual/powercap"
)


def capabilities(box: Box, *flags: str) -> dict[str, int]:
    lines = box.sh("grep Cap /proc/self/status", *flags).splitlines()
    return {name: int(value, 16) for name, value in (line.split(":\t") for line in lines)}


@pytest.mark.parametrize(
    ("flags", "effective"),
    [
        ([], DEFAULT_CAPABILITIES),
        (["--cap-add", "NET_ADMIN"], DEFAULT_CAPABILITIES | 1 << 12),
        (
            ["--cap-add", "cap_sys_time", "--cap-drop", "MKNOD"],
            DEFAULT_CAPABILITIES & ~(1 << 27) | 1 << 25,
        ),
        (["--cap-drop", "ALL"], 0),
        (["--cap-drop", "ALL", "--cap-add", "CHOWN"], 1),
        (["-u", "1000"], 0),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_effective_capabilities(box: Box, flags: list[str], effective: int) -> None:
    assert capabilities(box, *flags)["CapEff"] == effective


def test_an_ordinary_user_keeps_only_the_bounding_set(box: Box) -> None:
    assert capabilities(box, "-u", "1000") == {
        "CapInh": 0,
        "CapPrm": 0,
        "CapEff": 0,
        "CapBnd": DEFAULT_CAPABILITIES,
        "CapAmb": 0,
    }


@pytest.mark.parametrize("flags", [["--privileged"], ["--cap-add", "ALL"]], ids=lambda v: v[0])
def test_all_capabilities(box: Box, flags: list[str]) -> None:
    status = dict(
        line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines()
    )
    assert capabilities(box, *flags)["CapEff"] == int(status["CapBnd"], 16)


def test_dev_holds_the_usual_and_no_more(box: Box) -> None:
    # /dev/core is made by runtimes where the machine has a /proc/kcore
    assert box.sh("cd /dev; rm -f core; ls -l | awk 'NR>1 {print $1, $NF}' | sort -k2") == (
        "lrwxrwxrwx /proc/self/fd\nlrwxrwxrwx /proc/self/fd/0\nlrwxrwxrwx /proc/self/fd/1\nlrwxrwxrwx /proc/self/fd/2\ncrw-rw-rw- full\ndrwxrwxrwt mqueue\ncrw-rw-rw- null\ndrwxr-xr-x pts\nlrwxrwxrwx pts/ptmx\ncrw-rw-rw- random\ndrwxrwxrwt shm\ncrw-rw-rw- tty\ncrw-rw-rw- urandom\ncrw-rw-rw- zero"
    )


def test_device_nodes_can_be_made_but_not_opened(box: Box) -> None:
    result = box.run("--", "sh", "-c", "mknod /d b 7 0 && cat /d")
    assert (result.code, result.stderr) == (1, "cat: can't open '/d': Operation not permitted\n")


def test_a_device_may_be_given(box: Box) -> None:
    assert box.sh(
        "ls -l /dev/mine | cut -c1-10; cat /dev/mine | wc -c", "--device", "/dev/null:/dev/mine:r"
    ) == ("crw-rw-rw-\n0")


def test_a_device_given_for_reading_refuses_writes(box: Box) -> None:
    result = box.run(
        "--device", "/dev/loop-control:/dev/x:r", "--", "sh", "-c", ": < /dev/x && : > /dev/x"
    )
    assert (result.code, "Operation not permitted" in result.stderr) == (1, True), result


def test_a_missing_device_is_refused(box: Box) -> None:
    result = box.run("--device", "/dev/nonesuch", "--", "true")
    assert result.code == 127  # the client takes any "no such file" for a missing command
    assert (
        'error gathering device information while adding custom device "/dev/nonesuch"'
        in result.stderr
    )


def test_a_device_cgroup_rule_opens_more(box: Box) -> None:
    flags = ("--device-cgroup-rule", "c 10:237 rw")
    assert box.run(*flags, "--", "sh", "-c", "mknod /d c 10 237 && : < /d").code == 0
    assert box.run("--", "sh", "-c", "mknod /d c 10 237 && : < /d").code != 0


def test_privileged_sees_the_host_s_devices_and_a_writable_proc(box: Box) -> None:
    assert box.sh(
        "test -c /dev/kmsg; grep -E ' (/sys|/proc/sys) ' /proc/mounts", "--privileged"
    ).startswith("sysfs /sys sysfs rw,")


def test_secret_files_of_the_kernel_are_masked(box: Box) -> None:
    script = (
        f"for p in {MASKED}; do if [ -d $p ]; then ls -A $p; elif [ -e $p ]; then cat $p; fi; done"
    )
    assert box.sh(script) == ""


def test_kernel_settings_are_read_only(box: Box) -> None:
    script = 'for p in /proc/sys/kernel/hostname /sys/kernel/uevent_seqnum; do sh -c ": >> $p" 2>&1 || true; done'
    out = box.sh(script)
    assert out.count("Read-only file system") == 2, out


@pytest.mark.parametrize(
    ("name", "number", "arguments", "errno"),
    [
        ("getpid", 39, (), None),
        ("keyctl", 250, (0, 0), EPERM),
        ("add_key", 248, (0,), EPERM),
        ("unshare(CLONE_NEWUSER)", 272, (0x10000000,), EPERM),
        ("mount", 165, (0,), EPERM),
        ("bpf", 321, (0,), EPERM),
        ("perf_event_open", 298, (0,), EPERM),
        ("kexec_load", 246, (0,), EPERM),
        ("init_module", 175, (0,), EPERM),
        ("ptrace(TRACEME)", 101, (0,), 0),
        ("clone3", 435, (0, 0), ENOSYS),
        ("personality(ADDR_NO_RANDOMIZE)", 135, (0x40000,), EPERM),
        ("userfaultfd", 323, (0,), EPERM),
        ("io_uring_setup", 425, (1, 0), EPERM),
        ("reboot", 169, (0,), EPERM),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_the_default_seccomp_profile(
    engine: Engine, box: Box, name: str, number: int, arguments: tuple[int, ...], errno: int | None
) -> None:
    assert probe(engine, box, number, arguments) == (errno if errno is not None else probe_pid())


def probe_pid() -> int:
    """getpid() returns 1 in a container, which the probe's exit code shows negated."""
    return 255


def probe(engine: Engine, box: Box, number: int, arguments: tuple[int, ...], *flags: str) -> int:
    with engine.directory() as host:
        program = host.here / "probe"
        program.write_bytes(syscall_probe(number, *arguments))
        program.chmod(0o755)
        return box.run("-v", f"{host.there}:/p:ro", *flags, "--", "/p/probe").code


def test_seccomp_can_be_switched_off(engine: Engine, box: Box) -> None:
    keyctl = (engine, box, 250, (0, 0xFFFFFFFD))  # KEYCTL_GET_KEYRING_ID of the session keyring
    assert probe(*keyctl) == EPERM
    assert probe(*keyctl, "--security-opt", "seccomp=unconfined") != EPERM
    assert probe(*keyctl, "--privileged") != EPERM


def test_a_capability_opens_its_system_calls(engine: Engine, box: Box) -> None:
    assert probe(engine, box, 272, (0x04000000,)) == EPERM  # unshare(CLONE_NEWUTS)
    assert probe(engine, box, 272, (0x04000000,), "--cap-add", "SYS_ADMIN") == 0


def test_a_seccomp_profile_may_be_given(engine: Engine, box: Box) -> None:
    with engine.directory() as host:
        profile = host.here / "p.json"
        profile.write_text(
            '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":'
            '[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":5}]}'
        )
        result = box.run("--security-opt", f"seccomp={profile}", "--", "mkdir", "/x")
    assert result.stderr == "mkdir: can't create directory '/x': Input/output error\n"


@pytest.mark.parametrize(
    ("flags", "value"), [([], "0"), (["--security-opt", "no-new-privileges"], "1")]
)
def test_no_new_privileges(box: Box, flags: list[str], value: str) -> None:
    assert box.sh("grep NoNewPrivs /proc/self/status | cut -f2", *flags) == value


@pytest.mark.parametrize("kind", ["pid", "ipc", "uts", "cgroup", "mnt", "net"])
def test_namespaces_are_private(box: Box, kind: str) -> None:
    ours = os.readlink(f"/proc/self/ns/{kind}")
    theirs = box.sh(f"readlink /proc/self/ns/{kind}")
    shared_by_default = (
        kind == "cgroup" and box.sh("test -e /sys/fs/cgroup/memory && echo v1 || true") == "v1"
    )
    assert (ours == theirs) == shared_by_default


@pytest.mark.parametrize("kind", ["pid", "ipc", "uts"])
def test_a_namespace_may_be_the_host_s(box: Box, kind: str) -> None:
    ours = os.readlink(f"/proc/self/ns/{kind}")
    assert box.sh(f"readlink /proc/self/ns/{kind}", f"--{kind}", "host") == ours


@pytest.mark.parametrize("kind", ["pid", "ipc"])
def test_a_namespace_may_be_another_container_s(engine: Engine, box: Box, kind: str) -> None:
    other = box.start(*(["--ipc", "shareable"] if kind == "ipc" else []))
    theirs = engine.ok("exec", other, "readlink", f"/proc/self/ns/{kind}")
    assert box.sh(f"readlink /proc/self/ns/{kind}", f"--{kind}", f"container:{other}") == theirs


def test_private_ipc_cannot_be_joined(engine: Engine, box: Box) -> None:
    other = box.start("--ipc", "private")
    result = box.run("--ipc", f"container:{other}", "--", "true")
    assert result.code == 125
    assert "non-shareable IPC" in result.stderr


def test_cgroup_files_are_read_only(box: Box) -> None:
    result = box.run("--", "sh", "-c", "cd /sys/fs/cgroup; ! test -d pids || cd pids; mkdir x")
    assert result.stderr.endswith("Read-only file system\n")


def test_the_first_process_is_pid_1_and_alone(box: Box) -> None:
    processes = box.sh("echo $$; ls -d /proc/[0-9]*").splitlines()
    assert processes[:2] == ["1", "/proc/1"]
    assert len(processes) <= 3  # ls, and the shell if it waits for it


def test_no_file_descriptor_leaks_in(box: Box) -> None:
    assert box.run("--", "ls", "/proc/self/fd").lines == ["0", "1", "2", "3"]
