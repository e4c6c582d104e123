"""Reading mountinfo and sorting mount options."""

from boxship.linux import syscalls
from boxship.linux.mounts import parse_mountinfo, plan, relative_layers

LINES = (
    b"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n"
    b"40 36 0:45 / /a\\040b\\011\\134\\303\\251 rw - overlay ov\\040x rw,lowerdir=/l\n"
)


def test_mountinfo_fields_are_told_apart_despite_optional_ones() -> None:
    first, second = parse_mountinfo(LINES)
    assert first.target == "/mnt2"
    assert first.propagation == ("master:1", "shared:2")
    assert (first.fstype, first.source) == ("ext3", "/dev/root")
    assert second.propagation == ()
    assert second.super_options == "rw,lowerdir=/l"


def test_octal_escapes_become_the_bytes_they_stand_for() -> None:
    _, second = parse_mountinfo(LINES)
    assert second.target == "/a b\t\\é"
    assert second.source == "ov x"


def test_options_are_sorted_into_flags_propagation_and_data() -> None:
    steps = plan(("rbind", "ro", "nosuid", "rslave", "size=64m", "rw"))
    assert steps.flags == syscalls.MS_BIND | syscalls.MS_REC | syscalls.MS_NOSUID
    assert steps.propagation == (syscalls.MS_SLAVE | syscalls.MS_REC,)
    assert steps.data == ("size=64m",)


def test_layers_become_relative_to_what_they_share() -> None:
    options = (
        "lowerdir=/r/s/2/fs:/r/s/1/fs",
        "upperdir=/r/s/9/fs",
        "workdir=/r/s/9/work",
        "index=off",
    )
    assert relative_layers(options) == (
        "/r/s",
        ("lowerdir=2/fs:1/fs", "upperdir=9/fs", "workdir=9/work", "index=off"),
    )
