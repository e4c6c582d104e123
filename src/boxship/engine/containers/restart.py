"""Restart policies: whether and when a container that ended runs again. Pure."""

from typing import Final

from boxship.model.container import Container, ContainerState, Status

FIRST_DELAY_S: Final = 0.1
LONGEST_DELAY_S: Final = 60.0
STEADY_NS: Final = 10 * 10**9
"""Who ran this long starts with the first delay again."""


def plan_restart(
    container: Container, state: ContainerState, previous_delay_s: float
) -> float | None:
    """Seconds until it is started again after ending in *state*; None for never."""
    if state.stopped_by_user or not _wanted(container, state):
        return None
    ran_ns = state.finished_at - state.started_at
    if previous_delay_s <= 0 or ran_ns >= STEADY_NS:
        return FIRST_DELAY_S
    return min(previous_delay_s * 2, LONGEST_DELAY_S)


def starts_with_engine(container: Container) -> bool:
    """True for a stopped container that a starting engine starts, as dockerd does."""
    state = container.state
    if state.started_at == 0 or state.status not in (Status.EXITED, Status.RESTARTING):
        return False
    policy = container.host_config.restart_policy.name
    if policy == "always":  # even one that its user stopped
        return True
    return not state.stopped_by_user and _wanted(container, state)


def _wanted(container: Container, state: ContainerState) -> bool:
    policy = container.host_config.restart_policy
    if policy.name in ("always", "unless-stopped"):
        return True
    if policy.name != "on-failure" or state.exit_code == 0:
        return False
    limit = policy.maximum_retry_count
    return limit == 0 or container.restart_count < limit
