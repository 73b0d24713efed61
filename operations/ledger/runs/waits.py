"""The names of what runs wait for."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select

from operations.ledger.db.batches import in_batches
from operations.ledger.runs.merging import RunChange
from operations.ledger.tables import MAX_NAME_LENGTH, waits
from operations.timeline import Timeline, event_key

_Row = tuple[int, str, str]  # a row's values, in the order of its columns
_NAMES = tuple(waits.c.keys())

# Statements are built once: building one takes longer than executing it.
_KNOWN = select(waits).where(waits.c.run_id.in_(bindparam("run_ids", expanding=True)))
_INSERT = insert(waits)
_DELETE = delete(waits).where(
    waits.c.run_id == bindparam("of_run_id"), waits.c.name == bindparam("of_name")
)
_DROP = delete(waits).where(waits.c.run_id.in_(bindparam("run_ids", expanding=True)))


def stored_name(name: str) -> str:
    """Return the name of a wait as the table has it: casefolded, and cut."""
    return event_key(name)[:MAX_NAME_LENGTH]


def write_waits(connection: Connection, changes: Sequence[RunChange]) -> set[int]:
    """Write what runs wait for; return the `run_id`s of the runs where that changed."""
    by_run = _known(connection, [each.run_id for each in changes if each.before])
    known = set[_Row]().union(*by_run.values())
    current = {row for each in changes for row in _rows(each, by_run[each.run_id])}
    removed, added = known - current, current - known
    if removed:
        connection.execute(
            _DELETE, [{"of_run_id": run_id, "of_name": name} for run_id, name, *_ in removed]
        )
    if added:
        connection.execute(_INSERT, [dict(zip(_NAMES, row, strict=True)) for row in added])
    return {run_id for run_id, *_ in removed | added}


def drop_waits(connection: Connection, run_ids: Collection[int]) -> None:
    """Delete the waits of runs that the engine no longer has."""
    for batch in in_batches(run_ids):
        connection.execute(_DROP, {"run_ids": batch})


def _known(connection: Connection, run_ids: Collection[int]) -> dict[int, set[_Row]]:
    rows: dict[int, set[_Row]] = defaultdict(set)
    for batch in in_batches(run_ids):
        for run_id, name, status in connection.execute(_KNOWN, {"run_ids": batch}):
            rows[run_id].add((run_id, name, status))
    return rows


def _rows(change: RunChange, known: Iterable[_Row]) -> set[_Row]:
    """Return the rows of a run; a snapshot without a history only changes the status in them."""
    summary, timeline = change.after.summary, change.snapshot.timeline
    if change.after.is_over:
        return set()
    names = set(map(stored_name, timeline.awaited))
    if timeline == Timeline():
        names = {name for _, name, *_ in known}
    return {(change.run_id, name, summary.status.value) for name in names}
