"""The query and the body of a whole run."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.failures import FailureSchema
from api.schemas.histories import HistoryEventSchema

_MAX_RUN_ID = 2**63 - 1
_UNCONSUMED: dict[str, Any] = {
    "event_id": -1,
    "timestamp": "2026-01-11T12:00:01Z",
    "kind": "eventRaised",
    "name": "approval",
    "payload": {"approved": True},
    "is_certain": True,
}
_RUN_ID = f"the number of a run of this id, 1 to {_MAX_RUN_ID}"


class RunQuery(BaseModel):
    """Which run of the id, by default the latest one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: int | None = Field(None, ge=1, le=_MAX_RUN_ID, description=_RUN_ID)


class UnconsumedEventSchema(HistoryEventSchema):
    """A raised event that no wait in the history took; the engine keeps it for a later wait."""

    model_config = ConfigDict(json_schema_extra={"example": _UNCONSUMED})

    is_certain: bool = Field(
        description="False if the workflow has gone on since: it may have taken the event, which "
        "leaves no trace."
    )


class RunResponse(BaseModel):
    """A run as its page shows it; values that are not known are null."""

    instance_id: str = Field(examples=["order_ORDER001"])
    summary: dict[str, Any] = Field(
        description="The summary of the run. Its `run_id` is 0 until the ledger has the run."
    )
    input: Any = Field(description="The input as it was written; a string if it is not JSON.")
    output: Any = Field(description="The output as it was written; a string if it is not JSON.")
    custom_status: Any
    failure: FailureSchema | None
    attempts: list[dict[str, Any]] = Field(
        description="The attempts of activities and children, by `scheduled_at`. Their payloads "
        "are in the history: at the event with this `event_id`, and at its answer."
    )
    unconsumed_events: list[UnconsumedEventSchema]
    audit_log: list[dict[str, Any]] = Field(
        description="The last 100 actions of operators on the run, newest first."
    )
    history: list[HistoryEventSchema] | None = Field(
        description="The events in the order of processing; null while neither the engine nor the "
        "ledger can return them. A workflow that continues as new has only its last generation."
    )
