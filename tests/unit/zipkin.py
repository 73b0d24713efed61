"""Trace spans as daprd sends them."""

import json
from datetime import datetime, timedelta
from typing import Any

from tests.unit.snapshots import ID

START_MICROS = 1795659550274556  # microseconds since 1970: the default start of a trace span


def span(name: str, kind: str | None, instance_id: str = ID, **more: Any) -> dict[str, Any]:
    """Return a trace span of an instance; `more` are further tags."""
    tags = {"durabletask.task.instance_id": instance_id, "service.name": "workflow-app", **more}
    fields = {"name": name, "timestamp": START_MICROS, "duration": 5947, "tags": tags}
    return fields if kind is None else {**fields, "kind": kind}


def attempt_span(
    event_id: int, started_at: datetime, ended_at: datetime, instance_id: str = ID
) -> dict[str, Any]:
    """Return the trace span of an attempt of an activity."""
    fields = starting_at(span("activity||charge", "SERVER", instance_id), started_at)
    fields["tags"]["durabletask.task.task_id"] = str(event_id)
    return {**fields, "duration": (ended_at - started_at) // timedelta(microseconds=1)}


def starting_at(span: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Return a trace span with another start time."""
    return {**span, "timestamp": round(at.timestamp() * 1_000_000)}


def start_span(instance_id: str = ID) -> dict[str, Any]:
    """Return the trace span of an instance's start."""
    return span("create_orchestration||order_workflow", "CLIENT", instance_id)


def end_span(instance_id: str = ID) -> dict[str, Any]:
    """Return the trace span of an instance's end."""
    return span("orchestration||order_workflow", "SERVER", instance_id)


def body(*spans: object) -> bytes:
    """Return trace spans as the body of a request."""
    return json.dumps(spans).encode()
