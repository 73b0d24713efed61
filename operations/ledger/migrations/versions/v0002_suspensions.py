"""Since when a run is suspended, and which action it repeated while it was suspended."""

import sqlalchemy as sa
from alembic import op

from operations.ledger.db.column_types import String, UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; the recorder fills them for unfinished runs."""
    op.add_column("runs", sa.Column("suspended_at", UtcDateTime))
    op.add_column("runs", sa.Column("repeats", String(255)))
