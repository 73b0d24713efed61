"""The roll-ups of each minute and hour."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer

from operations.ledger.db.column_types import String, Text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables, which are empty: the recorder fills them from the rows.

    Statistics now read rows of short periods alone, so their indexes need fewer columns.
    """
    op.drop_index("runs_durations", "runs")
    op.create_index("runs_by_end", "runs", ["ended_micros", "run_id"])
    op.drop_index("attempts_ended", "attempts")
    op.create_index("attempts_by_end", "attempts", ["ended_at"])
    op.create_table(
        "buckets",
        *_bucket(),
        Column("changes", Integer, nullable=False),
        Column("included", Integer),
    )
    op.create_table(
        "roll_ups",
        *_bucket(),
        Column("kind", String(16), primary_key=True),
        Column("app_id", String(255), primary_key=True),
        Column("name", String(255), primary_key=True),
        Column("started", Integer, nullable=False),
        Column("completed", Integer, nullable=False),
        Column("failed", Integer, nullable=False),
        Column("other", Integer, nullable=False),
        Column("duration", Text),
        Column("queue_time", Text),
        Column("execution_time", Text),
    )


def _bucket() -> tuple[Column[int], Column[int]]:
    return (
        Column("seconds", Integer, primary_key=True, autoincrement=False),
        Column("start", BigInteger, primary_key=True, autoincrement=False),
    )
