"""What is asked of a kernel that cannot make mounts read-only recursively."""

import pytest

from boxship.errors import Unsupported
from boxship.model.mount import BindOptions, MountPoint, MountRequest
from boxship.runtime.sources import _top_only


def point(*, read_only: bool = True, force: bool = False) -> MountPoint:
    options = BindOptions(read_only_force_recursive=force)
    request = MountRequest(type="bind", source="/a", target="/b", bind_options=options)
    return MountPoint(type="bind", destination="/b", read_only=read_only, spec=request)


def test_read_only_is_so_at_the_top() -> None:
    spec = _top_only(point())
    assert spec is not None
    assert spec.bind_options == BindOptions(read_only_non_recursive=True)


def test_what_is_writable_stays_as_it_is() -> None:
    writable = point(read_only=False)
    assert _top_only(writable) == writable.spec


def test_more_cannot_be_had() -> None:
    with pytest.raises(Unsupported, match=r"need Linux 5\.12"):
        _top_only(point(force=True))
