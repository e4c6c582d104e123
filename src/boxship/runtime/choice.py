"""Which OCI runtime runs containers here: decided once, at start."""

import logging
import posixpath
from collections.abc import Mapping

from boxship.errors import BoxshipError, Unavailable
from boxship.linux import capabilities, cgroups, seccomp
from boxship.linux.apparmor import is_enabled, is_loaded
from boxship.linux.cgroups import Hierarchies, Layout
from boxship.linux.oci_runtime import OciRuntime, find_program
from boxship.runtime.conmon import Settings
from boxship.runtime.spec import Facts

log = logging.getLogger(__name__)

APPARMOR_PROFILE = "boxship-default"


def find_settings(
    exec_root: str,
    bundles: str,
    *,
    default_runtime: str = "",
    added_runtimes: Mapping[str, tuple[str, ...]] | None = None,
    cgroup_parent: str = "/boxship",
    seccomp_profile: str = "",
) -> Settings:
    """Look at this host and settle how containers run; raise Unavailable when they cannot.

    *added_runtimes* are the administrator's: name → path and arguments.
    """
    hierarchies = cgroups.detect()
    if hierarchies.layout is Layout.NONE:
        raise Unavailable("no cgroup hierarchy is mounted: containers cannot be limited or stopped")
    found = {
        name: OciRuntime(name=name, path=path, root=f"{exec_root}/{name}")
        for name in ("crun", "runc")
        if (path := _find(name)) is not None
    }
    for name, (path, *arguments) in (added_runtimes or {}).items():
        program = path if posixpath.isabs(path) else find_program(path)
        found[name] = OciRuntime(
            name=name, path=program, root=f"{exec_root}/{name}", arguments=tuple(arguments)
        )
    chosen, hierarchies = choose_runtime(found, hierarchies, default_runtime)
    v2 = hierarchies.layout is Layout.V2
    apparmor = is_enabled()
    facts = Facts(
        capabilities=capabilities.held_here(),
        seccomp_host=seccomp.this_host(),
        cgroup_v2=v2,
        apparmor=apparmor,
        apparmor_profile=APPARMOR_PROFILE if apparmor and is_loaded(APPARMOR_PROFILE) else "",
        seccomp_profile=seccomp_profile,
        cgroup_parent=cgroup_parent,
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
