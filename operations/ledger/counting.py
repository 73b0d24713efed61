"""How many lives there are, counted no further than anybody reads."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, func, literal_column, select

from operations.ledger.filtering import Walks
from operations.ledger.sorting import Order, Place
from operations.model import Status
from operations.records import Count, Filter, Sort

CAP = 10_000  # of each status

_Conditions = Sequence[ColumnElement[bool]]


def read_counts(connection: Connection, wanted: Filter) -> dict[Status, Count]:
    """Count the entries of each status, whatever statuses are wanted.

    Where conditions reach no further than some lives, all statuses are counted as far as that.
    """
    order = Order(Sort.NEWEST)
    each = {status: Walks(wanted, order, [status]) for status in Status}
    ends = [horizon(connection, walks, order, walks.within(None)) for walks in each.values()]
    end = order.reverse.last(*ends)
    return {status: _count(connection, walks, order, None, end) for status, walks in each.items()}


def count(connection: Connection, walks: Walks, order: Order, beyond: Place) -> Count:
    """Count what comes after a place."""
    end = horizon(connection, walks, order, walks.within(beyond))
    return _count(connection, walks, order, beyond, end)


def horizon(
    connection: Connection, walks: Walks, order: Order, conditions: _Conditions
) -> Place | None:
    """Return the last place as far as which a request looks, None if that is to the end."""
    if walks.reach is None:
        return None
    ends = (_end(connection, walks.reach, order, [*head, *conditions]) for head in walks.heads)
    return order.reverse.last(*ends)


def _end(connection: Connection, reach: int, order: Order, conditions: _Conditions) -> Place | None:
    """Return the place of the last life of a walk that is within reach, None if all are."""
    query = select(*order.place).where(*conditions).order_by(*order.columns)
    rows = connection.execute(query.offset(reach - 1).limit(2)).all()
    return order.place_in(rows[0]) if len(rows) > 1 else None


def _count(
    connection: Connection, walks: Walks, order: Order, beyond: Place | None, end: Place | None
) -> Count:
    bounds = [*walks.within(beyond), *([order.until(end)] if end else []), *walks.rest]
    number = sum(_number(connection, [*head, *bounds]) for head in walks.heads)
    return Count(min(number, CAP), is_capped=number > CAP or end is not None)


def _number(connection: Connection, conditions: _Conditions) -> int:
    some = select(literal_column("1")).where(*conditions).limit(CAP + 1).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()
