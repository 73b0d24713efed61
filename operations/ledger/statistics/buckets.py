"""The minutes and hours of which statistics are rolled up, and which of them are due."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

from operations.ledger.ledger_limits import RollUpLimits
from operations.ledger.micros import micros_of, time_of
from operations.ledger.tables import buckets, runs
from operations.model import Status
from operations.records import Period

MINUTE, HOUR = 60, 3600
"""The lengths of buckets in seconds."""

Starts = range
"""The starts of neighbouring buckets in seconds since 1970 (UTC); its step is their length."""

_COLUMNS = buckets.c
_SECOND = 10**6  # microseconds
_IS_BUCKET = and_(_COLUMNS.seconds == bindparam("size"), _COLUMNS.start == bindparam("at"))
_MARK = update(buckets).where(_IS_BUCKET).values(changes=_COLUMNS.changes + 1)


def second_of(time: datetime) -> int:
    """Return the second since 1970 in which a time lies."""
    return micros_of(time) // _SECOND


def time_at(second: int) -> datetime:
    """Return the time so many seconds after 1970, aware UTC."""
    return time_of(second * _SECOND)


def start_of(at: datetime, size: int) -> datetime:
    """Return the start of the bucket of this length in which a time lies."""
    second = second_of(at)
    return time_at(second - second % size)


def period_of(starts: Starts) -> Period:
    """Return the period of neighbouring buckets."""
    return Period(time_at(starts.start), time_at(starts.stop))


def mark_changed(connection: Connection, times: Iterable[datetime | None]) -> None:
    """Mark the buckets with these times as changed; buckets that have no row yet get no mark.

    Call it in the transaction that writes the change, after `next_revision`.
    """
    seconds = {second_of(time) for time in times if time}
    found = {(size, each - each % size) for each in seconds for size in (MINUTE, HOUR)}
    if found:
        connection.execute(_MARK, [{"size": size, "at": start} for size, start in sorted(found)])


def read_rolled_up(connection: Connection, size: int, within: Period) -> set[int]:
    """Return the starts of the rolled-up buckets of this length that lie within a period."""
    query = select(_COLUMNS.start).where(
        _COLUMNS.seconds == size,
        _COLUMNS.start >= second_of(within.since),
        _COLUMNS.start <= second_of(within.until) - size,
        _COLUMNS.included.is_not(None),
    )
    return set(connection.execute(query).scalars())


def find_due(
    connection: Connection, size: int, now: datetime, limits: RollUpLimits, most: int
) -> Starts:
    """Return at most `most` neighbouring buckets of this length that are due; empty if none is.

    Rolled-up buckets have no gap: first those after the newest one are due, then changed ones, then
    those before the oldest one.
    """
    first = _first_run(connection)
    if first is None:
        return range(0)
    kept = limits.minutes if size == MINUTE else limits.hours
    since, until = max(second_of(now - kept), first), second_of(now - limits.grace)
    since, until = since - since % size, until - until % size
    bounds = select(func.min(_COLUMNS.start), func.max(_COLUMNS.start))
    oldest, newest = connection.execute(bounds.where(_COLUMNS.seconds == size)).one()
    if newest is not None and newest + size < until:
        start = max(newest + size, since)
        return range(start, min(until, start + most * size), size)
    changed = None if newest is None else _newest_changed(connection, size, since)
    if changed is not None:
        return range(changed, changed + size, size)
    stop = until if oldest is None else oldest
    return range(max(since, stop - most * size), stop, size)


def _newest_changed(connection: Connection, size: int, since: int) -> int | None:
    is_behind = or_(_COLUMNS.included.is_(None), _COLUMNS.included < _COLUMNS.changes)
    query = select(func.max(_COLUMNS.start)).where(
        _COLUMNS.seconds == size, _COLUMNS.start >= since, is_behind
    )
    return connection.execute(query).scalar()


def _first_run(connection: Connection) -> int | None:
    """Return the second in which the oldest run was created."""
    first = select(func.min(runs.c.created_at))
    found = (  # an index has the first of each status
        connection.execute(first.where(runs.c.status == status.value)).scalar() for status in Status
    )
    return min((second_of(each) for each in found if each), default=None)
