"""The names of the workflows that have runs in the ledger."""

from sqlalchemy import Connection, func, select

from operations.ledger.tables import runs

MAX_NAMES = 500

_NAME = runs.c.workflow


def read_workflow_names(connection: Connection) -> tuple[str, ...]:
    """Return the first 500 names, sorted; each costs one step in an index."""
    found = select(func.min(_NAME).label("name")).where(_NAME > "").cte("names", recursive=True)
    following = select(func.min(_NAME)).where(found.c.name < _NAME).scalar_subquery()
    names = found.union_all(select(following).where(found.c.name.is_not(None)))
    query = select(names.c.name).where(names.c.name.is_not(None)).limit(MAX_NAMES)
    return tuple(connection.execute(query).scalars())
