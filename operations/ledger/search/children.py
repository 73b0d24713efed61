"""Which runs have children."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from operations.ledger.tables import runs


def read_parents(connection: Connection, run_ids: Collection[int]) -> frozenset[int]:
    """Return the runs among these that have a child in their own application."""
    child = runs.alias("child")
    is_child = (
        child.c.parent_id == runs.c.instance_id,
        child.c.app_id == runs.c.app_id,
        child.c.parent_app_id.is_(None),
    )
    has_child = select(child.c.run_id).where(*is_child).exists()
    query = select(runs.c.run_id).where(runs.c.run_id.in_(run_ids), has_child)
    return frozenset(connection.execute(query).scalars())
