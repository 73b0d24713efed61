"""What the endpoints about one instance have in common: its id, and who acts on it."""

from typing import Annotated

from fastapi import Path

from operations.errors import UnknownInstance
from operations.model import Actor, is_possible_id

API_USER = Actor(name="api", role="operator")

InstanceId = Annotated[
    str,
    Path(
        description="The instance's id, whichever application's it is; an order's is `order_` and "
        "the order's id.",
        examples=["order_ORDER001"],
    ),
]


def possible(instance_id: str) -> str:
    """Return the id, or raise `UnknownInstance` for one that no instance can have."""
    if not is_possible_id(instance_id):
        raise UnknownInstance(instance_id)
    return instance_id
