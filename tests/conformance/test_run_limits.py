"""docker run: resources, read where the kernel enforces them, on cgroup v1 and v2."""

import pytest

from support.box import BUSYBOX, Box
from support.engine import Engine
from support.metrics import metrics

MIB = 1 << 20


def limit(v2: str, v1: str) -> str:
    """A script that prints a cgroup file of either version."""
    return f"cat /sys/fs/cgroup/{v2} 2>/dev/null || cat /sys/fs/cgroup/{v1}"


@pytest.mark.parametrize(
    ("flags", "v2", "v1", "values"),
    [
        (["-m", "64m"], "memory.max", "memory/memory.limit_in_bytes", {f"{64 * MIB}"}),
        (
            ["-m", "64m", "--memory-swap", "96m"],
            "memory.swap.max",
            "memory/memory.memsw.limit_in_bytes",
            {f"{32 * MIB}", f"{96 * MIB}"},
        ),
        (
            ["--memory-reservation", "32m"],
            "memory.low",
            "memory/memory.soft_limit_in_bytes",
            {f"{32 * MIB}"},
        ),
        (["--cpus", "0.5"], "cpu.max", "cpu/cpu.cfs_quota_us", {"50000 100000", "50000"}),
        (
            ["--cpu-quota", "20000", "--cpu-period", "50000"],
            "cpu.max",
            "cpu/cpu.cfs_period_us",
            {"20000 50000", "50000"},
        ),
        (["--cpu-shares", "512"], "cpu.weight", "cpu/cpu.shares", {"20", "59", "512"}),
        (["--cpuset-cpus", "0"], "cpuset.cpus", "cpuset/cpuset.cpus", {"0"}),
        (["--pids-limit", "33"], "pids.max", "pids/pids.max", {"33"}),
        (["--pids-limit", "-1"], "pids.max", "pids/pids.max", {"max"}),
        ([], "pids.max", "pids/pids.max", {"max"}),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_the_kernel_is_told(
    engine: Engine, box: Box, flags: list[str], v2: str, v1: str, values: set[str]
) -> None:
    if v1.startswith("memory/memory.memsw") and not engine.get("/info")["SwapLimit"]:
        pytest.skip("this kernel does not account swap")
    assert box.sh(limit(v2, v1), *flags) in values


def test_the_pids_limit_holds(box: Box) -> None:
    result = box.run(
        "--pids-limit", "5", "--", "sh", "-c", "for i in 1 2 3 4 5 6 7; do sleep 1 & done"
    )
    assert "can't fork: Resource temporarily unavailable" in result.stderr


def test_out_of_memory_is_137_and_flagged(engine: Engine, box: Box) -> None:
    metrics(engine, box.start())
    name = box.ended("-m", "16m", "--memory-swap", "16m", "--", "tail", "/dev/zero")
    state = engine.inspect(name)["State"]
    assert (state["OOMKilled"], state["ExitCode"]) == (True, 137)


def test_limits_are_shown_and_changed_while_running(engine: Engine, box: Box) -> None:
    name = box.start("-m", "64m", "--cpu-shares", "512")
    assert engine.inspect(name)["HostConfig"]["Memory"] == 64 * MIB
    assert (
        engine.ok("update", "-m", "128m", "--memory-swap", "256m", "--pids-limit", "50", name)
        == name
    )
    script = limit("memory.max", "memory/memory.limit_in_bytes")
    assert engine.ok("exec", name, "sh", "-c", script) == f"{128 * MIB}"
    assert engine.ok("exec", name, "sh", "-c", limit("pids.max", "pids/pids.max")) == "50"
    host = engine.inspect(name)["HostConfig"]
    assert (host["Memory"], host["PidsLimit"], host["CpuShares"]) == (128 * MIB, 50, 512)


def test_update_of_a_stopped_container_counts_at_its_next_start(engine: Engine, box: Box) -> None:
    name = box.create("--", "sh", "-c", limit("pids.max", "pids/pids.max"))
    engine.ok("update", "--pids-limit", "44", name)
    assert engine.ok("start", "-a", name) == "44"


def test_update_changes_the_restart_policy(engine: Engine, box: Box) -> None:
    name = box.create()
    engine.ok("update", "--restart", "on-failure:3", name)
    policy = engine.inspect(name)["HostConfig"]["RestartPolicy"]
    assert policy == {"Name": "on-failure", "MaximumRetryCount": 3}


def test_update_of_an_unknown_container_fails(engine: Engine) -> None:
    assert engine.fails("update", "-m", "64m", "nonesuch") == (
        "Error response from daemon: No such container: nonesuch"
    )


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["-m", "1m"], "Minimum memory limit allowed is 6MB"),
        (
            ["-m", "64m", "--memory-swap", "32m"],
            "Minimum memoryswap limit should be larger than memory limit",
        ),
        (
            ["--memory-swap", "64m"],
            "You should always set the Memory limit when using Memoryswap limit",
        ),
        (
            ["-m", "32m", "--memory-reservation", "64m"],
            "Minimum memory limit can not be less than memory reservation",
        ),
        (["--cpus", "1000"], "range of CPUs is from 0.01 to"),
        (["--cpu-period", "10"], "CPU cfs period can not be less than 1ms"),
        (["--cpu-quota", "10"], "CPU cfs quota can not be less than 1ms"),
        (["--cpuset-cpus", "4096"], "Requested CPUs are not available"),
        (["--cpuset-cpus", "x"], "Invalid value x for cpuset cpus"),
        (
            ["--oom-score-adj", "5000"],
            "Invalid value 5000, range for oom score adj is [-1000, 1000]",
        ),
        (["--shm-size", "-1"], "invalid size: '-1'"),
        (
            ["--ulimit", "nofile=200:100"],
            "ulimit soft limit must be less than or equal to hard limit",
        ),
        (["--restart", "on-failure:-1"], "maximum retry count cannot be negative"),
        (["--restart", "sometimes"], "invalid restart policy"),
        (["--runtime", "nonesuch"], "unknown or invalid runtime name: nonesuch"),
        (["--stop-signal", "NONESUCH"], "invalid signal: NONESUCH"),
        (
            ["--log-driver", "nonesuch"],
            'error looking up logging plugin nonesuch: plugin "nonesuch" not found',
        ),
        (["--log-opt", "nonesuch=1"], "unknown log opt 'nonesuch' for json-file log driver"),
        (["--sysctl", "kernel.shmmax=1", "--ipc", "host"], "kernel.shmmax"),
        (["--cap-add", "NONESUCH"], 'invalid CapAdd: unknown capability: "CAP_NONESUCH"'),
        (["--security-opt", "nonesuch=1"], "invalid --security-opt"),
        (
            ["--network", "host", "--hostname", "x", "--uts", "host"],
            "conflicting options: hostname and the UTS mode",
        ),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_nonsense_is_refused(engine: Engine, box: Box, flags: list[str], text: str) -> None:
    name = box.name()
    result = engine.docker("run", "--name", name, *flags, BUSYBOX, "true")
    assert (result.code, text in result.stderr) == (125, True), result


def test_nonsense_leaves_no_container(engine: Engine, box: Box) -> None:
    name = box.name()
    engine.fails("run", "--name", name, "-m", "1m", BUSYBOX, "true", code=125)
    assert engine.api("GET", f"/containers/{name}/json").status == 404


def test_stats_show_the_limit(engine: Engine, box: Box) -> None:
    name = box.start("-m", "64m")
    assert metrics(engine, name)["memory_stats"]["limit"] == 64 * MIB
