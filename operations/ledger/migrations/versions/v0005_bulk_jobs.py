"""Bulk jobs, which the recorder's process carries out."""

from alembic import op
from sqlalchemy import Column, Float, ForeignKey, Index, Integer

from operations.ledger.db.column_types import RowId, String, Text, UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "bulk_jobs",
        Column("bulk_id", String(64), primary_key=True),
        Column("app_id", String(255), nullable=False),
        Column("action", String(64), nullable=False),
        Column("task", Text, nullable=False),
        Column("actor_name", String(255), nullable=False),
        Column("actor_role", String(64), nullable=False),
        Column("reason", Text, nullable=False),
        Column("rate", Float, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("total", Integer, nullable=False),
        Column("status", String(32), nullable=False),
        Column("ended_at", UtcDateTime),
        Column("waits_for", Text),
        Index("bulk_jobs_newest", "created_at", "bulk_id"),
        Index("bulk_jobs_by_status", "app_id", "status"),
    )
    op.create_table(
        "bulk_items",
        Column("bulk_id", String(64), ForeignKey("bulk_jobs.bulk_id"), primary_key=True),
        Column("position", Integer, primary_key=True, autoincrement=False),
        Column("instance_id", String(255), nullable=False),
        Column("run_id", RowId, nullable=False),
        Column("status", String(32), nullable=False),
        Column("outcome", String(32)),
        Column("message", Text),
        Column("new_id", String(255)),
        Index("bulk_items_of_instance", "bulk_id", "instance_id"),
        Index("bulk_items_by_outcome", "bulk_id", "outcome", "position"),
    )
