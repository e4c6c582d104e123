import pytest

from boxship.runtime.failures import create_refused, exec_refused, no_such_runtime

CREATE = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: "
    "runc create failed: unable to start container process: error during container init: "
)
EXEC = "OCI runtime exec failed: exec failed: unable to start container process: "
HINT = (
    ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host "
    "path exists and is the expected type"
)
COMPLAINTS = [
    ("executable file `foo` not found in $PATH: No such file or directory", "foo", 'exec: "foo": executable file not found in $PATH', 127),
    ("executable file `/x/y` not found in $PATH: No such file or directory", "/x/y", 'exec: "/x/y": stat /x/y: no such file or directory', 127),
    (
        "the path `/etc/passwd` exists but it is not executable: Operation not permitted",  # crun 1.21
        "/etc/passwd",
        'exec: "/etc/passwd": permission denied',
        126,
    ),
    (
        "the path `/etc` is not a regular file: Operation not permitted",
        "/etc",
        'exec: "/etc": is a directory: permission denied',
        126,
    ),
    ("open executable: Permission denied", "/etc/passwd", 'exec: "/etc/passwd": permission denied', 126),
    ("open executable: Operation not permitted", "/etc", 'exec: "/etc": is a directory: permission denied', 126),
    ("open executable: Operation not permitted", "", 'exec: "": executable file not found in $PATH', 127),
    ("chdir `/x`: Not a directory", "true", f'chdir to cwd ("/x") set in config.json failed: not a directory{HINT}', 127),
    ("chdir to `/x`: No such file or directory", "true", 'chdir to cwd ("/x") set in config.json failed: no such file or directory', 127),
    ("mount `/a` to `etc`: Not a directory", "true", f'error mounting "/a" to rootfs at "/etc": not a directory{HINT}', 127),
    ("write to /proc/sys/kernel/shmmax: Invalid argument", "true", "failed to write sysctl kernel.shmmax: write fsmount:fscontext:proc/./sys/kernel/shmmax: invalid argument", 128),
    ("open /proc/sys/net/ipv4/x: No such file or directory", "true", "open sysctl net.ipv4.x file: unsafe procfs detected: openat2 fsmount:fscontext:proc/./sys/net/ipv4/x: no such file or directory", 127),
    ("setrlimit `RLIMIT_NICE`: Operation not permitted", "true", "error setting rlimits for ready process: error setting rlimit type 13: operation not permitted", 128),
    ("writing file `cpu.cfs_quota_us`: Invalid argument", "true", "error setting cgroup config for procHooks process: failed to write cpu.cfs_quota_us: invalid argument", 128),
    ("something nobody knows {yet}", "true", "something nobody knows {yet}", 128),
    ("", "true", "", 128),
]  # fmt: skip


@pytest.mark.parametrize(("complaint", "program", "words", "code"), COMPLAINTS)
def test_crun_is_told_in_runcs_words(complaint: str, program: str, words: str, code: int) -> None:
    for refused, prefix in ((create_refused, CREATE), (exec_refused, EXEC)):
        error = refused(complaint + "\n", [program])
        assert (str(error), error.exit_code) == (prefix + words, code)


@pytest.mark.parametrize("place", ["", "error during container init: "])
def test_runc_is_not_told_twice(place: str) -> None:
    line = (
        'time="2026-11-24T08:00:00Z" level=error msg="runc create failed: unable to start container '
        f'process: {place}exec: \\"foo\\": executable file not found in $PATH"\n'
    )
    error = create_refused(line, ["foo"])
    assert str(error) == CREATE + 'exec: "foo": executable file not found in $PATH'
    assert error.exit_code == 127


@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        (
            "the sysctl `net.ipv4.ip_forward` requires a new network namespace",
            'sysctl "net.ipv4.ip_forward" not allowed in host network namespace',
        ),
        (
            "the sysctl `kernel.shmmax` requires a new IPC namespace",
            'sysctl "kernel.shmmax" is not allowed in the hosts ipc namespace',
        ),
    ],
)
def test_runc_refuses_sysctls_before_there_is_a_process(complaint: str, words: str) -> None:
    assert str(create_refused(complaint, ())) == (
        "failed to create task for container: failed to create shim task: OCI runtime create failed: "
        f"runc create failed: {words}"
    )


def test_a_name_that_no_shim_has_is_told_as_containerd_does() -> None:
    assert str(no_such_runtime("io.containerd.foo.v1")).endswith(
        'runtime "io.containerd.foo.v1" binary not installed "containerd-shim-foo-v1": '
        "file does not exist"
    )
