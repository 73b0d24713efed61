"""Pages of lists of runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select, union_all

from operations.ledger.ledger_limits import SearchLimits
from operations.ledger.runs.rows import SUMMARY_COLUMNS, summary_in
from operations.ledger.search.counts import count_before, newest_by_text
from operations.ledger.search.cursors import Cursor, Direction
from operations.ledger.search.filters import Matches
from operations.ledger.search.sort_keys import SortKey, SortOrder
from operations.ledger.tables import runs
from operations.model import Status
from operations.records import Count, Page, RunSummary, Sort


@dataclass(frozen=True)
class Pages:
    """The pages of one list; each has at most `size` runs.

    With `every` the pages have all matches of a text, also of one that the index cannot search for.
    """

    connection: Connection
    matches: Matches
    sort: Sort
    size: int
    limits: SearchLimits
    with_position: bool
    every: bool = False

    def at(self, cursor: Cursor | None) -> Page:
        """Read the page at a cursor, or the first page."""
        if cursor is None:
            return self._first()
        read = self._older if cursor.direction is Direction.OLDER else self._newer
        return read(cursor.key)

    def _first(self) -> Page:
        found = self._read(self._order)
        return Page(found[: self.size], None, self._next(found), Count(0))

    def _older(self, after: SortKey) -> Page:
        found = self._read(self._order, after)
        first = self._order.key_of(found[0]) if found else self._order.reverse.just_before(after)
        return Page(
            found[: self.size],
            self._cursor(Direction.NEWER, first),
            self._next(found),
            self._position(first),
        )

    def _newer(self, before: SortKey) -> Page:
        """Read the page right before a key; if it would not be full, read the first page."""
        found = self._read(self._order.reverse, before)
        if len(found) <= self.size:
            return self._first()
        shown = found[: self.size][::-1]
        first, last = self._order.key_of(shown[0]), self._order.key_of(shown[-1])
        return Page(
            shown,
            self._cursor(Direction.NEWER, first),
            self._cursor(Direction.OLDER, last),
            self._position(first),
        )

    @property
    def _order(self) -> SortOrder:
        order = SortOrder(self.sort)
        return replace(order, by_run_id=self.matches.is_by_text and order.is_of_creation)

    def _next(self, found: Sequence[RunSummary]) -> str | None:
        if len(found) <= self.size:
            return None
        return self._cursor(Direction.OLDER, self._order.key_of(found[self.size - 1]))

    def _cursor(self, direction: Direction, key: SortKey) -> str:
        return str(Cursor(self.sort, direction, key))

    def _position(self, first: SortKey) -> Count | None:
        """Count the runs before a page; None if the filter has a text: that would cost too much."""
        if not self.with_position or self.matches.has_text:
            return None
        return count_before(self.connection, self.matches, self._order, first, self.limits.count)

    def _read(self, order: SortOrder, after: SortKey | None = None) -> tuple[RunSummary, ...]:
        """Read one run more than a page shows: it says whether another page follows."""
        query = self._select(order, after).order_by(*order.clauses()).limit(self.size + 1)
        return tuple(map(summary_in, self.connection.execute(query).mappings()))

    def _select(self, order: SortOrder, after: SortKey | None) -> Select[Any]:
        bounds = _bounds(order, after)
        if order.by_run_id:
            return self.matches.by_text(*SUMMARY_COLUMNS).where(*bounds)
        every = select(*SUMMARY_COLUMNS)
        if self.matches.has_text and not self.every:
            newest = newest_by_text(self.matches, self.limits.text_matches).subquery()
            return every.where(runs.c.run_id.in_(select(newest.c.run_id)), *bounds)
        if len(self.matches.statuses) == 1:
            (status,) = self.matches.statuses
            of_status = self.matches.of_status(status, *SUMMARY_COLUMNS)
            return of_status.where(*_bounds(order, after, status))
        return every.where(runs.c.run_id.in_(self._first_of_each_status(order, after)))

    def _first_of_each_status(self, order: SortOrder, after: SortKey | None) -> Select[Any]:
        """Return the select of the page's `run_id`s, merged from the first runs of each status."""
        each = (
            self.matches.of_status(status, *order.columns)
            .where(*_bounds(order, after, status))
            .order_by(*order.clauses())
            .limit(self.size + 1)
            for status in self.matches.statuses
        )
        merged = union_all(*(select(query.subquery()) for query in each)).subquery()
        return select(merged.c.run_id).order_by(*order.clauses(merged)).limit(self.size + 1)


def _bounds(
    order: SortOrder, after: SortKey | None, status: Status | None = None
) -> list[ColumnElement[bool]]:
    return [order.after(after, status)] if after else []
