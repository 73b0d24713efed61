"""When a worker received the attempts of activities: times from traces, checked by the history."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from operations.timeline.spans import Ending, Span, SpanKind

END_TOLERANCE = timedelta(seconds=1)
"""How far the ends of a trace span and of its attempt may differ. daprd takes both from one clock,
one right after the other: at most 0.7 ms apart, in 588 attempts beside busy loops on each core."""


@dataclass(frozen=True)
class StartTime:
    """When a trace says that a worker was given an attempt: a hint, which may be false.

    `event_id` is the id of the event that scheduled the attempt, `ended_at` the end of the attempt.
    """

    instance_id: str
    event_id: int
    at: datetime
    ended_at: datetime


def start_time_within(
    scheduled_at: datetime, ended_at: datetime | None, ending: Ending, known: Iterable[StartTime]
) -> datetime | None:
    """Return the latest start time that the history of an attempt allows, None if there is none.

    It is between `scheduled_at` and `ended_at`, and its trace span ended when the attempt did. Any
    other is forged, or of another clock or delivery: a wrong division into queue time and
    execution time is worse than none. Dapr delivers an attempt again when a worker dies, so the
    last start counts.
    """
    if ended_at is None:
        return None
    allowed = (
        each.at
        for each in known
        if scheduled_at <= each.at <= ended_at and _ends(each, ended_at, ending)
    )
    return max(allowed, default=None)


def _ends(start_time: StartTime, ended_at: datetime, ending: Ending) -> bool:
    """Return whether a trace span may have ended with an attempt.

    An attempt that was cut off went on afterwards; one whose end is unknown ended before.
    """
    later = start_time.ended_at - ended_at
    is_early = later < -END_TOLERANCE and ending is not Ending.END_UNKNOWN
    is_late = later > END_TOLERANCE and ending is not Ending.CUT_OFF
    return not (is_early or is_late)


def with_start_times(spans: Sequence[Span], known: Iterable[Span]) -> tuple[Span, ...]:
    """Return spans with the `started_at` of the known spans of the same attempts."""
    start_times = {
        (each.event_id, each.scheduled_at): each.started_at for each in known if each.started_at
    }
    return tuple(
        replace(span, started_at=started_at)
        if span.kind is SpanKind.ACTIVITY
        and (started_at := start_times.get((span.event_id, span.scheduled_at)))
        else span
        for span in spans
    )
