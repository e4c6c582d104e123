"""boxship … prune: remove what nothing uses."""

import sys

from boxship.cli.flags import Command, Flag, Options
from boxship.cli.running import Context, Failed, check_filter, filters_query
from boxship.cli.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Pruned = tuple[int, str]

SURE = "Are you sure you want to continue?"


def confirm(text: str) -> bool:
    """Ask on stdout; only y and yes (in any case) mean yes."""
    sys.stdout.write(f"{text} [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() == "y"


def _guard(options: Options, warning: str) -> None:
    if not options.force and not confirm(f"WARNING! {warning}\n{SURE}"):
        raise Failed(status=0)  # as Docker's CLI: declining is no failure


def _filters(options: Options) -> "dict[str, dict[str, bool]]":
    return filters_query(options.filter) or {}


def _ask(context: Context, noun: str, filters: "dict[str, Any]", **more: "Any") -> "dict[str, Any]":
    ordered = {key: filters[key] for key in sorted(filters)}
    query = {"filters": ordered or None, **more}
    return dict(context.client.post(f"/{noun}/prune", query) or {})


def _listed(title: str, names: "Any") -> str:
    return "".join([f"{title}:\n", *(f"{name}\n" for name in names)]) if names else ""


def prune_containers(context: Context, filters: "dict[str, Any]") -> "Pruned":
    """Remove stopped containers; the bytes freed and the report."""
    answer = _ask(context, "containers", filters)
    names = answer.get("ContainersDeleted")
    return answer.get("SpaceReclaimed", 0), _listed("Deleted Containers", names)


def prune_images(context: Context, filters: "dict[str, Any]", *, everything: bool) -> "Pruned":
    """Remove dangling or all unused images."""
    wanted = {**filters, "dangling": {"false" if everything else "true": True}}
    answer = _ask(context, "images", wanted)
    lines = [
        f"untagged: {item['Untagged']}" if item.get("Untagged") else f"deleted: {item['Deleted']}"
        for item in answer.get("ImagesDeleted") or ()
    ]
    return answer.get("SpaceReclaimed", 0), _listed("Deleted Images", lines)


def prune_volumes(context: Context, filters: "dict[str, Any]", *, everything: bool) -> "Pruned":
    """Remove anonymous or all unused volumes."""
    wanted = {**filters, "all": {"true": True}} if everything else filters
    answer = _ask(context, "volumes", wanted)
    names = answer.get("VolumesDeleted")
    return answer.get("SpaceReclaimed", 0), _listed("Deleted Volumes", names)


def prune_networks(context: Context, filters: "dict[str, Any]") -> "Pruned":
    """Remove unused networks."""
    answer = _ask(context, "networks", filters)
    return 0, _listed("Deleted Networks", answer.get("NetworksDeleted"))


def prune_cache(
    context: Context, filters: "dict[str, Any]", *, everything: bool, **more: "Any"
) -> "Pruned":
    """Remove build cache."""
    answer = _ask(context, "build", filters, all=True if everything else None, **more)
    names = answer.get("CachesDeleted")
    return answer.get("SpaceReclaimed", 0), _listed("Deleted build cache objects", names)


def _report(pruned: "Pruned") -> None:
    space, text = pruned
    if text:
        sys.stdout.write(text + "\n")
    sys.stdout.write(f"Total reclaimed space: {human_size(space)}\n")


def run_containers(context: Context, options: Options) -> None:
    """Prune containers."""
    _guard(options, "This will remove all stopped containers.")
    _report(prune_containers(context, _filters(options)))


def run_images(context: Context, options: Options) -> None:
    """Prune images."""
    what = (
        "all images without at least one container associated to them"
        if options.all
        else "all dangling images"
    )
    _guard(options, f"This will remove {what}.")
    _report(prune_images(context, _filters(options), everything=options.all))


def run_volumes(context: Context, options: Options) -> None:
    """Prune volumes."""
    what = "all local volumes" if options.all else "anonymous local volumes"
    _guard(options, f"This will remove {what} not used by at least one container.")
    _report(prune_volumes(context, _filters(options), everything=options.all))


def run_networks(context: Context, options: Options) -> None:
    """Prune networks."""
    _guard(options, "This will remove all custom networks not used by at least one container.")
    text = prune_networks(context, _filters(options))[1]
    if text:
        sys.stdout.write(text + "\n")


def run_builder(context: Context, options: Options) -> None:
    """Prune the build cache."""
    what = "all build cache" if options.all else "all dangling build cache"
    _guard(options, f"This will remove {what}.")
    more = {
        "keep-storage": str(options.keep_storage) if options.keep_storage else None,
        "reserved-space": str(options.reserved_space) if options.reserved_space else None,
        "max-used-space": str(options.max_used_space) if options.max_used_space else None,
        "min-free-space": str(options.min_free_space) if options.min_free_space else None,
    }
    _report(prune_cache(context, _filters(options), everything=options.all, **more))


def run_system(context: Context, options: Options) -> None:
    """Prune everything that nothing uses."""
    filters = _filters(options)
    if options.volumes and "until" in filters:
        raise Failed('ERROR: The "until" filter is not supported with "--volumes"')
    _guard(options, _system_warning(options))
    steps = [prune_containers(context, filters), prune_networks(context, filters)]
    if options.volumes:
        steps.append(prune_volumes(context, filters, everything=False))
    steps.append(prune_images(context, filters, everything=options.all))
    steps.append(prune_cache(context, filters, everything=options.all))
    for _, text in steps:
        if text:
            sys.stdout.write(text + "\n")
    total = sum(space for space, _ in steps)
    sys.stdout.write(f"Total reclaimed space: {human_size(total)}\n")


def _system_warning(options: Options) -> str:
    lines = ["all stopped containers", "all networks not used by at least one container"]
    if options.volumes:
        lines.append("all anonymous volumes not used by at least one container")
    if options.all:
        lines.append("all images without at least one container associated to them")
        lines.append("all build cache")
    else:
        lines += ["all dangling images", "unused build cache"]
    text = "This will remove:\n" + "".join(f"  - {line}\n" for line in lines)
    if options.filter:
        text += "\n  Items to be pruned will be filtered with:\n"
        text += "".join(f"  - {name}\n" for name in sorted(options.filter))
    return text


_FORCE = Flag("force", "f", "bool", "Do not prompt for confirmation")


def _filter(example: str) -> Flag:
    text = f'Provide filter values (e.g. "{example}")'
    return Flag("filter", "", "filter", text, check=check_filter)


CONTAINER = Command("prune [OPTIONS]", run_containers, _filter("until=<timestamp>"), _FORCE)
IMAGE = Command(
    "prune [OPTIONS]",
    run_images,
    Flag("all", "a", "bool", "Remove all unused images, not just dangling ones"),
    _filter("until=<timestamp>"),
    _FORCE,
)
NETWORK = Command("prune [OPTIONS]", run_networks, _filter("until=<timestamp>"), _FORCE)
VOLUME = Command(
    "prune [OPTIONS]",
    run_volumes,
    Flag("all", "a", "bool", "Remove all unused volumes, not just anonymous ones"),
    _filter("label=<label>"),
    _FORCE,
)
SYSTEM = Command(
    "prune [OPTIONS]",
    run_system,
    Flag("all", "a", "bool", "Remove all unused images not just dangling ones"),
    _filter("label=<key>=<value>"),
    _FORCE,
    Flag("volumes", "", "bool", "Prune anonymous volumes"),
)
BUILDER = Command(
    "prune",
    run_builder,
    Flag("all", "a", "bool", "Remove all unused build cache, not just dangling ones"),
    _filter("until=24h"),
    _FORCE,
    Flag("keep-storage", "", "bytes", "Amount of disk space to keep for cache", hidden=True),
    Flag("max-used-space", "", "bytes", "Maximum amount of disk space allowed to keep for cache"),
    Flag("min-free-space", "", "bytes", "Target amount of free disk space after pruning"),
    Flag("reserved-space", "", "bytes", "Amount of disk space always allowed to keep for cache"),
)
