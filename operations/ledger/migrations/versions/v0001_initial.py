"""The initial schema."""

from collections.abc import Iterator
from uuid import uuid4

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, Index

from operations.ledger.db.column_types import RowId, String, Text, UtcDateTime
from operations.ledger.search.text_index import create_extension

revision = "0001"
down_revision = None

_NAME, _MESSAGE = String(255), String(500)


def upgrade() -> None:
    """Create the tables, and the only row of `heartbeat`."""
    _create_runs()
    _create_waits_and_details()
    _create_text_index()
    _create_attempts()
    _create_actions()
    _create_leases()
    heartbeat = op.create_table(
        "heartbeat",
        Column("key", sa.Integer, primary_key=True, autoincrement=False),
        Column("ledger_id", String(32), nullable=False),
        Column("revision", sa.BigInteger, nullable=False),
        Column("app_id", _NAME),
        Column("heartbeat_at", UtcDateTime),
        Column("outages", Text, nullable=False),
        Column("backlog", sa.Integer),
        Column("metrics", Text),
    )
    first = {"key": 1, "ledger_id": uuid4().hex, "revision": 0, "outages": "[]"}
    op.execute(sa.insert(heartbeat).values(first))


def _create_runs() -> None:
    op.create_table(
        "runs",
        Column("run_id", RowId, primary_key=True),
        Column("app_id", _NAME, nullable=False),
        Column("instance_id", _NAME, nullable=False),
        Column("execution_id", _NAME),
        Column("workflow", _NAME, nullable=False),
        Column("status", String(32), nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("started_at", UtcDateTime),
        Column("ended_at", UtcDateTime),
        Column("last_updated_at", UtcDateTime),
        Column("scheduled_for", UtcDateTime),
        Column("waits_for", _NAME),
        Column("waits_until", UtcDateTime),
        Column("error_type", _NAME),
        Column("error_message", _MESSAGE),
        Column("parent_id", _NAME),
        Column("parent_app_id", _NAME),
        Column("rerun_of", _NAME),
        Column("purged_at", UtcDateTime),
        Column("revision", sa.BigInteger, nullable=False),
        Column("read_at", UtcDateTime, nullable=False),
        Column("is_latest", sa.Boolean, nullable=False),
        Column("is_archived", sa.Boolean, nullable=False),
        Column("custom_status", _NAME),
        Column("ended_micros", sa.BigInteger, nullable=False, server_default="-1"),
        Column("duration_micros", sa.BigInteger, nullable=False, server_default="-1"),
        Column("generation", sa.Integer, nullable=False, server_default="1"),
        Column("first_turn_at", UtcDateTime),
        Column("queue_micros", sa.BigInteger, nullable=False, server_default="-1"),
        Column("execution_micros", sa.BigInteger, nullable=False, server_default="-1"),
        *_indexes_of_runs(),
        sqlite_autoincrement=True,
    )


def _indexes_of_runs() -> tuple[Index, ...]:
    micros = ("duration_micros", "queue_micros", "execution_micros")
    return (
        Index("runs_newest", "status", "created_at", "run_id"),
        Index("runs_newest_of_workflow", "workflow", "status", "created_at", "run_id"),
        *_indexes_of("custom_status"),
        *_indexes_of("error_type"),
        *_indexes_of("parent_id"),
        *_indexes_of("rerun_of"),
        Index("runs_ended", "status", "ended_micros", "run_id", "workflow"),
        Index("runs_longest", "status", "duration_micros", "run_id", "workflow"),
        Index("runs_durations", "ended_micros", "run_id", "status", "workflow", *micros),
        Index("runs_of_id", "app_id", "instance_id", "is_latest", "execution_id"),
        Index("runs_followed", "app_id", "is_archived", "purged_at", "revision", "instance_id"),
    )


def _indexes_of(column: str) -> Iterator[Index]:
    exists = sa.text(f"{column} IS NOT NULL")
    orders = {"newest": "created_at", "ended": "ended_micros", "longest": "duration_micros"}
    for order, key in orders.items():
        columns = (column, "status", key, "run_id", "workflow")
        name = f"runs_{order}_of_{column}"
        yield Index(name, *columns, sqlite_where=exists, postgresql_where=exists)


def _create_text_index() -> None:
    """Create the trigram index: an FTS5 table on SQLite, a table with `pg_trgm` on PostgreSQL."""
    if op.get_bind().dialect.name == "sqlite":
        columns = "instance_id, body, tokenize = 'trigram', columnsize = 0"
        op.execute(f"CREATE VIRTUAL TABLE run_texts USING fts5({columns})")
        return
    create_extension(op.get_bind())
    op.create_table(
        "run_texts",
        Column("rowid", RowId, primary_key=True, autoincrement=False),
        Column("instance_id", Text, nullable=False),
        Column("body", Text, nullable=False),
        Index(
            "run_texts_trigrams",
            *("instance_id", "body"),
            postgresql_using="gin",
            postgresql_ops=dict.fromkeys(("instance_id", "body"), "gin_trgm_ops"),
        ),
    )


def _create_waits_and_details() -> None:
    op.create_table(
        "waits",
        Column("run_id", RowId, sa.ForeignKey("runs.run_id"), primary_key=True),
        Column("name", _NAME, primary_key=True),
        Column("status", String(32), nullable=False),
        Index("waits_of_name", "name", "status", "run_id"),
    )
    op.create_table(
        "run_details",
        Column("run_id", RowId, sa.ForeignKey("runs.run_id"), primary_key=True),
        Column("input", Text),
        Column("output", Text),
        Column("custom_status", Text),
        Column("error_type", Text),
        Column("error_message", Text),
        Column("stack_trace", Text),
        Column("history", sa.LargeBinary),
    )


def _create_attempts() -> None:
    failed = sa.text("error_type IS NOT NULL")
    ended = ("ended_at", "name", "ending", "scheduled_at", "started_at")
    op.create_table(
        "attempts",
        Column("run_id", RowId, sa.ForeignKey("runs.run_id"), primary_key=True),
        Column("generation", sa.Integer, primary_key=True, autoincrement=False, server_default="1"),
        Column("event_id", sa.Integer, primary_key=True, autoincrement=False),
        Column("name", _NAME, nullable=False),
        Column("lane", sa.Integer, nullable=False),
        Column("attempt_number", sa.Integer, nullable=False),
        Column("scheduled_at", UtcDateTime, nullable=False),
        Column("started_at", UtcDateTime),
        Column("ended_at", UtcDateTime),
        Column("ending", String(32), nullable=False),
        Column("error_type", _NAME),
        Column("error_message", _MESSAGE),
        Index("attempts_of_activity", "name", "ending", "run_id"),
        Index("attempts_ended", *ended),
        Index(
            "attempts_failed",
            *("ended_at", "run_id"),
            sqlite_where=failed,
            postgresql_where=failed,
        ),
    )


def _create_actions() -> None:
    op.create_table(
        "reservations",
        Column("app_id", _NAME, primary_key=True),
        Column("instance_id", String(64), primary_key=True),
        Column("sequence", sa.Integer, primary_key=True),
        Column("workflow", _NAME, nullable=False),
        Column("payload", Text, nullable=False),
        Column("actor_name", _NAME, nullable=False),
        Column("actor_role", String(64), nullable=False),
        Column("claim", sa.BigInteger, nullable=False),
        Column("accepted_at", UtcDateTime),
        Column("scheduled_for", UtcDateTime),
        Column("revision", sa.BigInteger, nullable=False),
        Index("reservations_revision", "app_id", "revision"),
    )
    op.create_table(
        "audit_log",
        Column("key", RowId, primary_key=True),
        Column("at", UtcDateTime, nullable=False),
        Column("actor_name", _NAME, nullable=False),
        Column("actor_role", String(64), nullable=False),
        Column("action", String(64), nullable=False),
        Column("app_id", _NAME, nullable=False),
        Column("instance_id", _NAME, nullable=False),
        Column("outcome", String(32), nullable=False),
        Column("before", String(32)),
        Column("after", String(32)),
        Column("message", Text),
        Column("reason", Text),
        Column("bulk_id", String(64)),
        Column("revision", sa.BigInteger, nullable=False),
        Index("audit_log_of_instance", "app_id", "instance_id", "at", "key"),
        Index("audit_log_of_bulk", "bulk_id"),
    )


def _create_leases() -> None:
    op.create_table(
        "leases",
        Column("app_id", _NAME, primary_key=True),
        Column("instance_id", _NAME, primary_key=True),
        Column("expires_at", sa.BigInteger, nullable=False),
    )
