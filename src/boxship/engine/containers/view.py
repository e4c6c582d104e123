"""A container with everything around it, as inspect and ps show it."""

import asyncio
import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from boxship.concurrency import in_thread
from boxship.engine.containers.contract import Parts
from boxship.errors import InvalidArgument
from boxship.model.container import Container
from boxship.model.digest import is_digest
from boxship.model.filters import Filters
from boxship.model.image import NoSuchImage
from boxship.model.network import Sandbox
from boxship.model.reference import parse_reference
from boxship.runtime.spec.security import parse_options
from boxship.services.containers import ContainerDetail
from boxship.store.gc import container_key

_AT_ONCE: Final = 50


class Viewer:
    """Collects details."""

    def __init__(self, parts: Parts, exec_ids: Callable[[str], tuple[str, ...]]) -> None:
        self._parts = parts
        self._exec_ids = exec_ids

    async def rows(
        self,
        containers: Iterable[Container],
        link_names: Mapping[str, Sequence[str]],
        *,
        size: bool = False,
    ) -> list[ContainerDetail]:
        """What a list shows of containers, of which there may be thousands."""
        image_name = functools.cache(self._image_name)  # most are of a few images
        rows = []
        for number, container in enumerate(containers, 1):
            row = await (self.detail(container, size=True) if size else self._row(container))
            rows.append(
                msgspec.structs.replace(
                    row,
                    link_names=tuple(link_names.get(container.id, ())),
                    image_name=image_name(container.image_reference, container.image),
                )
            )
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)  # others' turn
        return rows

    async def _row(self, container: Container) -> ContainerDetail:
        sandbox = await self._parts.sandboxes.find(container.id) if container.running else None
        return ContainerDetail(
            container=container,
            endpoints=await self._parts.sandboxes.endpoints(container),
            ports=sandbox.ports if sandbox else (),
        )

    async def detail(self, container: Container, *, size: bool = False) -> ContainerDetail:
        """One container; sizes only when asked for, they walk its files."""
        parts = self._parts
        sandbox = await parts.sandboxes.find(container.id) if container.running else None
        image = parts.metadata.images.find(container.image) if container.image else None
        directory = parts.settings.root / container.id
        network_directory = directory
        if container.host_config.network_mode.startswith("container:"):
            network_directory = directory.parent / container.host_config.network_mode[10:]
        written = (network_directory / "hosts").exists()
        size_rw = (
            await in_thread(parts.snapshots.size, container_key(container.id)) if size else None
        )
        return ContainerDetail(
            container=container,
            image_name=self._image_name(container.image_reference, container.image),
            endpoints=await parts.sandboxes.endpoints(container),
            ports=sandbox.ports if sandbox else (),
            exec_ids=self._exec_ids(container.id),
            sandbox_id=sandbox.id if sandbox else "",
            sandbox_key=sandbox.key if sandbox else "",
            apparmor_profile=self._apparmor_profile(container),
            log_path=parts.logs.path(container),
            hosts_path=str(network_directory / "hosts") if written else "",
            hostname_path=str(network_directory / "hostname") if written else "",
            resolv_conf_path=str(network_directory / "resolv.conf") if written else "",
            storage_driver=parts.settings.storage_driver,
            storage_data=parts.snapshots.describe(container_key(container.id)),
            image_manifest_digest=str(image.manifest.digest) if image else "",
            size_rw=size_rw,
            size_root_fs=None if size_rw is None else size_rw + (image.size if image else 0),
        )

    async def sandboxes(
        self, containers: Iterable[Container], filters: Filters
    ) -> Mapping[str, Sandbox]:
        """The networks of those that run, by container ID; none unless the filters ask for them."""
        if not any(filters.get(name) for name in ("network", "publish", "expose")):
            return {}
        found = {c.id: await self._parts.sandboxes.find(c.id) for c in containers if c.running}
        return {key: sandbox for key, sandbox in found.items() if sandbox}

    def _apparmor_profile(self, container: Container) -> str:
        """What confines it since it was first started; "" on hosts without AppArmor."""
        default, host_config = self._parts.settings.apparmor_profile, container.host_config
        if not default or not container.state.started_at:
            return ""
        asked = parse_options(host_config.security_opt).apparmor
        return asked or ("unconfined" if host_config.privileged else default)

    def _image_name(self, name: str, image_id: str | None) -> str:
        if (
            image_id is None
            or is_digest(name)
            or str(image_id).removeprefix("sha256:").startswith(name)
        ):
            return name
        reference = parse_reference(name).with_default_tag()
        row = self._parts.metadata.references.find(str(reference))
        return name if row is not None and row.image_id == image_id else str(image_id)

    async def ancestors(self, names: Iterable[str]) -> Callable[[str], Collection[str]]:
        """A function from an image's name to the IDs of it and all that descend from it."""
        found: dict[str, set[str]] = {}
        for name in names:
            try:
                image = await self._parts.images.get(name)
            except (NoSuchImage, InvalidArgument):
                found[name] = set()
                continue
            family, pending = {str(image.id)}, [str(image.id)]
            while pending:
                for child in self._parts.metadata.images.find_by("parent", pending.pop()):
                    if str(child.id) not in family:
                        family.add(str(child.id))
                        pending.append(str(child.id))
            found[name] = family
        return lambda name: found.get(name, ())
