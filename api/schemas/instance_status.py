"""The body of an instance's status, with the specification's example."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.schemas.failures import FailureSchema, failure_body
from operations.export.run_rows import runtime_status
from operations.json_bodies import payload_value
from operations.model import Instance, Status
from operations.time_texts import utc_text
from operations.timeline import REPETITION_REMEDY, cause_of_repetition

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


class RepetitionSchema(BaseModel):
    """An action that the application repeats while the instance is suspended."""

    action: str
    cause: str
    remedy: str


class StatusResponse(BaseModel):
    """One instance; `output` is null until the instance completes."""

    model_config = ConfigDict(json_schema_extra={"example": _STATUS})

    instance_id: str
    runtime_status: str
    status: Status
    created_at: datetime | None
    last_updated: datetime | None
    output: Any = Field(
        description="The output as the workflow wrote it; a string if that is not JSON."
    )
    custom_status: Any = Field(
        None, description="The stage that the workflow reached, in its own words."
    )
    failure: FailureSchema | None = Field(
        None, description="Only for an instance that failed, or that the engine stopped (STALLED)."
    )
    repeats: RepetitionSchema | None = Field(
        None,
        description="Only for a suspended instance whose application repeats an action in each "
        "turn, a fault of its SDK; if the ledger is open.",
    )


def status_body(
    instance: Instance, *, full: bool = False, repeats: str | None = None
) -> dict[str, Any]:
    """Return the body for one instance; the specification's fields are always there.

    `full` returns a failure of any length. `repeats` is an action that the application repeats
    while the instance is suspended.
    """
    body: dict[str, Any] = {
        "instance_id": instance.instance_id,
        "runtime_status": runtime_status(instance.status),
        "status": instance.status,
        "created_at": utc_text(instance.created_at),
        "last_updated": utc_text(instance.last_updated_at),
        "output": payload_value(instance.output),
    }
    if instance.custom_status and instance.status is not Status.COMPLETED:
        body["custom_status"] = payload_value(instance.custom_status)
    if instance.failure:
        body["failure"] = failure_body(instance.failure, full=full)
    if repeats:
        body["repeats"] = {
            "action": repeats,
            "cause": cause_of_repetition(repeats),
            "remedy": REPETITION_REMEDY,
        }
    return body
