"""When attempts began to run, as far as traces told of it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from operations.timeline.spans import Span, SpanKind


def began_within(
    start: datetime, end: datetime | None, told: Iterable[datetime]
) -> datetime | None:
    """Return the latest of the times that an attempt may have begun at, None if none fits.

    An attempt is told of when it has ended, and began after it was scheduled. No clock is allowed
    to differ: a wrong division into queue and run is worse than none. If it was handed out twice,
    for a worker had died, the last time counts.
    """
    return max((at for at in told if start <= at <= end), default=None) if end else None


def with_begins(spans: Sequence[Span], known: Iterable[Span]) -> tuple[Span, ...]:
    """Return spans with the begins of those that are the same attempts and are known better."""
    begins = {(each.event_id, each.start): each.began for each in known if each.began}
    return tuple(
        replace(span, began=began)
        if span.kind is SpanKind.ACTIVITY and (began := begins.get((span.event_id, span.start)))
        else span
        for span in spans
    )
