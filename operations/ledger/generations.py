"""The earlier generations of lives whose workflow continues as new.

The engine forgets a generation when the next begins. What was seen of its attempts is kept.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from sqlalchemy import Connection, bindparam, delete, func, select, update

from operations.ledger.growth import Seen
from operations.ledger.portions import in_portions
from operations.ledger.tables import attempts, instances
from operations.records import Generation, Kept
from operations.timeline import Ending

MOST = 10_000
"""Attempts that are kept of a life's earlier generations; the oldest generations give way."""
NAMED = 50
"""Generations that are named one by one."""

_COLUMNS = attempts.c


def read_kept(connection: Connection, key: int) -> Kept:
    """Return what is kept of a life's earlier generations."""
    last = select(instances.c.generation).where(instances.c.key == key).scalar_subquery()
    earlier = (_COLUMNS.key == key, _COLUMNS.generation < last)
    numbers = select(func.count(_COLUMNS.generation.distinct()), func.count()).where(*earlier)
    each = (
        select(_COLUMNS.generation, func.count(), func.min(_COLUMNS.started_at))
        .where(*earlier)
        .group_by(_COLUMNS.generation)
        .order_by(_COLUMNS.generation.desc())
        .limit(NAMED)
    )
    generations, kept = connection.execute(numbers).one()
    return Kept(generations, kept, tuple(Generation(*row) for row in connection.execute(each)))


def make_room(connection: Connection, continued: Sequence[Seen]) -> None:
    """Close the generations that others have followed, and drop the oldest of too many."""
    _close(connection, continued)
    for portion in in_portions(continued):
        gone = [
            {"of_key": key, "up_to": number}
            for key, number in _superfluous(connection, [each.key for each in portion])
        ]
        if gone:
            old = (_COLUMNS.key == bindparam("of_key"), _COLUMNS.generation <= bindparam("up_to"))
            connection.execute(delete(attempts).where(*old), gone)


def _close(connection: Connection, continued: Sequence[Seen]) -> None:
    """Give what was under way an end: it came before the next generation began."""
    query = (
        update(attempts)
        .where(
            _COLUMNS.key == bindparam("of_key"),
            _COLUMNS.generation < bindparam("now"),
            _COLUMNS.ending == Ending.OPEN.value,
        )
        .values(ending=Ending.UNSEEN.value, ended_at=bindparam("by"))
    )
    if continued:
        closed = [
            {
                "of_key": each.key,
                "now": each.after.entry.generation,
                "by": each.sighting.timeline.started_at or each.sighting.seen_at,
            }
            for each in continued
        ]
        connection.execute(query, closed)


def _superfluous(connection: Connection, keys: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Return the newest generation of each life that is one too many, by the life's key."""
    query = (
        select(_COLUMNS.key, _COLUMNS.generation, func.count())
        .where(_COLUMNS.key.in_(keys))
        .group_by(_COLUMNS.key, _COLUMNS.generation)
        .order_by(_COLUMNS.key, _COLUMNS.generation.desc())
    )
    for key, rows in groupby(connection.execute(query), key=itemgetter(0)):
        attempts_so_far = 0
        for _, generation, count in rows:
            attempts_so_far += count
            if attempts_so_far > MOST:
                yield key, generation
                break
