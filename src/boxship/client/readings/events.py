"""Events and progress: the messages of streams."""

from collections.abc import Mapping
from typing import Any

from boxship.model.event import Event
from boxship.model.progress import Progress
from boxship.wire.times import SECOND

Document = Mapping[str, Any]


def event(document: Document) -> Event:
    """One event."""
    actor = document.get("Actor") or {}
    return Event(
        type=document.get("Type") or "",
        action=document.get("Action") or "",
        actor_id=actor.get("ID") or "",
        attributes=actor.get("Attributes") or {},
        time_ns=document.get("timeNano") or (document.get("time") or 0) * SECOND,
        scope=document.get("scope") or "local",
    )


def progress(document: Document) -> Progress:
    """One message of a load, import or build."""
    detail = document.get("progressDetail") or {}
    problem = document.get("errorDetail") or {}
    return Progress(
        id=document.get("id") or "",
        status=document.get("status") or "",
        stream=document.get("stream") or "",
        current=detail.get("current"),
        total=detail.get("total"),
        error=document.get("error") or problem.get("message") or "",
        error_code=problem.get("code") or 0,
        aux=document.get("aux"),
    )
