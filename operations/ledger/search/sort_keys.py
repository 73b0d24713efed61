"""The sort keys of lists: a column that is never NULL, then the `run_id`."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, tuple_

from operations.ledger.micros import duration_micros, ended_micros, micros_of, time_of
from operations.ledger.tables import run_texts, runs
from operations.records import RunSummary, Sort

_COLUMNS: dict[Sort, Column[Any]] = {
    Sort.NEWEST: runs.c.created_at,
    Sort.OLDEST: runs.c.created_at,
    Sort.ENDED: runs.c.ended_micros,
    Sort.LONGEST: runs.c.duration_micros,
}


@dataclass(frozen=True)
class SortKey:
    """The sort key of one run: the column's value in microseconds, and the `run_id`."""

    micros: int
    run_id: int


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
        return (self.sort is Sort.OLDEST) is not self.is_reversed

    @property
    def is_of_creation(self) -> bool:
        """True if the list is sorted by the time of creation."""
        return self.sort in {Sort.NEWEST, Sort.OLDEST}

    @property
    def reverse(self) -> "SortOrder":
        """The same order backwards."""
        return replace(self, is_reversed=not self.is_reversed)

    @property
    def columns(self) -> list[Column[Any]]:
        """The columns of the sort key."""
        return [run_texts.c.run_id] if self.by_run_id else [_COLUMNS[self.sort], runs.c.run_id]

    def clauses(self, source: FromClause | None = None) -> list[ColumnElement[Any]]:
        """Return the `ORDER BY` clauses, on the columns of `source` or of the tables."""
        columns: list[ColumnElement[Any]] = list(self.columns)
        if source is not None:
            columns = [source.c[column.name] for column in columns]
        return [column if self.ascends else column.desc() for column in columns]

    def after(self, key: SortKey) -> ColumnElement[bool]:
        """Return the condition that a run comes after a key in this order."""
        value = time_of(key.micros) if self.is_of_creation else key.micros
        bound = [key.run_id] if self.by_run_id else [value, key.run_id]
        here = tuple_(*self.columns)
        return here > tuple(bound) if self.ascends else here < tuple(bound)

    def key_of(self, summary: RunSummary) -> SortKey:
        """Return the sort key of a run."""
        if self.is_of_creation:
            return SortKey(micros_of(summary.created_at), summary.run_id)
        value = ended_micros if self.sort is Sort.ENDED else duration_micros
        return SortKey(value(summary), summary.run_id)

    def just_before(self, key: SortKey) -> SortKey:
        """Return the key right before a key in this order."""
        return SortKey(key.micros, key.run_id + (-1 if self.ascends else 1))
