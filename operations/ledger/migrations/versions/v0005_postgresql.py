"""On PostgreSQL: texts of any length, sorted byte by byte, and keys of 64 bits."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_BYTEWISE = 'TEXT COLLATE "C"'
_KEYED = {"instances", "details", "attempts", "journal"}


def upgrade() -> None:
    """Change what each table has, whatever it is by now; SQLite minds neither."""
    if op.get_bind().dialect.name != "postgresql":
        return
    inspector = sa.inspect(op.get_bind())
    for table in set(inspector.get_table_names()) - {"alembic_version"}:
        wanted = {
            column["name"]: _BYTEWISE
            for column in inspector.get_columns(table)
            if isinstance(column["type"], sa.VARCHAR)
        }
        if table in _KEYED:
            wanted["key"] = "BIGINT"
        _retype(table, wanted)
    for table in ("instances", "journal"):
        op.execute(f"ALTER SEQUENCE {table}_key_seq AS BIGINT")


def _retype(table: str, wanted: dict[str, str]) -> None:
    changes = ", ".join(f'ALTER COLUMN "{name}" TYPE {kind}' for name, kind in wanted.items())
    if changes:
        op.execute(f"ALTER TABLE {table} {changes}")
