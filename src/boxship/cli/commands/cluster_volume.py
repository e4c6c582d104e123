"""What only volumes of a Swarm cluster have: flags of `volume create`, and `volume update`."""

from boxship.cli.create_body import pairs
from boxship.cli.flags import Command, Flag, Options
from boxship.cli.running import Context, Failed, path_name
from boxship.client.query import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CREATE_FLAGS = (
    Flag("availability", "", "string", 'Cluster Volume availability ("active", "pause", "drain") (default "active")', "active", hidden=True),
    Flag("group", "", "string", "Cluster Volume group (cluster volumes)", hidden=True),
    Flag("limit-bytes", "", "bytes", "Minimum size of the Cluster Volume in bytes", hidden=True),
    Flag("required-bytes", "", "bytes", "Maximum size of the Cluster Volume in bytes", hidden=True),
    Flag("scope", "", "string", 'Cluster Volume access scope ("single", "multi") (default "single")', "single", hidden=True),
    Flag("secret", "", "map", "Cluster Volume secrets (default map[])", hidden=True),
    Flag("sharing", "", "string", 'Cluster Volume access sharing ("none", "readonly", "onewriter", "all") (default "none")', "none", hidden=True),
    Flag("topology-preferred", "", "list", "A topology that the Cluster Volume would be preferred in", hidden=True),
    Flag("topology-required", "", "list", "A topology that the Cluster Volume must be accessible from", hidden=True),
    Flag("type", "", "string", 'Cluster Volume access type ("mount", "block") (default "block")', "block", hidden=True),
)  # fmt: skip
# secrets and topologies alone make no cluster volume, as with Docker's CLI
_KEYS = frozenset(flag.key for flag in CREATE_FLAGS if flag.kind not in {"map", "list"})


def spec(options: Options) -> "dict[str, Any] | None":
    """The ClusterVolumeSpec of a new volume; None unless a flag asked for such a volume."""
    if not _KEYS & options.changed:
        return None
    mode = {"Scope": options.scope, "Sharing": options.sharing}
    mode["MountVolume" if options.type == "mount" else "BlockVolume"] = {}
    found: dict[str, Any] = {
        "Group": options.group,
        "AccessMode": mode,
        "AccessibilityRequirements": {
            "Requisite": _topologies(options.topology_required),
            "Preferred": _topologies(options.topology_preferred),
        },
        "CapacityRange": {
            "RequiredBytes": options.required_bytes,
            "LimitBytes": options.limit_bytes,
        },
        "Availability": options.availability,
    }
    secrets = pairs(options.secret)
    if secrets:
        found["Secrets"] = [{"Key": key, "Secret": secrets[key]} for key in sorted(secrets)]
    return found


def _topologies(texts: "list[str]") -> "list[dict[str, Any]]":
    """`region=R1,zone=Z1`, one topology each."""
    return [{"Segments": pairs(text.split(","))} for text in texts]


def run_update(context: Context, options: Options) -> None:
    """Change a cluster volume."""
    path = f"/volumes/{path_name(options.args[0])}"
    volume = context.client.get(path).get("ClusterVolume")
    if volume is None:
        raise Failed("can only update cluster volumes")
    if "availability" in options.changed:
        volume["Spec"]["Availability"] = options.availability
    target = f"/volumes/{escape(volume['ID'])}"
    query = {"version": volume["Version"]["Index"]}
    context.client.request("PUT", target, query, body={"Spec": volume["Spec"]}).read()


UPDATE = Command(
    "update [OPTIONS] [VOLUME]",
    run_update,
    Flag("availability", "", "string", 'Cluster Volume availability ("active", "pause", "drain") (default "active")', "active", hidden=True),
    args=(1, 1),
    long="Update a volume (cluster volumes only)",
)  # fmt: skip
