"""The plans of the database for the ledger's queries."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from operations.ledger import Ledger
from operations.ledger.db.connections import reading

Query = tuple[str, Any]
"""A statement as the driver gets it, and its parameters."""


def plans(ledger: Ledger, call: Callable[[Ledger], object], table: str = "runs") -> list[str]:
    """Return the steps of the plans for the queries of a table that a call sends."""
    return [step for query in _queries(ledger, call, table) for step in _plan(ledger, query)]


def _queries(ledger: Ledger, call: Callable[[Ledger], object], table: str) -> list[Query]:
    """Return the SELECT statements on a table that a call sends to the database."""
    queries: list[Query] = []

    def collect(*arguments: Any) -> None:
        queries.append((arguments[2], arguments[3]))

    event.listen(ledger._engine, "before_cursor_execute", collect)
    call(ledger)
    event.remove(ledger._engine, "before_cursor_execute", collect)
    return [each for each in queries if each[0].startswith("SELECT") and f"FROM {table}" in each[0]]


def _plan(ledger: Ledger, query: Query) -> list[str]:
    """Return the steps of the database's plan for a query."""
    is_sqlite = ledger._engine.dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN (COSTS OFF)"
    statement, parameters = query
    with reading(ledger._engine) as connection:
        return [row[-1] for row in connection.exec_driver_sql(f"{explain} {statement}", parameters)]
