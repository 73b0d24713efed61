"""Start times of attempts, which trace spans report."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from operations.timeline.spans import Span, SpanKind


def start_time_within(
    scheduled_at: datetime, ended_at: datetime | None, candidates: Iterable[datetime]
) -> datetime | None:
    """Return the latest candidate between `scheduled_at` and `ended_at`, None if there is none.

    A candidate outside is from another clock: a wrong division into queue time and execution time
    is worse than none. Dapr gives an attempt to another worker when a worker dies, so the last
    start counts.
    """
    if ended_at is None:
        return None
    return max((at for at in candidates if scheduled_at <= at <= ended_at), default=None)


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
