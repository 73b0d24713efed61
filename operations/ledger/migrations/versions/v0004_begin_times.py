"""When each attempt began to run, the recorder's measures, and why something was done."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns; nothing is known of what was written before."""
    op.add_column("attempts", sa.Column("began_at", sa.DateTime(timezone=True)))
    op.add_column("pulse", sa.Column("measures", sa.Text))
    op.add_column("journal", sa.Column("why", sa.Text))
    op.add_column("journal", sa.Column("bulk", sa.String(64)))
