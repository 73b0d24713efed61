"""What lives wait for by name, and an index that counts a custom status together with a workflow.

What is filled in is what the sentence of each life names. One that waits for more than it names is
found by the rest as soon as it is looked at again.
"""

import re
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from operations.database import UtcDateTime
from operations.ledger.columns import Key, String

revision = "0010"
down_revision = "0009"

_NAME = 255
_PORTION = 1000  # lives of which rows are made at once
_BEFORE = re.compile(r"^(event|child|retry of) ")
_AFTER = re.compile(r"( \(attempt \d+\))?( \u00d7\d+)?( and \d+ more)?$")
_CUSTOM = "instances_newest_of_custom_status"

_instances = sa.table(
    "instances",
    sa.column("key", Key),
    sa.column("status", String(32)),
    sa.column("created_at", UtcDateTime),
    sa.column("waits_for", String(_NAME)),
    sa.column("purged_at", UtcDateTime),
)


def upgrade() -> None:
    """Make the table and fill it in; the index of the sentences leads nowhere any more."""
    waits = op.create_table(
        "waits",
        sa.Column("key", Key, sa.ForeignKey("instances.key"), primary_key=True),
        sa.Column("name", String(_NAME), primary_key=True),
        sa.Column("status", String(32), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
    )
    for rows in _portions():
        op.bulk_insert(waits, rows)
    op.create_index("waits_newest", "waits", ["name", "status", "created_at", "key"])
    op.drop_index("instances_newest_of_waits_for", "instances")
    op.drop_index(_CUSTOM, "instances")
    columns = ["custom_status", "status", "created_at", "key", "workflow"]
    has_it = sa.text("custom_status IS NOT NULL")
    op.create_index(_CUSTOM, "instances", columns, sqlite_where=has_it, postgresql_where=has_it)


def _portions() -> Iterator[list[dict[str, object]]]:
    columns, last = _instances.c, 0
    query = (
        sa.select(columns.key, columns.status, columns.created_at, columns.waits_for)
        .where(columns.waits_for.is_not(None), columns.purged_at.is_(None))
        .order_by(columns.key)
        .limit(_PORTION)
    )
    while lives := op.get_bind().execute(query.where(columns.key > last)).all():
        yield [
            {"key": key, "name": name, "status": status, "created_at": created_at}
            for key, status, created_at, sentence in lives
            for name in _named(sentence)
        ]
        last = lives[-1].key


def _named(sentence: str) -> set[str]:
    """Return the names in such as `event approval, child pay (attempt 2) and 3 more`."""
    labels = sentence.split(", ")
    names = (_AFTER.sub("", _BEFORE.sub("", label), count=1) for label in labels)
    return {name.casefold()[:_NAME] for name in names}
