"""Reads and writes the attempts of a run's activities."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from operations.ledger.db.batches import in_batches
from operations.ledger.runs.generations import close_generations
from operations.ledger.runs.merging import RunChange
from operations.ledger.statistics.roll_ups import roll_up_attempts
from operations.ledger.tables import MAX_MESSAGE_LENGTH, MAX_NAME_LENGTH, attempts, runs
from operations.model import Failure
from operations.timeline import Ending, Span, SpanKind

_Row = dict[str, Any]
_WRITTEN = [column.name for column in attempts.c if not column.primary_key]
_Key = tuple[int, int, int]  # the values of `_KEY_COLUMNS`
_KEY_COLUMNS = ("run_id", "generation", "event_id")

# Statements are built once: building one takes longer than executing it.
UPDATE_ONE = update(attempts).where(
    *(attempts.c[name] == bindparam(f"of_{name}") for name in _KEY_COLUMNS)
)
"""Updates the attempt with the key `of_run_id`, `of_generation`, `of_event_id`."""
_INSERT = insert(attempts)
_UPDATE = UPDATE_ONE.values({name: bindparam(name) for name in _WRITTEN})
_OF_GENERATION = select(attempts).where(
    attempts.c.generation == bindparam("generation"),
    attempts.c.run_id.in_(bindparam("run_ids", expanding=True)),
)


def read_attempts(connection: Connection, run_id: int, generation: int | None) -> tuple[Span, ...]:
    """Return the attempts of one generation of a run, in the order in which they were scheduled.

    The spans have no payloads. `generation` None selects the last generation that was read.
    """
    columns = attempts.c
    last = select(runs.c.generation).where(runs.c.run_id == run_id).scalar_subquery()
    wanted = last if generation is None else generation
    query = select(attempts).where(columns.run_id == run_id, columns.generation == wanted)
    query = query.order_by(columns.scheduled_at, columns.event_id)
    rows = connection.execute(query).mappings().all()
    in_lane = Counter(row["lane"] for row in rows)
    return tuple(_span(row, in_lane) for row in rows)


def write_attempts(
    connection: Connection, changes: Sequence[RunChange], max_earlier_attempts: int
) -> set[int]:
    """Write new and changed attempts; return the `run_id`s of the runs that changed.

    `max_earlier_attempts` limits how many attempts of a run's earlier generations are kept.
    """
    continued = [each for each in changes if each.is_new_generation]
    close_generations(connection, continued, max_earlier_attempts)
    read = (
        _row(each, span)
        for each in changes
        for span in each.snapshot.timeline.spans
        if span.kind is SpanKind.ACTIVITY
    )
    rows = {_key(row): row for row in read}
    known = _known(connection, rows)
    rows = {key: _with_start_time(row, known.get(key)) for key, row in rows.items()}
    written = {key: row for key, row in rows.items() if known.get(key) != row}
    _insert(connection, [row for key, row in written.items() if key not in known])
    _update(connection, [row for key, row in written.items() if key in known])
    app_ids = {each.run_id: each.after.summary.app_id for each in changes}
    roll_up_attempts(
        connection,
        ((app_ids[row["run_id"]], known.get(key), row) for key, row in written.items()),
    )
    return {run_id for run_id, *_ in written} | {each.run_id for each in continued}


def _known(connection: Connection, keys: Iterable[_Key]) -> dict[_Key, _Row]:
    """Return all rows of the generations of these attempts."""
    # By generation, so that few queries are needed: mostly all runs are in the same generation.
    by_generation: dict[int, set[int]] = defaultdict(set)
    for run_id, generation, _ in keys:
        by_generation[generation].add(run_id)
    known = {}
    for generation, run_ids in by_generation.items():
        for batch in in_batches(sorted(run_ids)):
            values = {"generation": generation, "run_ids": batch}
            rows = connection.execute(_OF_GENERATION, values).mappings()
            known.update({_key(row): dict(row) for row in rows})
    return known


def _key(row: Mapping[str, Any] | RowMapping) -> _Key:
    run_id, generation, event_id = (row[name] for name in _KEY_COLUMNS)
    return run_id, generation, event_id


def _insert(connection: Connection, rows: list[_Row]) -> None:
    if rows:
        connection.execute(_INSERT, rows)


def _update(connection: Connection, rows: list[_Row]) -> None:
    if rows:
        values = ({**row, **{f"of_{name}": row[name] for name in _KEY_COLUMNS}} for row in rows)
        connection.execute(_UPDATE, list(values))


def _row(change: RunChange, span: Span) -> _Row:
    group = change.snapshot.failure_group_of(span)
    return {
        "run_id": change.run_id,
        "generation": change.after.summary.generation,
        "event_id": span.event_id,
        "name": span.name[:MAX_NAME_LENGTH],
        "lane": span.lane,
        "attempt_number": span.attempt_number,
        "scheduled_at": span.scheduled_at,
        "started_at": span.started_at,
        "ended_at": span.ended_at,
        "ending": span.ending.value,
        "error_type": span.failure.error_type[:MAX_NAME_LENGTH] if span.failure else None,
        "error_message": span.failure.message[:MAX_MESSAGE_LENGTH] if span.failure else None,
        "failure_group": group.group_id if group else None,
    }


def _with_start_time(row: _Row, known: _Row | None) -> _Row:
    """Return a row with the start time that is known: the process that wrote it may not know it."""
    if known is None or known["scheduled_at"] != row["scheduled_at"]:
        return row
    start_times = filter(None, (row["started_at"], known["started_at"]))
    return row | {"started_at": max(start_times, default=None)}


def _span(row: RowMapping, in_lane: Mapping[int, int]) -> Span:
    failure = None
    if row["error_type"] is not None:
        failure = Failure(row["error_type"], row["error_message"])
    return Span(
        kind=SpanKind.ACTIVITY,
        name=row["name"],
        lane=row["lane"],
        event_id=row["event_id"],
        scheduled_at=row["scheduled_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        ending=Ending(row["ending"]),
        attempt_number=row["attempt_number"],
        attempt_count=in_lane[row["lane"]],
        failure=failure,
    )
