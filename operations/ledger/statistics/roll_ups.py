"""Roll-ups: how many runs and attempts each minute, hour and day had, and how long they took.

A transaction that changes a run or an attempt also replaces its counts in the roll-ups. So the
roll-ups are always current, and a late end or start time corrects the hour to which it belongs.
Attempts of deleted generations stay counted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    bindparam,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from operations.ledger.micros import (
    UNKNOWN,
    duration_micros,
    execution_micros,
    micros_between,
    queue_micros,
)
from operations.ledger.runs.rows import SUMMARY_COLUMNS, summary_in
from operations.ledger.statistics.buckets import Bucket, Buckets, oldest_minute, second_of
from operations.ledger.statistics.histogram import bin_of
from operations.ledger.tables import attempts, roll_ups, runs
from operations.model import Status
from operations.records import RunSummary
from operations.timeline import Ending

_Row = Mapping[str, Any]
_RUNS_AT_ONCE = 2000


class Subject(StrEnum):
    """What a roll-up counts."""

    RUNS = "runs"
    """The runs of a workflow."""
    ATTEMPTS = "attempts"
    """The attempts of an activity."""


class Measure(StrEnum):
    """The number that a roll-up has; durations are counted in the bins of a histogram."""

    CREATED = "created"
    COMPLETED = "completed"
    FAILED = "failed"
    OTHER = "other"
    """Runs that neither completed nor failed, or attempts whose end is unknown."""
    DURATION = "duration"
    QUEUE_TIME = "queue_time"
    EXECUTION_TIME = "execution_time"


class _Count(NamedTuple):
    """One count of a run or an attempt, at a second since 1970."""

    second: int
    subject: Subject
    app_id: str
    name: str
    measure: Measure
    bin: int = 0


_COLUMNS = roll_ups.c
_KEY = [column.name for column in roll_ups.primary_key]


def _add(insert: Any) -> Any:  # noqa: ANN401 - the inserts of the dialects share no type
    """Return the statement that adds counts to roll-ups."""
    both = _COLUMNS["count"] + insert.excluded["count"]
    return insert.on_conflict_do_update(index_elements=_KEY, set_={"count": both})


_ADD = {
    "sqlite": _add(sqlite.insert(roll_ups)),
    "postgresql": _add(postgresql.insert(roll_ups)),
}
_DELETE_MINUTES = delete(roll_ups).where(
    _COLUMNS.seconds == Bucket.MINUTE.seconds, _COLUMNS.start < bindparam("before")
)
_NUMBERS = [
    each.value for each in (Measure.CREATED, Measure.COMPLETED, Measure.FAILED, Measure.OTHER)
]
_ATTEMPT_TIMES = [Measure.QUEUE_TIME.value, Measure.EXECUTION_TIME.value]
_TIMED = (Status.COMPLETED, Status.FAILED)
_OF_ENDING = {
    Ending.COMPLETED.value: Measure.COMPLETED,
    Ending.FAILED.value: Measure.FAILED,
    Ending.END_UNKNOWN.value: Measure.OTHER,
}


def roll_up_runs(
    connection: Connection, changes: Iterable[tuple[RunSummary | None, RunSummary | None]]
) -> None:
    """Replace the counts of runs before a change by the counts after it; None stands for no run.

    Call it in the transaction that writes the runs, after `next_revision`.
    """
    counts = Counter[_Count]()
    for before, after in changes:
        counts.subtract(_of_run(before) if before else ())
        counts.update(_of_run(after) if after else ())
    _write(connection, counts)


def roll_up_attempts(
    connection: Connection, changes: Iterable[tuple[str, _Row | None, _Row | None]]
) -> None:
    """Replace the counts of attempts before a change by the counts after it.

    Each change is an application, and the rows of `attempts` before and after it, None for no row.
    """
    counts = Counter[_Count]()
    for app_id, before, after in changes:
        counts.subtract(_of_attempt(app_id, before) if before else ())
        counts.update(_of_attempt(app_id, after) if after else ())
    _write(connection, counts)


def roll_up_all(connection: Connection) -> None:
    """Make the roll-ups of a ledger that has none yet from its runs and attempts."""
    last = 0
    while rows := _runs_after(connection, last):
        summaries = {row["run_id"]: summary_in(row) for row in rows}
        roll_up_runs(connection, ((None, each) for each in summaries.values()))
        query = select(attempts).where(
            attempts.c.run_id > last, attempts.c.run_id <= max(summaries)
        )
        found = connection.execute(query).mappings()
        roll_up_attempts(
            connection, ((summaries[row["run_id"]].app_id, None, dict(row)) for row in found)
        )
        last = max(summaries)


def _runs_after(connection: Connection, run_id: int) -> Sequence[RowMapping]:
    """Return a bounded number of runs: all of a large ledger would not fit into memory."""
    query = select(*SUMMARY_COLUMNS).where(runs.c.run_id > run_id).order_by(runs.c.run_id)
    return connection.execute(query.limit(_RUNS_AT_ONCE)).mappings().all()


def read_roll_ups(
    connection: Connection, buckets: Buckets, subject: Subject
) -> Iterator[tuple[str, Measure, int, int]]:
    """Yield name, measure, bin and count of all buckets together."""
    keys = _COLUMNS.name, _COLUMNS.measure, _COLUMNS.bin
    query = _counts(buckets, *keys).where(_COLUMNS.subject == subject.value)
    for name, measure, bin_, count in connection.execute(query):
        yield name, Measure(measure), bin_, count


def read_series(
    connection: Connection, buckets: Buckets
) -> Iterator[tuple[int, Subject, Measure, int, int]]:
    """Yield start, subject, measure, bin and count of each bucket, whatever the name.

    Of runs these are the numbers, of attempts the queue times and the execution times.
    """
    keys = _COLUMNS.start, _COLUMNS.subject, _COLUMNS.measure, _COLUMNS.bin
    query = _counts(buckets, *keys).where(
        or_(
            (_COLUMNS.subject == Subject.RUNS.value) & _COLUMNS.measure.in_(_NUMBERS),
            (_COLUMNS.subject == Subject.ATTEMPTS.value) & _COLUMNS.measure.in_(_ATTEMPT_TIMES),
        )
    )
    for start, subject, measure, bin_, count in connection.execute(query):
        yield start, Subject(subject), Measure(measure), bin_, count


def _write(connection: Connection, counts: Counter[_Count]) -> None:
    """Add counts to the roll-ups, and delete the minutes that are no longer read."""
    oldest = oldest_minute()
    changes = Counter[tuple[Any, ...]]()  # by the values of `_KEY`
    for each, count in counts.items():
        subject, measure = each.subject.value, each.measure.value
        for bucket in Bucket:
            start = bucket.start_of(each.second)
            if bucket is not Bucket.MINUTE or start >= oldest:
                of = subject, each.app_id, each.name, measure, each.bin
                changes[bucket.seconds, start, *of] += count
    rows = [
        dict(zip(_KEY, key, strict=True)) | {"count": count}
        for key, count in sorted(changes.items())
        if count
    ]
    if rows:
        connection.execute(_ADD[connection.dialect.name], rows)
        connection.execute(_DELETE_MINUTES, {"before": oldest})


def _counts(buckets: Buckets, *keys: ColumnElement[Any]) -> Select[Any]:
    """Return the query of the counts in buckets by keys; counts that have become 0 are left out."""
    count = func.sum(_COLUMNS["count"])
    return (
        select(*keys, count)
        .where(_COLUMNS.seconds == buckets.bucket.seconds)
        .where(_COLUMNS.start >= buckets.start, _COLUMNS.start < buckets.stop)
        .group_by(*keys)
        .having(count > 0)
    )


def _of_run(run: RunSummary) -> Iterator[_Count]:
    """Yield the counts of a run: its creation, and once it is over its end and durations."""
    of = Subject.RUNS, run.app_id, run.workflow
    yield _Count(second_of(run.created_at), *of, Measure.CREATED)
    if run.over_at is None:
        return
    over = second_of(run.over_at), *of
    if run.status not in _TIMED:
        yield _Count(*over, Measure.OTHER)
        return
    is_failed = run.status is Status.FAILED
    yield _Count(*over, Measure.FAILED if is_failed else Measure.COMPLETED)
    times = duration_micros(run), queue_micros(run), execution_micros(run)
    for measure, number in _bins(*times):
        yield _Count(*over, measure, number)


def _of_attempt(app_id: str, row: _Row) -> Iterator[_Count]:
    """Yield the counts of an ended attempt; open, cut-off and copied attempts have none."""
    scheduled_at, started_at, ended_at = (
        row[name] for name in ("scheduled_at", "started_at", "ended_at")
    )
    measure = _OF_ENDING.get(row["ending"])
    if measure is None or ended_at is None or ended_at <= scheduled_at:
        return
    of = second_of(ended_at), Subject.ATTEMPTS, app_id, row["name"]
    yield _Count(*of, measure)
    if measure is Measure.OTHER:
        return
    duration, queue_time, execution_time = micros_between(scheduled_at, ended_at), UNKNOWN, UNKNOWN
    if started_at is not None:  # by another clock
        queue_time = max(0, min(micros_between(scheduled_at, started_at), duration))
        execution_time = duration - queue_time
    for timed, number in _bins(duration, queue_time, execution_time):
        yield _Count(*of, timed, number)


def _bins(duration: int, queue_time: int, execution_time: int) -> Iterator[tuple[Measure, int]]:
    """Yield the bins of durations in microseconds, `UNKNOWN` ones left out."""
    if duration == UNKNOWN:
        return
    yield Measure.DURATION, bin_of(duration)
    if UNKNOWN not in (queue_time, execution_time):
        yield Measure.QUEUE_TIME, bin_of(queue_time)
        yield Measure.EXECUTION_TIME, bin_of(execution_time)
