"""The engine: info and disk usage."""

from collections.abc import Mapping
from typing import Any

from boxship.client.readings import containers, images, volumes
from boxship.services.builds import CacheRecord
from boxship.services.system import DiskUsage, SystemInfo
from boxship.wire.times import parse_rfc3339

Document = Mapping[str, Any]


def info(document: Document) -> SystemInfo:
    """GET /info"""
    plugins = document.get("Plugins") or {}
    registries = document.get("RegistryConfig") or {}
    return SystemInfo(
        id=document.get("ID") or "",
        name=document.get("Name") or "",
        version=document.get("ServerVersion") or "",
        containers=document.get("Containers") or 0,
        containers_running=document.get("ContainersRunning") or 0,
        containers_paused=document.get("ContainersPaused") or 0,
        containers_stopped=document.get("ContainersStopped") or 0,
        images=document.get("Images") or 0,
        storage_driver=document.get("Driver") or "",
        storage_status=tuple((key, value) for key, value in document.get("DriverStatus") or ()),
        data_root=document.get("DockerRootDir") or "",
        exec_root="",
        kernel_version=document.get("KernelVersion") or "",
        operating_system=document.get("OperatingSystem") or "",
        os_version=document.get("OSVersion") or "",
        os_type=document.get("OSType") or "",
        architecture=document.get("Architecture") or "",
        cpus=document.get("NCPU") or 0,
        memory=document.get("MemTotal") or 0,
        cgroup_driver=document.get("CgroupDriver") or "",
        cgroup_version=document.get("CgroupVersion") or "1",
        runtimes={
            name: runtime.get("path") or ""
            for name, runtime in (document.get("Runtimes") or {}).items()
        },
        default_runtime=document.get("DefaultRuntime") or "",
        init_binary=document.get("InitBinary") or "",
        security_options=tuple(document.get("SecurityOptions") or ()),
        labels=tuple(document.get("Labels") or ()),
        registry_mirrors=tuple(registries.get("Mirrors") or ()),
        insecure_registries=tuple(registries.get("InsecureRegistryCIDRs") or ()),
        live_restore=document.get("LiveRestoreEnabled") or False,
        debug=document.get("Debug") or False,
        log_driver=document.get("LoggingDriver") or "",
        log_drivers=tuple(plugins.get("Log") or ()),
        network_drivers=tuple(plugins.get("Network") or ()),
        volume_drivers=tuple(plugins.get("Volume") or ()),
        default_address_pools=tuple(
            (pool["Base"], pool["Size"]) for pool in document.get("DefaultAddressPools") or ()
        ),
        **_abilities(document),
        ipv4_forwarding=document.get("IPv4Forwarding") or False,
        oom_kill_disable=document.get("OomKillDisable") or False,
        http_proxy=document.get("HttpProxy") or "",
        https_proxy=document.get("HttpsProxy") or "",
        no_proxy=document.get("NoProxy") or "",
        file_descriptors=document.get("NFd") or 0,
        tasks=document.get("NGoroutines") or 0,
        event_listeners=document.get("NEventsListener") or 0,
        system_time_ns=parse_rfc3339(document.get("SystemTime") or ""),
        warnings=tuple(document.get("Warnings") or ()),
    )


def _abilities(document: Document) -> dict[str, Any]:
    return {
        "memory_limit": document.get("MemoryLimit") or False,
        "swap_limit": document.get("SwapLimit") or False,
        "cpu_cfs": document.get("CpuCfsQuota") or False,
        "cpu_shares": document.get("CPUShares") or False,
        "cpuset": document.get("CPUSet") or False,
        "pids_limit": document.get("PidsLimit") or False,
    }


def disk_usage(document: Document) -> DiskUsage:
    """GET /system/df"""
    return DiskUsage(
        layers_size=document.get("LayersSize") or 0,
        images=[images.summary(row) for row in document.get("Images") or ()],
        containers=[containers.summary(row) for row in document.get("Containers") or ()],
        volumes=[volumes.usage(row) for row in document.get("Volumes") or ()],
        build_cache=[cache_record(row) for row in document.get("BuildCache") or ()],
    )


def cache_record(document: Document) -> CacheRecord:
    """One entry of the build cache."""
    return CacheRecord(
        id=document["ID"],
        parents=tuple(document.get("Parents") or ()),
        type=document.get("Type") or "regular",
        description=document.get("Description") or "",
        in_use=document.get("InUse") or False,
        shared=document.get("Shared") or False,
        size=document.get("Size") or 0,
        created_at=parse_rfc3339(document.get("CreatedAt") or ""),
        last_used_at=parse_rfc3339(document.get("LastUsedAt") or ""),
        usage_count=document.get("UsageCount") or 0,
    )
