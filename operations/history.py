"""The events of an instance's history."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from operations.model import Failure, Status


class TimerOrigin(StrEnum):
    """The purpose of a timer, in Dapr's words."""

    OWN = "createTimer"
    EXTERNAL_EVENT = "externalEvent"
    ACTIVITY_RETRY = "activityRetry"
    CHILD_RETRY = "childWorkflowRetry"


@dataclass(frozen=True)
class HistoryEvent:
    """One event of a history; fields that its kind does not have are None.

    `kind` is Dapr's name, such as `taskCompleted`. Times are aware UTC. A history is in the order
    of processing, which is not always the order of times. Dapr gives no time to an event that a
    workflow carried over as it continued as new: it has the time of the event before it. `name` is
    the name of the activity, child workflow, timer or external event. `payload` is the JSON text of
    the input or result.
    """

    event_id: int
    timestamp: datetime
    kind: str
    name: str | None = None
    answers: int | None = None
    """The id of the event that this one answers."""
    task_execution_id: str | None = None
    """Equal for all attempts of one call of an activity."""
    payload: str | None = None
    failure: Failure | None = None
    fire_at: datetime | None = None
    """When a timer or a scheduled start is due; the year 9999 for a wait without a deadline."""
    origin: TimerOrigin | None = None
    instance_id: str | None = None
    """The instance id of the child; in `executionStarted`, of the parent."""
    parent_app_id: str | None = None
    """The application of the parent, in `executionStarted`."""
    execution_id: str | None = None
    status: Status | None = None
    """How the instance ended, in `executionCompleted`."""
    app_id: str | None = None
    """The application that runs a called activity or child, if it is another application."""
    version: str | None = None
    """The version of the workflow that a turn executed, or that a start asked for."""
    patches: tuple[str, ...] | None = None
    """The names of the patches that a turn of the workflow applied."""
    rerun_of: str | None = None
    """The id of the instance that this one is a rerun of."""
    trace_id: str | None = None
    """The id of the trace that the start of the instance belongs to, in `executionStarted`."""
    raw: str | None = None
    """An event of unknown kind as it was received: protobuf bytes as base64 text."""


NO_END = 9999
"""The year in which the timer of a wait without a deadline is due."""
