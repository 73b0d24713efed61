"""Writes the groups of the failures in snapshots."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from operations.failure_groups import GroupKey
from operations.ledger.runs.merging import RunChange
from operations.ledger.tables import failure_groups

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def write_failure_groups(connection: Connection, changes: Sequence[RunChange]) -> None:
    """Add the groups of failed runs and attempts; a group keeps the time of its first failure."""
    first: dict[GroupKey, datetime] = {}
    for change in changes:
        for group, at in _failures(change):
            first[group] = min(at, first.get(group, at))
    if not first:
        return
    insert = _INSERTS[connection.dialect.name](failure_groups)
    is_earlier = insert.excluded.first_at < failure_groups.c.first_at
    query = insert.on_conflict_do_update(
        index_elements=["group_id"], set_={"first_at": insert.excluded.first_at}, where=is_earlier
    )
    rows = [
        vars(group) | {"group_id": group.group_id, "first_at": at} for group, at in first.items()
    ]
    connection.execute(query, rows)


def _failures(change: RunChange) -> Iterator[tuple[GroupKey, datetime]]:
    """Yield the group and the time of each failure in a snapshot."""
    snapshot = change.snapshot
    if (group := snapshot.failure_group) and snapshot.timeline.ended_at:
        yield group, snapshot.timeline.ended_at
    for span in snapshot.timeline.spans:
        if (group := snapshot.failure_group_of(span)) and span.ended_at:
            yield group, span.ended_at
