"""History events as the engine writes them, with times in seconds after `START`."""

from datetime import UTC, datetime, timedelta
from typing import Any

from operations.history import HistoryEvent, TimerOrigin
from operations.model import Failure
from operations.timeline import (
    Span,
    Timeline,
    timeline_of,
)

START = datetime(2026, 11, 23, 18, tzinfo=UTC)
NEVER = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
REFUSED = Failure("CardError", "The card was refused.")


def at(seconds: float) -> datetime:
    """Return the time so many seconds after `START`."""
    return START + timedelta(seconds=seconds)


def event(kind: str, seconds: float, event_id: int = -1, **more: Any) -> HistoryEvent:
    """Return an event of a kind."""
    return HistoryEvent(event_id, at(seconds), kind, **more)


def turn(seconds: float) -> HistoryEvent:
    """Return the start of a turn."""
    return event("workflowStarted", seconds)


def started(seconds: float = 0, **more: Any) -> HistoryEvent:
    """Return the start of an instance."""
    return event("executionStarted", seconds, name="order", **more)


def scheduled(
    event_id: int, seconds: float, name: str = "charge", call: str | None = None, **more: Any
) -> HistoryEvent:
    """Return the scheduling of an attempt of an activity."""
    return event("taskScheduled", seconds, event_id, name=name, task_execution_id=call, **more)


def completed(answers: int, seconds: float, payload: str | None = None) -> HistoryEvent:
    """Return the success of an attempt; `answers` is the id of its event."""
    return event("taskCompleted", seconds, answers=answers, payload=payload)


def failed(answers: int, seconds: float) -> HistoryEvent:
    """Return the failure of an attempt."""
    return event("taskFailed", seconds, answers=answers, failure=REFUSED)


def timer(event_id: int, seconds: float, due: float, name: str | None = None) -> HistoryEvent:
    """Return a timer that the workflow created."""
    origin = TimerOrigin.OWN
    return event("timerCreated", seconds, event_id, fire_at=at(due), origin=origin, name=name)


def wait(
    event_id: int, seconds: float, name: str = "approval", due: float | None = None
) -> HistoryEvent:
    """Return a wait for an external event, without a time limit unless `due` is given."""
    fire_at = NEVER if due is None else at(due)
    origin = TimerOrigin.EXTERNAL_EVENT
    return event("timerCreated", seconds, event_id, fire_at=fire_at, origin=origin, name=name)


def back_off(event_id: int, seconds: float, due: float, call: str | None) -> HistoryEvent:
    """Return a timer before the next attempt of an activity."""
    origin = TimerOrigin.ACTIVITY_RETRY
    return event(
        "timerCreated", seconds, event_id, fire_at=at(due), origin=origin, task_execution_id=call
    )


def child_back_off(event_id: int, seconds: float, due: float, of: str | None) -> HistoryEvent:
    """Return a timer before the next attempt of a child."""
    origin = TimerOrigin.CHILD_RETRY
    return event("timerCreated", seconds, event_id, fire_at=at(due), origin=origin, instance_id=of)


def fired(answers: int, seconds: float) -> HistoryEvent:
    """Return the firing of a timer."""
    return event("timerFired", seconds, answers=answers)


def raised(name: str, seconds: float, payload: str | None = None) -> HistoryEvent:
    """Return an external event."""
    return event("eventRaised", seconds, name=name, payload=payload)


def child(event_id: int, seconds: float, instance: str, name: str = "pay") -> HistoryEvent:
    """Return the scheduling of a child."""
    kind = "childWorkflowInstanceCreated"
    return event(kind, seconds, event_id, name=name, instance_id=instance)


def child_completed(answers: int, seconds: float, payload: str | None = None) -> HistoryEvent:
    """Return the success of a child."""
    return event("childWorkflowInstanceCompleted", seconds, answers=answers, payload=payload)


def child_failed(answers: int, seconds: float) -> HistoryEvent:
    """Return the failure of a child."""
    return event("childWorkflowInstanceFailed", seconds, answers=answers, failure=REFUSED)


def suspended(seconds: float) -> HistoryEvent:
    """Return the start of a pause."""
    return event("executionSuspended", seconds)


def resumed(seconds: float) -> HistoryEvent:
    """Return the end of a pause."""
    return event("executionResumed", seconds)


def ended(seconds: float) -> HistoryEvent:
    """Return the completion of an instance."""
    return event("executionCompleted", seconds, 99)


def terminated(seconds: float) -> HistoryEvent:
    """Return the termination of an instance."""
    return event("executionTerminated", seconds)


TOO_LARGE = Failure("PAYLOAD_SIZE_EXCEEDED", "too large; increase daprd --max-body-size")


def stalled(seconds: float) -> HistoryEvent:
    """Return the engine's note that it does not continue an instance."""
    return event("executionStalled", seconds, failure=TOO_LARGE)


def timeline_with(*events: HistoryEvent) -> Timeline:
    """Return the timeline of an instance that started at `START` and has these events."""
    return timeline_of([turn(0.001), started(0), *events])


def only_span(timeline: Timeline) -> Span:
    """Return the span of a timeline that has only one."""
    assert len(timeline.spans) == 1
    return timeline.spans[0]


def attempts_of(timeline: Timeline) -> list[tuple[int, int, int, int]]:
    """Return each span's event id, lane, attempt and number of attempts."""
    return [
        (span.event_id, span.lane, span.attempt_number, span.attempt_count)
        for span in timeline.spans
    ]
