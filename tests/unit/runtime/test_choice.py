import pytest

from boxship.errors import Internal, Unavailable
from boxship.linux import cgroups
from boxship.linux.cgroups import Hierarchies, Layout
from boxship.linux.oci_runtime import OciRuntime
from boxship.runtime import choice
from boxship.runtime.choice import choose_runtime, systemd_manages

CRUN = OciRuntime(name="crun", path="/usr/bin/crun", root="/run/x/crun")
RUNC = OciRuntime(name="runc", path="/usr/sbin/runc", root="/run/x/runc")
BOTH = {"crun": CRUN, "runc": RUNC}
V2 = Hierarchies(Layout.V2, {}, "/sys/fs/cgroup", ("cpu", "memory"))
V1 = Hierarchies(Layout.V1, {"memory": "/sys/fs/cgroup/memory"}, None)
HYBRID = Hierarchies(Layout.HYBRID, V1.controllers, "/sys/fs/cgroup/unified", ("hugetlb",))


def test_crun_is_preferred() -> None:
    assert choose_runtime(BOTH, V2) == ("crun", V2)
    assert choose_runtime(BOTH, V1) == ("crun", V1)


def test_runc_does_where_there_is_no_crun() -> None:
    assert choose_runtime({"runc": RUNC}, HYBRID) == ("runc", HYBRID)


def test_the_administrators_choice_counts() -> None:
    assert choose_runtime(BOTH, V2, "runc") == ("runc", V2)


@pytest.mark.parametrize(
    ("asked", "hierarchies", "booted", "expected"),
    [
        ("", V2, True, True),
        ("", V2, False, False),
        ("", HYBRID, True, False),
        ("systemd", V1, False, True),
        ("cgroupfs", V2, True, False),
    ],
)
def test_systemd_makes_the_cgroups_where_docker_lets_it(
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
    hierarchies: Hierarchies,
    booted: bool,
    expected: bool,
) -> None:
    monkeypatch.setattr(choice, "is_booted", lambda: booted)
    assert systemd_manages(asked, hierarchies) is expected


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(Unavailable, match="unknown or invalid runtime name: foo"):
        choose_runtime(BOTH, V2, "foo")


def test_without_any_runtime_nothing_runs() -> None:
    with pytest.raises(Unavailable, match="neither crun nor runc is installed"):
        choose_runtime({}, V2)


def test_a_hybrid_host_is_completed_for_crun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "mount_missing_controllers", lambda _: V1)
    assert choose_runtime(BOTH, HYBRID) == ("crun", V1)


def test_a_hybrid_host_that_cannot_be_completed_falls_back_to_runc(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: Hierarchies) -> Hierarchies:
        raise Internal("cannot mount")

    monkeypatch.setattr(cgroups, "mount_missing_controllers", refuse)
    assert choose_runtime(BOTH, HYBRID) == ("runc", HYBRID)
    assert "falling back to runc" in caplog.text
    assert choose_runtime(BOTH, HYBRID, "crun") == ("crun", HYBRID)
