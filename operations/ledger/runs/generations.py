"""The earlier generations of runs whose workflow continues as new.

The engine forgets a generation when the next one starts. The ledger keeps the attempts that were
read of it.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from sqlalchemy import Connection, bindparam, delete, func, select, update

from operations.ledger.db.batches import in_batches
from operations.ledger.runs.merging import RunChange
from operations.ledger.statistics.roll_ups import roll_up_attempts
from operations.ledger.tables import attempts, runs
from operations.records import EarlierGenerations, Generation, Snapshot
from operations.timeline import Ending

_COLUMNS = attempts.c
_KEY = ("run_id", "generation", "event_id")
_CLOSE = (
    update(attempts)
    .where(*(_COLUMNS[name] == bindparam(f"of_{name}") for name in _KEY))
    .values(ending=bindparam("of_ending"), ended_at=bindparam("of_ended_at"))
)


def read_earlier_generations(
    connection: Connection, run_id: int, max_listed: int
) -> EarlierGenerations:
    """Return the earlier generations of a run that the ledger has; list the newest `max_listed`."""
    last = select(runs.c.generation).where(runs.c.run_id == run_id).scalar_subquery()
    earlier = (_COLUMNS.run_id == run_id, _COLUMNS.generation < last)
    numbers = select(func.count(_COLUMNS.generation.distinct()), func.count()).where(*earlier)
    each = (
        select(_COLUMNS.generation, func.count(), func.min(_COLUMNS.scheduled_at))
        .where(*earlier)
        .group_by(_COLUMNS.generation)
        .order_by(_COLUMNS.generation.desc())
        .limit(max_listed)
    )
    generation_count, attempt_count = connection.execute(numbers).one()
    newest = tuple(Generation(*row) for row in connection.execute(each))
    return EarlierGenerations(generation_count, attempt_count, newest)


def close_generations(
    connection: Connection, continued: Sequence[RunChange], max_attempts: int
) -> None:
    """Close the generations before the current ones; delete the oldest beyond `max_attempts`."""
    _close_attempts(connection, continued)
    for batch in in_batches(continued):
        deleted = [
            {"of_run_id": run_id, "up_to": number}
            for run_id, number in _superfluous(
                connection, [each.run_id for each in batch], max_attempts
            )
        ]
        if deleted:
            are_old = (
                _COLUMNS.run_id == bindparam("of_run_id"),
                _COLUMNS.generation <= bindparam("up_to"),
            )
            connection.execute(delete(attempts).where(*are_old), deleted)


def _close_attempts(connection: Connection, continued: Sequence[RunChange]) -> None:
    """Close open attempts with an unknown end; they ended before the next generation started."""
    by_run = {each.run_id: each for each in continued}
    for run_ids in in_batches(by_run):
        query = select(attempts).where(
            _COLUMNS.run_id.in_(run_ids), _COLUMNS.ending == Ending.OPEN.value
        )
        rows = [
            dict(row)
            for row in connection.execute(query).mappings()
            if row["generation"] < by_run[row["run_id"]].after.summary.generation
        ]
        closed = [row | _end(by_run[row["run_id"]].snapshot) for row in rows]
        if closed:
            values = [{f"of_{name}": value for name, value in row.items()} for row in closed]
            connection.execute(_CLOSE, values)
            app_ids = (by_run[row["run_id"]].after.summary.app_id for row in rows)
            roll_up_attempts(connection, zip(app_ids, rows, closed, strict=True))


def _end(snapshot: Snapshot) -> dict[str, object]:
    """Return the end of the attempts that were open when a snapshot's generation started."""
    by = snapshot.timeline.started_at or snapshot.read_at
    return {"ending": Ending.END_UNKNOWN.value, "ended_at": by}


def _superfluous(
    connection: Connection, run_ids: Sequence[int], max_attempts: int
) -> Iterator[tuple[int, int]]:
    """Yield each run with too many attempts: its `run_id`, and the newest generation to delete."""
    query = (
        select(_COLUMNS.run_id, _COLUMNS.generation, func.count())
        .where(_COLUMNS.run_id.in_(run_ids))
        .group_by(_COLUMNS.run_id, _COLUMNS.generation)
        .order_by(_COLUMNS.run_id, _COLUMNS.generation.desc())
    )
    for run_id, rows in groupby(connection.execute(query), key=itemgetter(0)):
        total = 0
        for _, generation, count in rows:
            total += count
            if total > max_attempts:
                yield run_id, generation
                break
