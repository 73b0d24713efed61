"""What is looked up before it is decided how a list is read."""

from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from operations.ledger.tables import runs
from operations.model import Status

FEW = 5000  # lives that are sorted where no index holds them in the order


def _statuses() -> Select[Any]:
    """Make the query of the statuses: from one to the next one, in the only index with that order.

    To ask for each whether any life has it would let PostgreSQL look through all for one.
    """
    first = select(func.min(runs.c.status).label("status")).cte("there", recursive=True)
    after = select(func.min(runs.c.status)).where(runs.c.status > first.c.status)
    rest = select(after.scalar_subquery()).where(first.c.status.is_not(None))
    there = first.union_all(rest)
    return select(there.c.status).where(there.c.status.is_not(None))


_STATUSES = _statuses()  # made once: to make a statement takes longer than to execute it


class Probes:
    """The probes of one request."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def are_few(self, condition: ColumnElement[bool]) -> bool:
        """Whether an indexed condition lets only a few lives through."""
        query = select(runs.c.run_id).where(condition).offset(FEW).limit(1)
        return self._connection.execute(query).first() is None

    @cached_property
    def statuses(self) -> tuple[Status, ...]:
        """The statuses that any life has: most have none."""
        found = self._connection.execute(_STATUSES).scalars()
        return tuple(Status(each) for each in found)
