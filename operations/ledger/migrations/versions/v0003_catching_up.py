"""How far the recorder is behind the engine."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; until the recorder's next beat nobody knows."""
    op.add_column("pulse", sa.Column("behind", sa.Integer))
