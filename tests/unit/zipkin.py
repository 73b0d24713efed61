"""Trace spans as daprd sends them."""

import json
from datetime import datetime
from typing import Any

from tests.unit.snapshots import ID

BEGAN = 1795659550274556  # microseconds since 1970: when spans began that tell no other time


def span(name: str, kind: str | None, instance_id: str = ID, **more: Any) -> dict[str, Any]:
    """Return a span of an instance; `more` are further tags."""
    tags = {"durabletask.task.instance_id": instance_id, "service.name": "workflow-app", **more}
    told = {"name": name, "timestamp": BEGAN, "duration": 5947, "tags": tags}
    return told if kind is None else {**told, "kind": kind}


def ran(event_id: int, began: datetime, instance_id: str = ID) -> dict[str, Any]:
    """Return the span of an activity's run that is over."""
    told = begun(span("activity||charge", "SERVER", instance_id), began)
    told["tags"]["durabletask.task.task_id"] = str(event_id)
    return told


def begun(span: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Return a span that began at another time."""
    return {**span, "timestamp": round(at.timestamp() * 1_000_000)}


def started(instance_id: str = ID) -> dict[str, Any]:
    """Return the span of an instance's start."""
    return span("create_orchestration||order_workflow", "CLIENT", instance_id)


def over(instance_id: str = ID) -> dict[str, Any]:
    """Return the span of an instance that has ended."""
    return span("orchestration||order_workflow", "SERVER", instance_id)


def body(*spans: object) -> bytes:
    """Return spans as the body of a request."""
    return json.dumps(spans).encode()
