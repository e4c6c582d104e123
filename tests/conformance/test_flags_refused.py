"""Flags that cannot be had: refused in Docker's words, and at the moment when Docker refuses them.

The tables hold for Docker Engine and boxshipd alike.
"""

import shlex

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine

STATIC = "* user specified IP address is supported on user defined networks only"
RUNC = "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: "
INIT = f"{RUNC}unable to start container process: error during container init: "

AT_CREATE: list[tuple[str, str]] = [
    ("--cpu-shares -5", "invalid CPU shares (-5): value must be a positive integer"),
    ("--cpu-quota 500", "CPU cfs quota can not be less than 1ms (i.e. 1000)"),
    ("--cpu-period 2000000", "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"),
    ("--cpus 1 --cpu-quota 10000", "Conflicting options: Nano CPUs and CPU Quota cannot both be set"),
    ("--cpuset-cpus 0-9999", "Invalid value 0-9999 for cpuset cpus: value of out range, maximum is 8192"),
    ("--cpuset-mems 77", "Requested memory nodes are not available - requested 77, available: 0"),
    ("--memory-swappiness 101", "invalid value: 101. Valid memory swappiness range is 0-100"),
    ("--memory-reservation 1m", "Minimum memory reservation allowed is 6MB"),
    ("--oom-score-adj 1001", "Invalid value 1001, range for oom score adj is [-1000, 1000]"),
    ("--device /dev/null:/dev/x:q", "bad mode specified: q"),
    ("--device-cgroup-rule 'x 7:0 r'", "invalid argument \"x 7:0 r\" for \"--device-cgroup-rule\" flag: invalid device cgroup format 'x 7:0 r'"),
    ("--cap-add FOO", 'invalid CapAdd: unknown capability: "CAP_FOO"'),
    ("--cap-drop FOO", 'invalid CapDrop: unknown capability: "CAP_FOO"'),
    ("--security-opt foo", 'Invalid --security-opt: "foo"'),
    ("--security-opt foo=bar", 'invalid --security-opt 2: "foo=bar"'),
    ("--security-opt no-new-privileges=x", 'invalid --security-opt 2: "no-new-privileges=x"'),
    ("--security-opt writable-cgroups=x", 'invalid --security-opt 2: "writable-cgroups=x"'),
    ("--security-opt proc-opts=hidepid=2", 'invalid --security-opt 2: "proc-opts=hidepid=2"'),
    ("--security-opt seccomp=/nonesuch", "opening seccomp profile (/nonesuch) failed: open /nonesuch: no such file or directory"),
    ("--userns foo", "invalid USER mode"),
    ("--pid foo", "invalid PID mode"),
    ("--pid container:nonesuch", "No such container: nonesuch"),
    ("--sysctl kernel.panic=1", "sysctl 'kernel.panic=1' is not allowed"),
    ("--ipc foo", "invalid IPC mode: foo"),
    ("--uts foo", "invalid UTS mode"),
    ("--uts host --hostname x", "conflicting options: hostname and the UTS mode"),
    ("--cgroupns foo", "invalid CGROUP mode"),
    ("--sysctl foo", "sysctl 'foo' is not allowed"),
    ("--tmpfs x", "invalid mount path: 'x' mount path must be absolute"),
    ("--tmpfs /", "invalid specification: destination can't be '/'"),
    ("--runtime foo", "unknown or invalid runtime name: foo"),
    ("--runtime /usr/bin/runc", "unknown or invalid runtime name: /usr/bin/runc"),
    ("--stop-signal FOO", "invalid signal: FOO"),
    ("--stop-signal 0", "invalid signal: 0"),
    ("-w relative", "the working directory 'relative' is invalid, it needs to be an absolute path"),
    ("-w /etc/passwd", "Cannot mkdir: /etc/passwd is not a directory"),
    ("--mac-address foo", "foo is not a valid mac address"),
    ("--ip 10.0.0.5", f"invalid config for network bridge: invalid endpoint settings:\n{STATIC}\n* no configured subnet or ip-range contain the IP address 10.0.0.5"),
    ("--ip6 2001:db8::5", f"invalid config for network bridge: invalid endpoint settings:\n{STATIC}\n* user specified IP address is supported only when connecting to networks with user configured subnets"),
    ("--link-local-ip x --network bridge", "invalid link-local IP address: x"),
    ("--link nonesuch", "could not get container for nonesuch: No such container: nonesuch"),
    ("--dns foo", "IP address is not correctly formatted: foo"),
    ("--add-host foo", 'bad format for add-host: "foo"'),
    ("--add-host foo:bar", 'invalid IP address in add-host: "bar"'),
    ("--annotation =x", "invalid Annotations: the empty string is not permitted as an annotation key"),
    ("--isolation hyperv", "invalid isolation (hyperv): linux only supports 'default'"),
    ("--storage-opt size=10G", "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"),
    ("--storage-opt foo=bar", "Unknown option foo"),
    ("--ulimit nofile=2000:1000", "ulimit soft limit must be less than or equal to hard limit: 2000 > 1000"),
    ("--ulimit nonesuch=1", "invalid ulimit type: nonesuch"),
    ("-e =bar", "invalid environment variable: =bar"),
]  # fmt: skip

AT_START: list[tuple[str, str, int]] = [
    ("--device /dev/nonesuch", 'error gathering device information while adding custom device "/dev/nonesuch": no such file or directory', 128),
    ("--device /etc", 'error gathering device information while adding custom device "/etc": not a device node', 128),
    ("--gpus all", 'could not select device driver "" with capabilities: [[gpu]]', 128),
    ("--gpus driver=nvidia", 'could not select device driver "nvidia" with capabilities: [[gpu]]', 128),
    ("--device vendor.com/class=name", "CDI device injection failed: unresolvable CDI devices vendor.com/class=name", 128),
    ("--device-read-bps /dev/nonesuch:1mb", "stat /dev/nonesuch: no such file or directory", 128),
    ("--privileged --security-opt seccomp=builtin", "Decoding seccomp profile failed: invalid character 'b' looking for beginning of value", 128),
    ("--tmpfs /x:foo=bar", 'invalid tmpfs option "foo"', 128),
    ("--runtime io.containerd.foo.v1", 'failed to create task for container: failed to start shim: failed to resolve runtime path: runtime "io.containerd.foo.v1" binary not installed "containerd-shim-foo-v1": file does not exist', 128),
    ("--sysctl net.ipv4.ip_forward=1 --network host", f'{RUNC}sysctl "net.ipv4.ip_forward" not allowed in host network namespace', 128),
    ("--sysctl kernel.shmmax=1 --ipc host", f'{RUNC}sysctl "kernel.shmmax" is not allowed in the hosts ipc namespace', 128),
    ("--sysctl net.ipv4.nonesuch=1", f"{INIT}open sysctl net.ipv4.nonesuch file: unsafe procfs detected: openat2 fsmount:fscontext:proc/./sys/net/ipv4/nonesuch: no such file or directory", 127),
    ("--ulimit nofile=99999999999", f"{INIT}error setting rlimits for ready process: error setting rlimit type 7: operation not permitted", 128),
    ("-u nonesuch", "unable to find user nonesuch: no matching entries in passwd file", 128),
    ("-u 1000:nonesuch", "unable to find group nonesuch: no matching entries in group file", 128),
    ("-u 4294967296", "uids and gids must be in range 0-2147483647", 128),
    ("--group-add nonesuch", "unable to find group nonesuch: no matching entries in group file", 128),
    ("--group-add 2147483648", "uids and gids must be in range 0-2147483647", 128),
    ("--network nonesuch", "network nonesuch not found", 128),
    ("--network container:nonesuch", "No such container: nonesuch", 128),
]  # fmt: skip


@pytest.mark.parametrize(("flags", "text"), AT_CREATE, ids=[flags for flags, _ in AT_CREATE])
def test_create_refuses(engine: Engine, box: Box, flags: str, text: str) -> None:
    name = box.name()
    result = engine.docker("create", "--name", name, *shlex.split(flags), BUSYBOX, "true")
    assert result.code != 0
    assert text in result.stderr
    assert engine.api("GET", f"/containers/{name}/json").status == 404


@pytest.mark.parametrize(("flags", "text", "code"), AT_START, ids=[each[0] for each in AT_START])
def test_start_refuses(engine: Engine, box: Box, flags: str, text: str, code: int) -> None:
    name = box.create(*shlex.split(flags), "--", "sleep", "9")
    refused = engine.api("POST", f"/containers/{name}/start")
    state = engine.inspect(name)["State"]
    told = refused.json()["message"]
    assert (state["Status"], state["ExitCode"], told) == ("created", code, state["Error"])
    assert text in told
