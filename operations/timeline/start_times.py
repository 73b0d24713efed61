"""When attempts began to run, as far as traces told of it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from operations.timeline.spans import Span, SpanKind


def start_time_within(
    start: datetime, end: datetime | None, told: Iterable[datetime]
) -> datetime | None:
    """Return the latest of the times that an attempt may have begun at, None if none fits.

    An attempt is told of when it has ended, and began after it was scheduled. No clock is allowed
    to differ: a wrong division into queue and run is worse than none. If it was handed out twice,
    for a worker had died, the last time counts.
    """
    return max((at for at in told if start <= at <= end), default=None) if end else None


def with_start_times(spans: Sequence[Span], known: Iterable[Span]) -> tuple[Span, ...]:
    """Return spans with the begins of those that are the same attempts and are known better."""
    known_start_times = {
        (each.event_id, each.scheduled_at): each.started_at for each in known if each.started_at
    }
    return tuple(
        replace(span, started_at=started_at)
        if span.kind is SpanKind.ACTIVITY
        and (started_at := known_start_times.get((span.event_id, span.scheduled_at)))
        else span
        for span in spans
    )
