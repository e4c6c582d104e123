"""Any call below may fail at any time: then nothing is left, and the verb can be tried again."""

from typing import Any

import pytest

from boxship.errors import BoxshipError, Internal
from boxship.model.container import Status
from support.yard import Yard

pytestmark = pytest.mark.root


class Failing:
    """Passes calls on to a part, and fails the n-th of all parts it stands for."""

    def __init__(self, part: Any, countdown: list[int], names: frozenset[str]) -> None:
        self._part = part
        self._countdown = countdown
        self._names = names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if name not in self._names:
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self._countdown[0] -= 1
            if self._countdown[0] == 0:
                raise Internal(f"{name} failed")
            return found(*args, **kwargs)

        return call


CALLS = frozenset(
    "validate attach create start prepare mounts add mount_rootfs activate get".split()  # noqa: SIM905
)


def fail_at(yard: Yard, number: int) -> None:
    """Have the engine's n-th call to its parts fail."""
    countdown = [number]
    yard.wrap(lambda part: Failing(part, countdown, CALLS))


@pytest.mark.parametrize("number", range(1, 9))
async def test_create_undoes_everything(yard: Yard, number: int) -> None:
    fail_at(yard, number)
    failed = False
    try:
        await yard.create("true", host={"binds": ("new:/home",)})
    except BoxshipError:
        failed = True
    # get, validate, two prepares, mounts, mount_rootfs, activate
    assert failed is (number <= 7)
    if failed:
        assert not yard.leftovers()
        assert yard.store.metadata.volumes.list() == []
        assert yard.services.register.list() == []
    await yard.clear()
    if not failed:
        await yard.volumes.remove("new")


@pytest.mark.parametrize("number", range(1, 9))
async def test_start_undoes_everything(yard: Yard, number: int) -> None:
    identifier = await yard.create("sleep", "100", host={"binds": ("old:/home",)})
    fail_at(yard, number)
    failure = ""
    try:
        await yard.services.containers.start(identifier)
    except BoxshipError as error:
        failure = str(error)
    assert bool(failure) is (number <= 5)  # attach, activate, mounts, create, start
    if failure:
        state = yard.services.register.get(identifier).state
        assert (state.status, state.exit_code) == (Status.CREATED, 128)
        assert state.error == failure
        assert [each for each in yard.leftovers() if "data/containers" not in each] == [
            f"container/{identifier}"
        ]
    await yard.clear()
    await yard.volumes.remove("old")
