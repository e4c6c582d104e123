"""`docker update`: new limits over the old ones. Pure."""

from typing import Final

import msgspec

from boxship.engine.containers.contract import Capabilities
from boxship.engine.containers.create.limits import check_limits, without_unsupported
from boxship.engine.containers.create.validate import check_restart_policy
from boxship.engine.containers.health import parse_failure_action
from boxship.errors import Conflict
from boxship.model.container import Container, HostConfig, RestartPolicy, Status

_FIELDS: Final = (
    "blkio_weight",
    "cpu_shares",
    "cpu_period",
    "cpu_quota",
    "cpu_realtime_period",
    "cpu_realtime_runtime",
    "cpuset_cpus",
    "cpuset_mems",
    "memory",
    "memory_swap",
    "memory_reservation",
    "nano_cpus",
    "pids_limit",
)


def changed_host_config(
    container: Container,
    resources: HostConfig,
    restart_policy: RestartPolicy | None,
    kernel: Capabilities,
) -> tuple[HostConfig, list[str]]:
    """The new HostConfig and warnings; zero values keep what is."""
    refusal = f"Cannot update container {container.id}: "
    if container.state.status in (Status.REMOVING, Status.DEAD):
        raise Conflict(f'{refusal}Container is marked for removal and cannot be "update".')
    warnings = check_limits(resources, kernel, update=True)
    asked = without_unsupported(resources, kernel)
    old = container.host_config
    if old.nano_cpus and (asked.cpu_period or asked.cpu_quota):
        what = "CPU Period" if asked.cpu_period else "CPU Quota"
        raise Conflict(
            f"{refusal}Conflicting options: {what} cannot be updated as NanoCPUs has already been set"
        )
    if asked.nano_cpus and (old.cpu_period or old.cpu_quota):
        what = "CPU Period" if old.cpu_period else "CPU Quota"
        raise Conflict(
            f"{refusal}Conflicting options: Nano CPUs cannot be updated as {what} has already been set"
        )
    changes = {
        name: value for name in _FIELDS if (value := getattr(asked, name)) not in (0, "", None)
    }
    if "pids_limit" in changes:
        changes["pids_limit"] = max(asked.pids_limit or 0, 0)  # as Docker keeps "no limit"
    if asked.memory > old.memory_swap and asked.memory and not asked.memory_swap:
        raise Conflict(
            f"{refusal}Memory limit should be smaller than already set memoryswap limit, "
            "update the memoryswap at the same time"
        )
    if restart_policy is not None and restart_policy.name:
        check_restart_policy(restart_policy)
        if old.auto_remove and restart_policy.name != "no":
            raise Conflict(
                f"{refusal}Restart policy cannot be updated because AutoRemove is enabled for the container"
            )
        changes["restart_policy"] = restart_policy
    if action := resources.health_on_failure_action:
        changes["health_on_failure_action"] = parse_failure_action(action)
    return msgspec.structs.replace(old, **changes), warnings
