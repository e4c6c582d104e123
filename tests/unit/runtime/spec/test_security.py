import pytest

from boxship.errors import InvalidArgument
from boxship.linux.capabilities import ALL
from boxship.model.container import HostConfig
from boxship.runtime.spec import security
from boxship.runtime.spec.security import DEFAULT_CAPABILITIES, SecurityOptions


@pytest.mark.parametrize(
    ("host_config", "expected"),
    [
        (HostConfig(), DEFAULT_CAPABILITIES),
        (HostConfig(privileged=True), ALL),
        (HostConfig(privileged=True, cap_drop=("ALL",)), ALL),
        (HostConfig(cap_add=("net_admin",)), (*DEFAULT_CAPABILITIES, "CAP_NET_ADMIN")),
        (HostConfig(cap_add=("CAP_CHOWN",)), DEFAULT_CAPABILITIES),
        (HostConfig(cap_drop=("ALL",)), ()),
        (HostConfig(cap_drop=("all",), cap_add=("chown",)), ("CAP_CHOWN",)),
        (
            HostConfig(cap_add=("ALL",), cap_drop=("MKNOD", "CAP_SYS_ADMIN")),
            tuple(each for each in ALL if each not in ("CAP_MKNOD", "CAP_SYS_ADMIN")),
        ),
        (
            HostConfig(cap_drop=("MKNOD",)),
            tuple(each for each in DEFAULT_CAPABILITIES if each != "CAP_MKNOD"),
        ),
    ],
)
def test_capabilities_are_added_and_dropped(
    host_config: HostConfig, expected: tuple[str, ...]
) -> None:
    assert security.capabilities(host_config, ALL) == expected


def test_nothing_is_given_that_we_do_not_have() -> None:
    available = tuple(each for each in ALL if each not in ("CAP_SYS_RESOURCE", "CAP_MKNOD"))
    privileged = security.capabilities(HostConfig(privileged=True), available)
    assert privileged == available
    assert "CAP_MKNOD" not in security.capabilities(HostConfig(), available)
    with pytest.raises(InvalidArgument, match="not supported by your kernel"):
        security.capabilities(HostConfig(cap_add=("SYS_RESOURCE",)), available)


@pytest.mark.parametrize(
    ("name", "host_config"),
    [("CapAdd", HostConfig(cap_add=("foo",))), ("CapDrop", HostConfig(cap_drop=("foo",)))],
)
def test_an_unknown_capability_is_refused(name: str, host_config: HostConfig) -> None:
    with pytest.raises(InvalidArgument) as refused:
        security.capabilities(host_config, ALL)
    assert str(refused.value) == f'invalid {name}: unknown capability: "CAP_FOO"'


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (None, SecurityOptions()),
        (("no-new-privileges",), SecurityOptions(no_new_privileges=True)),
        (("no-new-privileges:true",), SecurityOptions(no_new_privileges=True)),
        (("no-new-privileges=false",), SecurityOptions(no_new_privileges=False)),
        (("seccomp=unconfined",), SecurityOptions(seccomp="unconfined")),
        (("seccomp:unconfined",), SecurityOptions(seccomp="unconfined")),
        (('seccomp={"a":"b=c"}',), SecurityOptions(seccomp='{"a":"b=c"}')),
        (("apparmor=profile",), SecurityOptions(apparmor="profile")),
        (("label=disable", "label:user:x"), SecurityOptions()),
        (("writable-cgroups=true",), SecurityOptions(writable_cgroups=True)),
    ],
)
def test_security_options_are_read(
    options: tuple[str, ...] | None, expected: SecurityOptions
) -> None:
    assert security.parse_options(options) == expected


@pytest.mark.parametrize("option", ["foo", "foo=bar", "no-new-privileges=maybe", ""])
def test_unknown_security_options_are_refused(option: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid --security-opt"):
        security.parse_options((option,))


def test_privileged_hides_no_paths() -> None:
    assert security.masked_paths(HostConfig(privileged=True)) == ()
    assert security.readonly_paths(HostConfig(privileged=True)) == ()
    assert security.masked_paths(HostConfig(masked_paths=())) == ()
    assert "/proc/kcore" in security.masked_paths(HostConfig())
