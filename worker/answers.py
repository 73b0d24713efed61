"""The bodies of the REST API: the specification's where it shows them, the same kind elsewhere."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from operations.actions import ActionResult
from operations.model import Action, Instance, Status, parse_payload
from operations.records import RunSummary
from worker.orders import Order

_NEXT = "Workflow is executing. Use /workflow/status/{instance_id} to check progress"
_ORDER: JsonDict = {"order_id": "ORDER001", "amount": 99.99, "items": ["laptop", "mouse"]}
_PROCESSED: JsonDict = {
    "order_id": "ORDER001",
    "status": "processed",
    "total": 109.989,
    "processed_at": 1736596800.123,
}
_CHECKED: JsonDict = {
    "order_id": "ORDER001",
    "inventory_status": "available",
    "items_count": 2,
    "checked_at": 1736596800.456,
}
_CONFIRMED: JsonDict = {
    "confirmation_sent": True,
    "order_id": "ORDER001",
    "message": "Order confirmed with 2 items. Total: $109.99",
    "confirmed_at": 1736596803.789,
}
_OUTPUT: JsonDict = {
    "workflow_status": "completed",
    "order_id": "ORDER001",
    "process_result": _PROCESSED,
    "inventory_result": _CHECKED,
    "confirmation": _CONFIRMED,
    "execution_summary": {
        "parallel_activities": ["process_order", "check_inventory"],
        "sequential_activities": ["send_confirmation"],
        "total_activities": 3,
    },
}
_STATUS: JsonDict = {
    "instance_id": "order_ORDER001",
    "runtime_status": "WorkflowStatus.COMPLETED",
    "status": "COMPLETED",
    "created_at": "2026-01-11T12:00:00Z",
    "last_updated": "2026-01-11T12:00:03Z",
    "output": _OUTPUT,
}


class Answer(BaseModel):
    """A body; fields that have nothing to say and are not the specification's are left out."""

    model_config = ConfigDict(frozen=True)


class Info(Answer):
    """What this application is."""

    name: str = Field(examples=["Flowdeck order workflow"])
    version: str = Field(examples=["0.1.0"])
    workflow: str = Field(examples=["order_workflow"])
    endpoints: dict[str, str] = Field(examples=[{"GET /health": "Health check"}])


class Healthy(Answer):
    """Everything is there."""

    status: Literal["healthy"] = "healthy"
    workflow_runtime: Literal["running"] = "running"


class Unhealthy(Answer):
    """Something is not there: `problems` says what."""

    status: Literal["unhealthy"] = "unhealthy"
    workflow_runtime: str = Field(examples=["disconnected"])
    problems: list[str] = Field(
        examples=[["The Dapr engine cannot be reached: no sidecar accepts the connection."]]
    )


class StartedAnswer(Answer):
    """A start: `already_running` when the same order was running before."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "status": "started",
                "instance_id": "order_ORDER001",
                "order_data": _ORDER,
                "message": _NEXT,
            }
        }
    )

    status: Literal["started", "already_running"]
    instance_id: str
    order_data: Order
    message: str = _NEXT


class FailureAnswer(Answer):
    """Why the instance failed."""

    error_type: str
    message: str
    stack_trace: str | None


class StatusAnswer(Answer):
    """One instance; `output` is null until it has one."""

    model_config = ConfigDict(json_schema_extra={"example": _STATUS})

    instance_id: str
    runtime_status: str
    status: Status
    created_at: datetime | None
    last_updated: datetime | None
    output: Any
    custom_status: Any = Field(
        None, description="The stage at which the instance is, or at which it ended."
    )
    failure: FailureAnswer | None = Field(None, description="Only of an instance that failed.")


class ActedAnswer(Answer):
    """An action: `changed` is false when the instance was as wished already."""

    status: Literal["paused", "resumed", "terminated"]
    instance_id: str = Field(examples=["order_ORDER001"])
    changed: bool
    runtime_status: str = Field(examples=["WorkflowStatus.SUSPENDED"])
    message: str = Field(examples=["Workflow order_ORDER001 was paused"])


class ErrorAnswer(Answer):
    """Why a request could not be carried out."""

    error: str = Field(description="The kind of error, for programs.")
    detail: str = Field(description="What happened, for people.")


class Mistake(Answer):
    """One value that cannot be accepted."""

    field: str
    found: Any
    expected: str
    message: str


class InvalidAnswer(Answer):
    """Every value of the request that cannot be accepted."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "error": "InvalidInput",
                "detail": [
                    {
                        "field": "amount",
                        "found": -5,
                        "expected": "a number above 0 and up to 1000000, with at most 2 decimals",
                        "message": "amount: found -5, expected a number above 0 "
                        "and up to 1000000, with at most 2 decimals.",
                    }
                ],
            }
        }
    )

    error: Literal["InvalidInput"] = "InvalidInput"
    detail: list[Mistake]


def status_answer(instance: Instance) -> dict[str, Any]:
    """Return the body for one instance: the specification's fields, others only if they tell."""
    body: dict[str, Any] = {
        "instance_id": instance.instance_id,
        "runtime_status": runtime_status(instance),
        "status": instance.status,
        "created_at": zulu(instance.created_at),
        "last_updated": zulu(instance.last_updated_at),
        "output": parse_payload(instance.output),
    }
    if instance.custom_status and instance.status is not Status.COMPLETED:
        body["custom_status"] = parse_payload(instance.custom_status)
    if instance.failure:
        body["failure"] = vars(instance.failure)
    return body


def acted_answer(action: Action, acted: ActionResult) -> ActedAnswer:
    """Return the body for an action that was carried out, or was not needed."""
    word: Literal["paused", "resumed", "terminated"] = _DONE[action]
    instance = acted.after
    return ActedAnswer(
        status=word,
        instance_id=instance.instance_id,
        changed=acted.changed,
        runtime_status=runtime_status(instance),
        message=f"Workflow {instance.instance_id} "
        + (f"was {word}" if acted.changed else f"is {instance.status} already"),
    )


_DONE: dict[Action, Literal["paused", "resumed", "terminated"]] = {
    Action.PAUSE: "paused",
    Action.RESUME: "resumed",
    Action.TERMINATE: "terminated",
}


def runtime_status(instance: Instance | RunSummary) -> str:
    """Return the status in the specification's words."""
    return f"WorkflowStatus.{instance.status}"


def zulu(time: datetime | None) -> str | None:
    """Return a time in UTC, marked with Z."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z") if time else None
