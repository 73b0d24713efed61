"""Indexes for lists by id, and for lists without the children of other runs."""

from typing import Any

from alembic import op
from sqlalchemy import text

revision = "0006"
down_revision = "0005"

_IS_TOP_LEVEL = text("parent_id IS NULL OR parent_app_id IS NOT NULL")
_PARTIAL: dict[str, Any] = {"sqlite_where": _IS_TOP_LEVEL, "postgresql_where": _IS_TOP_LEVEL}
_COLUMNS = {
    "newest": ["status", "created_at", "run_id", "duration_micros", "ended_micros"],
    "ended": ["status", "ended_micros", "run_id", "duration_micros"],
    "longest": ["status", "duration_micros", "run_id"],
    "by_id": ["status", "instance_id", "run_id", "duration_micros"],
}


def upgrade() -> None:
    """Create the indexes; two that exist get the columns of more filters."""
    for order in ("newest", "ended"):
        op.drop_index(f"runs_{order}", "runs")
    op.create_index("runs_newest", "runs", _COLUMNS["newest"])
    for order in ("ended", "by_id"):
        op.create_index(f"runs_{order}", "runs", [*_COLUMNS[order], "workflow"])
    for order, columns in _COLUMNS.items():
        op.create_index(f"runs_{order}_top_level", "runs", columns, **_PARTIAL)
