"""What lives wait for, by name."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select

from operations.ledger.db.batches import in_portions
from operations.ledger.runs.merging import Seen
from operations.ledger.tables import NAME, waits
from operations.timeline import Timeline, event_key

_Row = tuple[int, str, str, datetime]  # key, name, and the life's status and time of creation
_NAMES = tuple(waits.c.keys())

# Statements are made once: to make one takes longer than to execute it.
_KNOWN = select(waits).where(waits.c.run_id.in_(bindparam("run_ids", expanding=True)))
_INSERT = insert(waits)
_DELETE = delete(waits).where(
    waits.c.run_id == bindparam("of_run_id"), waits.c.name == bindparam("of_name")
)
_DROP = delete(waits).where(waits.c.run_id.in_(bindparam("run_ids", expanding=True)))


def kept_name(name: str) -> str:
    """Return the name of what is waited for as it stands in the table."""
    return event_key(name)[:NAME]


def write_waits(connection: Connection, seen: Sequence[Seen]) -> set[int]:
    """Write what lives wait for as they were seen; return the keys of those where that changed."""
    rows = _known(connection, [each.run_id for each in seen if each.before])
    known = set[_Row]().union(*rows.values())
    told = {row for each in seen for row in _told(each, rows[each.run_id])}
    gone, new = known - told, told - known
    if gone:
        connection.execute(
            _DELETE, [{"of_run_id": run_id, "of_name": name} for run_id, name, *_ in gone]
        )
    if new:
        connection.execute(_INSERT, [dict(zip(_NAMES, row, strict=True)) for row in new])
    return {run_id for run_id, *_ in gone | new}


def drop_waits(connection: Connection, run_ids: Collection[int]) -> None:
    """Forget what lives waited for that the engine has no more."""
    for portion in in_portions(run_ids):
        connection.execute(_DROP, {"run_ids": portion})


def _known(connection: Connection, run_ids: Collection[int]) -> dict[int, set[_Row]]:
    rows: dict[int, set[_Row]] = defaultdict(set)
    for portion in in_portions(run_ids):
        for run_id, name, status, created_at in connection.execute(_KNOWN, {"run_ids": portion}):
            rows[run_id].add((run_id, name, status, created_at))
    return rows


def _told(seen: Seen, known: Iterable[_Row]) -> set[_Row]:
    """Return the rows of a life: a look without the history tells of nothing but its status."""
    summary, timeline = seen.after.summary, seen.snapshot.timeline
    if seen.after.is_over:
        return set()
    names = set(map(kept_name, timeline.awaited))
    if timeline == Timeline():
        names = {name for _, name, *_ in known}
    return {(seen.run_id, name, summary.status.value, summary.created_at) for name in names}
