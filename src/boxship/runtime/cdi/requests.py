"""Requests for devices by what they can do (`--gpus`) or by name (`--device vendor/class=name`)."""

from collections.abc import Sequence
from typing import Any

from boxship.errors import InvalidArgument
from boxship.linux import devices
from boxship.model.container import DeviceRequest
from boxship.runtime.cdi.injection import inject
from boxship.runtime.cdi.specs import find_devices


def give(
    spec: dict[str, Any], requests: Sequence[DeviceRequest], directories: Sequence[str]
) -> None:
    """Change a container's OCI spec for what it asks for; raise InvalidArgument in Docker's words."""
    for request in requests:
        if request.driver != "cdi":
            raise InvalidArgument(
                f'could not select device driver "{request.driver}" with capabilities: '
                f"{_as_go(request.capabilities or ())}"
            )
        if request.count:
            raise InvalidArgument("unexpected count in CDI device request")
        if request.options:
            raise InvalidArgument("unexpected options in CDI device request")
        if request.device_ids:
            inject(spec, request.device_ids, find_devices(directories), devices.read)


def _as_go(capabilities: Sequence[Sequence[str]]) -> str:
    return "[" + " ".join("[" + " ".join(each) + "]" for each in capabilities) + "]"
