"""The engine put together: the one module that names concrete classes behind Protocols."""

import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from boxship import __version__
from boxship.build.image_config import apply_changes
from boxship.concurrency import in_thread
from boxship.engine.builds.service import EngineBuilds
from boxship.engine.config import EngineConfig, RuntimeConfig
from boxship.engine.containers import contract
from boxship.engine.containers.monitoring import ContainerMonitoring
from boxship.engine.containers.service import build_containers
from boxship.engine.events import EventBus
from boxship.engine.images.commit import ContainerImages
from boxship.engine.images.service import LocalImages
from boxship.engine.logging.drivers import DRIVERS, check_log_config
from boxship.engine.logging.keeper import LogKeeper
from boxship.engine.networks.config import network_config
from boxship.engine.networks.files import update_files
from boxship.engine.networks.networking import Networking
from boxship.engine.system import EngineSystem, Probes
from boxship.engine.volumes.discovery import PluginFolders
from boxship.engine.volumes.local import LocalDriver
from boxship.engine.volumes.plugins import PluginDrivers
from boxship.engine.volumes.service import EngineVolumes
from boxship.errors import InvalidArgument, PermissionDenied
from boxship.linux import cgroups, holes, host, inotify, mounts
from boxship.linux.cgroups.abilities import Abilities, abilities, available_cpus
from boxship.model.network import Sandbox
from boxship.runtime import files
from boxship.runtime.cdi import DEFAULT_DIRECTORIES, list_devices
from boxship.runtime.choice import Wishes, find_settings
from boxship.runtime.conmon import ConmonRuntime
from boxship.runtime.conmon import Settings as RuntimeSettings
from boxship.runtime.descriptions import describe
from boxship.runtime.volume_mounts import mount_volume
from boxship.services import Services
from boxship.services.system import SystemInfo
from boxship.store.store import Store

log = logging.getLogger(__name__)

_STORAGE_DRIVERS: Final = dict.fromkeys(("", "overlay2", "overlay", "overlayfs"), "overlay2") | {
    "vfs": "vfs"
}


@contextlib.asynccontextmanager
async def open_engine(config: EngineConfig) -> AsyncIterator[Services]:
    """An engine on its data root: repaired, containers found again, ready to serve.

    The caller holds the roots (`boxship.engine.lock`). Nothing of the process itself is changed.
    Leaving the block stops the engine; its containers go on.
    """
    _check_log_options(config)
    _prepare_roots(config)
    async with AsyncExitStack() as closing:
        events = EventBus()
        store = await in_thread(_open_store, config)
        closing.callback(store.close)
        runtime_settings = await in_thread(_runtime_settings, config)
        runtime = ConmonRuntime(runtime_settings)
        closing.push_async_callback(runtime.close)
        volumes = EngineVolumes(
            LocalDriver(
                config.data_root / "volumes",
                mount=mount_volume,
                unmount=_unmount,
                is_mounted=mounts.is_mount_point,
            ),
            PluginDrivers(_plugin_folders(config)),
            store.metadata,
            events,
        )
        await in_thread(volumes.recover)
        images = LocalImages(store, events, apply_changes=apply_changes, clock_ns=time.time_ns)
        networking = Networking(network_config(config), store.metadata, events)
        closing.push_async_callback(networking.close)
        networking.sandboxes.followers.append(_follow_networks(config.data_root / "containers"))
        await networking.start()
        settings = await in_thread(_container_settings, config, runtime_settings, store)
        logs = LogKeeper(settings.root, inotify.Inotify(), holes.punch)
        closing.push_async_callback(logs.close)
        containers = build_containers(
            contract.Parts(
                settings=settings,
                metadata=store.metadata,
                runtime=runtime,
                sandboxes=networking.sandboxes,
                volumes=volumes,
                images=images,
                snapshots=store.snapshots,
                events=events,
                logs=logs,
                has_content=files.has_content,
                copy_up=files.copy_up,
                clock=time.time_ns,
            ),
            images=ContainerImages(store, images),
        )
        closing.push_async_callback(containers.close)
        networking.networks.editing = containers.register.editing
        builds = EngineBuilds(
            store=store,
            images=images,
            runtime=runtime,
            sandboxes=networking.sandboxes,
            settings=settings,
            events=events,
            directory=config.data_root / "builds",
        )
        await runtime.remove_strays({each.id for each in store.metadata.containers.list()})
        await builds.recover()
        await in_thread(store.recover)
        await containers.restore()
        await volumes.settle()
        yield Services(
            containers=containers.containers,
            execs=containers.execs,
            streams=containers.streams,
            files=containers.files,
            monitoring=ContainerMonitoring(containers.register, runtime.readings),
            images=images,
            builds=builds,
            networks=networking.networks,
            volumes=volumes,
            events=events,
            system=EngineSystem(
                await in_thread(_facts, config, settings, runtime_settings, store),
                Probes(
                    measure=lambda: _measure(runtime_settings.facts.cdi_directories),
                    describe=lambda: _describe(runtime_settings),
                ),
                containers=containers.containers,
                images=images,
                volumes=volumes,
                builds=builds,
                events=events,
                layers_size=images.layers_size,
            ),
        )


def prepare_process() -> None:
    """Set up a process that does nothing else than run an engine, before it opens one."""
    host.keep_memory_small()


async def reload_engine(services: Services, config: EngineConfig) -> None:
    """Take on what may change while the engine runs: labels, mirrors, debug."""
    system, events = services.system, services.events
    if isinstance(system, EngineSystem):
        system.reconfigure(
            labels=config.labels,
            registry_mirrors=config.registry_mirrors,
            insecure_registries=config.insecure_registries,
            debug=config.debug,
        )
    if isinstance(events, EventBus):
        facts = await system.info()
        attributes = {"name": facts.name, "debug": str(config.debug).lower()}
        events.publish("daemon", "reload", facts.id, attributes)


def _check_log_options(config: EngineConfig) -> None:
    """As in Docker, a driver that does not exist is only noticed when a container is created."""
    if config.log_opts:
        try:
            check_log_config(config.log_driver, config.log_opts)
        except InvalidArgument as error:
            raise InvalidArgument(f"failed to set log opts: {error}") from error


def _prepare_roots(config: EngineConfig) -> None:
    """Folders that only root enters, whatever the umask; containers' users pass through where they must."""
    for root, mode in ((config.data_root, 0o710), (config.exec_root, 0o711)):
        try:
            root.mkdir(parents=True, exist_ok=True)
            root.chmod(mode)
        except PermissionError as error:
            raise PermissionDenied(
                f"cannot use {root}: {error.strerror}; the engine needs root"
            ) from error


def _open_store(config: EngineConfig) -> Store:
    driver = _STORAGE_DRIVERS.get(config.storage_driver)
    if driver is None:
        raise InvalidArgument(f"driver not supported: {config.storage_driver}")
    return Store(config.data_root, sync=host.sync_filesystem, driver=driver)


def _plugin_folders(config: EngineConfig) -> PluginFolders:
    """The engine's own first, then Docker's, where plugins that are there already announce themselves."""
    return PluginFolders(
        config.plugin_sockets or (config.exec_root / "plugins", Path("/run/docker/plugins")),
        config.plugin_specs
        or tuple(
            Path(where, whose, "plugins")
            for whose in ("boxship", "docker")
            for where in ("/etc", "/usr/lib")
        ),
    )


def _unmount(path: str) -> None:
    mounts.unmount(path)


def _runtime_settings(config: EngineConfig) -> RuntimeSettings:
    return find_settings(
        str(config.exec_root),
        str(config.data_root / "containers"),
        Wishes(
            default_runtime=config.default_runtime,
            added_runtimes={
                name: (_program(runtime), *runtime.args)
                for name, runtime in config.runtimes.items()
            },
            cgroup_driver=config.cgroup_driver,
            cgroup_parent=config.cgroup_parent,
            seccomp_profile=_seccomp_profile(config.seccomp_profile),
            no_new_privileges=config.no_new_privileges,
            cdi_directories=_cdi_directories(config),
        ),
    )


def _cdi_directories(config: EngineConfig) -> tuple[str, ...]:
    if config.features.get("cdi") is False:
        return ()
    chosen = DEFAULT_DIRECTORIES if config.cdi_spec_dirs is None else config.cdi_spec_dirs
    return tuple(each for each in chosen if each)


def _program(runtime: RuntimeConfig) -> str:
    """A runtime's program; of one given as a shim's name with options, "" when these name none."""
    return runtime.path or str((runtime.options or {}).get("BinaryName", ""))


def _seccomp_profile(setting: str) -> str:
    """The default profile's text, or unconfined; "" is the built-in one."""
    if setting in ("builtin", "unconfined"):
        return setting.removeprefix("builtin")
    try:
        return Path(setting).read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidArgument(
            f"opening seccomp profile ({setting}) failed: {(error.strerror or '').lower()}"
        ) from error


def _follow_networks(directory: Path) -> Callable[[Sandbox, Sandbox], None]:
    """Keeps the files of running containers as their networks want them."""
    return lambda before, after: update_files(directory / after.container_id, before, after)


def _container_settings(
    config: EngineConfig, runtime: RuntimeSettings, store: Store
) -> contract.Settings:
    able = abilities(runtime.hierarchies)
    return contract.Settings(
        root=config.data_root / "containers",
        runtimes=frozenset(runtime.runtimes),
        default_runtime=runtime.default_runtime,
        capabilities=_capabilities(able, runtime),
        storage_driver=store.snapshots.name,
        log_driver=config.log_driver,
        log_options=config.log_opts,
        default_ulimits={limit.name: (limit.soft, limit.hard) for limit in config.default_ulimits},
        shm_size=config.default_shm_size,
        ipc_mode=config.default_ipc_mode,
        cgroupns_mode=config.default_cgroupns_mode,
        cgroup_parent=config.cgroup_parent,
        apparmor_profile=runtime.facts.apparmor_profile,
        systemd_cgroups=runtime.facts.systemd_cgroups,
        init=config.init,
        init_path=config.init_path or host.find_init(),
        shutdown_timeout_s=config.shutdown_timeout,
    )


def _capabilities(able: Abilities, runtime: RuntimeSettings) -> contract.Capabilities:
    cpu_list, memory_nodes = available_cpus(runtime.hierarchies)
    return contract.Capabilities(
        cpus=host.host_facts().cpus,
        cpu_list=cpu_list,
        memory_nodes=memory_nodes,
        cgroup_v2=runtime.hierarchies.layout is cgroups.Layout.V2,
        **able._asdict(),
    )


def _measure(cdi_directories: Sequence[str]) -> dict[str, Any]:
    return {
        "ipv4_forwarding": host.ip_forwarding(),
        "file_descriptors": host.open_file_count(),
        "cdi_devices": tuple(list_devices(cdi_directories)),
    }


def _describe(runtime: RuntimeSettings) -> dict[str, Any]:
    found = describe(runtime.runtimes.values())
    programs = {Path(each.path).name: found[each.name] for each in runtime.runtimes.values()}
    return {
        "runtime_features": {name: each.features for name, each in found.items() if each.features},
        "runtime_versions": {name: each.version for name, each in programs.items()},
        "runtime_commits": {name: each.commit for name, each in found.items()},
    }


def _engine_id(store: Store) -> str:
    """The same for the life of the data root."""
    stored = store.metadata.settings.find("engine-id")
    if stored is None:
        stored = str(uuid.uuid4()).encode()
        store.metadata.settings.put("engine-id", stored)
    return stored.decode()


def _facts(
    config: EngineConfig, settings: contract.Settings, runtime: RuntimeSettings, store: Store
) -> SystemInfo:
    machine = host.host_facts()
    able = settings.capabilities
    security = [
        *(["name=apparmor"] if machine.apparmor else []),
        *(["name=seccomp,profile=" + config.seccomp_profile] if machine.seccomp else []),
        *(["name=cgroupns"] if _has_private_cgroups(config, able) else []),
        *(["name=no-new-privileges"] if config.no_new_privileges else []),
    ]
    return SystemInfo(
        id=_engine_id(store),
        name=machine.hostname,
        version=__version__,
        containers=0,
        containers_running=0,
        containers_paused=0,
        containers_stopped=0,
        images=0,
        storage_driver=store.snapshots.name,
        storage_status=(
            ("Backing Filesystem", _go_filesystem(host.filesystem_type(str(config.data_root)))),
            ("Supports d_type", "true"),
            ("Using metacopy", "false"),
            ("Native Overlay Diff", "true"),
            ("userxattr", "false"),
        ),
        data_root=str(config.data_root),
        exec_root=str(config.exec_root),
        kernel_version=machine.kernel_version,
        operating_system=machine.operating_system,
        os_version=machine.os_version,
        os_type="linux",
        architecture=machine.architecture,
        cpus=machine.cpus,
        memory=machine.memory,
        cgroup_driver="systemd" if settings.systemd_cgroups else "cgroupfs",
        cgroup_version="2" if able.cgroup_v2 else "1",
        runtimes={name: found.path for name, found in runtime.runtimes.items()},
        default_runtime=runtime.default_runtime,
        init_binary=Path(settings.init_path).name,
        security_options=tuple(security),
        labels=config.labels,
        registry_mirrors=config.registry_mirrors,
        insecure_registries=config.insecure_registries,
        live_restore=True,
        debug=config.debug,
        log_driver=config.log_driver,
        log_drivers=DRIVERS,
        network_drivers=("bridge", "host", "null"),
        default_address_pools=tuple(
            (pool.base, pool.size) for pool in config.default_address_pools
        ),
        memory_limit=able.memory_limit,
        swap_limit=able.swap_limit,
        cpu_cfs=able.cpu_cfs,
        cpu_shares=able.cpu_shares,
        cpuset=able.cpuset,
        pids_limit=able.pids_limit,
        oom_kill_disable=able.oom_kill_disable,
        kernel_memory_tcp=able.kernel_memory_tcp,
        blkio_weight=able.blkio_weight,
        blkio_throttle=able.blkio_throttle,
        cdi_directories=runtime.facts.cdi_directories,
        http_proxy=config.http_proxy,
        https_proxy=config.https_proxy,
        no_proxy=config.no_proxy,
    )


def _has_private_cgroups(config: EngineConfig, able: contract.Capabilities) -> bool:
    mode = config.default_cgroupns_mode or ("private" if able.cgroup_v2 else "host")
    return mode == "private"


def _go_filesystem(kind: str) -> str:
    """A file system's name as Docker shows it."""
    return {"ext2": "extfs", "ext3": "extfs", "ext4": "extfs", "": "<unknown>"}.get(kind, kind)
