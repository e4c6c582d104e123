"""ADD of URLs, remote contexts and repositories."""

import functools
import hashlib
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.boxshipd import Boxshipd
from support.builds import BASE, Builder
from support.rootfs import directory, entry, tar

pytestmark = pytest.mark.root

GIT = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a"}
GIT |= {"GIT_COMMITTER_EMAIL": "a@b", "HOME": "/nonexistent", "PATH": os.environ["PATH"]}


class Site(http.server.SimpleHTTPRequestHandler):
    """Files, and a few paths that redirect or fail; `/repo.git` is served by git's own program."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        if ".git/" in self.path:
            self._git(b"")
        elif self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/").replace("%3A", ":"))
            self.end_headers()
        elif self.path == "/round":
            self.send_response(302)
            self.send_header("Location", "/round")
            self.end_headers()
        elif self.path.startswith("/any/"):
            self.send_response(200)
            self.end_headers()
        elif self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"only this")
        else:
            super().do_GET()

    def do_POST(self) -> None:
        self._git(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def _git(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        environment = {
            **GIT,
            "GIT_PROJECT_ROOT": self.directory,
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, check=True
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        status = next((value for name, value in headers if name == "Status"), "200 OK")
        self.send_response(int(status.split()[0]))
        for name, value in headers:
            if name != "Status":
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A loopback server's address and its folder."""
    root = tmp_path / "site"
    root.mkdir()
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Site, directory=str(root))
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", root
        server.shutdown()
        thread.join()


def test_a_url_becomes_a_file(builder: Builder, site: tuple[str, Path]) -> None:
    url, root = site
    (root / "file.txt").write_text("from afar")
    os.utime(root / "file.txt", (1_000_000_000, 1_000_000_000))
    (root / "a.tar").write_bytes(tar([entry("inner", b"x")]))
    built = builder.build(
        f"FROM $BASE\nADD {url}/file.txt /x/\nADD {url}/file.txt /y\nADD {url}/a.tar /z/\n"
        f"ADD {url}/to/{url}/file.txt /w\nADD --chown=app --chmod=644 {url}/file.txt?q=1#f /v/\n"
    ).ok()
    script = "cat /x/file.txt /y /w; stat -c '%a %u %Y' /x/file.txt /v/file.txt; ls /z"
    said = builder.sh(built.image, script)
    assert said == "from afar" * 3 + "600 0 1000000000\n644 1000 1000000000\na.tar"


def test_a_url_is_fetched_each_time_and_counts_by_content(
    builder: Builder, site: tuple[str, Path]
) -> None:
    url, root = site
    text = f"FROM $BASE\nADD {url}/f /f\nRUN date +%s%N > /when\n"
    (root / "f").write_text("1")
    first = builder.build(text).ok()
    assert builder.build(text).ok().image == first.image
    (root / "f").write_text("2")
    assert builder.sh(builder.build(text).ok().image, "cat /f") == "2"


def test_checksums(builder: Builder, site: tuple[str, Path]) -> None:
    url, root = site
    (root / "f").write_text("1")
    good = "sha256:" + hashlib.sha256(b"1").hexdigest()
    builder.build(f"FROM $BASE\nADD --checksum={good} {url}/f /f\n").ok()
    bad = "sha256:" + hashlib.sha256(b"2").hexdigest()
    assert (
        "digest mismatch" in builder.build(f"FROM $BASE\nADD --checksum={bad} {url}/f /f\n").error
    )
    for nonsense in ("sha256:12", "md5:1", "x", ""):
        assert builder.build(f"FROM $BASE\nADD --checksum={nonsense} {url}/g /f\n").error


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/nosuch", "with status 404"),
        ("/round", ""),
        ("/short", ""),
        ("/to/file:///etc/passwd", ""),
        ("/to/unix:///etc/passwd", ""),
        ("/to/http://[", ""),
        ("/..%2f..%2fescaped", ""),
        ("/any/" + "a" * 300, "File name too long"),
        ("/to/http://127.0.0.1:1/x", "connection refused"),
    ],
)
def test_downloads_that_fail(
    builder: Builder, site: tuple[str, Path], path: str, said: str
) -> None:
    url, _ = site
    built = builder.build(f"FROM $BASE\nADD {url}{path} /x/\n")
    assert built.error.startswith("ADD failed: ")
    assert said in built.error
    assert "Traceback" not in built.error


def test_remote_contexts(builder: Builder, site: tuple[str, Path]) -> None:
    url, root = site
    (root / "Dockerfile.txt").write_text(f"FROM {BASE}\nENV FROM_URL=1\n")
    built = builder.build_tar(b"", remote=f"{url}/Dockerfile.txt").ok()
    assert builder.sh(built.image, "echo $FROM_URL") == "1"
    context = tar([entry("sub/Dockerfile", f"FROM {BASE}\nCOPY f /\n".encode()), entry("f", b"hi")])
    (root / "c.tar.gz").write_bytes(__import__("gzip").compress(context))
    built = builder.build_tar(b"", remote=f"{url}/c.tar.gz", dockerfile="sub/Dockerfile").ok()
    assert builder.sh(built.image, "cat /f") == "hi"
    for remote in (
        f"{url}/nosuch",
        "file:///etc/passwd",
        "/etc",
        "http://127.0.0.1:1/x",
        "nonsense",
    ):
        built = builder.build_tar(b"", remote=remote)
        assert built.error, remote


@pytest.fixture
def repository(site: tuple[str, Path]) -> str:
    """A bare repository on the site: main, a branch, a tag; a symlink that points out."""
    if not shutil.which("git"):
        pytest.skip("needs git")
    url, root = site
    work = root.parent / "work"
    (work / "sub").mkdir(parents=True)

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=work, env=GIT, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    (work / "Dockerfile").write_text(f"FROM {BASE}\nCOPY . /c\nENV WHERE=main\n")
    (work / "sub" / "Dockerfile").write_text(f"FROM {BASE}\nCOPY . /c\nENV WHERE=sub\n")
    (work / "out").symlink_to("/etc")
    git("add", ".")
    git("commit", "-qm", "one")
    git("tag", "v1")
    git("checkout", "-qb", "feature/x")
    (work / "Dockerfile").write_text(f"FROM {BASE}\nENV WHERE=branch\n")
    git("commit", "-qam", "two")
    git("checkout", "-q", "main")
    subprocess.run(
        ["git", "clone", "-q", "--bare", work, root / "repo.git"],
        env=GIT,
        check=True,
        capture_output=True,
    )
    return f"{url}/repo.git"


@pytest.mark.parametrize(
    ("fragment", "where"),
    [
        ("", "main"),
        ("#main", "main"),
        ("#v1:sub", "sub"),
        ("#:sub", "sub"),
        ("#feature/x", "branch"),
        ("#:sub/", "sub"),
    ],
)
def test_repositories(builder: Builder, repository: str, fragment: str, where: str) -> None:
    built = builder.build_tar(b"", remote=repository + fragment).ok()
    assert builder.sh(built.image, "echo $WHERE; ls -A /c 2>/dev/null | grep git || true") == where


def test_a_commit_by_its_id(builder: Builder, repository: str, tmp_path: Path) -> None:
    commit = subprocess.run(
        ["git", "rev-parse", "v1"],
        cwd=tmp_path / "work",
        env=GIT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    builder.build_tar(b"", remote=f"{repository}#{commit}").ok()


@pytest.mark.parametrize(
    "fragment",
    [
        "#--upload-pack=touch${IFS}/tmp/boxship-pwned",
        "#-c",
        "#nosuch",
        "#main:../..",
        "#main:out",
        "#main:Dockerfile",
        "#main:nosuch",
        "#a b",
        "#main..v1",
        "#@{-1}",
    ],
)
def test_hostile_references(builder: Builder, repository: str, fragment: str) -> None:
    built = builder.build_tar(b"", remote=repository + fragment)
    assert built.error, built.text
    assert not Path("/tmp/boxship-pwned").exists()


@pytest.mark.parametrize(
    "remote",
    [
        "git://127.0.0.1:1/x",
        "git@--upload-pack=touch${IFS}/tmp/boxship-pwned:x",
        "git@-oProxyCommand=touch${IFS}/tmp/boxship-pwned:x",
        "ext::sh -c touch% /tmp/boxship-pwned",
        "file:///etc/x.git",
        "--upload-pack=touch /tmp/boxship-pwned",
        "https://-oProxyCommand=x/y.git",
    ],
)
def test_hostile_repositories(builder: Builder, remote: str) -> None:
    assert builder.build_tar(b"", remote=remote).error
    assert not Path("/tmp/boxship-pwned").exists()


def test_submodules_that_leave_the_network(
    builder: Builder, repository: str, site: tuple[str, Path], shared: Boxshipd
) -> None:
    """A submodule may not be a folder of the host."""
    _, root = site
    for url in (
        f"file://{root}/repo.git",
        f"{root}/repo.git",
        "ext::sh -c touch% /tmp/boxship-pwned",
    ):
        work = root.parent / "work"
        (work / ".gitmodules").write_text(f'[submodule "m"]\n\tpath = m\n\turl = {url}\n')
        script = (
            "git add .gitmodules; git update-index --add --cacheinfo 160000,$(git rev-parse v1),m; "
            f"git commit -qm sub --allow-empty; git push -qf {root}/repo.git main"
        )
        subprocess.run(["sh", "-ec", script], cwd=work, env=GIT, check=True, capture_output=True)
        assert builder.build_tar(b"", remote=repository).error, url
    assert not Path("/tmp/boxship-pwned").exists()
    assert list((shared.data_root / "builds").iterdir()) == []


def test_a_directory_of_the_context_named_git(builder: Builder) -> None:
    members = [
        directory(".git"),
        entry(".git/config", b"[core]\n\tfsmonitor = touch /tmp/boxship-pwned\n"),
    ]
    builder.build_tar(
        tar([entry("Dockerfile", builder.filled("FROM $BASE\nCOPY . /c\n")), *members])
    ).ok()
    assert not Path("/tmp/boxship-pwned").exists()


def test_a_repository_brings_no_configuration(
    builder: Builder, repository: str, site: tuple[str, Path]
) -> None:
    """What a checkout puts into its folder is nobody's ~/.gitconfig: it could name programs to run."""
    _, root = site
    work = root.parent / "work"
    hostile = (
        "[core]\n\tfsmonitor = touch /tmp/boxship-pwned\n"
        '[submodule "m"]\n\turl = /nowhere\n\tactive = true\n'
    )
    (work / ".gitconfig").write_text(hostile)
    (work / ".config" / "git").mkdir(parents=True)
    (work / ".config" / "git" / "config").write_text(hostile)
    (work / ".gitmodules").write_text('[submodule "m"]\n\tpath = m\n\turl = ./x\n')
    script = (
        "git add -f .gitconfig .config .gitmodules; "
        "git update-index --add --cacheinfo 160000,$(git rev-parse v1),m; "
        f"git commit -qm config; git push -qf {root}/repo.git main"
    )
    subprocess.run(["sh", "-ec", script], cwd=work, env=GIT, check=True, capture_output=True)
    builder.build_tar(b"", remote=repository)
    assert not Path("/tmp/boxship-pwned").exists()


def test_every_extra_host_is_in_etc_hosts(builder: Builder) -> None:
    """Clients repeat the parameter for each."""
    hosts = ("one.test:192.0.2.1", "two.test:192.0.2.2")
    built = builder.build("FROM $BASE\nRUN cat /etc/hosts # $TOKEN\n", extrahosts=hosts).ok()
    assert "192.0.2.1\tone.test\n192.0.2.2\ttwo.test\n" in built.text
