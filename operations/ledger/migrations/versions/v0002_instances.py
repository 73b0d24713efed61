"""The instances with their details and attempts, the operators' journal and holds, the pulse."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TIME = sa.DateTime(timezone=True)
_INDEXES = {
    "instances_newest": ["created_at", "key"],
    "instances_newest_of_status": ["status", "created_at", "key"],
    "instances_latest_of_id": ["instance_id", "is_latest"],
    "instances_execution": ["instance_id", "execution_id"],
    "instances_followed": ["is_archived", "purged_at", "revision", "instance_id"],
    "instances_parent": ["parent_id"],
}


def upgrade() -> None:
    """Make the tables."""
    op.add_column("starts", sa.Column("scheduled_for", _TIME))
    _make_instances()
    _make_details()
    _make_attempts()
    _make_journal()
    _make_holds()
    _make_pulse()


def _make_instances() -> None:
    op.create_table(
        "instances",
        sa.Column("key", sa.Integer, primary_key=True),
        sa.Column("instance_id", sa.String(255), nullable=False),
        sa.Column("execution_id", sa.String(255)),
        sa.Column("workflow", sa.String(255), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("started_at", _TIME),
        sa.Column("ended_at", _TIME),
        sa.Column("last_updated_at", _TIME),
        sa.Column("scheduled_for", _TIME),
        sa.Column("waits_for", sa.String(255)),
        sa.Column("waits_until", _TIME),
        sa.Column("failure_type", sa.String(255)),
        sa.Column("failure_message", sa.String(500)),
        sa.Column("parent_id", sa.String(255)),
        sa.Column("rerun_of", sa.String(255)),
        sa.Column("purged_at", _TIME),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.Column("is_latest", sa.Boolean, nullable=False),
        sa.Column("is_archived", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    for name, columns in _INDEXES.items():
        op.create_index(name, "instances", columns)


def _make_details() -> None:
    op.create_table(
        "details",
        sa.Column("key", sa.Integer, sa.ForeignKey("instances.key"), primary_key=True),
        sa.Column("input", sa.Text),
        sa.Column("output", sa.Text),
        sa.Column("custom_status", sa.Text),
        sa.Column("failure_type", sa.Text),
        sa.Column("failure_message", sa.Text),
        sa.Column("failure_stack", sa.Text),
        sa.Column("history", sa.LargeBinary),
    )


def _make_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("key", sa.Integer, sa.ForeignKey("instances.key"), primary_key=True),
        sa.Column("event_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("lane", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.Column("ending", sa.String(32), nullable=False),
        sa.Column("error_type", sa.String(255)),
        sa.Column("error_message", sa.String(500)),
    )
    op.create_index("attempts_of_activity", "attempts", ["name", "ending", "key"])


def _make_journal() -> None:
    op.create_table(
        "journal",
        sa.Column("key", sa.Integer, primary_key=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("actor_name", sa.String(255), nullable=False),
        sa.Column("actor_role", sa.String(64), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("instance_id", sa.String(255), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("before", sa.String(32)),
        sa.Column("after", sa.String(32)),
        sa.Column("message", sa.Text),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_index("journal_of_instance", "journal", ["instance_id", "at", "key"])


def _make_holds() -> None:
    op.create_table(
        "holds",
        sa.Column("instance_id", sa.String(255), primary_key=True),
        sa.Column("taken", sa.BigInteger, nullable=False),
    )


def _make_pulse() -> None:
    table = op.create_table(
        "pulse",
        sa.Column("key", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("beat_at", _TIME),
        sa.Column("outages", sa.Text, nullable=False),
    )
    op.bulk_insert(table, [{"key": 1, "revision": 0, "outages": "[]"}])
