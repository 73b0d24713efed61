"""Bulk jobs that stop by themselves."""

from alembic import op
from sqlalchemy import Column, Integer

from operations.ledger.db.column_types import Text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the columns of the rule, and of the reason."""
    for column in (
        Column("stop_failed", Integer),
        Column("stop_of", Integer),
        Column("stopped_because", Text),
    ):
        op.add_column("bulk_jobs", column)
