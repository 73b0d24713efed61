"""How long lives waited for their first turn, and how long they took from then on.

Of those that are there already nobody knows.
"""

import sqlalchemy as sa
from alembic import op

from operations.database import UtcDateTime

revision = "0009"
down_revision = "0008"

_ENDED = ["ended_micros", "key", "status", "workflow", "took_micros"]
_PARTS = ["queue_micros", "run_micros"]


def upgrade() -> None:
    """Add the columns, and have the index of ends hold both parts."""
    op.add_column("instances", sa.Column("began_at", UtcDateTime))
    for name in _PARTS:
        column = sa.Column(name, sa.BigInteger, nullable=False, server_default="-1")
        op.add_column("instances", column)
    op.drop_index("instances_ended", "instances")
    op.create_index("instances_ended", "instances", [*_ENDED, *_PARTS])
