"""The ledger's tables, for SQLite and PostgreSQL alike."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql.compiler import DDLCompiler

from operations.ledger.db.column_types import RowId, String, Text, UtcDateTime

MAX_NAME_LENGTH = 255
"""The most characters of an id, of a workflow's or activity's name, and of an error's type."""
MAX_MESSAGE_LENGTH = 500
"""The most characters of an error's message in a list."""

IS_TOP_LEVEL = "parent_id IS NULL OR parent_app_id IS NOT NULL"
"""The condition that a run is not a child of another run of its application."""

metadata = MetaData()


def _indexes_of(column: str) -> Iterator[Index]:
    """Yield an index for each sort order, of the runs whose column is not NULL; most are NULL."""
    has_value = text(f"{column} IS NOT NULL")
    orders = {"newest": "created_at", "ended": "ended_micros", "longest": "duration_micros"}
    for order, key in orders.items():
        columns = (column, "status", key, "run_id", "workflow")
        name = f"runs_{order}_of_{column}"
        yield Index(name, *columns, sqlite_where=has_value, postgresql_where=has_value)


def _indexes_of_lists() -> Iterator[Index]:
    """Yield an index for each sort order, of all runs and of those without a parent.

    Lists read one status at a time (see `Matches.of_status` in `search/filters.py`). What follows
    the `run_id` is for filters, which then read no rows of the table.
    """
    top_level = text(IS_TOP_LEVEL)
    for order, (key, *filtered) in {
        "newest": ("created_at", "duration_micros", "ended_micros"),
        "ended": ("ended_micros", "duration_micros"),
        "longest": ("duration_micros",),
        "by_id": ("instance_id", "duration_micros"),
    }.items():
        columns = ("status", key, "run_id", *filtered)
        workflow = () if order == "newest" else ("workflow",)
        yield Index(f"runs_{order}", *columns, *workflow)
        yield Index(
            f"runs_{order}_top_level", *columns, sqlite_where=top_level, postgresql_where=top_level
        )


reservations = Table(
    "reservations",
    metadata,
    Column("app_id", String(MAX_NAME_LENGTH), primary_key=True),
    Column("instance_id", String(64), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("workflow", String(MAX_NAME_LENGTH), nullable=False),
    Column("payload", Text, nullable=False),
    Column("actor_name", String(MAX_NAME_LENGTH), nullable=False),
    Column("actor_role", String(64), nullable=False),
    Column("claim", BigInteger, nullable=False),
    Column("accepted_at", UtcDateTime),
    Column("scheduled_for", UtcDateTime),
    Column("revision", BigInteger, nullable=False),
    Index("reservations_revision", "app_id", "revision"),
)

# One row is one run. An instance id may have many runs; `is_latest` marks the latest one.
# `parent_app_id` is NULL for a parent of the same application.
# `ended_micros` and `duration_micros` repeat `RunSummary.over_at` and the duration (microseconds,
# -1 until they are known): lists sort without NULLs.
runs = Table(
    "runs",
    metadata,
    Column("run_id", RowId, primary_key=True),
    Column("app_id", String(MAX_NAME_LENGTH), nullable=False),
    Column("instance_id", String(MAX_NAME_LENGTH), nullable=False),
    Column("execution_id", String(MAX_NAME_LENGTH)),
    Column("workflow", String(MAX_NAME_LENGTH), nullable=False),
    Column("status", String(32), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("last_updated_at", UtcDateTime),
    Column("scheduled_for", UtcDateTime),
    Column("waits_for", String(MAX_NAME_LENGTH)),
    Column("waits_until", UtcDateTime),
    Column("error_type", String(MAX_NAME_LENGTH)),
    Column("error_message", String(MAX_MESSAGE_LENGTH)),
    Column("parent_id", String(MAX_NAME_LENGTH)),
    Column("parent_app_id", String(MAX_NAME_LENGTH)),
    Column("rerun_of", String(MAX_NAME_LENGTH)),
    Column("purged_at", UtcDateTime),
    Column("revision", BigInteger, nullable=False),
    Column("read_at", UtcDateTime, nullable=False),
    Column("is_latest", Boolean, nullable=False),
    Column("is_archived", Boolean, nullable=False),
    Column("custom_status", String(MAX_NAME_LENGTH)),
    Column("ended_micros", BigInteger, nullable=False, server_default="-1"),
    Column("duration_micros", BigInteger, nullable=False, server_default="-1"),
    Column("generation", Integer, nullable=False, server_default="1"),
    Column("first_turn_at", UtcDateTime),
    Column("suspended_at", UtcDateTime),
    Column("repeats", String(MAX_NAME_LENGTH)),
    Column("failed_step", String(MAX_NAME_LENGTH)),
    Column("failure_group", String(16)),
    Column("waits_kind", String(16)),
    Column("waits_since", UtcDateTime),
    *_indexes_of_lists(),
    Index("runs_newest_of_workflow", "workflow", "status", "created_at", "run_id"),
    *_indexes_of("custom_status"),
    *_indexes_of("error_type"),
    *_indexes_of("failure_group"),
    *_indexes_of("parent_id"),
    *_indexes_of("rerun_of"),
    Index(
        "runs_failed",
        *("ended_micros", "failure_group", "workflow", "run_id"),
        sqlite_where=text("failure_group IS NOT NULL"),
        postgresql_where=text("failure_group IS NOT NULL"),
    ),
    Index(
        "runs_waiting",
        *("status", "waits_kind", "waits_since", "waits_until", "workflow", "run_id"),
        sqlite_where=text("waits_kind IS NOT NULL"),
        postgresql_where=text("waits_kind IS NOT NULL"),
    ),
    Index("runs_of_id", "app_id", "instance_id", "is_latest", "execution_id"),
    Index("runs_followed", "app_id", "is_archived", "purged_at", "revision", "instance_id"),
    sqlite_autoincrement=True,
)

# The names of everything that a run waits for; `runs.waits_for` describes only one of them.
# `status` repeats the run's, so that lists of waiting runs start from an index of this table.
waits = Table(
    "waits",
    metadata,
    Column("run_id", ForeignKey("runs.run_id"), primary_key=True),
    Column("name", String(MAX_NAME_LENGTH), primary_key=True),
    Column("status", String(32), nullable=False),
    Index("waits_of_name", "name", "status", "run_id"),
)

details = Table(
    "run_details",
    metadata,
    Column("run_id", ForeignKey("runs.run_id"), primary_key=True),
    Column("input", Text),
    Column("output", Text),
    Column("custom_status", Text),
    Column("error_type", Text),
    Column("error_message", Text),
    Column("stack_trace", Text),
    Column("history", LargeBinary),
)

# The texts that a search reads. On SQLite it is an FTS5 table, whose key is named `rowid`.
run_texts = Table(
    "run_texts",
    metadata,
    Column("rowid", RowId, key="run_id", primary_key=True, autoincrement=False),
    Column("instance_id", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index(
        "run_texts_trigrams",
        *("instance_id", "body"),
        postgresql_using="gin",
        postgresql_ops=dict.fromkeys(("instance_id", "body"), "gin_trgm_ops"),
    ).ddl_if(dialect="postgresql"),
)


@compiles(CreateTable, "sqlite")
def _create_on_sqlite(create: CreateTable, compiler: DDLCompiler, **options: Any) -> str:  # noqa: ANN401
    if create.element is not run_texts:
        return str(compiler.visit_create_table(create, **options))  # type: ignore[no-untyped-call]
    return (
        f"CREATE VIRTUAL TABLE {run_texts.name} "
        "USING fts5(instance_id, body, tokenize = 'trigram', columnsize = 0)"
    )


# `event_id` alone is not unique in a run: each generation numbers its events anew.
attempts = Table(
    "attempts",
    metadata,
    Column("run_id", ForeignKey("runs.run_id"), primary_key=True),
    Column("generation", Integer, primary_key=True, autoincrement=False, server_default="1"),
    Column("event_id", Integer, primary_key=True, autoincrement=False),
    Column("name", String(MAX_NAME_LENGTH), nullable=False),
    Column("lane", Integer, nullable=False),
    Column("attempt_number", Integer, nullable=False),
    Column("scheduled_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("ending", String(32), nullable=False),
    Column("error_type", String(MAX_NAME_LENGTH)),
    Column("error_message", String(MAX_MESSAGE_LENGTH)),
    Column("failure_group", String(16)),
    Index("attempts_of_activity", "name", "ending", "run_id"),
    Index(
        "attempts_failed",
        *("ended_at", "failure_group"),
        sqlite_where=text("failure_group IS NOT NULL"),
        postgresql_where=text("failure_group IS NOT NULL"),
    ),
)

# The key of each failure group (see `operations/failure_groups.py`), and the time of its first
# failure. `known_at` is when an operator marked the group as known, else NULL.
failure_groups = Table(
    "failure_groups",
    metadata,
    Column("group_id", String(16), primary_key=True),
    Column("app_id", String(MAX_NAME_LENGTH), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("name", String(MAX_NAME_LENGTH), nullable=False),
    Column("error_type", String(MAX_NAME_LENGTH), nullable=False),
    Column("fingerprint", String(MAX_MESSAGE_LENGTH), nullable=False),
    Column("first_at", UtcDateTime, nullable=False),
    Column("known_at", UtcDateTime),
    Column("known_by", String(MAX_NAME_LENGTH)),
    Column("note", Text),
)

# The children that runs of `app_id` have in another application, `child_app_id`.
remote_children = Table(
    "remote_children",
    metadata,
    Column("app_id", String(MAX_NAME_LENGTH), primary_key=True),
    Column("instance_id", String(MAX_NAME_LENGTH), primary_key=True),
    Column("child_app_id", String(MAX_NAME_LENGTH), nullable=False),
    Column("parent_id", String(MAX_NAME_LENGTH), nullable=False),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("key", RowId, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor_name", String(MAX_NAME_LENGTH), nullable=False),
    Column("actor_role", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("app_id", String(MAX_NAME_LENGTH), nullable=False),
    Column("instance_id", String(MAX_NAME_LENGTH), nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("before", String(32)),
    Column("after", String(32)),
    Column("message", Text),
    Column("reason", Text),
    Column("bulk_id", String(64)),
    Column("revision", BigInteger, nullable=False),
    # The log is read from its end, so each index ends with its order.
    Index("audit_log_newest", "at", "key"),
    Index("audit_log_of_action", "action", "at", "key"),
    Index("audit_log_of_actor", "actor_name", "at", "key"),
    Index("audit_log_of_instance", "instance_id", "app_id", "at", "key"),
    Index("audit_log_of_outcome", "outcome", "at", "key"),
    Index(
        "audit_log_with_reason",
        *("at", "key"),
        sqlite_where=text("reason IS NOT NULL"),
        postgresql_where=text("reason IS NOT NULL"),
    ),
    Index("audit_log_of_bulk", "bulk_id"),
)

leases = Table(
    "leases",
    metadata,
    Column("app_id", String(MAX_NAME_LENGTH), primary_key=True),
    Column("instance_id", String(MAX_NAME_LENGTH), primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
)

# One row, whose key is 1. `ledger_id` is random and identifies the ledger. `app_id` is the
# application that the recorder follows.
heartbeat = Table(
    "heartbeat",
    metadata,
    Column("key", Integer, primary_key=True, autoincrement=False),
    Column("ledger_id", String(32), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("app_id", String(MAX_NAME_LENGTH)),
    Column("heartbeat_at", UtcDateTime),
    Column("outages", Text, nullable=False),
    Column("backlog", Integer),
    Column("metrics", Text),
)

# How many runs or attempts each minute, hour and day had (see `statistics/roll_ups.py`). A bucket
# has the length `seconds`, and begins `start` seconds after 1970. `name` is a workflow or an
# activity. `bin` is the bin of a duration in its histogram, else 0.
roll_ups = Table(
    "roll_ups",
    metadata,
    Column("seconds", Integer, primary_key=True, autoincrement=False),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", String(16), primary_key=True),
    Column("app_id", String(MAX_NAME_LENGTH), primary_key=True),
    Column("name", String(MAX_NAME_LENGTH), primary_key=True),
    Column("measure", String(16), primary_key=True),
    Column("bin", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# A bulk job: its action, its actor, the reason, and its status. `waits_for` is the outage that it
# waits for, else NULL. `stop_failed` and `stop_of` are its `StopRule`, NULL without one;
# `stopped_because` is why it has stopped by itself, else NULL.
bulk_jobs = Table(
    "bulk_jobs",
    metadata,
    Column("bulk_id", String(64), primary_key=True),
    Column("app_id", String(MAX_NAME_LENGTH), nullable=False),
    Column("action", String(64), nullable=False),
    Column("task", Text, nullable=False),
    Column("actor_name", String(MAX_NAME_LENGTH), nullable=False),
    Column("actor_role", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("rate", Float, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("total", Integer, nullable=False),
    Column("status", String(32), nullable=False),
    Column("ended_at", UtcDateTime),
    Column("waits_for", Text),
    Column("stop_failed", Integer),
    Column("stop_of", Integer),
    Column("stopped_because", Text),
    Index("bulk_jobs_newest", "created_at", "bulk_id"),
    Index("bulk_jobs_by_status", "app_id", "status"),
)

# The instances of a bulk job in their order; `outcome` is NULL until the action on one has ended.
bulk_items = Table(
    "bulk_items",
    metadata,
    Column("bulk_id", String(64), ForeignKey("bulk_jobs.bulk_id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("instance_id", String(MAX_NAME_LENGTH), nullable=False),
    Column("run_id", RowId, nullable=False),
    Column("status", String(32), nullable=False),
    Column("outcome", String(32)),
    Column("message", Text),
    Column("new_id", String(MAX_NAME_LENGTH)),
    Index("bulk_items_of_instance", "bulk_id", "instance_id"),
    Index("bulk_items_by_outcome", "bulk_id", "outcome", "position"),
)
