"""The earlier generations of lives whose workflow continues as new.

The engine forgets a generation when the next begins. What was seen of its attempts is kept.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from sqlalchemy import Connection, bindparam, delete, func, select, update

from operations.ledger.db.batches import in_portions
from operations.ledger.runs.merging import Seen
from operations.ledger.tables import attempts, runs
from operations.records import EarlierGenerations, Generation
from operations.timeline import Ending

MOST = 10_000
"""Attempts that are kept of a life's earlier generations; the oldest generations give way."""
NAMED = 50
"""Generations that are named one by one."""

_COLUMNS = attempts.c


def read_kept(connection: Connection, run_id: int) -> EarlierGenerations:
    """Return what is kept of a life's earlier generations."""
    last = select(runs.c.generation).where(runs.c.run_id == run_id).scalar_subquery()
    earlier = (_COLUMNS.run_id == run_id, _COLUMNS.generation < last)
    numbers = select(func.count(_COLUMNS.generation.distinct()), func.count()).where(*earlier)
    each = (
        select(_COLUMNS.generation, func.count(), func.min(_COLUMNS.scheduled_at))
        .where(*earlier)
        .group_by(_COLUMNS.generation)
        .order_by(_COLUMNS.generation.desc())
        .limit(NAMED)
    )
    generations, kept = connection.execute(numbers).one()
    return EarlierGenerations(
        generations, kept, tuple(Generation(*row) for row in connection.execute(each))
    )


def make_room(connection: Connection, continued: Sequence[Seen]) -> None:
    """Close the generations that others have followed, and drop the oldest of too many."""
    _close(connection, continued)
    for portion in in_portions(continued):
        gone = [
            {"of_run_id": run_id, "up_to": number}
            for run_id, number in _superfluous(connection, [each.run_id for each in portion])
        ]
        if gone:
            old = (
                _COLUMNS.run_id == bindparam("of_run_id"),
                _COLUMNS.generation <= bindparam("up_to"),
            )
            connection.execute(delete(attempts).where(*old), gone)


def _close(connection: Connection, continued: Sequence[Seen]) -> None:
    """Give what was under way an end: it came before the next generation began."""
    query = (
        update(attempts)
        .where(
            _COLUMNS.run_id == bindparam("of_run_id"),
            _COLUMNS.generation < bindparam("now"),
            _COLUMNS.ending == Ending.OPEN.value,
        )
        .values(ending=Ending.UNSEEN.value, ended_at=bindparam("by"))
    )
    if continued:
        closed = [
            {
                "of_run_id": each.run_id,
                "now": each.after.summary.generation,
                "by": each.snapshot.timeline.started_at or each.snapshot.read_at,
            }
            for each in continued
        ]
        connection.execute(query, closed)


def _superfluous(connection: Connection, run_ids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Return the newest generation of each life that is one too many, by the life's key."""
    query = (
        select(_COLUMNS.run_id, _COLUMNS.generation, func.count())
        .where(_COLUMNS.run_id.in_(run_ids))
        .group_by(_COLUMNS.run_id, _COLUMNS.generation)
        .order_by(_COLUMNS.run_id, _COLUMNS.generation.desc())
    )
    for run_id, rows in groupby(connection.execute(query), key=itemgetter(0)):
        attempts_so_far = 0
        for _, generation, count in rows:
            attempts_so_far += count
            if attempts_so_far > MOST:
                yield run_id, generation
                break
