from typing import Any

import pytest

from boxship.engine.system import missing_abilities
from boxship.services.system import SystemInfo


def info(**fields: Any) -> SystemInfo:
    texts = "id name version storage_driver data_root exec_root kernel_version operating_system"
    texts += " os_version os_type architecture cgroup_driver default_runtime"
    numbers = (
        "containers containers_running containers_paused containers_stopped images cpus memory"
    )
    required: dict[str, Any] = {
        **dict.fromkeys(texts.split(), ""),
        **dict.fromkeys(numbers.split(), 0),
        "storage_status": (),
        "runtimes": {},
        "cgroup_version": "1",
    }
    return SystemInfo(**required | fields)


@pytest.mark.parametrize(
    ("fields", "warnings"),
    [
        ({"oom_kill_disable": True, "kernel_memory_tcp": True}, ()),
        ({"cgroup_version": "2"}, ()),
        (
            {"cgroup_version": "2", "swap_limit": False, "blkio_weight": False},
            (
                "WARNING: No swap limit support",
                "WARNING: No io.weight support",
                "WARNING: No io.weight (per device) support",
            ),
        ),
        (
            {"kernel_memory_tcp": True, "blkio_weight": False, "ipv4_forwarding": False},
            ("WARNING: No oom kill disable support", "WARNING: IPv4 forwarding is disabled"),
        ),
    ],
)
def test_warnings_tell_what_the_kernel_cannot_limit(
    fields: dict[str, Any], warnings: tuple[str, ...]
) -> None:
    assert missing_abilities(info(**fields)) == warnings
