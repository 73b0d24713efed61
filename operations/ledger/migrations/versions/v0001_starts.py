"""The starts, which the first ledgers had without a version."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table, unless the ledger is one of the first."""
    if sa.inspect(op.get_bind()).has_table("starts"):
        return
    op.create_table(
        "starts",
        sa.Column("instance_id", sa.String(64), primary_key=True),
        sa.Column("life", sa.Integer, primary_key=True),
        sa.Column("workflow", sa.String(255), nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("actor_name", sa.String(255), nullable=False),
        sa.Column("actor_role", sa.String(64), nullable=False),
        sa.Column("claim", sa.BigInteger, nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True)),
    )
