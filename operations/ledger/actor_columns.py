"""An `Actor` in two columns of a table: `actor_name` and `actor_role`."""

from typing import Any

from sqlalchemy import RowMapping

from operations.model import Actor


def row_of(record: object) -> dict[str, Any]:
    """Return the columns of a record, including the columns of its `actor`."""
    row = dict(vars(record))
    actor: Actor = row.pop("actor")
    return {**row, "actor_name": actor.name, "actor_role": actor.role}


def actor_in(row: RowMapping) -> Actor:
    """Return the actor of a row."""
    return Actor(name=row["actor_name"], role=row["actor_role"])
