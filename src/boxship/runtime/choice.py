"""Which OCI runtime runs containers here: decided once, at start."""

import logging
import posixpath
from collections.abc import Mapping
from typing import Final

import msgspec

from boxship.errors import BoxshipError, InvalidArgument, Unavailable
from boxship.linux import apparmor, capabilities, cgroups, seccomp
from boxship.linux.cgroups import Hierarchies, Layout
from boxship.linux.cgroups.systemd import NOT_A_SLICE, is_booted, is_slice
from boxship.linux.oci_runtime import OciRuntime, find_program
from boxship.runtime.cdi import DEFAULT_DIRECTORIES
from boxship.runtime.conmon import Settings
from boxship.runtime.spec import Facts

log = logging.getLogger(__name__)

SHIM: Final = "io.containerd.runc.v2"


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the administrator wants; "" leaves it to us.

    `added_runtimes` is name → path and arguments; an empty path is the usual runtime's.
    """

    default_runtime: str = ""
    added_runtimes: dict[str, tuple[str, ...]] = {}
    cgroup_driver: str = ""  # cgroupfs or systemd
    cgroup_parent: str = ""
    seccomp_profile: str = ""
    no_new_privileges: bool = False
    cdi_directories: tuple[str, ...] = DEFAULT_DIRECTORIES


def find_settings(exec_root: str, bundles: str, wishes: Wishes) -> Settings:
    """Look at this host and settle how containers run; raise Unavailable when they cannot."""
    hierarchies = cgroups.detect()
    if hierarchies.layout is Layout.NONE:
        raise Unavailable("no cgroup hierarchy is mounted: containers cannot be limited or stopped")
    systemd = systemd_manages(wishes.cgroup_driver, hierarchies)
    if systemd and wishes.cgroup_parent and not is_slice(wishes.cgroup_parent):
        raise InvalidArgument(NOT_A_SLICE)
    arguments = ("--systemd-cgroup",) if systemd else ()
    found = _runtimes(exec_root, wishes.added_runtimes, arguments)
    chosen, hierarchies = choose_runtime(found, hierarchies, wishes.default_runtime)
    # what clients ask for by name: runc, and what containerd calls it
    runc = found.setdefault("runc", msgspec.structs.replace(found[chosen], name="runc"))
    found.setdefault(SHIM, msgspec.structs.replace(runc, name=SHIM))
    v2 = hierarchies.layout is Layout.V2
    confines = apparmor.is_enabled()
    if confines:
        try:
            apparmor.ensure_default(exec_root)
        except BoxshipError as error:
            log.warning("containers will not start but unconfined: %s", error)
    facts = Facts(
        capabilities=capabilities.held_here(),
        seccomp_host=seccomp.this_host(),
        cgroup_v2=v2,
        apparmor_profile=apparmor.DEFAULT_PROFILE if confines else "",
        seccomp_profile=wishes.seccomp_profile,
        no_new_privileges=wishes.no_new_privileges,
        cdi_directories=wishes.cdi_directories,
        systemd_cgroups=systemd,
        cgroup_parent=wishes.cgroup_parent or ("system.slice" if systemd else "/boxship"),
    )
    return Settings(
        exec_root=exec_root,
        bundles=bundles,
        conmon=find_program("conmon"),
        runtimes=found,
        default_runtime=chosen,
        hierarchies=hierarchies,
        facts=facts,
    )


def systemd_manages(asked: str, hierarchies: Hierarchies) -> bool:
    """Whether cgroups are systemd's to make: when told so, and else where it manages all of v2."""
    if asked:
        return asked == "systemd"
    return hierarchies.layout is Layout.V2 and is_booted()


def _runtimes(
    exec_root: str, added: Mapping[str, tuple[str, ...]], arguments: tuple[str, ...]
) -> dict[str, OciRuntime]:
    found = {
        name: OciRuntime(name=name, path=path, root=f"{exec_root}/{name}", arguments=arguments)
        for name in ("crun", "runc")
        if (path := _find(name)) is not None
    }
    usual = next(iter(found.values())).path if found else ""
    for name, (given, *own) in added.items():
        path = given or usual
        found[name] = OciRuntime(
            name=name,
            path=path if posixpath.isabs(path) else find_program(path),
            root=f"{exec_root}/{name}",
            arguments=(*arguments, *own),
        )
    return found


def choose_runtime(
    found: Mapping[str, OciRuntime], hierarchies: Hierarchies, wanted: str = ""
) -> tuple[str, Hierarchies]:
    """The default runtime's name: the administrator's, else crun, else runc.

    crun refuses a hybrid host while a controller sits on the v2 side; it gets a v1 hierarchy then.
    """
    if wanted and wanted not in found:
        raise Unavailable(f"unknown or invalid runtime name: {wanted}")
    name = wanted or next((each for each in ("crun", "runc") if each in found), "")
    if not name:
        raise Unavailable("neither crun nor runc is installed")
    if found[name].kind == "crun" and hierarchies.layout is not Layout.V2 and hierarchies.loose:
        try:
            hierarchies = cgroups.mount_missing_controllers(hierarchies)
        except BoxshipError as error:
            log.warning("cannot give crun the cgroup hierarchies it needs: %s", error)
        if hierarchies.loose and not wanted and "runc" in found:
            log.warning(
                "crun does not run beside cgroup v2 controllers (%s): falling back to runc, which "
                "starts containers more slowly",
                ", ".join(hierarchies.loose),
            )
            name = "runc"
    return name, hierarchies


def _find(name: str) -> str | None:
    try:
        return find_program(name)
    except Unavailable:
        return None
