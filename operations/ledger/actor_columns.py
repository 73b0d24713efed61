"""Who did something, in two columns of what was done."""

from typing import Any

from sqlalchemy import RowMapping

from operations.model import Actor


def row_of(record: object) -> dict[str, Any]:
    """Return a record's fields by column, those of its actor among them."""
    row = dict(vars(record))
    actor: Actor = row.pop("actor")
    return {**row, "actor_name": actor.name, "actor_role": actor.role}


def actor_in(row: RowMapping) -> Actor:
    """Return the actor that a row holds."""
    return Actor(name=row["actor_name"], role=row["actor_role"])
