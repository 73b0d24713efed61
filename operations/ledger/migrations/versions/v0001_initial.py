"""The initial schema."""

import sqlalchemy as sa
from alembic import op

from operations.ledger.search.text_index import create_extension
from operations.ledger.tables import heartbeat, metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables, and the one row of `heartbeat`."""
    create_extension(op.get_bind())
    metadata.create_all(op.get_bind())
    op.execute(sa.insert(heartbeat).values(key=1, revision=0, outages="[]"))
