"""The indexes by which the audit log is read from its end."""

from alembic import op
from sqlalchemy import text

revision = "0007"
down_revision = "0006"

_INDEXES = {
    "newest": (),
    "of_action": ("action",),
    "of_actor": ("actor_name",),
    "of_instance": ("instance_id", "app_id"),
    "of_outcome": ("outcome",),
}


def upgrade() -> None:
    """Create the indexes; the index of instances no longer starts with the application."""
    op.drop_index("audit_log_of_instance", "audit_log")
    for name, columns in _INDEXES.items():
        op.create_index(f"audit_log_{name}", "audit_log", [*columns, "at", "key"])
    has_reason = text("reason IS NOT NULL")
    op.create_index(
        "audit_log_with_reason",
        "audit_log",
        ["at", "key"],
        sqlite_where=has_reason,
        postgresql_where=has_reason,
    )
