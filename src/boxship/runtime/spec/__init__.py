"""From a bundle to the OCI runtime's config.json, as Docker 28 makes it. Pure: facts come as values."""

import posixpath
from typing import Any, Final

import msgspec

from boxship.linux import seccomp as seccomp_profiles
from boxship.linux.cgroups.systemd import slice_path
from boxship.linux.devices import Device
from boxship.model.container import Container, HostConfig
from boxship.runtime.contract import Bundle
from boxship.runtime.failures import create_refused
from boxship.runtime.spec import devices, mounts, resources, security
from boxship.runtime.spec.process import process
from boxship.runtime.spec.users import Identity

OCI_VERSION: Final = "1.0.2"  # crun 1.8, Debian 12's, refuses a later one

_SCOPE_PREFIX: Final = "boxship"

# crun obeys these (handlers, hooks' output files, raw seccomp filters): not for users to steer by
_RESERVED_ANNOTATIONS: Final = ("run.oci.", "org.systemd.", "io.boxship.")

__all__ = ["Facts", "Findings", "Identity", "build", "cgroup_path"]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What does not change while this host is up."""

    capabilities: tuple[str, ...]
    seccomp_host: seccomp_profiles.Host
    cgroup_v2: bool = False
    apparmor_profile: str = ""  # what confines containers by default; "" without AppArmor
    seccomp_profile: str = ""  # the engine's own default; "" is the built-in one
    no_new_privileges: bool = False  # unless a container says otherwise
    cdi_directories: tuple[str, ...] = ()
    systemd_cgroups: bool = False  # systemd makes the cgroups, in slices
    cgroup_parent: str = "/boxship"


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked up for one container."""

    identity: Identity = Identity()
    devices: dict[str, tuple[Device, ...]] = {}  # by HostConfig.Devices' path on the host
    every_device: tuple[Device, ...] = ()  # all of /dev, for a privileged container
    block_numbers: dict[str, tuple[int, int]] = {}


def build(bundle: Bundle, facts: Facts, findings: Findings) -> dict[str, Any]:
    """The whole config.json."""
    container = bundle.container
    host_config = container.host_config
    options = security.parse_options(host_config.security_opt)
    capabilities = security.capabilities(host_config, facts.capabilities)
    first = process(
        bundle,
        findings.identity,
        capabilities,
        no_new_privileges=facts.no_new_privileges
        if options.no_new_privileges is None
        else options.no_new_privileges,
    )
    if confinement := _apparmor(options, facts, privileged=host_config.privileged):
        first["apparmorProfile"] = confinement
    writable_cgroups = (
        host_config.privileged if options.writable_cgroups is None else options.writable_cgroups
    )
    root: dict[str, Any] = {"path": f"{bundle.directory}/rootfs"}
    if host_config.readonly_rootfs:
        root["readonly"] = True
    result: dict[str, Any] = {
        "ociVersion": OCI_VERSION,
        "process": first,
        "root": root,
        "hostname": container.config.hostname,
        "mounts": mounts.mounts(bundle, writable_cgroups=writable_cgroups),
        "linux": _linux(bundle, facts, findings),
    }
    if seccomp := _seccomp(options, host_config, capabilities, facts):
        result["linux"]["seccomp"] = seccomp
    if not _has_private_namespace(bundle, "uts"):
        del result["hostname"]  # the host's own, or the other container's
    annotations = {
        key: value
        for key, value in (host_config.annotations or {}).items()
        if not key.startswith(_RESERVED_ANNOTATIONS)
    }
    if annotations:
        result["annotations"] = annotations
    return result


def cgroup_path(container: Container, parent: str, facts: Facts) -> str:
    """Where a container's cgroup is, below every hierarchy; *parent* unless it has one of its own."""
    parent = container.host_config.cgroup_parent or parent or facts.cgroup_parent
    if facts.systemd_cgroups:
        return f"{slice_path(parent)}/{_SCOPE_PREFIX}-{container.id}.scope"
    # dots that lead out of the hierarchy lead nowhere, as with Docker
    return posixpath.join(posixpath.normpath(f"/{parent.strip('/')}"), container.id)


def _oci_cgroups_path(bundle: Bundle, facts: Facts) -> str:
    container = bundle.container
    if facts.systemd_cgroups:  # as the runtimes' systemd drivers want it
        parent = container.host_config.cgroup_parent or bundle.cgroup_parent or facts.cgroup_parent
        return f"{parent}:{_SCOPE_PREFIX}:{container.id}"
    return cgroup_path(container, bundle.cgroup_parent, facts)


def _linux(bundle: Bundle, facts: Facts, findings: Findings) -> dict[str, Any]:
    host_config = bundle.container.host_config
    refusal = "" if facts.cgroup_v2 else resources.shares_refusal(host_config.cpu_shares)
    if refusal:
        raise create_refused(f"error setting cgroup config for procHooks process: {refusal}", ())
    linux: dict[str, Any] = {
        "resources": resources.resources(
            host_config,
            devices.rules(host_config, findings.devices),
            findings.block_numbers,
            cgroup_v2=facts.cgroup_v2,
        ),
        "cgroupsPath": _oci_cgroups_path(bundle, facts),
        "namespaces": _namespaces(bundle, facts),
    }
    if nodes := devices.nodes(host_config, findings.devices, findings.every_device):
        linux["devices"] = nodes
    if sysctl := _sysctl(bundle):
        linux["sysctl"] = sysctl
    if masked := security.masked_paths(host_config):
        linux["maskedPaths"] = list(masked)
    if readonly := security.readonly_paths(host_config):
        linux["readonlyPaths"] = list(readonly)
    if propagation := mounts.rootfs_propagation(bundle.mounts):
        linux["rootfsPropagation"] = propagation
    return linux


def _namespaces(bundle: Bundle, facts: Facts) -> list[dict[str, str]]:
    """Private ones unless joined; the host's own are left out."""
    result: list[dict[str, str]] = [{"type": "mount"}]
    if bundle.network_namespace:
        result.append({"type": "network", "path": bundle.network_namespace})
    for kind in ("uts", "pid", "ipc"):
        if _has_private_namespace(bundle, kind):
            result.append({"type": kind})
        elif bundle.joined[kind]:
            result.append({"type": kind, "path": bundle.joined[kind]})
    if _cgroup_namespace_is_private(bundle, facts):
        result.append({"type": "cgroup"})
    elif bundle.joined.get("cgroup"):
        result.append({"type": "cgroup", "path": bundle.joined["cgroup"]})
    return result


def _has_private_namespace(bundle: Bundle, kind: str) -> bool:
    return kind not in bundle.joined


def _cgroup_namespace_is_private(bundle: Bundle, facts: Facts) -> bool:
    host_config = bundle.container.host_config
    if "cgroup" in bundle.joined:
        return False
    if host_config.cgroupns_mode:
        return host_config.cgroupns_mode == "private"
    return facts.cgroup_v2 and not host_config.privileged  # Docker's default on v1 is the host's


def _sysctl(bundle: Bundle) -> dict[str, str]:
    config, host_config = bundle.container.config, bundle.container.host_config
    sysctl: dict[str, str] = {}
    if config.domainname:
        sysctl["kernel.domainname"] = config.domainname
    shares_network = host_config.network_mode.startswith("container:")
    if bundle.network_namespace and not shares_network:
        # Docker 20.10's relief: no capability needed for low ports and ping
        sysctl["net.ipv4.ip_unprivileged_port_start"] = "0"
        sysctl["net.ipv4.ping_group_range"] = "0 2147483647"
    return sysctl | (host_config.sysctls or {})


def _seccomp(
    options: security.SecurityOptions,
    host_config: HostConfig,
    capabilities: tuple[str, ...],
    facts: Facts,
) -> Any:
    """The filter; None for none. Docker reads a privileged container's profile but for "builtin"."""
    text = options.seccomp or ("unconfined" if host_config.privileged else facts.seccomp_profile)
    if text == "unconfined":
        return None
    if text in ("", "builtin") and not host_config.privileged:
        return _default_seccomp(capabilities, facts.seccomp_host)
    profile = seccomp_profiles.parse(text)
    return seccomp_profiles.resolve(profile, capabilities, facts.seccomp_host)


def _apparmor(options: security.SecurityOptions, facts: Facts, *, privileged: bool) -> str:
    if not facts.apparmor_profile:  # then Docker ignores what asks for another one
        return ""
    return options.apparmor or ("unconfined" if privileged else facts.apparmor_profile)


_RESOLVED: dict[tuple[tuple[str, ...], seccomp_profiles.Host], msgspec.Raw] = {}


def _default_seccomp(capabilities: tuple[str, ...], host: seccomp_profiles.Host) -> msgspec.Raw:
    """The default profile for these capabilities, kept encoded: most containers share one."""
    key = (capabilities, host)
    if key not in _RESOLVED:
        profile = seccomp_profiles.default_profile()
        resolved = seccomp_profiles.resolve(profile, capabilities, host)
        if len(_RESOLVED) > 64:  # capability sets are the users' to choose
            _RESOLVED.clear()
        _RESOLVED[key] = msgspec.Raw(msgspec.json.encode(resolved))
    return _RESOLVED[key]
