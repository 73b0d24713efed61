"""Counts the runs that are created and that end in each minute."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    cast,
    extract,
    func,
    literal_column,
    select,
)

from operations.errors import InvalidInput
from operations.ledger.micros import micros_of, time_of
from operations.ledger.statistics.results import MinuteThroughput
from operations.ledger.tables import runs
from operations.model import Status
from operations.records import Period

LONGEST = timedelta(days=7)
_MINUTE = 60 * 10**6  # microseconds
_COLUMNS = runs.c

_Numbers = dict[int, int]  # a number of runs by minute since 1970


def read_throughput(connection: Connection, within: Period) -> tuple[MinuteThroughput, ...]:
    """Read each minute of a period; the first and the last count only runs within the period."""
    if within.until - within.since > LONGEST:
        found = str(within.until - within.since)
        raise InvalidInput("period", found, f"one of {LONGEST.days} days at most")
    first, last = micros_of(within.since) // _MINUTE, (micros_of(within.until) - 1) // _MINUTE
    created = _created(connection, within, last)
    completed, failed = (
        _ended(connection, within, status) for status in (Status.COMPLETED, Status.FAILED)
    )
    return tuple(
        MinuteThroughput(
            _time(each), created.get(each, 0), completed.get(each, 0), failed.get(each, 0)
        )
        for each in range(first, last + 1)
    )


def _time(minute: int) -> datetime:
    return time_of(minute * _MINUTE)


def _created(connection: Connection, within: Period, last: int) -> _Numbers:
    """Count the created runs by minute.

    SQLite rounds times to milliseconds, so the end of a minute counts in the next one.
    """
    created_at, sixty = _COLUMNS.created_at, literal_column("60", Integer)
    seconds = extract("epoch", created_at)
    any_status = _COLUMNS.status.in_([each.value for each in Status])  # for the index
    inside = (any_status, created_at >= within.since, created_at < within.until)
    minute = cast(seconds - seconds % sixty, Integer) // sixty
    numbers = _numbers(connection, minute, *inside)
    rounded_up = numbers.pop(last + 1, 0)
    return numbers | {last: numbers.get(last, 0) + rounded_up}


def _ended(connection: Connection, within: Period, status: Status) -> _Numbers:
    ended = _COLUMNS.ended_micros
    inside = (ended >= max(0, micros_of(within.since)), ended < micros_of(within.until))
    minute = ended // literal_column(str(_MINUTE), Integer)
    return _numbers(connection, minute, *inside, _COLUMNS.status == status.value)


def _numbers(
    connection: Connection, minute: ColumnElement[Any], *inside: ColumnElement[bool]
) -> _Numbers:
    label = minute.label("minute")
    query = select(label, func.count()).where(*inside).group_by(literal_column("minute"))
    return {int(at): number for at, number in connection.execute(query)}
