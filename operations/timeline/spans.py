"""What an instance does, or waits for, over a stretch of its time."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from operations.model import Failure


class SpanKind(StrEnum):
    """What an instance does, or waits for, during a span."""

    ACTIVITY = "activity"
    BACKOFF = "backoff"
    """Between a failed attempt and the next one."""
    TIMER = "timer"
    WAIT = "wait"
    """For an external event."""
    CHILD = "child"
    SUSPENSION = "suspension"


class Ending(StrEnum):
    """How a span ended."""

    OPEN = "open"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    CUT_OFF = "cut off"
    """The instance ended before it did."""
    UNSEEN = "unseen"
    """It continued as new before anybody saw how it ended: by then at the latest."""


SUSPENSIONS = -1
"""The lane of the pauses, below all others."""


@dataclass(frozen=True)
class Span:
    """A stretch of an instance's time, from `start` to `end` (aware UTC; None while it is open).

    `event_id` is that of the event which began it; `lane` is the same for what belongs in one row:
    the attempts of one activity call, or of one child, and the back-offs between them. `attempt`
    counts from 1, of `attempts` so far; a back-off has the number of the attempt before it. `due`
    is when a timer fires or a wait times out, None where there is no end. An activity's span is
    its time in the queue and its run together; it `began` to run in between, when it was handed to
    a worker, None where no trace told of it: a worker's own queue counts as its run. What began in
    the same `turn` of the workflow began together. A span is `copied` if a rerun took it over: it
    has no time of its own then, its start and its end are those of the rerun's clock.
    """

    kind: SpanKind
    name: str
    lane: int
    event_id: int
    scheduled_at: datetime
    ended_at: datetime | None = None
    ending: Ending = Ending.OPEN
    attempt: int = 1
    attempts: int = 1
    due: datetime | None = None
    input: str | None = None
    output: str | None = None
    failure: Failure | None = None
    instance_id: str | None = None
    turn: int = 0
    copied: bool = False
    started_at: datetime | None = None


def event_key(name: str | None) -> str:
    """Return the name of an external event as the engine compares it."""
    return (name or "").casefold()
