"""The groups of failures that are alike."""

from typing import Any

from alembic import op
from sqlalchemy import Column, text

from operations.ledger.db.column_types import String, Text, UtcDateTime

revision = "0005"
down_revision = "0004"

_IS_GROUPED = text("failure_group IS NOT NULL")
_PARTIAL: dict[str, Any] = {"sqlite_where": _IS_GROUPED, "postgresql_where": _IS_GROUPED}


def upgrade() -> None:
    """Create the table and the columns; runs that ended before belong to no group."""
    op.create_table(
        "failure_groups",
        Column("group_id", String(16), primary_key=True),
        Column("app_id", String(255), nullable=False),
        Column("kind", String(16), nullable=False),
        Column("name", String(255), nullable=False),
        Column("error_type", String(255), nullable=False),
        Column("fingerprint", String(500), nullable=False),
        Column("first_at", UtcDateTime, nullable=False),
        Column("known_at", UtcDateTime),
        Column("known_by", String(255)),
        Column("note", Text),
    )
    op.add_column("runs", Column("failed_step", String(255)))
    op.add_column("runs", Column("failure_group", String(16)))
    op.add_column("attempts", Column("failure_group", String(16)))
    columns = ["ended_micros", "failure_group", "workflow", "run_id"]
    op.create_index("runs_failed", "runs", columns, **_PARTIAL)
    orders = {"newest": "created_at", "ended": "ended_micros", "longest": "duration_micros"}
    for order, key in orders.items():
        columns = ["failure_group", "status", key, "run_id", "workflow"]
        op.create_index(f"runs_{order}_of_failure_group", "runs", columns, **_PARTIAL)
    op.drop_index("attempts_failed", "attempts")
    op.create_index("attempts_failed", "attempts", ["ended_at", "failure_group"], **_PARTIAL)
