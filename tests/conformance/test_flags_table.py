"""Every flag of `docker run` that the kernel enforces: asked for, and looked for inside the container.

The tables hold for Docker Engine and boxshipd alike, on cgroup v1, hybrid and v2.
"""

import os
import shlex
from pathlib import Path

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine

MIB = 1 << 20


def rlimit(words: str) -> str:
    """A script that prints soft and hard limit by the kernel's name of it."""
    return f"sed -n 's/^{words}  *//p' /proc/self/limits | awk '{{print $1, $2}}'"


def cgroup(v2: str, v1: str) -> str:
    """A script that prints a cgroup file of either version."""
    return f"cat /sys/fs/cgroup/{v2} 2>/dev/null || cat /sys/fs/cgroup/{v1}"


def mounted(path: str) -> str:
    """A script that prints a mount's type and options, but for those that depend on kernel and runtime."""
    return (
        f"awk '$2 == \"{path}\" {{print $3, $4}}' /proc/mounts | sed 's/,mode=755//; s/,inode64//'"
    )


PROBES: list[tuple[str, str, str]] = [
    # cgroups
    ("--memory-swappiness 0 -m 64m", cgroup("none", "memory/memory.swappiness") + " || echo 0", "0"),
    ("--oom-kill-disable=false -m 64m", cgroup("memory.max", "memory/memory.limit_in_bytes"), f"{64 * MIB}"),
    ("-m 64m --memory-swap 64m", cgroup("memory.swap.max", "memory/memory.memsw.limit_in_bytes"), f"0|{64 * MIB}"),
    ("-m 64m --memory-swap -1", cgroup("memory.swap.max", "memory/memory.memsw.limit_in_bytes"), "max|9223372036854771712"),
    ("--cpu-quota -1", cgroup("cpu.max", "cpu/cpu.cfs_quota_us"), "max 100000|-1"),
    ("--cpu-period 50000", cgroup("cpu.max", "cpu/cpu.cfs_period_us"), "max 50000|50000"),
    ("--cpus 1.5", cgroup("cpu.max", "cpu/cpu.cfs_quota_us"), "150000 100000|150000"),
    ("--cpuset-mems 0", cgroup("cpuset.mems", "cpuset/cpuset.mems"), "0"),
    ("--pids-limit 0", cgroup("pids.max", "pids/pids.max"), "max"),
    ("--cgroup-parent cfparent.slice --cgroupns host", "grep -q cfparent.slice /proc/1/cgroup && echo yes", "yes"),
    ("--cgroupns private", "grep -c ':/$' /proc/self/cgroup | sed 's/^[1-9].*/yes/'", "yes"),
    # the process
    ("--oom-score-adj 500", "cat /proc/self/oom_score_adj", "500"),
    ("--ulimit nofile=1024:2048", rlimit("Max open files"), "1024 2048"),
    ("--ulimit nofile=20", rlimit("Max open files"), "20 20"),
    ("--ulimit core=0", rlimit("Max core file size"), "0 0"),
    ("--ulimit core=-1", rlimit("Max core file size"), "unlimited unlimited"),
    ("--ulimit cpu=10", rlimit("Max cpu time"), "10 10"),
    ("--ulimit data=1000000000", rlimit("Max data size"), "1000000000 1000000000"),
    ("--ulimit fsize=1000", rlimit("Max file size"), "1000 1000"),
    ("--ulimit locks=10", rlimit("Max file locks"), "10 10"),
    ("--ulimit memlock=65536", rlimit("Max locked memory"), "65536 65536"),
    ("--ulimit msgqueue=1000", rlimit("Max msgqueue size"), "1000 1000"),
    ("--ulimit nproc=100:200", rlimit("Max processes"), "100 200"),
    ("--ulimit rss=100000", rlimit("Max resident set"), "100000 100000"),
    ("--ulimit rttime=10", rlimit("Max realtime timeout"), "10 10"),
    ("--ulimit sigpending=100", rlimit("Max pending signals"), "100 100"),
    ("--ulimit stack=1048576", rlimit("Max stack size"), "1048576 1048576"),
    ("-u 1000", "id -u; id -g; id -G; echo $HOME", "1000\n1001\n1001 10 2000\n/home/app"),
    ("-u 4321", "id -u; id -g; id -G; echo $HOME", "4321\n0\n0\n/"),
    ("-u 1000:1001", "id -u; id -g", "1000\n1001"),
    ("-u app:5", "id -u; id -g; id -G", "1000\n5\n5"),
    ("-u app --group-add 55 --group-add wheel", "id -G", "1001 10 55 2000"),
    ("-u 2147483647", "id -u", "2147483647"),
    ("-w /made/here", "pwd; ls -ld . | cut -c1-10", "/made/here\ndrwxr-xr-x"),
    ("-w /a/../b//c", "pwd", "/b/c"),
    ("--init", "cat /proc/1/comm | sed 's/docker-init/init/; s/catatonit/init/'", "init"),
    ("-e A=1 -e B= -e HOSTNAME=x -e PATH=/bin", "echo $A-$B-$HOSTNAME-$PATH", "1--x-/bin"),
    # namespaces
    ("--hostname box.example", "hostname; cat /etc/hostname", "box.example\nbox.example"),
    ("--hostname h --domainname d.example", "hostname; cat /proc/sys/kernel/domainname", "h\nd.example"),
    ("--ipc none", "grep -c /dev/shm /proc/mounts || true", "0"),
    ("--ipc shareable --shm-size 1m", "df -k /dev/shm | awk 'END {print $2}'", "1024"),
    ("--shm-size 2m", "df -k /dev/shm | awk 'END {print $2}'", "2048"),
    ("--network none", "ls /sys/class/net | grep -v -e tunl0 -e sit0 -e ip6 -e gre -e erspan -e vti", "lo"),
    ("--sysctl kernel.msgmax=4321", "cat /proc/sys/kernel/msgmax", "4321"),
    ("--sysctl net.ipv4.ip_forward=0", "cat /proc/sys/net/ipv4/ip_forward", "0"),
    ("", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start", "0"),
    ("--sysctl net.ipv4.ip_unprivileged_port_start=99", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start", "99"),
    # files and mounts
    ("--read-only", "for p in /x /etc/hosts /proc/sys/kernel/domainname /dev/shm/x; do touch $p 2>/dev/null && echo $p || true; done", "/dev/shm/x"),
    ("--tmpfs /t:size=1m,mode=1750,uid=5", "df -k /t | awk 'END {print $2}'; stat -c '%a %u' /t", "1024\n1750 5"),
    ("--tmpfs /t", mounted("/t"), "tmpfs rw,nosuid,nodev,noexec,relatime"),
    ("--tmpfs /t:exec,ro", mounted("/t"), "tmpfs ro,nosuid,nodev,relatime"),
    ("--dns 9.9.9.9 --dns-search a.example --dns-option ndots:3 --network none", "grep -v '^#' /etc/resolv.conf | grep .", "nameserver 9.9.9.9\nsearch a.example\noptions ndots:3"),
    ("--add-host db:10.1.2.3 --add-host six=[::9]", "grep -e db -e six /etc/hosts", "10.1.2.3\tdb\n::9\tsix"),
    ("--mac-address 02:42:ac:11:00:99", "cat /sys/class/net/eth0/address", "02:42:ac:11:00:99"),
    # what it may do
    ("--device /dev/null:/dev/mine:r", "ls -l /dev/mine | cut -c1-10", "crw-rw-rw-"),
    ("--device /dev/net", "test -c /dev/net/tun && echo yes", "yes"),
    ("--device-cgroup-rule 'c 10:200 rwm'", "mknod /n c 10 200 && echo made", "made"),
    ("--cap-drop ALL --cap-add chown --cap-add CAP_KILL", "grep CapEff /proc/self/status | cut -f2", "0000000000000021"),
    ("--security-opt no-new-privileges=true", "grep NoNewPrivs /proc/self/status | cut -f2", "1"),
    ("--security-opt no-new-privileges:false", "grep NoNewPrivs /proc/self/status | cut -f2", "0"),
    ("--security-opt seccomp=unconfined", "grep ^Seccomp: /proc/self/status | cut -f2", "0"),
    ("", "grep ^Seccomp: /proc/self/status | cut -f2", "2"),
    ("--security-opt systempaths=unconfined", "grep -c ' /proc/' /proc/mounts || true", "0"),
    ("--security-opt writable-cgroups=true", "awk '$2 ~ \"^/sys/fs/cgroup\" {print substr($4, 1, 2)}' /proc/mounts | sort -u", "rw"),
    ("--security-opt label=disable --security-opt label=level:s0", "echo yes", "yes"),
    ("--privileged --security-opt writable-cgroups=false", "touch /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs 2>&1 | grep -c -i 'read-only'", "1|2|3|4|5|6|7|8|9|10|11|12|13|14"),
    ("--userns host", "cat /proc/self/uid_map | awk '{print $1, $2}'", "0 0"),
]  # fmt: skip


@pytest.mark.parametrize(("flags", "script", "expected"), PROBES, ids=lambda v: v)
def test_the_kernel_does_what_the_flag_says(
    box: Box, flags: str, script: str, expected: str
) -> None:
    assert box.sh(script, *shlex.split(flags)) in expected.split("|")


# As inspect shows them afterwards: HostConfig's fields that differ from those of a container without flags.
SHOWN: list[tuple[str, dict[str, object]]] = [
    ("--cpu-period 50000 --cpu-quota 25000", {"CpuPeriod": 50000, "CpuQuota": 25000}),
    ("--cpus 1.25 -c 512", {"NanoCpus": 1250000000, "CpuShares": 512}),
    ("--cpuset-cpus 0,1 --cpuset-mems 0", {"CpusetCpus": "0,1", "CpusetMems": "0"}),
    ("-m 64m --memory-reservation 32m", {"Memory": 64 * MIB, "MemorySwap": 128 * MIB, "MemoryReservation": 32 * MIB}),
    ("--memory-swap -1", {"MemorySwap": -1}),
    ("--pids-limit -1", {}),
    ("--pids-limit 9", {"PidsLimit": 9}),
    ("--ulimit nofile=5:6", {"Ulimits": [{"Name": "nofile", "Hard": 6, "Soft": 5}]}),
    ("--device /dev/null:/dev/x:r", {"Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "r"}]}),
    ("--device-cgroup-rule 'c 1:3 r'", {"DeviceCgroupRules": ["c 1:3 r"]}),
    ("--gpus 2", {"DeviceRequests": [{"Driver": "", "Count": 2, "DeviceIDs": None, "Capabilities": [["gpu"]], "Options": {}}]}),
    ("--cap-add CAP_NET_ADMIN --cap-drop CAP_KILL", {"CapAdd": ["CAP_NET_ADMIN"], "CapDrop": ["CAP_KILL"]}),
    ("--privileged", {"Privileged": True, "SecurityOpt": ["label=disable"], "MaskedPaths": None, "ReadonlyPaths": None}),
    ("--pid host", {"PidMode": "host", "SecurityOpt": ["label=disable"]}),
    ("--ipc host --security-opt label=type:x_t", {"IpcMode": "host", "SecurityOpt": ["label=type:x_t"]}),
    ("--security-opt systempaths=unconfined", {"MaskedPaths": [], "ReadonlyPaths": [], "SecurityOpt": []}),
    ("--uts host", {"UTSMode": "host"}),
    ("--userns host", {"UsernsMode": "host"}),
    ("--shm-size 1m --oom-score-adj 9 --read-only", {"ShmSize": MIB, "OomScoreAdj": 9, "ReadonlyRootfs": True}),
    ("--tmpfs /t:size=1m --sysctl kernel.msgmax=5", {"Tmpfs": {"/t": "size=1m"}, "Sysctls": {"kernel.msgmax": "5"}}),
    ("--init --runtime io.containerd.runc.v2", {"Init": True, "Runtime": "io.containerd.runc.v2"}),
    ("--annotation a=b --group-add 7", {"Annotations": {"a": "b"}, "GroupAdd": ["7"]}),
    ("--dns 9.9.9.9 --add-host a=1.2.3.4", {"Dns": ["9.9.9.9"], "ExtraHosts": ["a:1.2.3.4"]}),
]  # fmt: skip


def test_inspect_shows_what_was_asked(engine: Engine, box: Box) -> None:
    plain = engine.inspect(box.create())["HostConfig"]
    wrong = {}
    for flags, fields in SHOWN:
        shown = engine.inspect(box.create(*shlex.split(flags)))["HostConfig"]
        changed = {name: value for name, value in shown.items() if value != plain.get(name)}
        changed |= dict.fromkeys(plain.keys() - shown.keys())
        if changed != fields:
            wrong[flags] = changed
    assert wrong == {}


def test_limits_of_devices_are_kept_and_enforced(engine: Engine, box: Box) -> None:
    """By the API: Docker's client of version 26 loses them."""
    disk = next(p for p in ("/dev/loop0", "/dev/vda", "/dev/sda") if Path(p).exists())
    number = Path(disk).stat().st_rdev
    limits = {"BlkioDeviceWriteBps": [{"Path": disk, "Rate": MIB}]}
    name = box.name()
    body = {"Image": BUSYBOX, "Cmd": ["sleep", "60"], "HostConfig": limits}
    assert engine.api("POST", f"/containers/create?name={name}", body).status == 201
    assert (
        engine.inspect(name)["HostConfig"]["BlkioDeviceWriteBps"] == limits["BlkioDeviceWriteBps"]
    )
    engine.ok("start", name)
    shown = engine.ok(
        "exec", name, "sh", "-c", cgroup("io.max", "blkio/blkio.throttle.write_bps_device")
    )
    where = f"{os.major(number)}:{os.minor(number)}"
    assert shown in (f"{where} {MIB}", f"{where} rbps=max wbps={MIB} riops=max wiops=max")


EXECS: list[tuple[str, str, str]] = [
    ("", "id -u; pwd; echo $Z; ulimit -n; grep CapEff /proc/self/status | cut -f2", "1000\n/tmp\n1\n4096\n0000000000000000"),
    ("-u 0", "id -u; grep CapEff /proc/self/status | cut -f2", "0\n00000000a80435fb"),
    ("-u app:5 -w /", "id -u; id -g; pwd", "1000\n5\n/"),
    ("-u 0 --privileged", "grep -e CapEff -e CapBnd /proc/self/status | cut -f2 | uniq | wc -l", "1"),
    ("-e Z=2 -e Y=3 -e NONE", "echo $Z$Y$NONE", "23"),
    ("", "sleep 0.5; cat /proc/$$/oom_score_adj", "7"),
    ("", "grep -e NoNewPrivs -e ^Seccomp: /proc/self/status | cut -f2", "1\n2"),
]  # fmt: skip


def test_an_exec_has_what_its_container_has_but_for_its_flags(engine: Engine, box: Box) -> None:
    name = box.start(
        *("-u", "1000", "--cap-add", "NET_ADMIN", "--oom-score-adj", "7", "-w", "/tmp"),
        *("-e", "Z=1", "--ulimit", "nofile=4096", "--security-opt", "no-new-privileges"),
    )
    told = {
        (flags, script): engine.ok("exec", *shlex.split(flags), name, "sh", "-c", script)
        for flags, script, _ in EXECS
    }
    assert told == {(flags, script): expected for flags, script, expected in EXECS}
