"""Times and durations in whole microseconds, as the ledger stores and counts them."""

from datetime import UTC, datetime, timedelta

from operations.records import RunSummary

UNKNOWN = -1
"""The value of a time or a duration that is not known yet."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros_of(time: datetime) -> int:
    """Return a time as microseconds since 1970 (UTC)."""
    return micros_between(_EPOCH, time)


def micros_between(start: datetime, end: datetime) -> int:
    """Return the microseconds from one time to another; negative if the end is earlier."""
    return (end - start) // _MICROSECOND


def time_of(micros: int) -> datetime:
    """Return the time that is so many microseconds after 1970, aware UTC; raise `OverflowError`."""
    return _EPOCH + micros * _MICROSECOND


def ended_micros(summary: RunSummary) -> int:
    """Return when a run was over, in microseconds since 1970; `UNKNOWN` until then."""
    return micros_of(summary.over_at) if summary.over_at else UNKNOWN


def duration_micros(summary: RunSummary) -> int:
    """Return the duration of a run in microseconds; `UNKNOWN` without a start or an end."""
    if summary.started_at is None or summary.over_at is None:
        return UNKNOWN
    return max(0, micros_between(summary.started_at, summary.over_at))


def queue_micros(summary: RunSummary) -> int:
    """Return the queue time of a run in microseconds, or `UNKNOWN`.

    The queue time passes from the start, or from the time for which it was scheduled, to the first
    turn.
    """
    is_delayed = summary.scheduled_for and summary.scheduled_for > summary.created_at
    since = summary.scheduled_for if is_delayed else summary.started_at
    if summary.first_turn_at is None or since is None or summary.first_turn_at < since:
        return UNKNOWN
    return micros_between(since, summary.first_turn_at)


def execution_micros(summary: RunSummary) -> int:
    """Return the execution time of a run in microseconds, from its first turn, or `UNKNOWN`."""
    if summary.first_turn_at is None or summary.over_at is None:
        return UNKNOWN
    return max(0, micros_between(summary.first_turn_at, summary.over_at))
