import resource
import subprocess

import pytest

from boxship.model.process import RuntimeRefused
from boxship.runtime import rlimits

NOFILE = {"type": "RLIMIT_NOFILE", "soft": 20, "hard": 30}
ROOT = {"uid": 0, "gid": 0}
USER = {"uid": 1000, "gid": 0}
CORE = {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}


def test_what_the_runtime_would_stumble_over_waits() -> None:
    spec = {"process": {"user": USER, "rlimits": [CORE, NOFILE]}}
    assert rlimits.postpone(spec, ["CAP_SYS_RESOURCE"]) == [NOFILE]
    assert spec["process"]["rlimits"] == [CORE]
    assert rlimits.first_process(spec) == {"user": USER, "rlimits": [CORE, NOFILE]}


def test_without_the_right_to_limit_others_nothing_waits() -> None:
    spec = {"process": {"user": USER, "rlimits": [NOFILE]}}
    assert rlimits.postpone(spec, []) == []
    assert rlimits.postpone({"process": {"user": ROOT, "rlimits": [NOFILE]}}, []) == [NOFILE]


def test_the_runtime_sets_limits_that_do_not_trouble_it() -> None:
    ample = {"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 99_999_999_999}
    assert rlimits.postpone({"process": {"user": ROOT, "rlimits": [ample]}}, []) == []


def test_a_spec_without_such_limits_stays_as_it_is() -> None:
    spec = {"process": {"user": ROOT}}
    assert rlimits.postpone(spec, []) == []
    assert spec == {"process": {"user": ROOT}}
    assert rlimits.first_process(spec) == {"user": ROOT}


def test_limits_are_imposed_on_another_process() -> None:
    with subprocess.Popen(["sleep", "100"]) as child:
        rlimits.impose(child.pid, [NOFILE])
        seen = resource.prlimit(child.pid, resource.RLIMIT_NOFILE)
        child.kill()
    assert seen == (20, 30)


def test_a_limit_that_the_kernel_does_not_grant_is_told_in_runcs_words() -> None:
    with subprocess.Popen(["sleep", "100"]) as child:
        with pytest.raises(RuntimeRefused, match="error setting rlimit type 7: operation not perm"):
            rlimits.impose(child.pid, [NOFILE | {"soft": 99_999_999_999, "hard": 99_999_999_999}])
        child.kill()
