"""The events of an instance's history, as every Dapr application has them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from operations.model import Failure, Status


class TimerOrigin(StrEnum):
    """Why the engine keeps a timer, as Dapr names it."""

    OWN = "createTimer"
    EXTERNAL_EVENT = "externalEvent"
    ACTIVITY_RETRY = "activityRetry"
    CHILD_RETRY = "childWorkflowRetry"


@dataclass(frozen=True)
class HistoryEvent:
    """One event: `kind` as Dapr names it, such as `taskCompleted`; what it lacks is None.

    Times are aware UTC. Events stand in the order in which the engine processed them, which is not
    always that of their times. `name` is the activity's, the child workflow's, the timer's or the
    external event's. `payload` is the JSON text that goes in or comes out.
    """

    event_id: int
    timestamp: datetime
    kind: str
    name: str | None = None
    answers: int | None = None
    """The id of the event that this one is the answer to."""
    task_execution_id: str | None = None
    """The same for all attempts of one activity call."""
    payload: str | None = None
    failure: Failure | None = None
    fire_at: datetime | None = None
    """When a timer is due, or a scheduled start; a wait without end is due in the year 9999."""
    origin: TimerOrigin | None = None
    instance_id: str | None = None
    """The child's, or in `executionStarted` the parent's."""
    parent_app_id: str | None = None
    """The application of the parent, in `executionStarted`."""
    execution_id: str | None = None
    status: Status | None = None
    """How the instance ended, in `executionCompleted`."""
    rerun_of: str | None = None
    """The instance that this one is a rerun of."""
    raw: str | None = None
    """All of an event whose kind is unknown here, as it came: protobuf's bytes, as base64 text."""


NO_END = 9999
"""The year in which a timer is due that waits without end."""
