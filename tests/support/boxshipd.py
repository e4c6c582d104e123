"""An own boxshipd on temporary roots, and the question what it left behind."""

import contextlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from support.engine import Engine, eventually

CGROUPS = Path("/sys/fs/cgroup")


_numbers = itertools.count()


def own_address() -> str:
    """A bridge address that no other daemon of this and other test processes has."""
    pid = os.getpid()
    return f"10.{100 + pid % 100}.{(pid // 100 * 8 + next(_numbers)) % 250}.1/24"


class Boxshipd:
    """One daemon: start, stop, kill -9, start again on the same roots."""

    def __init__(self, root: Path, *flags: str, data_root: Path | None = None) -> None:
        self.root = root
        self.data_root = data_root or root / "data"
        self.address = own_address()
        self.engine = Engine(f"unix://{root}/sock")
        self._flags = flags
        self._process: subprocess.Popen[bytes] | None = None
        self._bridge = ""

    def __repr__(self) -> str:
        return f"Boxshipd({self.root}, {self.address}, pid {self.pid})"

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def log(self) -> str:
        return (self.root / "log").read_text(errors="replace")

    def command(self) -> list[str]:
        installed = Path(sys.executable).with_name("boxshipd")
        program = (
            [str(installed)]
            if installed.exists()
            else [sys.executable, "-m", "boxship.daemon.main"]
        )
        return [
            # a test run that is killed takes its daemon along
            *("setpriv", "--pdeathsig", "TERM", *program),
            *("--data-root", str(self.data_root), "--exec-root", f"{self.root}/run"),
            *("--pidfile", f"{self.root}/pid", "-H", self.engine.host, "--bip", self.address),
            *self._flags,
        ]

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.root / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/"
            )
        eventually(self._answers, within=120)  # an emulated machine takes its time
        self.adopt_bridge()

    def adopt_bridge(self) -> None:
        """Have `end` remove the bridge with our address, whoever made it."""
        self._bridge = self.bridge() or self._bridge

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, f"boxshipd did not start: {self.log[-3000:]}"
        try:
            return self.engine.api("GET", "/_ping", version="").status == 200
        except OSError:
            return False

    def stop(self, *, within: float = 30) -> int:
        """SIGTERM; its exit code."""
        assert self._process
        self._process.terminate()
        return self._process.wait(within)

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        assert self._process
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def end(self) -> None:
        """Whatever state it is in: end it and take away what it keeps for its next start."""
        if self._process and self._process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
        supervisors = processes_of(self.root)
        ids = {name for pid in supervisors for name in container_ids(pid)}
        for pid in [*supervisors, *(pid for group in cgroups_of(ids) for pid in members(group))]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        eventually(lambda: not remove_cgroups(ids))
        for target in reversed(mounts_below(self.root)):
            subprocess.run(["umount", "-l", target], check=False, capture_output=True)
        if self._bridge:
            table = self._bridge.replace("-", "_")
            commands = (
                ["ip", "link", "delete", self._bridge],
                ["nft", "delete", "table", "inet", table],
            )
            for command in commands:
                subprocess.run(command, check=False, capture_output=True)

    def bridge(self) -> str:
        """The bridge that has our address."""
        found = subprocess.run(
            ["ip", "-o", "-4", "addr", "show", "to", self.address.split("/")[0]],
            capture_output=True,
            text=True,
            check=True,
        )
        return found.stdout.split()[1] if found.stdout else ""

    def leftovers(self, container_ids: set[str]) -> list[str]:
        """Traces of containers although none exists any more."""
        engine = self.engine
        return [
            *(f"container {i}" for i in engine.ok("ps", "-aq").split()),
            *(f"volume {v}" for v in engine.ok("volume", "ls", "-q").split()),
            *(f"network {n}" for n in engine.ok("network", "ls", "-qf", "type=custom").split()),
            *(f"mount {m}" for m in mounts_below(self.root)),
            *(f"process {p}" for p in processes_of(self.root) if p != self.pid),
            *(f"file {p}" for p in children(self.data_root / "containers")),
            *(f"volume file {p}" for p in children(self.data_root / "volumes") if p.is_dir()),
            *(f"cgroup {path}" for path in cgroups_of(container_ids)),
            *(f"port {p.name}" for p in children(Path("/sys/class/net", self.bridge(), "brif"))),
            *(f"rule {rule}" for rule in self._rules()),
        ]

    def _rules(self) -> list[str]:
        """Firewall rules that name a container's address."""
        if not shutil.which("nft"):
            return []
        rules = subprocess.run(
            ["nft", "list", "ruleset"], capture_output=True, text=True, check=False
        )
        net = re.escape(self.address.split("/")[0].rpartition(".")[0])
        named = re.compile(rf"{net}\.(?!0/|0\b|1\b)\d+")
        return [line.strip() for line in rules.stdout.splitlines() if named.search(line)]


def children(path: Path) -> list[Path]:
    return sorted(path.iterdir()) if path.is_dir() else []


def mounts_below(root: Path) -> list[str]:
    targets = (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return sorted(t for t in targets if t.startswith(f"{root}/"))


def processes_of(root: Path) -> list[int]:
    """Processes that were started with a path below *root*."""
    needle, found = f"{root}/".encode(), []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if needle in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def cgroups_of(container_ids: set[str]) -> list[Path]:
    return [
        Path(base, name)
        for base, names, _ in os.walk(CGROUPS)
        for name in names
        if any(part in container_ids for part in re.split(r"[-.]", name))
    ]


def container_ids(pid: int) -> list[str]:
    """The containers that a supervisor's command line names."""
    with contextlib.suppress(OSError):
        return re.findall(r"\b[0-9a-f]{64}\b", Path(f"/proc/{pid}/cmdline").read_text())
    return []


def members(cgroup: Path) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(pid) for pid in (cgroup / "cgroup.procs").read_text().split()]
    return []


def remove_cgroups(ids: set[str]) -> list[Path]:
    """Remove what is empty by now; what is not."""
    for path in reversed(cgroups_of(ids)):
        with contextlib.suppress(OSError):
            path.rmdir()
    return cgroups_of(ids)


@contextlib.contextmanager
def boxshipd(*flags: str, data_root: Path | None = None) -> Iterator[Boxshipd]:
    """A running boxshipd; its roots, processes, mounts and bridge are gone afterwards."""
    # the paths of sockets are short: 108 bytes
    root = Path(tempfile.mkdtemp(prefix="bxs-"))
    daemon = Boxshipd(root, *flags, data_root=data_root)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.end()
        for _ in range(20):
            shutil.rmtree(root, ignore_errors=True)
            if not root.exists():
                break
            time.sleep(0.1)
