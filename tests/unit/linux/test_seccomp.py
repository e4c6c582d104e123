import pytest

from boxship.errors import InvalidArgument
from boxship.linux.seccomp import Host, default_profile, parse, resolve

HOST = Host("amd64", (6, 1))
DEFAULT = ("CAP_SYS_CHROOT", "CAP_KILL")


def allowed(capabilities: tuple[str, ...], host: Host = HOST) -> dict[str, list[object]]:
    """Unconditionally and conditionally allowed calls of the default profile: name → argument rules."""
    resolved = resolve(default_profile(), capabilities, host)
    found: dict[str, list[object]] = {}
    for rule in resolved["syscalls"]:
        if rule["action"] == "SCMP_ACT_ALLOW":
            for name in rule["names"]:
                found.setdefault(name, []).append(rule.get("args"))
    return found


def test_the_default_profile_denies_what_reaches_the_host() -> None:
    """A15 of the known attacks: the keyring, io_uring, namespaces, and loading code into the kernel."""
    forbidden = (
        "keyctl add_key request_key io_uring_setup unshare setns mount bpf kexec_load ptrace_x"
    )
    assert not set(forbidden.split()) & set(allowed(DEFAULT))


def test_clone_makes_no_namespaces_without_sys_admin() -> None:
    (arguments,) = allowed(DEFAULT)["clone"]
    assert isinstance(arguments, list)
    (rule,) = arguments
    assert rule["value"] == 0x7E020000
    assert None in allowed((*DEFAULT, "CAP_SYS_ADMIN"))["clone"]


def test_clone3_whose_arguments_no_filter_sees_is_not_there() -> None:
    rules = resolve(default_profile(), DEFAULT, HOST)["syscalls"]
    (rule,) = [rule for rule in rules if "clone3" in rule["names"]]
    assert (rule["action"], rule["errnoRet"]) == ("SCMP_ACT_ERRNO", 38)


def test_capabilities_unlock_their_calls() -> None:
    assert "reboot" not in allowed(DEFAULT)
    assert "reboot" in allowed((*DEFAULT, "CAP_SYS_BOOT"))
    assert "chroot" not in allowed(())


def test_ptrace_needs_a_kernel_that_checks_it() -> None:
    assert "ptrace" in allowed(DEFAULT)
    assert "ptrace" not in allowed(DEFAULT, Host("amd64", (4, 7)))


@pytest.mark.parametrize(
    ("architecture", "call"),
    [("amd64", "arch_prctl"), ("arm64", "arm_fadvise64_64"), ("riscv64", "riscv_flush_icache")],
)
def test_architectures_have_calls_of_their_own(architecture: str, call: str) -> None:
    assert call in allowed(DEFAULT, Host(architecture, (6, 1)))
    others = {"amd64", "arm64", "riscv64"} - {architecture}
    assert not any(call in allowed(DEFAULT, Host(other, (6, 1))) for other in others)


def test_32_bit_programs_are_filtered_too() -> None:
    resolved = resolve(default_profile(), DEFAULT, HOST)
    assert resolved["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"defaultAction": 3}',
        '{"defaultAction": "x", "syscalls": [{"names": "read", "action": "x"}]}',
    ],
)
def test_a_malformed_profile_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="Decoding seccomp profile failed"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"defaultAction":"a","architectures":["x"],"archMap":[{"architecture":"y"}]}',
        '{"defaultAction":"a","syscalls":[{"name":"read","names":["read"],"action":"b"}]}',
        '{"defaultAction":"a","syscalls":[{"name":"read","action":"b","includes":{"minKernel":"4"}}]}',
    ],
)
def test_a_contradictory_profile_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        resolve(parse(text), DEFAULT, HOST)


def test_the_old_form_with_single_names_is_understood() -> None:
    profile = parse('{"defaultAction":"a","syscalls":[{"name":"read","action":"b","args":null}]}')
    assert resolve(profile, (), HOST) == {
        "defaultAction": "a",
        "syscalls": [{"names": ["read"], "action": "b"}],
    }
