import json
from pathlib import Path
from typing import Any

import pytest

from boxship.errors import InvalidArgument
from boxship.model.container import DeviceRequest
from boxship.runtime import cdi

VENDOR = {
    "cdiVersion": "0.6.0",
    "kind": "acme.com/gizmo",
    "devices": [
        {
            "name": "one",
            "containerEdits": {
                "deviceNodes": [
                    {"path": "/dev/gizmo", "hostPath": "/dev/null", "permissions": "rw"},
                    {"path": "/dev/odd", "type": "c", "major": 9, "minor": 8, "uid": 7},
                ],
                "mounts": [
                    {
                        "hostPath": "/opt",
                        "containerPath": "/opt/acme/lib",
                        "options": ["ro", "bind"],
                    }
                ],
            },
        },
        {"name": "two", "containerEdits": {"env": ["A=2"], "additionalGids": [44]}},
    ],
    "containerEdits": {
        "env": ["A=1", "COMMON=yes"],
        "hooks": [{"hookName": "createContainer", "path": "/bin/h", "args": ["h", "x"]}],
    },
}


def a_spec() -> dict[str, Any]:
    return {
        "process": {"env": ["PATH=/bin", "A=0"], "user": {"uid": 0, "gid": 5}},
        "mounts": [{"destination": "/dev/pts"}, {"destination": "/opt"}],
        "linux": {"resources": {"devices": [{"allow": False, "access": "rwm"}]}},
    }


def given(directory: Path, *names: str, **request: Any) -> dict[str, Any]:
    spec = a_spec()
    asked = DeviceRequest(driver="cdi", device_ids=names, **request)
    cdi.give(spec, [asked], [str(directory)])
    return spec


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "acme.json").write_text(json.dumps(VENDOR))
    return tmp_path


def test_a_device_brings_its_nodes_mounts_and_what_is_common(folder: Path) -> None:
    spec = given(folder, "acme.com/gizmo=one")
    assert spec["process"]["env"] == ["PATH=/bin", "A=1", "COMMON=yes"]
    assert spec["linux"]["devices"] == [
        {"path": "/dev/gizmo", "type": "c", "major": 1, "minor": 3, "fileMode": 0o666, "gid": 5},
        {"path": "/dev/odd", "type": "c", "major": 9, "minor": 8, "uid": 7, "gid": 5},
    ]
    assert spec["linux"]["resources"]["devices"][1:] == [
        {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rw"},
        {"allow": True, "type": "c", "major": 9, "minor": 8, "access": "rwm"},
    ]
    assert [mount["destination"] for mount in spec["mounts"]] == [
        "/opt",
        "/dev/pts",
        "/opt/acme/lib",
    ]
    assert spec["hooks"] == {"createContainer": [{"path": "/bin/h", "args": ["h", "x"], "env": []}]}


def test_what_is_common_comes_once_and_first(folder: Path) -> None:
    spec = given(folder, "acme.com/gizmo=one", "acme.com/gizmo=two")
    assert spec["process"]["env"] == ["PATH=/bin", "A=2", "COMMON=yes"]
    assert len(spec["hooks"]["createContainer"]) == 1
    assert spec["process"]["user"]["additionalGids"] == [44]


def test_a_device_that_nobody_describes_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidArgument) as refused:
        given(folder, "acme.com/gizmo=one", "acme.com/gizmo=nine", "x.y/z=0")
    assert str(refused.value) == (
        "CDI device injection failed: unresolvable CDI devices acme.com/gizmo=nine, x.y/z=0"
    )


def test_a_node_that_the_host_lacks_is_refused(folder: Path) -> None:
    text = json.dumps(VENDOR).replace("/dev/null", "/dev/nonesuch")
    (folder / "acme.json").write_text(text)
    with pytest.raises(InvalidArgument) as refused:
        given(folder, "acme.com/gizmo=one")
    assert str(refused.value) == (
        "CDI device injection failed: failed to inject devices: failed to stat CDI host device "
        '"/dev/nonesuch": no such file or directory'
    )


def test_the_later_folder_counts(folder: Path, tmp_path: Path) -> None:
    later = tmp_path / "later"
    later.mkdir()
    (later / "a.yaml").write_text(
        "cdiVersion: 0.3.0\nkind: acme.com/gizmo\ndevices:\n- name: one\n  containerEdits:\n    env: [A=9]\n"
    )
    spec = a_spec()
    asked = DeviceRequest(driver="cdi", device_ids=("acme.com/gizmo=one",))
    cdi.give(spec, [asked], [str(folder), str(later), "/nonesuch"])
    assert spec["process"]["env"] == ["PATH=/bin", "A=9"]


def test_two_files_of_a_folder_cannot_describe_the_same_device(folder: Path) -> None:
    (folder / "other.json").write_text(json.dumps(VENDOR))
    assert cdi.list_devices([str(folder)]) == []


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "acme"},
        {"cdiVersion": "x"},
        {"devices": [{"name": "-"}]},
        {"devices": [{"name": "a"}, {"name": "a"}]},
        {"devices": 5},
    ],
)
def test_a_faulty_file_is_left_out(folder: Path, change: dict[str, Any]) -> None:
    (folder / "bad.json").write_text(json.dumps(VENDOR | change))
    (folder / "worse.yaml").write_text("a: !!python/object/apply:os.getpid []")
    assert cdi.list_devices([str(folder)]) == ["acme.com/gizmo=one", "acme.com/gizmo=two"]


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (
            DeviceRequest(count=-1, capabilities=(("gpu",),)),
            'could not select device driver "" with capabilities: [[gpu]]',
        ),
        (
            DeviceRequest(driver="nvidia", capabilities=(("gpu", "x"), ("y",))),
            'could not select device driver "nvidia" with capabilities: [[gpu x] [y]]',
        ),
        (DeviceRequest(driver="cdi", count=1), "unexpected count in CDI device request"),
        (
            DeviceRequest(driver="cdi", options={"a": "b"}),
            "unexpected options in CDI device request",
        ),
    ],
)
def test_requests_that_nobody_fulfils_are_refused(request_: DeviceRequest, text: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        cdi.give(a_spec(), [request_], [])
    assert str(refused.value) == text
