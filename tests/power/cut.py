"""What survives when the plug is pulled: `work` prints what the engine has acknowledged, `check` looks for it.

On a machine that may lose its power (a virtual one), as root:

    python tests/power/cut.py work           prints one JSON line for each acknowledged change, for ever
    … pull the plug; start the machine again …
    python tests/power/cut.py check ACKS     ACKS: what `work` printed, kept on another machine

`check` starts the engine on what the cut left, and exits 0 when every acknowledged object is there and whole,
what was removed is gone, everything still starts, and the blobs are what their digests say.
"""

import argparse
import contextlib
import hashlib
import io
import itertools
import json
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from support.boxshipd import Boxshipd
from support.engine import Engine
from support.images import docker_archive
from support.rootfs import busybox

ROOT = Path("/var/lib/boxship-power")
IMAGE = "power"


@contextlib.contextmanager
def engine() -> Iterator[Engine]:
    """A daemon on the root that outlives the cut."""
    ROOT.mkdir(exist_ok=True)
    daemon = Boxshipd(ROOT)
    daemon.start()
    try:
        yield daemon.engine
    finally:
        daemon.stop()


def acknowledged(kind: str, name: str, value: str) -> None:
    """Tell the other machine that *name* of *kind* now has *value*; "" for removed."""
    sys.stdout.write(json.dumps([kind, name, value]) + "\n")
    sys.stdout.flush()


def begun(kind: str, name: str) -> None:
    """From here on *name* may have either value."""
    acknowledged(f"begun-{kind}", name, "")


def work(on: Engine) -> None:
    """Make, change and remove, for ever."""
    on.ok("load", "-q", stdin=docker_archive([busybox()], f"{IMAGE}:base"))
    acknowledged("image", f"{IMAGE}:base", on.ok("inspect", "-f", "{{.Id}}", f"{IMAGE}:base"))
    for number in itertools.count():
        volume, container, image = f"vol{number}", f"box{number}", f"{IMAGE}:{number}"
        on.ok("volume", "create", "--label", f"n={number}", volume)
        acknowledged("volume", volume, str(number))
        on.ok(
            *("create", "--name", container, "-v", f"{volume}:/data", "--label", f"n={number}"),
            *(f"{IMAGE}:base", "sh", "-c", f"echo {number} > /data/n; sync; echo done"),
        )
        acknowledged("container", container, str(number))
        on.ok("start", "-a", container)
        on.ok("commit", container, image)
        acknowledged("image", image, on.ok("inspect", "-f", "{{.Id}}", image))
        build(on, f"{image}-built", number)
        acknowledged("image", f"{image}-built", on.ok("inspect", "-f", "{{.Id}}", f"{image}-built"))
        if number % 3 == 2:
            begun("container", f"box{number - 2}")
            on.ok("rm", f"box{number - 2}")
            acknowledged("container", f"box{number - 2}", "")
            begun("volume", f"vol{number - 2}")
            on.ok("volume", "rm", f"vol{number - 2}")
            acknowledged("volume", f"vol{number - 2}", "")
            begun("image", f"{IMAGE}:{number - 2}")
            on.ok("rmi", f"{IMAGE}:{number - 2}")
            acknowledged("image", f"{IMAGE}:{number - 2}", "")
            begun("container", f"box{number - 1}")
            on.ok("rename", f"box{number - 1}", f"renamed{number - 1}")
            acknowledged("container", f"box{number - 1}", "")
            acknowledged("container", f"renamed{number - 1}", str(number - 1))


def build(on: Engine, tag: str, number: int) -> None:
    """An image with a file that says *number*."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, text in (
            ("Dockerfile", f"FROM {IMAGE}:base\nCOPY n /n\nRUN echo {number} > /made\n"),
            ("n", f"{number}\n"),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    on.ok("build", "-q", "-t", tag, "-", stdin=context.getvalue())


def check(on: Engine, lines: list[str]) -> list[str]:
    """What is wrong."""
    expected: dict[tuple[str, str], str] = {}
    for line in lines:
        kind, name, value = json.loads(line)
        if kind.startswith("begun-"):
            expected.pop((kind.removeprefix("begun-"), name), None)
        else:
            expected[kind, name] = value
    wrong = [text for item in expected.items() if (text := difference(on, *item))]
    for (kind, name), value in expected.items():
        if kind == "image" and value:
            result = on.docker("run", "--rm", name, "sh", "-c", "cat /n /made; true")
            if result.code:
                wrong.append(f"{name} does not run: {result.stderr}")
            elif name.endswith("-built"):
                number = name.removeprefix(f"{IMAGE}:").removesuffix("-built")
                if result.stdout.split() != [number, number]:
                    wrong.append(f"{name} has other files: {result.stdout!r}")
        if kind == "container" and value and on.docker("start", "-a", name).code:
            wrong.append(f"container {name} does not start")
    return wrong


def difference(on: Engine, key: tuple[str, str], value: str) -> str:
    """How one object differs from what was acknowledged; "" when it does not."""
    kind, name = key
    shown = {
        "image": ("image", "inspect", "-f", "{{.Id}}", name),
        "volume": ("volume", "inspect", "-f", "{{.Labels.n}}", name),
        "container": ("container", "inspect", "-f", "{{.Config.Labels.n}}", name),
    }[kind]
    result = on.docker(*shown)
    found = "" if result.code else result.stdout.strip()
    return "" if found == value.strip() else f"{kind} {name}: {found!r} instead of {value!r}"


def damage() -> list[str]:
    """Blobs that are not what their names say, and what SQLite complains of."""
    blobs = ROOT / "data/content/blobs/sha256"
    wrong = [
        f"blob {blob.name} is damaged"
        for blob in blobs.iterdir()
        if hashlib.sha256(blob.read_bytes()).hexdigest() != blob.name
    ]
    with contextlib.closing(sqlite3.connect(ROOT / "data/meta.db")) as database:
        verdict = database.execute("PRAGMA integrity_check").fetchone()[0]
    return wrong if verdict == "ok" else [*wrong, f"meta.db: {verdict}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("verb", choices=("work", "check"))
    parser.add_argument("acks", nargs="?", type=Path)
    options = parser.parse_args()
    with engine() as running:
        if options.verb == "work":
            work(running)
            return 0
        # the last line may have been cut off with the power
        lines = [line for line in options.acks.read_text().splitlines() if line.endswith("]")]
        wrong = check(running, [line for line in lines if line.startswith("[")])
    wrong += damage()
    subprocess.run(["sync"], check=True)
    print("\n".join(wrong) or f"all {len(lines)} acknowledged changes are there")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
