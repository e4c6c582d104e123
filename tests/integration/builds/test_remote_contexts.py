"""Where contexts come from: downloads and git repositories that want more than they should (D06, D07)."""

import hashlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from boxship.engine.builds.context import clone_context, download, download_context, is_git_url
from boxship.errors import BoxshipError, InvalidArgument

pytestmark = pytest.mark.root


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[str]:
    """Serves files of `served`, and redirects `/to?URL`."""
    served = tmp_path / "served"
    served.mkdir()

    async def redirect(request: web.Request) -> web.Response:
        raise web.HTTPFound(request.query_string)

    application = web.Application()
    application.router.add_get("/to", redirect)
    application.router.add_static("/", served)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    path = tmp_path / "here"
    path.mkdir()
    return path


async def test_a_download_has_its_name_and_checksum(
    server: str, here: Path, tmp_path: Path
) -> None:
    (tmp_path / "served" / "f.txt").write_text("content")
    digest = hashlib.sha256(b"content").hexdigest()
    path = await download(f"{server}/f.txt?x=y", here, f"sha256:{digest}")
    assert (path.name, path.read_text(), path.stat().st_mode & 0o777) == ("f.txt", "content", 0o600)
    (here / "f.txt").unlink()
    with pytest.raises(InvalidArgument, match="digest mismatch"):
        await download(f"{server}/f.txt", here, f"sha256:{'0' * 64}")


@pytest.mark.parametrize("path", ["/..", "/x/..%2f..%2fetc%2fpasswd", "/%00", "/", "/x/"])
async def test_a_name_never_leads_anywhere(server: str, here: Path, path: str) -> None:
    with pytest.raises(InvalidArgument):
        await download(f"{server}{path}", here)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    "target",
    ["http://169.254.169.254/latest/meta-data", "http://[fe80::1]/x", "file:///etc/passwd"],
)
async def test_where_downloads_do_not_go(server: str, here: Path, target: str) -> None:
    for url in (target, f"{server}/to?{target}"):
        with pytest.raises(InvalidArgument):
            await download(f"{url}#/f" if url == target else url, here)


async def test_a_missing_file_is_said_as_docker_says_it(server: str, here: Path) -> None:
    with pytest.raises(InvalidArgument) as raised:
        await download(f"{server}/nope", here)
    assert str(raised.value) == f"failed to GET {server}/nope with status 404 Not Found"


async def test_a_remote_dockerfile_goes_nowhere_else(
    server: str, here: Path, tmp_path: Path
) -> None:
    (tmp_path / "served" / "f").write_text("FROM scratch\n")
    context = here / "context"
    context.mkdir()
    assert await download_context(f"{server}/f", context, "../../evil") == "Dockerfile"
    assert (context / "Dockerfile").read_text() == "FROM scratch\n"
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("git://x/y", True),
        ("git@x:y", True),
        ("github.com/x/y", True),
        ("https://x/y.git", True),
        ("https://x/y.git#main:sub", True),
        ("https://x/y.tar.gz", False),
        ("ext::sh -c x.git", False),
        ("file:///x.git", False),
        ("/x.git", False),
    ],
)
def test_what_is_a_repository(url: str, expected: bool) -> None:
    assert is_git_url(url) is expected


def git(directory: Path, *words: str) -> None:
    identity = ("-c", "user.name=x", "-c", "user.email=x@y")
    subprocess.run(["git", *identity, *words], cwd=directory, check=True, capture_output=True)


@pytest.fixture
def repository(server: str, tmp_path: Path) -> str:
    """A repository full of traps; the URL of it."""
    work = tmp_path / "work"
    (work / "sub").mkdir(parents=True)
    git(work, "init", "-q", "-b", "main")
    (work / "Dockerfile").write_text("FROM scratch\n")
    (work / "sub" / "f").write_text("f")
    trap = f"touch {tmp_path}/sprung"
    (work / ".gitconfig").write_text(
        f'[core]\n\tfsmonitor = {trap}\n\tsshCommand = {trap}\n[filter "x"]\n\tsmudge = {trap}\n'
    )
    (work / ".gitattributes").write_text("* filter=x\n")
    (work / ".gitmodules").write_text('[submodule "m"]\n\tpath = m\n\turl = ext::sh -c x\n')
    (work / "escape").symlink_to("/etc")
    (work / "link").symlink_to("sub")
    git(work, "add", "-A")
    git(work, "commit", "-qm", "x")
    git(work, "branch", "other")
    git(work, "tag", "v1")
    git(tmp_path, "clone", "-q", "--bare", str(work), str(tmp_path / "served" / "r.git"))
    git(tmp_path / "served" / "r.git", "update-server-info")
    return f"{server}/r.git"


@pytest.mark.parametrize("reference", ["", "#main", "#other", "#v1", "#main:", "#:.", "#:/../.."])
async def test_a_repository_becomes_a_context(
    repository: str, here: Path, tmp_path: Path, reference: str
) -> None:
    context = await clone_context(repository + reference, here)
    assert (context / "Dockerfile").read_text() == "FROM scratch\n"
    assert not (context / ".git").exists()
    assert not (tmp_path / "sprung").exists()


async def test_a_commit_and_a_folder(repository: str, here: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        ["git", "rev-parse", "main"], cwd=tmp_path / "work", capture_output=True, check=True
    )
    context = await clone_context(f"{repository}#{done.stdout.decode().strip()}:sub", here)
    assert [each.name for each in context.iterdir()] == ["f"]


@pytest.mark.parametrize(
    "fragment",
    [
        "#:../..",
        "#:escape",
        "#:link",
        "#:nope",
        "#:Dockerfile",
        "#--upload-pack=touch sprung",
        "#-x",
        "#nope",
        "#a b",
    ],
)
async def test_fragments_that_lead_out(
    repository: str, here: Path, tmp_path: Path, fragment: str
) -> None:
    with pytest.raises(BoxshipError):
        await clone_context(repository + fragment, here)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("url", ["ext::sh -c 'touch {}/sprung'", "file://{}/served/r.git", "--x"])
async def test_other_protocols_are_refused(
    repository: str, here: Path, tmp_path: Path, url: str
) -> None:
    with pytest.raises(BoxshipError):
        await clone_context(url.format(tmp_path), here)
    assert not (tmp_path / "sprung").exists()
