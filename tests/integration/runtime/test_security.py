"""Attacks from inside a container or an image on the runtime (the cases' numbers are those of the field's list)."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import msgspec
import pytest

from boxship.errors import BoxshipError
from boxship.model.mount import MountPoint
from boxship.model.process import RuntimeRefused
from boxship.runtime.contract import Bundle, ExecSpec
from support.bundles import Workshop, read_all
from support.rootfs import syscall_probe

pytestmark = pytest.mark.root

MARK = "only the host has this file"


def put(bundle: Bundle, path: str, data: bytes | str, mode: int = 0o755) -> None:
    """Give the image a file; a string is a symlink's target."""
    target = Path(bundle.directory, "upper", path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(data, str):
        target.symlink_to(data)
    else:
        target.write_bytes(data)
        target.chmod(mode)


@pytest.mark.parametrize("descriptor", range(3, 14))
async def test_a02_a_working_directory_is_no_door_to_the_host(
    workshop: Workshop, descriptor: int
) -> None:
    (workshop.root / "mark").write_text(MARK)
    for path in (f"/proc/self/fd/{descriptor}", f"/proc/1/../self/fd/{descriptor}/.."):
        with pytest.raises(RuntimeRefused):
            await workshop.runtime.create(workshop.bundle("true", config={"working_dir": path}))
    bundle = workshop.bundle(
        "sh", "-c", "ls -d ../../../../..; ls ../../..; pwd", config={"working_dir": "/door"}
    )
    put(bundle, "door", f"/proc/self/fd/{descriptor}")
    try:
        _, out, _ = await workshop.run(bundle)
    except RuntimeRefused:
        return
    assert b"containers" not in out


async def test_a02_neither_is_one_of_an_exec(workshop: Workshop) -> None:
    bundle = workshop.bundle("sleep", "1000")
    put(bundle, "door", "/proc/self/fd/8")
    container, streams = await workshop.start(bundle)
    for path in ("/proc/self/fd/7", "/proc/self/root", "/proc/1/cwd", "/door"):
        spec = ExecSpec(id=f"e{len(path)}", cmd=("ls",), working_dir=path)
        with pytest.raises(RuntimeRefused):
            await workshop.runtime.exec(container, spec)
    await workshop.runtime.kill(container, signal.SIGKILL)
    await workshop.runtime.wait(container)
    streams.close()
    await workshop.runtime.delete(container)


async def test_a03_a_false_dev_null_unmasks_nothing(workshop: Workshop) -> None:
    bundle = workshop.bundle(
        "sh", "-c", "head -c 1 /proc/kcore | wc -c; head -c 1 /proc/keys | wc -c"
    )
    put(bundle, "dev/null", "/proc/sys/kernel/core_pattern")
    try:
        status, out, _ = await workshop.run(bundle)
    except RuntimeRefused:
        return
    assert (status.exit_code, out) == (0, b"0\n0\n")


async def test_a05_nothing_is_mounted_over_proc(workshop: Workshop) -> None:
    mount = MountPoint(type="bind", source=str(workshop.lower), destination="/proc/../proc")
    with pytest.raises(BoxshipError, match="/proc"):
        await workshop.runtime.create(workshop.bundle("true", mounts=(mount,)))


@pytest.mark.parametrize("name", ["dev", "proc", "sys", "etc"])
async def test_a06_directories_that_are_symlinks_lead_nowhere(
    workshop: Workshop, name: str
) -> None:
    victim = workshop.root / "victim"
    victim.mkdir()
    source = workshop.root / "hosts"
    source.write_text("1.2.3.4 x\n")
    bundle = workshop.bundle("true", files={"/etc/hosts": str(source), "/etc/new/x": str(source)})
    # the whole directory is the image's symlink: hide the lower one first
    put(bundle, name, str(victim))
    with contextlib.suppress(RuntimeRefused):
        await workshop.run(bundle)
    assert list(victim.iterdir()) == []


async def test_a08_a_working_directory_is_made_inside(workshop: Workshop) -> None:
    victim = workshop.root / "victim"
    victim.mkdir()
    bundle = workshop.bundle("pwd", config={"working_dir": "/way/to/work"})
    put(bundle, "way", str(victim))
    with contextlib.suppress(RuntimeRefused):
        await workshop.run(bundle)
    assert list(victim.iterdir()) == []


async def test_a10_nothing_is_inherited(workshop: Workshop) -> None:
    bundle = workshop.bundle("sh", "-c", "grep -E 'CapInh|CapAmb' /proc/self/status; sleep 1000")
    container, streams = await workshop.start(bundle)
    chunk = await streams.read()
    assert chunk == (1, b"CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\n")
    _, exec_streams = await workshop.runtime.exec(
        container, ExecSpec(id="e", cmd=("grep", "CapInh", "/proc/self/status"), privileged=True)
    )
    assert (await read_all(exec_streams))[0] == b"CapInh:\t0000000000000000\n"
    await workshop.runtime.delete(container)
    streams.close()


async def test_a12_the_hosts_disks_are_out_of_reach(workshop: Workshop) -> None:
    numbers = (os.stat("/").st_dev >> 8, os.stat("/").st_dev & 0xFF)
    script = f"mknod /disk b {numbers[0]} {numbers[1]} && head -c 1 /disk; mknod /mem c 1 1 && head -c 1 /mem"
    status, out, err = await workshop.run(workshop.bundle("sh", "-c", script))
    assert (status.exit_code != 0, out) == (True, b"")
    assert err.count(b"Operation not permitted") == 2


async def test_a14_no_new_privileges_are_gained(workshop: Workshop) -> None:
    options = {"security_opt": ("no-new-privileges",)}
    out = await workshop.output("grep", "NoNewPrivs", "/proc/self/status", host_config=options)
    assert out == "NoNewPrivs:\t1\n"


PROBES = {
    "add_key": (248, (), 1),
    "keyctl": (250, (), 1),
    "unshare a user namespace": (272, (0x10000000,), 1),
    "io_uring_setup": (425, (1, 0), 1),
    "clone3": (435, (0, 0), 38),
    "bpf": (321, (0, 0), 1),
    "x32 keyctl": (0x40000000 + 250, (), None),
}


@pytest.mark.parametrize("name", PROBES)
async def test_a15_the_filter_denies(workshop: Workshop, name: str) -> None:
    number, arguments, errno = PROBES[name]
    bundle = workshop.bundle("/probe")
    put(bundle, "probe", syscall_probe(number, *arguments))
    status, _, _ = await workshop.run(bundle)
    if errno is None:
        assert status.exit_code in (1, 38, 159)  # EPERM, ENOSYS or killed
    else:
        assert status.exit_code == errno


async def test_a16_a_fork_bomb_stays_small(workshop: Workshop) -> None:
    bundle = workshop.bundle(
        "sh", "-c", "bomb() { bomb | bomb & }; bomb; sleep 1000", host_config={"pids_limit": 30}
    )
    container, streams = await workshop.start(bundle)
    await asyncio.sleep(0.3)
    assert len(await workshop.runtime.readings.pids(container)) <= 30
    await asyncio.wait_for(workshop.runtime.delete(container), 20)
    streams.close()


async def test_a17_a18_only_root_reaches_sockets_and_state(workshop: Workshop) -> None:
    container, streams = await workshop.start(workshop.bundle("sleep", "1000"))
    directory = workshop.bundles / container.id
    for path in (directory, workshop.root / "run" / "containers", workshop.root / "run" / "execs"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert (directory / "attach").stat().st_mode & 0o077 == 0
    assert (directory / "config.json").stat().st_mode & 0o077 == 0
    await workshop.runtime.delete(container)
    streams.close()


async def test_a20_groups_are_those_asked_for(workshop: Workshop) -> None:
    out = await workshop.output("id", config={"user": "app"}, host_config={"group_add": ("77",)})
    assert out == "uid=1000(app) gid=1001(app) groups=10(wheel),77,1001(app),2000(extra)\n" or all(
        each in out for each in ("uid=1000(app)", "gid=1001(app)", "10(wheel)", "77", "2000(extra)")
    )


@pytest.mark.parametrize("name", ["h" * 65, "h" * 5000])
async def test_a22_a_host_name_too_long_is_refused(workshop: Workshop, name: str) -> None:
    bundle = workshop.bundle("hostname")
    config = msgspec.structs.replace(bundle.container.config, hostname=name)
    container = msgspec.structs.replace(bundle.container, config=config)
    with pytest.raises(RuntimeRefused):
        await workshop.runtime.create(msgspec.structs.replace(bundle, container=container))


async def test_a23_account_files_that_block_or_never_end_are_refused(workshop: Workshop) -> None:
    for kind in ("fifo", "huge", "device"):
        bundle = workshop.bundle("true", config={"user": "app"})
        passwd = Path(bundle.directory, "upper", "etc", "passwd")
        passwd.parent.mkdir()
        if kind == "fifo":
            os.mkfifo(passwd)
        elif kind == "device":
            passwd.symlink_to("/dev/zero")
            Path(bundle.directory, "upper", "dev").mkdir()
            os.mknod(
                Path(bundle.directory, "upper", "dev", "zero"), 0o666 | 0o020000, os.makedev(1, 5)
            )
        else:
            with passwd.open("wb") as file:
                file.truncate(1 << 30)
        with pytest.raises(RuntimeRefused):
            await asyncio.wait_for(workshop.runtime.create(bundle), 10)


async def test_no_descriptor_of_the_host_is_open_inside(workshop: Workshop) -> None:
    out = await workshop.output("sh", "-c", "ls -l /proc/1/fd /proc/self/fd")
    links = [line.split(" -> ")[1] for line in out.splitlines() if " -> " in line]
    assert all(link.startswith(("pipe:", "/dev/null", "/proc/")) for link in links), links


async def test_proc_sys_is_read_only_and_secrets_are_hidden(workshop: Workshop) -> None:
    script = "echo 1 > /proc/sys/kernel/panic; mkdir $(dirname $(find /sys/fs/cgroup -name cgroup.procs | head -n 1))/x; ls /sys/firmware | wc -l"
    status, out, err = await workshop.run(workshop.bundle("sh", "-c", script))
    assert (status.exit_code, out) == (0, b"0\n")
    assert err.count(b"Read-only file system") == 2
