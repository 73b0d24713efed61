"""The children that runs have in other applications, whose instances this ledger may never see."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, insert, select

from operations.ledger.db.batches import in_batches
from operations.ledger.runs.merging import RunChange
from operations.ledger.tables import remote_children
from operations.model import is_possible_id
from operations.records import RemoteChild
from operations.timeline import SpanKind

_COLUMNS = remote_children.c
_KNOWN = select(_COLUMNS.instance_id).where(
    _COLUMNS.app_id == bindparam("of_app"),
    _COLUMNS.instance_id.in_(bindparam("ids", expanding=True)),
)


def write_remote_children(connection: Connection, changes: Sequence[RunChange]) -> None:
    """Write the children in other applications that are not known yet."""
    rows = {(row["app_id"], row["instance_id"]): row for change in changes for row in _rows(change)}
    if not rows:
        return
    app_id = changes[0].snapshot.app_id  # all changes are of one application
    known: set[str] = set()
    for batch in in_batches([instance_id for _, instance_id in rows]):
        known.update(connection.scalars(_KNOWN, {"of_app": app_id, "ids": batch}))
    added = [row for (_, instance_id), row in rows.items() if instance_id not in known]
    if added:
        connection.execute(insert(remote_children), added)


def read_remote_child(connection: Connection, app_id: str, instance_id: str) -> RemoteChild | None:
    """Return the child with this id that an instance of `app_id` has in another application."""
    query = select(_COLUMNS.child_app_id, _COLUMNS.parent_id).where(
        _COLUMNS.app_id == app_id, _COLUMNS.instance_id == instance_id
    )
    row = connection.execute(query).first()
    return RemoteChild(instance_id, *row) if row else None


def _rows(change: RunChange) -> list[dict[str, str]]:
    snapshot = change.snapshot
    return [
        {
            "app_id": snapshot.app_id,
            "instance_id": child,
            "child_app_id": span.app_id,
            "parent_id": snapshot.instance.instance_id,
        }
        for span in snapshot.timeline.spans
        if (child := span.instance_id)
        and span.app_id
        and span.kind is SpanKind.CHILD
        and is_possible_id(child)
    ]
