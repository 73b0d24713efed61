"""What was done as a part of a bulk is found by its name."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the index."""
    op.create_index("journal_of_bulk", "journal", ["bulk"])
