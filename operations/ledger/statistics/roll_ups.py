"""Roll-ups: the tallies of each minute and each hour, so that long periods read few rows.

A bucket, one minute or one hour, is rolled up once it is over, and again if a late write changes a
run or an attempt in it: `mark_changed` counts such writes. `roll_up` stores with the tallies how
many writes they include, so that nothing is lost if both happen at the same time, or if the process
is killed.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    and_,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from operations.ledger.db.connections import reading, writing
from operations.ledger.heartbeat import next_revision
from operations.ledger.ledger_limits import RollUpLimits
from operations.ledger.statistics.buckets import (
    MINUTE,
    Starts,
    find_due,
    period_of,
    second_of,
    start_of,
    time_at,
)
from operations.ledger.statistics.histogram import Histogram
from operations.ledger.statistics.tallies import Kind, RowLimits, Tally, TallyKey, read_tallies
from operations.ledger.tables import buckets, roll_ups
from operations.records import Period

_ALL_ROWS = RowLimits(rows=10**9, seconds=3600.0, batch=1000)
_COUNTS = ("started", "completed", "failed", "other")
_HISTOGRAMS = ("duration", "queue_time", "execution_time")
_SET_INCLUDED = (
    update(buckets)
    .where(buckets.c.seconds == bindparam("size"), buckets.c.start == bindparam("at"))
    .values(included=bindparam("up_to"))
)


def roll_up(engine: Engine, size: int, now: datetime, limits: RollUpLimits, most: int) -> Starts:
    """Roll up at most `most` buckets of this length that are due; return them, empty if none is."""
    with reading(engine) as connection:
        starts = find_due(connection, size, now, limits, most)
    if not starts:
        return starts
    with writing(engine) as connection:
        # The lock waits for writers that do not see the buckets' rows yet, so cannot mark them.
        next_revision(connection)
        changes = _add_buckets(connection, starts)
    with reading(engine) as connection:
        rows = [row for kind in Kind for row in _rows(connection, kind, starts)]
    with writing(engine) as connection:
        connection.execute(delete(roll_ups).where(_is_in(roll_ups, starts)))
        if rows:
            connection.execute(insert(roll_ups), rows)
        included = [{"size": size, "at": at, "up_to": number} for at, number in changes.items()]
        connection.execute(_SET_INCLUDED, included)
        _delete_old_minutes(connection, now, limits)
    return starts


def read_roll_ups(
    connection: Connection, kind: Kind, size: int, within: Period
) -> Iterator[tuple[datetime, TallyKey, Tally]]:
    """Yield the tallies of the buckets of a period, each with the start of its bucket."""
    starts = range(second_of(within.since), second_of(within.until), size)
    query = select(roll_ups).where(_is_in(roll_ups, starts), roll_ups.c.kind == kind.value)
    for row in connection.execute(query).mappings():
        counts = (row[name] for name in _COUNTS)
        tally = Tally(*counts, *(Histogram.from_json(row[name]) for name in _HISTOGRAMS))
        yield time_at(row["start"]), (row["app_id"], row["name"]), tally


def _add_buckets(connection: Connection, starts: Starts) -> Mapping[int, int]:
    """Insert the missing rows of buckets; return how many changes each bucket counts."""
    columns = buckets.c
    query = select(columns.start, columns.changes).where(_is_in(buckets, starts))
    known = {row.start: row.changes for row in connection.execute(query)}
    rows = [
        {"seconds": starts.step, "start": start, "changes": 0}
        for start in starts
        if start not in known
    ]
    if rows:
        connection.execute(insert(buckets), rows)
    return dict.fromkeys(starts, 0) | known


def _rows(connection: Connection, kind: Kind, starts: Starts) -> Iterator[dict[str, Any]]:
    """Yield the roll-ups of buckets as rows of the table."""
    steps, _ = read_tallies(
        connection, kind, period_of(starts), _ALL_ROWS, lambda at: start_of(at, starts.step)
    )
    for at, tallies in steps.items():
        for (app_id, name), tally in tallies.items():
            yield {
                "seconds": starts.step,
                "start": second_of(at),
                "kind": kind.value,
                "app_id": app_id,
                "name": name,
                **{each: getattr(tally, each) for each in _COUNTS},
                **{each: getattr(tally, each).to_json() for each in _HISTOGRAMS},
            }


def _delete_old_minutes(connection: Connection, now: datetime, limits: RollUpLimits) -> None:
    before = second_of(now - limits.minutes) - MINUTE
    for table in (roll_ups, buckets):
        is_old = and_(table.c.seconds == MINUTE, table.c.start < before)
        connection.execute(delete(table).where(is_old))


def _is_in(table: Table, starts: Starts) -> ColumnElement[bool]:
    columns = table.c
    return and_(
        columns.seconds == starts.step,
        columns.start >= starts.start,
        columns.start < starts.stop,
    )
