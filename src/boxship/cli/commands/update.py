"""boxship update: change the limits of containers."""

import sys

from boxship.cli.flags import MANY, Command, Flag, Options
from boxship.cli.restart_policy import parse_restart_policy
from boxship.cli.running import Context, Failed, for_each, path_name
from boxship.cli.values import parse_swap


def run(context: Context, options: Options) -> int:
    """Send the new limits to each container."""
    if not options.changed:
        raise Failed("you must provide one or more flags when using this command")
    body = {
        "CpuShares": options.cpu_shares,
        "Memory": options.memory,
        "NanoCpus": options.cpus,
        "CgroupParent": "",
        "BlkioWeight": options.blkio_weight,
        "BlkioWeightDevice": None,
        "BlkioDeviceReadBps": None,
        "BlkioDeviceWriteBps": None,
        "BlkioDeviceReadIOps": None,
        "BlkioDeviceWriteIOps": None,
        "CpuPeriod": options.cpu_period,
        "CpuQuota": options.cpu_quota,
        "CpuRealtimePeriod": options.cpu_rt_period,
        "CpuRealtimeRuntime": options.cpu_rt_runtime,
        "CpusetCpus": options.cpuset_cpus,
        "CpusetMems": options.cpuset_mems,
        "Devices": None,
        "DeviceCgroupRules": None,
        "DeviceRequests": None,
        "MemoryReservation": options.memory_reservation,
        "MemorySwap": options.memory_swap,
        "MemorySwappiness": None,
        "OomKillDisable": None,
        "PidsLimit": options.pids_limit if "pids_limit" in options.changed else None,
        "Ulimits": None,
        "CpuCount": 0,
        "CpuPercent": 0,
        "IOMaximumIOps": 0,
        "IOMaximumBandwidth": 0,
        "RestartPolicy": parse_restart_policy(options.restart),
    }
    if options.health_on_failure:
        body["HealthOnFailureAction"] = options.health_on_failure
    warnings: list[str] = []

    def act(name: str) -> None:
        answer = context.client.post(f"/containers/{path_name(name)}/update", body=body)
        warnings.extend((answer or {}).get("Warnings") or ())

    status = for_each(options.args, act)
    if warnings:
        sys.stdout.write("\n".join(warnings) + "\n")
    return status


COMMAND = Command(
    "update [OPTIONS] CONTAINER [CONTAINER...]",
    run,
    Flag("blkio-weight", "", "uint16", "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)"),
    Flag("cpu-period", "", "int", "Limit CPU CFS (Completely Fair Scheduler) period"),
    Flag("cpu-quota", "", "int", "Limit CPU CFS (Completely Fair Scheduler) quota"),
    Flag("cpu-rt-period", "", "int", "Limit the CPU real-time period in microseconds"),
    Flag("cpu-rt-runtime", "", "int", "Limit the CPU real-time runtime in microseconds"),
    Flag("cpu-shares", "c", "int", "CPU shares (relative weight)"),
    Flag("cpus", "", "decimal", "Number of CPUs"),
    Flag("cpuset-cpus", "", "string", "CPUs in which to allow execution (0-3, 0,1)"),
    Flag("cpuset-mems", "", "string", "MEMs in which to allow execution (0-3, 0,1)"),
    Flag("health-on-failure", "", "string", "Action to take when the container turns unhealthy (none|kill|restart|stop)"),
    Flag("kernel-memory", "", "bytes", "Kernel memory limit (deprecated)", hidden=True),
    Flag("memory", "m", "bytes", "Memory limit"),
    Flag("memory-reservation", "", "bytes", "Memory soft limit"),
    Flag("memory-swap", "", "bytes", "Swap limit equal to memory plus swap: -1 to enable unlimited swap", check=parse_swap),
    Flag("pids-limit", "", "int", "Tune container pids limit (set -1 for unlimited)"),
    Flag("restart", "", "string", "Restart policy to apply when a container exits"),
    args=(1, MANY),
    aliases="docker container update, docker update",
)  # fmt: skip
