"""The engine: info, version and disk usage."""

from collections.abc import Collection
from typing import Any

from boxship.api.docker.versions import MAXIMUM, MINIMUM, Version, adapt, text
from boxship.api.docker.views import containers, images, volumes
from boxship.services.builds import CacheRecord
from boxship.services.system import DiskUsage, SystemInfo
from boxship.wire.times import rfc3339

GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


def version(info: SystemInfo) -> dict[str, Any]:
    """GET /version."""
    architecture = GO_ARCHITECTURES.get(info.architecture, info.architecture)
    details = {
        "ApiVersion": text(MAXIMUM),
        "Arch": architecture,
        "BuildTime": "",
        "Experimental": "false",
        "GitCommit": "",
        "GoVersion": "",
        "KernelVersion": info.kernel_version,
        "MinAPIVersion": text(MINIMUM),
        "Os": info.os_type,
    }
    components = [{"Name": "Engine", "Version": info.version, "Details": details}]
    components += [
        {"Name": name, "Version": number, "Details": {"GitCommit": ""}}
        for name, number in info.runtime_versions.items()
    ]
    return {
        "Platform": {"Name": "Boxship"},
        "Components": components,
        "Version": info.version,
        "ApiVersion": text(MAXIMUM),
        "MinAPIVersion": text(MINIMUM),
        "GitCommit": "",
        "GoVersion": "",
        "Os": info.os_type,
        "Arch": architecture,
        "KernelVersion": info.kernel_version,
        "BuildTime": "",
    }


def info(system: SystemInfo, api: Version) -> dict[str, Any]:
    """GET /info."""
    document = {
        "ID": system.id,
        "Containers": system.containers,
        "ContainersRunning": system.containers_running,
        "ContainersPaused": system.containers_paused,
        "ContainersStopped": system.containers_stopped,
        "Images": system.images,
        "Driver": system.storage_driver,
        "DriverStatus": [list(pair) for pair in system.storage_status],
        "Plugins": {
            "Volume": list(system.volume_drivers),
            "Network": list(system.network_drivers),
            "Authorization": None,
            "Log": list(system.log_drivers),
        },
        **_abilities(system),
        "IPv4Forwarding": system.ipv4_forwarding,
        "Debug": system.debug,
        "NFd": system.file_descriptors,
        "OomKillDisable": system.oom_kill_disable,
        "NGoroutines": system.tasks,
        "SystemTime": rfc3339(system.system_time_ns),
        "LoggingDriver": system.log_driver,
        "CgroupDriver": system.cgroup_driver,
        "CgroupVersion": system.cgroup_version,
        "NEventsListener": system.event_listeners,
        "KernelVersion": system.kernel_version,
        "OperatingSystem": system.operating_system,
        "OSVersion": system.os_version,
        "OSType": system.os_type,
        "Architecture": system.architecture,
        "IndexServerAddress": "https://index.docker.io/v1/",
        "RegistryConfig": _registries(system),
        "NCPU": system.cpus,
        "MemTotal": system.memory,
        "GenericResources": None,
        "DockerRootDir": system.data_root,
        "HttpProxy": system.http_proxy,
        "HttpsProxy": system.https_proxy,
        "NoProxy": system.no_proxy,
        "Name": system.name,
        "Labels": list(system.labels),
        "ExperimentalBuild": False,
        "ServerVersion": system.version,
        "Runtimes": _runtimes(system, api),
        "DefaultRuntime": system.default_runtime,
        "Swarm": _NO_SWARM,
        "LiveRestoreEnabled": system.live_restore,
        "Isolation": "",
        "InitBinary": system.init_binary,
        **_commits(system),
        "SecurityOptions": list(system.security_options),
        "FirewallBackend": {"Driver": "nftables"},
        "CDISpecDirs": list(system.cdi_directories),
        "Warnings": list(system.warnings) or None,
    }
    if system.cdi_devices:
        document["DiscoveredDevices"] = [
            {"Source": "cdi", "ID": name} for name in system.cdi_devices
        ]
    if system.default_address_pools:
        document["DefaultAddressPools"] = [
            {"Base": base, "Size": size} for base, size in system.default_address_pools
        ]
    return adapt("info", _for_older(document, api), api)


def _for_older(document: dict[str, Any], api: Version) -> dict[str, Any]:
    """What clients of older versions still find."""
    if api < (1, 25):
        options = [option.split(",") for option in document["SecurityOptions"]]
        document["SecurityOptions"] = [parts[0].removeprefix("name=") for parts in options]
    if api < (1, 47):
        document["RegistryConfig"] |= {
            "AllowNondistributableArtifactsCIDRs": None,
            "AllowNondistributableArtifactsHostnames": None,
        }
    if api < (1, 49):
        for name in ("ContainerdCommit", "RuncCommit", "InitCommit"):
            if commit := document[name]["ID"]:
                document[name]["Expected"] = commit
    if api < (1, 50):
        document |= {"BridgeNfIptables": False, "BridgeNfIp6tables": False}
    return document


def _runtimes(system: SystemInfo, api: Version) -> dict[str, Any]:
    runtimes: dict[str, dict[str, Any]] = {
        name: {"path": path} for name, path in system.runtimes.items()
    }
    if api >= _RUNTIME_STATUS:
        for name, features in system.runtime_features.items():
            runtimes[name]["status"] = {"org.opencontainers.runtime-spec.features": features}
    return runtimes


_RUNTIME_STATUS = (1, 44)


def _abilities(system: SystemInfo) -> dict[str, bool]:
    return {
        "MemoryLimit": system.memory_limit,
        "SwapLimit": system.swap_limit,
        "KernelMemoryTCP": system.kernel_memory_tcp,
        "CpuCfsPeriod": system.cpu_cfs,
        "CpuCfsQuota": system.cpu_cfs,
        "CPUShares": system.cpu_shares,
        "CPUSet": system.cpuset,
        "PidsLimit": system.pids_limit,
    }


_NO_SWARM = {
    "NodeID": "",
    "NodeAddr": "",
    "LocalNodeState": "inactive",
    "ControlAvailable": False,
    "Error": "",
    "RemoteManagers": None,
}


def _commits(system: SystemInfo) -> dict[str, Any]:
    return {
        "ContainerdCommit": {"ID": ""},
        "RuncCommit": {"ID": system.runtime_commits.get(system.default_runtime, "")},
        "InitCommit": {"ID": ""},
    }


def _registries(system: SystemInfo) -> dict[str, Any]:
    mirrors = list(system.registry_mirrors)
    insecure = {name for name in system.insecure_registries if "/" not in name}
    configs = {
        name: {"Mirrors": [], "Name": name, "Official": False, "Secure": False} for name in insecure
    }
    official = {"Mirrors": mirrors, "Name": "docker.io", "Official": True, "Secure": True}
    ranges = [name for name in system.insecure_registries if "/" in name]
    return {
        "IndexConfigs": {"docker.io": official, **configs},
        "InsecureRegistryCIDRs": ["::1/128", "127.0.0.0/8", *ranges],
        "Mirrors": mirrors or None,
    }


def disk_usage(usage: DiskUsage, api: Version, kinds: Collection[str]) -> dict[str, Any]:
    """GET /system/df: null for *kinds* that were not asked for."""
    found = {
        "image": [
            image | {"RepoDigests": image["RepoDigests"] or None}
            for image in (images.summary(detail, api) for detail in usage.images)
        ],
        "container": [containers.summary(detail, api) for detail in usage.containers],
        "volume": [volumes.usage(detail) for detail in usage.volumes],
        "build-cache": [cache_record(record) for record in usage.build_cache],
    }
    asked = {kind: (rows if kind in kinds else None) for kind, rows in found.items()}
    return {
        "LayersSize": usage.layers_size,
        "Images": asked["image"],
        "Containers": asked["container"],
        "Volumes": asked["volume"],
        "BuildCache": asked["build-cache"],
    }


def cache_record(record: CacheRecord) -> dict[str, Any]:
    """One entry of the build cache."""
    document: dict[str, Any] = {
        "ID": record.id,
        "Type": record.type,
        "Description": record.description,
        "InUse": record.in_use,
        "Shared": record.shared,
        "Size": record.size,
        "CreatedAt": rfc3339(record.created_at),
        "LastUsedAt": rfc3339(record.last_used_at) if record.last_used_at else None,
        "UsageCount": record.usage_count,
    }
    if record.parents:
        document["Parents"] = list(record.parents)
    return document
