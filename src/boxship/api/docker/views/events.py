"""Events and progress: the messages of streams."""

from typing import Any, Final

from boxship.model.event import Event
from boxship.model.progress import Progress
from boxship.wire.times import SECOND

BAR_WIDTH: Final = 50
_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB")


def event(item: Event) -> dict[str, Any]:
    """One event; containers and images keep the fields of old times."""
    document: dict[str, Any] = {}
    if item.type in ("container", "image"):
        document = {"status": item.action, "id": item.actor_id}
    if item.type == "container" and (image := item.attributes.get("image")):
        document["from"] = image
    return document | {
        "Type": item.type,
        "Action": item.action,
        "Actor": {"ID": item.actor_id, "Attributes": dict(sorted(item.attributes.items()))},
        "scope": item.scope,
        "time": item.time_ns // SECOND,
        "timeNano": item.time_ns,
    }


def progress(message: Progress) -> dict[str, Any]:
    """One message of a pull, load or build."""
    if message.error:
        detail: dict[str, Any] = {"message": message.error}
        if message.error_code:
            detail = {"code": message.error_code, **detail}
        return {"errorDetail": detail, "error": message.error}
    document: dict[str, Any] = {}
    if message.aux is not None:
        document["aux"] = message.aux
        if message.id:
            document["id"] = message.id
        return document
    if message.stream:
        document["stream"] = message.stream
    if message.status:
        document["status"] = message.status
    if message.current is not None:
        document["progressDetail"] = _without_zeros(message)
        document["progress"] = bar(message.current, message.total or 0)
    elif message.id and message.status:
        document["progressDetail"] = {}
    if message.id:
        document["id"] = message.id
    return document


def _without_zeros(message: Progress) -> dict[str, int]:
    values = {"current": message.current, "total": message.total}
    return {name: value for name, value in values.items() if value}


def bar(current: int, total: int) -> str:
    """`[=====>     ]  1.2MB/4.8MB`, as the classic clients print it."""
    if total <= 0 or current > total:
        return f"{_size(current):>8}"
    done = min(current * BAR_WIDTH // total, BAR_WIDTH)
    arrow = "=" * done + (">" if done < BAR_WIDTH else "")
    return f"[{arrow:<{BAR_WIDTH + 1}}] {_size(current):>8}/{_size(total)}".replace(
        f"{'=' * BAR_WIDTH} ]", f"{'=' * BAR_WIDTH}>]"
    )


def _size(count: int) -> str:
    """go-units' HumanSize: four significant digits, powers of 1000."""
    value, unit = float(count), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.4g}{_UNITS[unit]}"
