"""What lists are filtered and sorted by, and what statistics are made of."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from operations.database import UtcDateTime
from operations.ledger.columns import String, Text
from operations.model import parsed

revision = "0006"
down_revision = "0005"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PORTION = 1000  # rows that are filled in at once
_INDEXES = {
    "instances_newest": ["created_at", "key", "instance_id"],
    "instances_newest_of_status": ["status", "created_at", "key", "instance_id"],
    "instances_newest_of_workflow": ["workflow", "status", "created_at", "key"],
    "instances_ended": ["ended_micros", "key", "status", "workflow", "took_micros"],
    "instances_longest": ["took_micros", "key", "status", "workflow"],
}
_RARE = ("custom_status", "failure_type", "waits_for", "parent_id", "rerun_of")
_instances = sa.table(
    "instances",
    sa.column("key", sa.Integer),
    sa.column("started_at", UtcDateTime),
    sa.column("ended_at", UtcDateTime),
    sa.column("custom_status", String(255)),
    sa.column("ended_micros", sa.BigInteger),
    sa.column("took_micros", sa.BigInteger),
)
_details = sa.table("details", sa.column("key", sa.Integer), sa.column("custom_status", Text))


def upgrade() -> None:
    """Add the columns, fill them in, and make the indexes."""
    op.add_column("instances", sa.Column("custom_status", sa.String(255)))
    for name in ("ended_micros", "took_micros"):
        column = sa.Column(name, sa.BigInteger, nullable=False, server_default="-1")
        op.add_column("instances", column)
    _fill_in()
    for name in ("instances_newest", "instances_newest_of_status", "instances_parent"):
        op.drop_index(name, "instances")
    for name, columns in _INDEXES.items():
        op.create_index(name, "instances", columns)
    for rare in _RARE:
        places = [rare, "status", "created_at", "key"]
        _index(f"instances_newest_of_{rare}", "instances", places, rare)
    ended = ["ended_at", "name", "ending", "started_at", "began_at"]
    op.create_index("attempts_ended", "attempts", ended)
    _index("attempts_failed", "attempts", ["ended_at", "key"], "error_type")


def _index(name: str, table: str, columns: list[str], there: str) -> None:
    """Make an index of the rows that have something in a column."""
    has_it = sa.text(f"{there} IS NOT NULL")
    op.create_index(name, table, columns, sqlite_where=has_it, postgresql_where=has_it)


def _fill_in() -> None:
    columns = _instances.c
    query = (
        sa.update(_instances)
        .where(columns.key == sa.bindparam("of"))
        .values(
            {name: sa.bindparam(name) for name in ("custom_status", "ended_micros", "took_micros")}
        )
    )
    for rows in _portions():
        op.get_bind().execute(query, [_filled(row) for row in rows])


def _portions() -> Iterator[list[Any]]:
    columns, last = _instances.c, 0
    query = (
        sa.select(columns.key, columns.started_at, columns.ended_at, _details.c.custom_status)
        .join_from(_instances, _details, columns.key == _details.c.key, isouter=True)
        .order_by(columns.key)
        .limit(_PORTION)
    )
    while rows := op.get_bind().execute(query.where(columns.key > last)).all():
        yield list(rows)
        last = rows[-1].key


def _filled(row: Any) -> dict[str, object]:  # noqa: ANN401 - a row
    ended, started = row.ended_at, row.started_at
    said = parsed(row.custom_status)
    return {
        "of": row.key,
        "custom_status": (said if isinstance(said, str) else row.custom_status or "")[:255] or None,
        "ended_micros": (ended - _EPOCH) // _MICROSECOND if ended else -1,
        "took_micros": max(0, (ended - started) // _MICROSECOND) if ended and started else -1,
    }
