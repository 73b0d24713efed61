"""The sort keys of lists: columns that are never NULL, then the `run_id`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, false, true, tuple_

from operations.ledger.micros import duration_micros, ended_micros, micros_of, time_of
from operations.ledger.tables import run_texts, runs
from operations.model import Status
from operations.records import RunSummary, Sort

Value = int | str
"""A value of a sort key: a time or a duration in microseconds, or a text."""

_CREATED, _ENDED, _DURATION = runs.c.created_at, runs.c.ended_micros, runs.c.duration_micros
_COLUMNS: dict[Sort, tuple[Column[Any], ...]] = {
    Sort.NEWEST: (_CREATED,),
    Sort.OLDEST: (_CREATED,),
    Sort.ENDED: (_ENDED,),
    Sort.LONGEST: (_DURATION,),
    Sort.SHORTEST: (_DURATION,),
    Sort.ID: (runs.c.instance_id,),
    Sort.ID_DESCENDING: (runs.c.instance_id,),
    Sort.STATUS: (runs.c.status, _CREATED),
    Sort.STATUS_ASCENDING: (runs.c.status, _CREATED),
}
_ASCENDING = {Sort.OLDEST, Sort.SHORTEST, Sort.ID, Sort.STATUS_ASCENDING}
_TEXTS = {runs.c.instance_id.name, runs.c.status.name}
_VALUES: dict[str, Callable[[RunSummary], Value]] = {
    _CREATED.name: lambda summary: micros_of(summary.created_at),
    _ENDED.name: ended_micros,
    _DURATION.name: duration_micros,
    runs.c.instance_id.name: lambda summary: summary.instance_id,
    runs.c.status.name: lambda summary: summary.status.value,
}


@dataclass(frozen=True)
class SortKey:
    """The sort key of one run: the values of the columns, and the `run_id`."""

    values: tuple[Value, ...]
    run_id: int


def are_texts(sort: Sort) -> tuple[bool, ...]:
    """Return which values of the sort keys of a list are texts."""
    return tuple(column.name in _TEXTS for column in _COLUMNS[sort])


@dataclass(frozen=True)
class SortOrder:
    """The order of a list, or its reverse.

    With `by_run_id` the list is sorted by `run_id` alone, nearly the order of creation. The text
    index returns its rows in this order if the query sorts by `run_texts.run_id`.
    """

    sort: Sort
    is_reversed: bool = False
    by_run_id: bool = False

    @property
    def ascends(self) -> bool:
        """True if the smallest key comes first."""
        return (self.sort in _ASCENDING) is not self.is_reversed

    @property
    def is_of_creation(self) -> bool:
        """True if the list is sorted by the time of creation alone."""
        return self.sort in {Sort.NEWEST, Sort.OLDEST}

    @property
    def reverse(self) -> "SortOrder":
        """The same order backwards."""
        return replace(self, is_reversed=not self.is_reversed)

    @property
    def columns(self) -> list[Column[Any]]:
        """The columns of the sort key."""
        return [run_texts.c.run_id] if self.by_run_id else [*_COLUMNS[self.sort], runs.c.run_id]

    def clauses(self, source: FromClause | None = None) -> list[ColumnElement[Any]]:
        """Return the `ORDER BY` clauses, on the columns of `source` or of the tables."""
        columns: list[ColumnElement[Any]] = list(self.columns)
        if source is not None:
            columns = [source.c[column.name] for column in columns]
        return [column if self.ascends else column.desc() for column in columns]

    def after(self, key: SortKey, status: Status | None = None) -> ColumnElement[bool]:
        """Return the condition that a run comes after a key in this order.

        With a status it is simpler, for a query of runs with this status: an index of them that
        sorts by the other columns then leads to the key.
        """
        values = [] if self.by_run_id else self._column_values(key)
        columns, bound = self.columns, (*values, key.run_id)
        if status and columns[0] is runs.c.status:
            if status.value != (of_key := str(bound[0])):
                return true() if (status.value > of_key) is self.ascends else false()
            columns, bound = columns[1:], bound[1:]
        here = tuple_(*columns)
        return here > bound if self.ascends else here < bound

    def _column_values(self, key: SortKey) -> list[Value | datetime]:
        """Return the values of a key as the columns have them."""
        return [
            time_of(value) if column is _CREATED and isinstance(value, int) else value
            for column, value in zip(_COLUMNS[self.sort], key.values, strict=True)
        ]

    def key_of(self, summary: RunSummary) -> SortKey:
        """Return the sort key of a run."""
        values = (_VALUES[column.name](summary) for column in _COLUMNS[self.sort])
        return SortKey(tuple(values), summary.run_id)

    def just_before(self, key: SortKey) -> SortKey:
        """Return the key right before a key in this order."""
        return SortKey(key.values, key.run_id + (-1 if self.ascends else 1))
