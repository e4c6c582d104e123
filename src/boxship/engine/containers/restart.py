"""Restart policies: whether and when a container that ended runs again. Pure; Docker's restartmanager."""

from typing import Final

from boxship.model.container import Container, ContainerState, Status

FIRST_DELAY_S: Final = 0.1
LONGEST_DELAY_S: Final = 60.0
STEADY_NS: Final = 10 * 10**9
"""Who ran this long starts with the first delay again."""


def plan_restart(container: Container, state: ContainerState) -> float | None:
    """Seconds until it is started again after ending in *state*; None for never."""
    if not wants_restart(container, state):
        return None
    ran_ns = state.finished_at - state.started_at
    if state.restart_delay_s <= 0 or ran_ns >= STEADY_NS:
        return FIRST_DELAY_S
    return min(state.restart_delay_s * 2, LONGEST_DELAY_S)


def starts_with_engine(container: Container) -> bool:
    """True for a stopped container that a starting engine starts, as dockerd does."""
    state = container.state
    if state.started_at == 0 or state.status not in (Status.EXITED, Status.RESTARTING):
        return False
    return wants_restart(container, state)


def remaining_delay_s(state: ContainerState, now_ns: int) -> float:
    """What is left of the pause of a container that waits for its restart."""
    return max(state.restart_delay_s - (now_ns - state.finished_at) / 10**9, 0)


def wants_restart(container: Container, state: ContainerState) -> bool:
    """What the policy says of a container that ended in *state*.

    Only `unless-stopped` asks whether its user stopped it: while the engine runs, a stop is the last
    word whatever the policy (Live.last_life); when the engine starts, the other policies forget it.
    """
    policy = container.host_config.restart_policy
    if policy.name == "always":
        return True
    if policy.name == "unless-stopped":
        return not state.stopped_by_user
    if policy.name != "on-failure" or state.exit_code == 0:
        return False
    limit = policy.maximum_retry_count
    return limit == 0 or container.restart_count < limit
