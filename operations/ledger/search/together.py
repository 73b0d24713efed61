"""Many small queries in one statement: each would take longer on its way than in the database."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, select, union_all

from operations.ledger.db.batches import in_portions

AT_ONCE = 10  # queries in a statement: to make a longer one anew takes tenths of a second


def read_together(connection: Connection, queries: Sequence[Select[Any]]) -> Iterator[RowMapping]:
    """Return the rows of queries of the same columns, in no order."""
    for portion in in_portions(queries, AT_ONCE):
        each = [select(query.subquery()) for query in portion]
        statement = union_all(*each) if len(each) > 1 else portion[0]
        yield from connection.execute(statement).mappings()


def count_together(connection: Connection, queries: Sequence[Select[Any]]) -> list[int]:
    """Return how many rows each query has."""
    numbers = list[int]()
    for portion in in_portions(queries, AT_ONCE):
        each = (select(func.count()).select_from(query.subquery()) for query in portion)
        statement = select(*(query.scalar_subquery() for query in each))
        numbers.extend(connection.execute(statement).one())
    return numbers
