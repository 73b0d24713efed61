"""The initial schema."""

import sqlalchemy as sa
from alembic import op

from operations.ledger.tables import heartbeat, metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables, and the one row of `heartbeat`."""
    metadata.create_all(op.get_bind())
    op.execute(sa.insert(heartbeat).values(key=1, revision=0, outages="[]"))
