"""The attempts of the earlier generations of a workflow that continues as new."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_BEFORE = re.compile(r'PRIMARY KEY \("?key"?, event_id\)')
_AFTER = "PRIMARY KEY (key, generation, event_id)"


def upgrade() -> None:
    """Add a generation's number: what is there is of the last one that was seen of each life.

    SQLite cannot change a primary key: there the table is made anew.
    """
    for table in ("instances", "attempts"):
        number = sa.Column("generation", sa.Integer, nullable=False, server_default="1")
        op.add_column(table, number)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE attempts DROP CONSTRAINT attempts_pkey, ADD {_AFTER}")
    else:
        _make_anew()


def _make_anew() -> None:
    run = op.get_bind().exec_driver_sql
    told = "SELECT sql FROM sqlite_master WHERE tbl_name = 'attempts' AND sql IS NOT NULL"
    (table,) = run(f"{told} AND type = 'table'").scalars().all()
    others = run(f"{told} AND type <> 'table'").scalars().all()
    op.rename_table("attempts", "attempts_before")
    run(_BEFORE.sub(_AFTER, table))
    run("INSERT INTO attempts SELECT * FROM attempts_before")
    op.drop_table("attempts_before")  # and its indexes
    for each in others:
        run(each)
