"""Docker's JSON names for the fields of the model: the one place that knows them.

The rule is PascalCase; what deviates is listed. `OMITTED` has the fields that Docker leaves out of its
answers when they are empty (Go's `omitempty`), by struct.
"""

from typing import Final

from boxship.model.config import Healthcheck, RunConfig
from boxship.model.container import DeviceRequest, HostConfig, Ulimit
from boxship.model.mount import (
    BindOptions,
    ClusterOptions,
    ImageOptions,
    MountRequest,
    TmpfsOptions,
    VolumeDriver,
    VolumeOptions,
)
from boxship.model.network import EndpointIPAM, IPAMPool

SPECIAL: Final = {
    "blkio_device_read_iops": "BlkioDeviceReadIOps",
    "blkio_device_write_iops": "BlkioDeviceWriteIOps",
    "container_id_file": "ContainerIDFile",
    "device_ids": "DeviceIDs",
    "enable_ipv4": "EnableIPv4",
    "enable_ipv6": "EnableIPv6",
    "io_maximum_bandwidth": "IOMaximumBandwidth",
    "id_map": "IDMap",
    "io_maximum_iops": "IOMaximumIOps",
    "ip_range": "IPRange",
    "ipam": "IPAM",
    "ipam_config": "IPAMConfig",
    "ipv4_address": "IPv4Address",
    "ipv6_address": "IPv6Address",
    "kernel_memory_tcp": "KernelMemoryTCP",
    "link_local_ips": "LinkLocalIPs",
    "uts_mode": "UTSMode",
}

OMITTED: Final[dict[type, frozenset[str]]] = {
    RunConfig: frozenset(
        {"exposed_ports", "healthcheck", "args_escaped", "network_disabled", "mac_address"}
        | {"stop_signal", "stop_timeout", "shell"}
    ),
    Healthcheck: frozenset(Healthcheck.__struct_fields__),
    HostConfig: frozenset(
        {"annotations", "storage_opt", "tmpfs", "sysctls", "runtime", "mounts", "init"}
        | {"kernel_memory", "kernel_memory_tcp", "health_on_failure_action"}
    ),
    MountRequest: frozenset(MountRequest.__struct_fields__),
    BindOptions: frozenset(BindOptions.__struct_fields__),
    VolumeOptions: frozenset(VolumeOptions.__struct_fields__),
    VolumeDriver: frozenset(VolumeDriver.__struct_fields__),
    TmpfsOptions: frozenset(TmpfsOptions.__struct_fields__),
    ImageOptions: frozenset(ImageOptions.__struct_fields__),
    ClusterOptions: frozenset(),
    EndpointIPAM: frozenset(EndpointIPAM.__struct_fields__),
    IPAMPool: frozenset(IPAMPool.__struct_fields__),
    DeviceRequest: frozenset(),
}


def _host_config_order() -> tuple[str, ...]:
    """Docker writes what the host gives in the middle."""
    names = HostConfig.__struct_fields__
    binds, mounts = names.index("binds"), names.index("mounts")
    return (*names[binds:mounts], *names[:binds], *names[mounts:])


ORDER: Final[dict[type, tuple[str, ...]]] = {
    HostConfig: _host_config_order(),
    Ulimit: ("name", "hard", "soft"),
}
"""Where Docker writes fields in another order than ours."""

GO_FIELD_TYPES: Final = {
    "blkio_weight": "uint16",
    "console_size": "uint",
    "count": "int",
    "exposed_ports": "nat.PortSet",
    "gw_priority": "int",
    "interval": "time.Duration",
    "maximum_retry_count": "int",
    "oom_score_adj": "int",
    "port_bindings": "nat.PortMap",
    "rate": "uint64",
    "retries": "int",
    "start_interval": "time.Duration",
    "start_period": "time.Duration",
    "stop_timeout": "int",
    "timeout": "time.Duration",
    "volumes": "map[string]struct {}",
    "weight": "uint16",
}
"""What Go calls the types of fields, where our hints do not tell."""

GO_TYPES: Final = {
    "BindOptions": "mount.BindOptions",
    "EndpointIPAM": "network.EndpointIPAMConfig",
    "EndpointSettings": "network.EndpointSettings",
    "Healthcheck": "container.HealthConfig",
    "HostConfig": "container.HostConfig",
    "IPAM": "network.IPAM",
    "IPAMPool": "network.IPAMConfig",
    "LogConfig": "container.LogConfig",
    "MountRequest": "mount.Mount",
    "PortBinding": "nat.PortBinding",
    "RestartPolicy": "container.RestartPolicy",
    "RunConfig": "container.CreateRequest",
    "TmpfsOptions": "mount.TmpfsOptions",
    "Ulimit": "units.Ulimit",
    "VolumeOptions": "mount.VolumeOptions",
}


def docker_name(field: str) -> str:
    """The JSON name of a field."""
    return SPECIAL.get(field) or "".join(part.capitalize() for part in field.split("_"))
