"""Spans: what an instance does, or waits for, during a period."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from operations.model import Failure


class SpanKind(StrEnum):
    """The kind of a span: what the instance does, or waits for."""

    ACTIVITY = "activity"
    BACKOFF = "backoff"
    """The pause between a failed attempt and the next one."""
    TIMER = "timer"
    WAIT = "wait"
    """A wait for an external event."""
    CHILD = "child"
    SUSPENSION = "suspension"


CALLS = frozenset({SpanKind.ACTIVITY, SpanKind.CHILD})
"""What a workflow calls; the spans of one call are its attempts."""


class Ending(StrEnum):
    """How a span ended."""

    OPEN = "open"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    CUT_OFF = "cut off"
    """The instance ended, stalled or was purged first."""
    END_UNKNOWN = "end unknown"
    """The workflow continued as new before the end was read; `ended_at` is the latest possible."""


SUSPENSIONS = -1
"""The lane of suspensions, which is drawn below all others."""


@dataclass(frozen=True)
class Span:
    """One bar of an instance's timeline; times are aware UTC.

    `scheduled_at` is when Dapr created the span, `ended_at` its end, None while it is open.
    `started_at` is when a worker received the attempt of an activity, None if no trace reported it:
    the time before it is queue time, the time after it execution time (which includes a queue
    inside the worker). `event_id` is the id of the event that created the span. Spans of one row
    have the same `lane`: all attempts of one call of an activity or child, and the back-offs
    between them. `attempt_number` counts from 1 to `attempt_count`; a back-off has the number of
    the attempt before it. `due` is when a timer fires or a wait times out, None without a deadline.
    `turn` is the number of the workflow's turn that created the span. A rerun took a `copied` span
    over from its source: the span starts and ends at the start of the rerun.
    """

    kind: SpanKind
    name: str
    lane: int
    event_id: int
    scheduled_at: datetime
    ended_at: datetime | None = None
    ending: Ending = Ending.OPEN
    attempt_number: int = 1
    attempt_count: int = 1
    due: datetime | None = None
    input: str | None = None
    output: str | None = None
    failure: Failure | None = None
    instance_id: str | None = None
    app_id: str | None = None
    """The application that ran the activity or child, if it is another application."""
    turn: int = 0
    copied: bool = False
    started_at: datetime | None = None


def event_key(name: str | None) -> str:
    """Return the name of an external event as Dapr compares it, without regard to case."""
    return (name or "").casefold()


def closed(span: Span, at: datetime, ending: Ending) -> Span:
    """Return a closed span; it does not end before its start, even if a clock was set back."""
    return replace(span, ended_at=max(at, span.scheduled_at), ending=ending)
