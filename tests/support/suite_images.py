"""Stand-ins for the images that published suites pull: busybox with what they look for, and a Python."""

import re
import subprocess
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from support.images import docker_archive
from support.rootfs import PASSWD, busybox, directory, entry, symlink, tar

_UNUSED = {"test", "tests", "idlelib", "ensurepip", "turtledemo", "site-packages", "__pycache__"}
_UNUSED |= {"dist-packages", "lib2to3", "tkinter", "pydoc_data"}


def write_images(names: Iterable[str], folder: Path) -> None:
    """An archive of each image, under the names support.suite_plugin looks for."""
    for name in names:
        repository = name.partition(":")[0]
        make = {"python": python, "hello-world": hello_world}.get(repository, alpine)
        archive = folder / f"{name.replace('/', '_').replace(':', '_')}.tar"
        archive.write_bytes(make(name))


def alpine(name: str) -> bytes:
    """Busybox with the accounts and folders of Alpine."""
    users = PASSWD + b"postgres:x:70:70::/var/lib/postgresql:/bin/sh\n"
    extras = tar(
        [
            entry("etc/passwd", users),
            entry("etc/alpine-release", b"3.10.9\n"),
            *map(directory, ("opt", "srv", "var/opt", "var/lib", "var/lib/postgresql")),
        ]
    )
    return docker_archive([busybox(), extras], name, Cmd=["/bin/sh"])


def hello_world(name: str) -> bytes:
    return docker_archive([busybox()], name, Cmd=["echo", "Hello from Docker!"])


def python(name: str) -> bytes:
    """The Python that runs us, where it is here, and busybox; each name is another image."""
    path = "/usr/local/bin:/usr/bin:/bin"
    environment = [f"PATH={path}", f"IMAGE_NAME={name}"]
    return docker_archive([busybox(), _python_layer()], name, Cmd=["python3"], Env=environment)


@cache
def _python_layer() -> bytes:
    """The interpreter, its standard library, and the shared libraries these need."""
    program = Path(sysconfig.get_config_var("BINDIR"), f"python{sysconfig.get_python_version()}")
    library = Path(sysconfig.get_path("stdlib"))
    files = {program: program.resolve(), **{path: path for path in _standard_library(library)}}
    modules = [path for path in files if path.suffix == ".so"]
    files |= {path: path.resolve() for path in _shared_libraries([program, *modules])}
    links = [symlink(f"usr/local/bin/{each}", str(program)) for each in ("python", "python3")]
    parents = {parent for path in files for parent in path.parents if parent != Path("/")}
    folders = sorted({*map(str, parents), "/usr/local", "/usr/local/bin"})
    return tar(
        [
            *(directory(folder[1:]) for folder in folders),
            *(_member(path, source) for path, source in sorted(files.items())),
            *links,
        ]
    )


def _member(path: Path, source: Path) -> tuple[tarfile.TarInfo, bytes]:
    return entry(str(path)[1:], source.read_bytes(), mode=source.stat().st_mode & 0o777)


def _standard_library(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in _UNUSED or path.name.startswith("config-"):
            continue
        if path.is_dir():
            yield from _standard_library(path)
        elif path.is_file() and path.suffix != ".a":
            yield path


def _shared_libraries(programs: Iterable[Path]) -> set[Path]:
    shown = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False)
    return {Path(each) for each in re.findall(r"^\t(?:\S+ => )?(/\S+)", shown.stdout, re.MULTILINE)}
