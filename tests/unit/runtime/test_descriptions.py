import stat
from pathlib import Path

from boxship.linux.oci_runtime import OciRuntime
from boxship.runtime.descriptions import Description, describe


def program(path: Path, script: str) -> OciRuntime:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(stat.S_IRWXU)
    return OciRuntime(name=path.name, path=str(path), root="/nonesuch")


def test_runtimes_are_asked_who_they_are(tmp_path: Path) -> None:
    says = 'case $1 in features) echo "{ \\"hooks\\": [1] }";; *) echo "foo version 1.2"; echo "commit: abc";; esac'
    found = describe([program(tmp_path / "foo", says), program(tmp_path / "mute", "exit 1")])
    assert found == {"foo": Description("1.2", "abc", '{"hooks":[1]}'), "mute": Description()}


def test_a_missing_program_is_no_error() -> None:
    gone = OciRuntime(name="gone", path="/nonesuch/gone", root="/nonesuch")
    assert describe([gone]) == {"gone": Description()}
