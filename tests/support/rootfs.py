"""A root file system and small programs to test with, made from what the machine has."""

import io
import shutil
import struct
import subprocess
import tarfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PASSWD = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\napp:x:1000:1001::/home/app:/bin/sh\n"
GROUP = b"root:x:0:\nnobody:x:65534:\napp:x:1001:\nwheel:x:10:app\nextra:x:2000:app\n"
DIRECTORIES = [
    "bin",
    "etc",
    "proc",
    "sys",
    "dev",
    "tmp",
    "root",
    "usr",
    "usr/bin",
    "var",
    "var/run",
    "home",
    "home/app",
]
# s = socket(AF_INET, SOCK_DGRAM); bind(s, port 80); for (;;) sendto(s, what recvfrom(s) gave, its sender)
UDP_ECHO_X86_64 = bytes.fromhex(
    "6a29586a025f6a025e31d20f0589c34881ec00100000c704240200005048c744240400000000c744240c00000000"
    "89df4889e66a105a6a31580f0585c07842c74424201000000089df488d742440ba000800004531d24989e04c8d4c"
    "24206a2d580f0585c0781a89df488d74244089c24531d24989e06a1041596a2c580f05ebbef7d889c76a3c580f05"
)
RETURNS_X86_64 = bytes.fromhex("f7d8 89c7 b83c000000 0f05")  # exit(-result)


def entry(
    name: str,
    data: bytes = b"",
    *,
    kind: bytes = tarfile.REGTYPE,
    mode: int = 0o644,
    link: str = "",
    uid: int = 0,
    gid: int = 0,
) -> tuple[tarfile.TarInfo, bytes]:
    """One member of a tar archive."""
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.linkname = kind, mode, len(data), link
    info.uid, info.gid = uid, gid
    return info, data


def directory(name: str, mode: int = 0o755) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, kind=tarfile.DIRTYPE, mode=mode)


def symlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, kind=tarfile.SYMTYPE, mode=0o777, link=target)


def tar(entries: Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """An archive of *entries*, in order and as hostile as they are."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def untar(data: bytes) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    """Members of an archive by name, with their content."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = {}
        for info in archive:
            file = archive.extractfile(info) if info.isfile() else None
            members[info.name] = (info, file.read() if file else b"")
        return members


@cache
def busybox() -> bytes:
    """A root file system: static busybox with all its applets, users root, nobody and app; udp-echo."""
    path = shutil.which("busybox")
    assert path, "these tests need busybox (Debian: busybox-static)"
    listing = subprocess.run([path, "--list"], check=True, capture_output=True, text=True)
    return tar(
        [
            *(directory(name, 0o1777 if name == "tmp" else 0o755) for name in DIRECTORIES),
            entry("bin/busybox", Path(path).read_bytes(), mode=0o755),
            *(symlink(f"bin/{a}", "busybox") for a in listing.stdout.split() if a != "busybox"),
            entry("etc/passwd", PASSWD),
            entry("etc/group", GROUP),
            entry("bin/udp-echo", program(UDP_ECHO_X86_64), mode=0o755),
        ]
    )


def syscall_probe(number: int, *arguments: int) -> bytes:
    """A static x86-64 program that makes one system call and exits with its errno."""
    registers = ("bf", "be", "ba", "49c7c2")  # mov edi, esi, edx, r10
    code = b"".join(
        bytes.fromhex(opcode) + struct.pack("<I", value)
        for opcode, value in zip(registers, arguments, strict=False)
    )
    return program(code + b"\xb8" + struct.pack("<I", number) + b"\x0f\x05" + RETURNS_X86_64)


def program(code: bytes) -> bytes:
    """A static x86-64 executable of position-independent machine code."""
    base, size = 0x400000, 64 + 56 + len(code)
    identity = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    return identity + header + segment + code
