"""The same command line given to docker and to boxship: the same requests reach the daemon.

A recording socket stands in for the daemon, so this judges only what the two programs send.
"""

import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.boxship_cli import run
from support.recording_daemon import RecordingDaemon, Request

RUN = """
run {i} true
run -d --rm {i}
run -d --network host {i}
run -d --network container:web {i}
run -d --network a --network-alias x --ip 1.2.3.4 --link z:y --mac-address 92:d0:c6:0a:29:33 {i}
run -d --network name=a,alias=b,ip6=::2,driver-opt=x=y,mac-address=92:d0:c6:0a:29:33,gw-priority=3 --network c {i}
run -d --net a --net-alias b --dns-opt x {i}
run -d --mac-address 92:d0:c6:0a:29:33 {i}
run -d -p 80 -p 81:82 -p 127.0.0.1:83:84/udp -p 90-91:92-93 -p [::1]:5:6 {i}
run -d --expose 7 --expose 8-9/udp -p published=10,target=11,protocol=udp -P {i}
run -d -p 8000-8002:80 -p 127.0.0.1::90 {i}
run -d -v /a:/b:ro -v vol:/c -v /anon --volumes-from x --volume-driver d {i}
run -d --mount type=bind,src=/x,dst=/y,readonly,bind-propagation=rslave {i}
run -d --mount type=bind,src=/x,dst=/y,bind-recursive=disabled --mount type=bind,src=/x,dst=/z,ro,bind-recursive=writable {i}
run -d --mount src=v,dst=/z,volume-opt=a=b,volume-label=c=d,volume-nocopy --mount type=volume,src=v,dst=/q,volume-subpath=s {i}
run -d --mount type=tmpfs,dst=/t,tmpfs-size=5m,tmpfs-mode=1777 --tmpfs /q:size=1m --tmpfs /w {i}
run -d --mount '"type=volume","src=a,b","dst=/c"' {i}
run -d --device /dev/null --device /dev/zero:/dev/z:r --device /dev/full:rw {i}
run -d --gpus all {i}
run -d --gpus 2 {i}
run -d --gpus '"device=0,1","capabilities=compute"' {i}
run -d --ulimit nofile=1:2 --ulimit core=5 --ulimit core=6 {i}
run -d --device-read-bps /dev/x:1mb --device-write-iops /dev/x:5 --blkio-weight-device /dev/x:100 --blkio-weight 10 {i}
run -d --health-cmd x --health-interval 5s --health-timeout 1m30s --health-start-period 1h --health-start-interval 1.5s --health-retries 3 {i}
run -d --no-healthcheck --entrypoint x --init --init=false {i}
run -d --entrypoint= --security-opt no-new-privileges --security-opt systempaths=unconfined {i}
run -d --security-opt seccomp={seccomp} --security-opt apparmor=x --security-opt label:disable {i}
run -d --storage-opt size=5 --log-driver x --log-opt a=b --log-opt c {i}
run -d --sysctl net.a=b --annotation q=r --stop-signal X --stop-timeout 5 --runtime r {i}
run -d --platform linux/arm64/v8 {i}
run -d --platform arm64 {i}
run -d --dns 1.1.1.1 --dns-search a.b --dns-option ndots:1 --add-host a:1.2.3.4 --add-host b=::1 --add-host c:host-gateway {i}
run -d --cap-add NET_ADMIN --cap-drop all --group-add 1 --privileged --read-only {i}
run -d --cap-add all --cap-drop cap_net_raw {i}
run -d -e A=1 -e A=2 -e NOPE_X {i}
run -d --env-file {envfile} {i}
run -d -l a=b -l c --label-file {envfile} {i}
run -d --restart on-failure:3 -h h --domainname d -u 1:2 -w /w {i}
run -d --restart always {i}
run -d --pid host --ipc host --uts host --userns host --cgroupns host {i}
run -d -m 512m --memory-swap -1 --memory-reservation 1g --memory-swappiness 5 --kernel-memory 4m --oom-kill-disable --oom-score-adj -5 {i}
run -d --cpus 1.5 -c 5 --cpu-period 6 --cpu-quota 7 --cpu-rt-period 8 --cpu-rt-runtime 9 --cpuset-cpus 0-1 --cpuset-mems 0 --pids-limit 10 --shm-size 64KiB --cgroup-parent x {i}
run -i -a stdin {i}
run -a stdout {i}
run -d --name n --cidfile {tmp}/cid{n} {i} a b
run -it=false --rm=true -P=false {i}
create --name x {i} a -b --c
"""
OTHERS = """
pull busybox
pull -a busybox
pull localhost:5000/a/b:c
pull busybox@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
pull -q --platform linux/arm64 busybox
push busybox:x
push -a localhost:5000/a
exec web ls
exec -d -e A=1 -w /x -u u --privileged web ls -l
exec -i web cat
start web
start -a web
start -ai web
attach web
attach --no-stdin web
stop web
stop -t 5 -s INT a
stop --time 3 a
restart -t 1 a
kill -s HUP web
rm -fvl web
pause web
unpause web
wait web
rename a b
update -m 5m --memory-swap -1 --cpus 2 --pids-limit 3 --restart always web
port web
top web -o pid
diff web
logs -f --since 1 --tail 5 -t --details --until 9 web
logs --since 2026-01-02T03:04:05.5Z web
logs --since 2026-01-02T03:04:05+01:00 web
commit -m x -a me -c 'CMD x' -p=false web a:b
commit web
export -o {tmp}/x.tar web
import -c 'CMD x' -m y --platform linux/amd64 {archive} a:b
import http://x/y a
save -o {tmp}/x.tar a b
save --platform linux/amd64 -o {tmp}/x.tar a
load -i {archive}
tag a:b c:d
tag a localhost:5000/c
rmi -f --no-prune a
history a
images -a --digests -f dangling=true x
images -f label=a -f label=b
ps -f status=running -f status=paused -n 3 -s
ps -l
ps -a
ps --format {{{{.Size}}}}
search foo
search --filter is-official=true --limit 5 foo
login -u a -p b
login -u a -p b localhost:5000
logout
events --since 1 --until 2 -f type=container
inspect web
inspect -s web
inspect --type image x
image inspect x
network inspect x
volume inspect x
network create net
network create --subnet 10.0.0.0/24 --gateway 10.0.0.1 --ip-range 10.0.0.0/25 --aux-address a=10.0.0.2 -o a=b --label x=y --internal --attachable --ipv6 -d bridge net
network create --subnet 10.0.0.0/24 --subnet fd00::/64 --gateway fd00::1 --ipv4=false net
network connect --alias a --ip 10.0.0.3 --link a:b net web
network connect --driver-opt a=b --gw-priority 4 net web
network disconnect -f net web
network ls -f driver=x
network rm a
volume create
volume create -d local -o type=tmpfs -o device=x --label a=b vol
volume ls -f dangling=true
volume rm -f a
image prune -f
image prune -af --filter until=1h
container prune -f --filter label=a
volume prune -f
volume prune -af
network prune -f
info
version
cp web:/etc {tmp}/etc
"""
BUILDS = """
build {context}
build -f {context}/other {context}
build -t a -t b:1 --label l=m --target x --no-cache --pull --rm=false --force-rm {context}
build --build-arg X=1 --build-arg NOPE_X {context}
build -m 5m --memory-swap -1 --cpu-shares 3 --cpuset-cpus 0 --cpu-period 5 --cpu-quota 6 --cgroup-parent z {context}
build --network host --add-host a:1.2.3.4 --ulimit nofile=5 --shm-size 1m --cache-from q,r --security-opt a=b {context}
build --platform linux/arm64 {context}
"""
COMPARED = ("x-registry-auth", "x-registry-config", "upgrade")
# what docker asks before, and what boxship knows without asking
SUPERFLUOUS = {
    "exec": ("GET", "/containers/web/json"),
    "attach": ("GET", "/containers/web/json"),
    "network": ("GET", "/networks/a"),
}


def _lines(text: str) -> list[str]:
    return [line for line in text.strip().splitlines() if line]


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordingDaemon]:
    if not shutil.which("docker"):
        pytest.skip("needs the docker CLI")
    with RecordingDaemon(tmp_path_factory.mktemp("recorder") / "sock") as daemon:
        yield daemon


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("files")
    (folder / "seccomp.json").write_text('{ "defaultAction": "SCMP_ACT_ALLOW",\n "a": [1, "x y"] }')
    (folder / "env").write_text("# comment\n\nONE=1\nNOPE_Y\n  TWO=two words\nEMPTY=\n")
    (folder / "archive.tar").write_bytes(bytes(10240))
    context = folder / "context"
    (context / "sub").mkdir(parents=True)
    (context / "Dockerfile").write_text("FROM x\n")
    (context / "other").write_text("FROM y\n")
    (context / "sub" / "ignored").write_text("1")
    (context / ".dockerignore").write_text("sub\n!sub/kept\nDockerfile\n")
    return {
        "i": "busybox",
        "tmp": str(folder),
        "seccomp": str(folder / "seccomp.json"),
        "envfile": str(folder / "env"),
        "archive": str(folder / "archive.tar"),
        "context": str(context),
    }


def normal(request: Request) -> tuple[Any, ...]:
    """A request as it is compared: JSON as values, lists that docker fills from maps in one order."""
    try:
        body = request.json
    except ValueError:
        body = len(request.body) > 0
    if isinstance(body, dict):
        body["Env"] = sorted(body.get("Env") or [])
        host = body.get("HostConfig") or {}
        host["Binds"] = sorted(host.get("Binds") or [])
        ipam = body.get("IPAM") or {}
        ipam["Config"] = sorted(ipam.get("Config") or [], key=str)
    query = [(k, json.loads(v) if v.startswith(("{", "[")) else v) for k, v in request.query]
    headers = {name: request.headers.get(name) for name in COMPARED}
    return request.method, request.path, query, headers, body


def sent(
    recorder: RecordingDaemon, program: str, args: list[str], cwd: Path
) -> tuple[int, list[tuple[Any, ...]]]:
    """The exit code and the requests of one command line."""
    extra = {"HOME": str(cwd), "DOCKER_CONFIG": str(cwd / "config")}
    result = run(program, tuple(args), recorder.url, extra=extra, cwd=cwd)
    requests = [normal(request) for request in recorder.take()]
    dropped = SUPERFLUOUS.get(args[0])
    requests = [r for r in requests if r[:2] != dropped]
    if args[0] == "run" and "-d" in args:  # docker asks for an exit status that it never shows
        requests = [r for r in requests if not r[1].endswith("/wait")]
    return result.code, requests


def compare(recorder: RecordingDaemon, line: str, values: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    results = []
    for number, program in enumerate(("docker", "boxship")):
        args = shlex.split(line.format(**{**values, "n": str(number)}))
        code, requests = sent(recorder, program, args, tmp_path)
        text = json.dumps(requests).replace(f"cid{number}", "cid")
        results.append((code, json.loads(text)))
    docker, boxship = results
    assert boxship[0] == docker[0]
    assert boxship[1] == docker[1]
    assert docker[1]


@pytest.mark.parametrize("line", _lines(RUN))
def test_run_sends_what_docker_sends(
    recorder: RecordingDaemon, files: dict[str, str], tmp_path: Path, line: str
) -> None:
    compare(recorder, line, files, tmp_path)


@pytest.mark.parametrize("line", _lines(OTHERS))
def test_verb_sends_what_docker_sends(
    recorder: RecordingDaemon, files: dict[str, str], tmp_path: Path, line: str
) -> None:
    if line == "logout":
        (tmp_path / "config").mkdir()
        assert sent(recorder, "boxship", ["logout"], tmp_path) == (0, [])
        return
    compare(recorder, line, files, tmp_path)


@pytest.mark.parametrize("line", _lines(BUILDS))
def test_build_sends_what_docker_sends(
    recorder: RecordingDaemon, files: dict[str, str], tmp_path: Path, line: str
) -> None:
    compare(recorder, line, files, tmp_path)


def test_the_context_has_the_same_files(
    recorder: RecordingDaemon, files: dict[str, str], tmp_path: Path
) -> None:
    """Names, kinds, modes, owners and contents; the order and the times are the file system's."""
    import io
    import tarfile

    found = []
    for program in ("docker", "boxship"):
        run(program, ("build", files["context"]), recorder.url, extra={"HOME": str(tmp_path)})
        (request,) = recorder.take()
        with tarfile.open(fileobj=io.BytesIO(request.body)) as archive:
            entries = {}
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                entries[member.name] = (
                    member.type,
                    member.mode,
                    member.uid,
                    content.read() if content else b"",
                )
            found.append(entries)
    assert found[1] == found[0]


def test_boxship_pings_nobody(recorder: RecordingDaemon, tmp_path: Path) -> None:
    """One request is all that `ps` takes."""
    assert len(sent(recorder, "boxship", ["ps"], tmp_path)[1]) == 1


def test_an_older_daemon_is_spoken_to_in_its_version(
    recorder: RecordingDaemon, tmp_path: Path
) -> None:
    from boxship.client.address import parse_address
    from boxship.client.http import Client

    message = "client version 1.51 is too new. Maximum supported API version is 1.44"
    recorder.answers.insert(0, ("GET", "/containers/json", 400, {"message": message}))
    client = Client(parse_address(recorder.url))
    try:
        response = client.request("GET", "/containers/json", ok=(400,))
        assert response.json() == {"message": message}
        with pytest.raises(Exception, match=r"Maximum supported API version is 1\.44"):
            client.get("/containers/json")
        assert client.version == "1.44"
    finally:
        recorder.answers.pop(0)
        client.close()
        recorder.take()
