"""The children of runs in other applications."""

from alembic import op
from sqlalchemy import Column

from operations.ledger.db.column_types import String

revision = "0003"
down_revision = "0002"

_NAME = String(255)


def upgrade() -> None:
    """Create the table, which is empty: later reads of the parents fill it."""
    op.create_table(
        "remote_children",
        Column("app_id", _NAME, primary_key=True),
        Column("instance_id", _NAME, primary_key=True),
        Column("child_app_id", _NAME, nullable=False),
        Column("parent_id", _NAME, nullable=False),
    )
