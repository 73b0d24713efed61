"""The roll-ups of statistics, the groups of failures that are alike, and how long runs wait."""

from typing import Any

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, text

from operations.ledger.db.column_types import String, Text, UtcDateTime

revision = "0004"
down_revision = "0003"

_IS_GROUPED = text("failure_group IS NOT NULL")
_PARTIAL: dict[str, Any] = {"sqlite_where": _IS_GROUPED, "postgresql_where": _IS_GROUPED}


def upgrade() -> None:
    """Create the tables; runs that ended before belong to no failure group.

    Statistics of workflows and activities no longer read rows, so two indexes and two columns are
    not needed. `_migrate` in `schema.py` fills the roll-ups.
    """
    op.drop_index("runs_durations", "runs")
    op.drop_index("attempts_ended", "attempts")
    for column in ("queue_micros", "execution_micros"):
        op.drop_column("runs", column)
    op.create_table(
        "roll_ups",
        Column("seconds", Integer, primary_key=True, autoincrement=False),
        Column("start", BigInteger, primary_key=True, autoincrement=False),
        Column("subject", String(16), primary_key=True),
        Column("app_id", String(255), primary_key=True),
        Column("name", String(255), primary_key=True),
        Column("measure", String(16), primary_key=True),
        Column("bin", Integer, primary_key=True, autoincrement=False),
        Column("count", Integer, nullable=False),
        sqlite_with_rowid=False,
    )
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
    op.add_column("runs", Column("waits_kind", String(16)))
    op.add_column("runs", Column("waits_since", UtcDateTime))
    _create_indexes()


def _create_indexes() -> None:
    columns = ["ended_micros", "failure_group", "workflow", "run_id"]
    op.create_index("runs_failed", "runs", columns, **_PARTIAL)
    orders = {"newest": "created_at", "ended": "ended_micros", "longest": "duration_micros"}
    for order, key in orders.items():
        columns = ["failure_group", "status", key, "run_id", "workflow"]
        op.create_index(f"runs_{order}_of_failure_group", "runs", columns, **_PARTIAL)
    waits: dict[str, Any] = {
        f"{dialect}_where": text("waits_kind IS NOT NULL") for dialect in ("sqlite", "postgresql")
    }
    columns = ["status", "waits_kind", "waits_since", "waits_until", "workflow", "run_id"]
    op.create_index("runs_waiting", "runs", columns, **waits)
    op.drop_index("attempts_failed", "attempts")
    op.create_index("attempts_failed", "attempts", ["ended_at", "failure_group"], **_PARTIAL)
